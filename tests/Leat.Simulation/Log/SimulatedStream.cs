using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Leat.Log;

namespace Leat.Simulation.Log;

/// <summary>One stream of a simulated log: what was done to it, and the checks of everything that it answers.</summary>
internal sealed class SimulatedStream(string name, StreamSetup setup, SimRandom random, SimTimeProvider time)
{
    private StreamSetup _setup = setup;
    private StreamPartition? _partition;
    private LogReader? _reader;
    private byte[] _expected = new byte[256];
    private uint _epoch;
    private long _endAtStart;
    private bool _isUntouched;
    private RetentionHold? _hold;
    private long _held = long.MaxValue;
    private long _floor;
    private long _told;
    private bool _isOs;
    private bool _mayBeGone;

    public string Name => name;

    public LogModel Model { get; private set; } = new();

    public StreamPartition Partition => _partition ?? throw new InvalidOperationException("The stream is not open.");

    /// <summary>The same stream of another run, not open.</summary>
    public SimulatedStream Clone(SimRandom dice, SimTimeProvider clock) => new(name, _setup, dice, clock)
    {
        _floor = _floor, _isOs = _isOs, _mayBeGone = _mayBeGone, _told = _told,
        Model = Model.Clone(), _epoch = _epoch, _endAtStart = _endAtStart, _isUntouched = _isUntouched,
    };

    /// <summary>Opens the stream after a start, with no check.</summary>
    public void Open(LogDirectory log) => _partition = log.OpenStream(name, _setup.ToOptions());

    /// <summary>The process ended.</summary>
    /// <param name="cut">And the power went with it.</param>
    public void Forget(bool cut)
    {
        (_partition, _reader, _hold) = (null, null, null);
        if (cut && _isOs)
            Model.Promise(_floor);
    }

    /// <summary>Checks all that must hold right after a start.</summary>
    public void CheckStart(FakeDisk disk)
    {
        var stream = Partition;
        if (_mayBeGone && stream is { EndOffset: 0, Epoch: 1 })
            BeNew();
        _mayBeGone = false;
        CheckEpoch(stream, disk);
        var found = ReadFrom(stream.StartOffset);
        Model.Recovered(stream.EndOffset, found.Count == 0 ? -1 : found[^1].Offset, time);
        CheckDeleted();
        Model.Acknowledged = Math.Max(Model.Acknowledged, stream.SyncedOffset);
        _held = long.MaxValue;
        _isOs = _setup.Sync == (int)SyncMode.Os;
        _told = stream.EndOffset;
        _floor = _isOs && Model.EndsWithAbort ? stream.EndOffset - 1 : stream.EndOffset; // the start wrote the marker, and did not sync it
        _isUntouched = !_isOs;
        Violation.Unless(stream.SyncedOffset == stream.EndOffset, $"offsets {stream.SyncedOffset} to {stream.EndOffset} are not synced after a start");
        Violation.Unless(stream.ReadableOffset == stream.EndOffset, $"offset {stream.ReadableOffset} cannot be read after a start");
        Compare(found, Model.Start, stream.EndOffset, "from the start");
        CheckReads();
        _reader = stream.NewReader(AnyOffset());
    }

    private void CheckEpoch(StreamPartition stream, FakeDisk disk)
    {
        Violation.Unless(stream.Epoch >= _epoch, $"epoch went from {_epoch} to {stream.Epoch}");
        if (_isUntouched)
        {
            // A recycled file may end in a few bytes that look like the begin of a batch: then an epoch is raised for nothing, which harms nobody.
            Violation.Unless(stream.Epoch == _epoch || _setup.Retains || _setup.Compact != 0, $"a second start raised the epoch from {_epoch} to {stream.Epoch}");
            Violation.Unless(stream.EndOffset == _endAtStart, $"a second start moved the end from {_endAtStart} to {stream.EndOffset}");
        }

        Violation.Unless(stream.EndOffset >= _told || stream.Epoch > _epoch, $"offsets up to {_told} were told, {stream.EndOffset} is the end, and the epoch is still {_epoch}");

        // What is cut is kept for a person to look at.
        for (var epoch = Math.Max(_epoch, 1) + 1; epoch <= stream.Epoch && !_isOs; epoch++)
            Violation.Unless(disk.List($"/log/{name}-0").Any(file => file.EndsWith($".tail-{epoch}", StringComparison.Ordinal)), $"epoch {epoch} began and nothing was put aside");
        _epoch = stream.Epoch;
        _endAtStart = stream.EndOffset;
    }

    /// <summary>Looks at what retention deleted, and whether it might.</summary>
    public void CheckDeleted()
    {
        if (_partition is null)
            return;
        var start = _partition.StartOffset;
        Violation.Unless(start == Model.Start || start <= _held, $"the start is {start}, and {_held} was held");
        Model.Delete(start, _setup, time.Elapsed, knowsAges: !_isOs && _setup.Compact == 0);
    }

    /// <summary>The oldest segment, when it is closed: it changes no more.</summary>
    public string OldestClosed(FakeDisk disk)
    {
        var folder = $"/log/{name}-0";
        string[] segments = [.. disk.List(folder).Where(PlantedBugs.IsSegment)];
        return segments.Length > 1 ? $"{folder}/{segments[0]}" : "/log/none";
    }

    /// <summary>Holds what is so many offsets before the end, or moves the hold there; never back.</summary>
    public void Hold(int back)
    {
        var offset = Math.Max(Model.Start, Model.EndOffset - back);
        if (_hold is { } hold)
            hold.Offset = offset = Math.Max(hold.Offset, offset);
        else
            _hold = Partition.Hold("a test", offset);
        _held = offset;
    }

    public void Release()
    {
        _hold?.Dispose();
        (_hold, _held) = (null, long.MaxValue);
    }

    public void Alter(int setting, int value)
    {
        _setup = _setup.Altered(setting, value);
        Partition.Alter(_setup.ToOptions());
        _isOs |= _setup.Sync == (int)SyncMode.Os;
        _isUntouched = false;
    }

    /// <summary>Deletes the stream and makes it anew.</summary>
    public void Delete(LogDirectory log)
    {
        Release();
        _reader = null;
        _mayBeGone = true;
        _isUntouched = false;
        log.DeleteStream(name);
        BeNew();
        _mayBeGone = false;
        Open(log);
    }

    private void BeNew()
    {
        Model = new();
        (_epoch, _endAtStart, _floor, _told, _isUntouched) = (0, 0, 0, 0, false);
    }

    private int AnyOffset() => random.Between((int)Partition.StartOffset, (int)Partition.EndOffset);

    /// <summary>Everything, from a few places: what an index finds must be what a walk finds.</summary>
    public void CheckReads()
    {
        for (var i = 0; i < 2; i++)
        {
            var from = AnyOffset();
            Compare(ReadFrom(from), from, Partition.EndOffset, "from the middle");
        }

        if (random.Chance(20))
            CheckSearches();
        CheckLast();
    }

    public void Append(BatchKind kind, int records, int bytes)
    {
        if (!HasRoom())
            return;
        var inTransaction = Model.OpenTransaction >= 0;
        if (kind == BatchKind.Plain && inTransaction)
            kind = BatchKind.Transactional;
        var batch = Partition.NewBatch();
        var appended = new ModelRecord[records];
        for (var i = 0; i < records; i++)
        {
            var key = _setup.Keys == 0 ? -1 : random.Below(_setup.Keys);
            batch.BeginRecord(key < 0 ? default : [(byte)key], key >= 0);
            if (key >= 0 && _setup.Compact != 0 && random.Chance(20))
            {
                appended[i] = new(Model.EndOffset + i, batch.TimestampMs, key, 0, -1);
                batch.EndRecordWithoutValue();
                continue;
            }

            appended[i] = new(Model.EndOffset + i, batch.TimestampMs, key, random.Next(), 8 + random.Below(bytes + 1));
            Fill(batch.GetSpan(appended[i].Bytes)[..appended[i].Bytes], appended[i].Value);
            batch.Advance(appended[i].Bytes);
            batch.EndRecord();
        }

        _isUntouched = false;
        var timeMs = batch.TimestampMs;
        Model.Append(new(Partition.Append(batch, kind), kind, appended, timeMs, time.Elapsed));
    }

    public void Mark(BatchKind kind)
    {
        if (Model.OpenTransaction < 0)
            return;
        _isUntouched = false;
        var batch = Partition.NewBatch();
        var timeMs = batch.TimestampMs;
        Model.Append(new(Partition.Append(batch, kind), kind, [], timeMs, time.Elapsed));
    }

    /// <summary>A reader that stays open for as long as the log does reads on.</summary>
    public void Read(int maxBytes)
    {
        if (_reader is not { } reader)
            return;
        var from = reader.NextOffset;
        var readable = Partition.ReadableOffset;
        if (from < Partition.StartOffset)
        {
            TakeNewReader(); // what it would read next was deleted
            return;
        }

        using var block = reader.Read(maxBytes);
        if (block is null)
        {
            Violation.Unless(reader.NextOffset >= readable, $"a reader at offset {from} was given nothing although {readable} is readable");
            Compare([], from, reader.NextOffset, "by a reader that stays open");
            return;
        }

        Violation.Unless(
            block.NextOffset <= Partition.SyncedOffset, $"a reader was given offsets up to {block.NextOffset}, synced up to {Partition.SyncedOffset}");
        var found = new List<ModelRecord>();
        AddRecords(block, found);
        Compare(found, from, block.NextOffset, "by a reader that stays open");
        if (found.Count > 0)
            Model.LastSeen = Math.Max(Model.LastSeen, found[^1].Offset);
    }

    /// <summary>After a read failed the reader's user takes a new one.</summary>
    public void TakeNewReader() => _reader = _reader is null ? null : Partition.NewReader(Math.Max(_reader.NextOffset, Partition.StartOffset));

    public void Acknowledge()
    {
        if (_partition is not { } stream)
            return;
        Model.Acknowledged = Math.Max(Model.Acknowledged, stream.SyncedOffset);
        _told = Math.Max(_told, stream.ReadableOffset);
    }

    /// <summary>Whether a writer may go on; streams that take in what a source can hold back wait.</summary>
    public bool HasRoom() => (_setup.Intake == 0 && _setup.Quota == 0) || Partition.WhenRoomAsync(CancellationToken.None).AsTask().IsCompleted;

    /// <summary>Everything is durable, and writers may go on; unless the stream may grow no more and nothing is ever deleted.</summary>
    public bool IsAtRest => Partition.SyncedOffset == Model.EndOffset && (HasRoom() || (_setup.Quota > 0 && !_setup.Retains));

    /// <summary>The running thread has the stream's lock: another one could do nothing now.</summary>
    public bool IsInUse => _partition is { } stream && GateOf(stream).IsHeldByCurrentThread;

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_gate")]
    private static extern ref readonly Lock GateOf(StreamPartition stream);

    /// <summary>Everything appended was promised to be durable.</summary>
    public void AcknowledgeAll() => _floor = _told = Model.Acknowledged = Model.EndOffset;

    public void CheckAll()
    {
        Violation.Unless(
            Partition.ReadableOffset == Model.EndOffset, $"no progress although all faults have ended: {Partition.ReadableOffset} of {Model.EndOffset}");
        Compare(ReadFrom(Partition.StartOffset), Partition.StartOffset, Model.EndOffset, "from the start");
        CheckLast();
    }

    /// <summary>Reads all that can be read from an offset.</summary>
    public List<ModelRecord> ReadFrom(long from)
    {
        using var reader = Partition.NewReader(from);
        var all = new List<ModelRecord>();
        while (reader.Read(1 + random.Below(6000)) is { } block)
        {
            using (block)
                AddRecords(block, all);
        }

        return all;
    }

    private void Compare(List<ModelRecord> found, long from, long next, string how)
    {
        if (_setup.Compact == 0)
            Log.Compare.All(Model, found, from, next, how);
        else
            Log.Compare.Compacted(Model, found, from, next, how, _isOs ? double.MaxValue : Model.LatestPossible(time.Elapsed) - _setup.Tombstone);
    }

    // The first record from a time on, and all records of a key: the answer is that of a walk through everything.
    private void CheckSearches()
    {
        var all = ReadFrom(Partition.StartOffset);
        if (all.Count == 0)
            return;
        var some = all[random.Below(all.Count)];
        var timeMs = some.TimeMs + random.Between(-1, 1);
        var at = all.FindIndex(record => record.TimeMs >= timeMs);
        var found = Partition.OffsetAt(DateTimeOffset.FromUnixTimeMilliseconds(Math.Max(0, timeMs)));
        Violation.Unless(
            found == (at < 0 ? Partition.ReadableOffset : all[at].Offset), $"offset {found} is said to be the first of {timeMs} ms, not {(at < 0 ? Partition.ReadableOffset : all[at].Offset)}");
        if (some.Key < 0)
            return;
        var from = AnyOffset();
        using var reader = Partition.FindKey(KeyHash.Of([(byte)some.Key]), from, Partition.EndOffset);
        var ofKey = new List<ModelRecord>();
        while (reader.Read(1 + random.Below(6000)) is { } block)
        {
            using (block)
                AddRecords(block, ofKey);
        }

        Violation.Unless(
            ofKey.Where(record => record.Key == some.Key).SequenceEqual(all.Where(record => record.Key == some.Key && record.Offset >= from)),
            $"looking for key {some.Key} from {from} on gives {ofKey.Count(record => record.Key == some.Key)} records");
    }

    private void CheckLast()
    {
        using var block = Partition.ReadLastCommittedBatch();
        var expected = Model.LastCommitted;
        Violation.Unless(block is null == expected is null, "the last committed batch is missing or was never committed");
        if (block is null || expected is null)
            return;
        var found = new List<ModelRecord>();
        AddRecords(block, found);
        Violation.Unless(found.SequenceEqual(expected.Records), $"the last committed batch is not that of offset {expected.BaseOffset}");
    }

    private void AddRecords(LogBlock block, List<ModelRecord> all)
    {
        var records = block.Records();
        while (records.MoveNext())
        {
            if (records.ValueLength < 0)
            {
                all.Add(new(records.Offset, records.TimestampMs, KeyOf(records, block.Buffer), 0, -1));
                continue;
            }

            var bytes = block.Buffer.AsSpan(records.ValueStart, records.ValueLength);
            var value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            if (_expected.Length < bytes.Length)
                _expected = new byte[bytes.Length];
            Fill(_expected.AsSpan(0, bytes.Length), value);
            Violation.Unless(bytes.SequenceEqual(_expected.AsSpan(0, bytes.Length)), $"the bytes of offset {records.Offset} are not those that were appended");
            all.Add(new(records.Offset, records.TimestampMs, KeyOf(records, block.Buffer), value, bytes.Length));
        }
    }

    private static int KeyOf(in RecordEnumerator record, byte[] buffer)
    {
        Violation.Unless(record.KeyLength is 1 or -1, $"offset {record.Offset} has a key of {record.KeyLength} bytes");
        return record.KeyLength < 0 ? -1 : buffer[record.KeyStart];
    }

    // Half of each value repeats itself, so that there is something to compress.
    private static void Fill(Span<byte> bytes, ulong value)
    {
        new SimRandom(value).Fill(bytes[..(bytes.Length / 2)]);
        bytes[(bytes.Length / 2)..].Fill((byte)value);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
    }
}
