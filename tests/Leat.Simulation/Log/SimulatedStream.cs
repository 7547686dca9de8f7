using System.Buffers.Binary;
using Leat.Log;

namespace Leat.Simulation.Log;

/// <summary>One stream of a simulated log: what was done to it, and the checks of everything that it answers.</summary>
internal sealed class SimulatedStream(string name, StreamSetup setup, SimRandom random)
{
    private StreamPartition? _partition;
    private LogReader? _reader;
    private byte[] _expected = new byte[256];
    private uint _epoch;
    private long _endAtStart;
    private bool _isUntouched;

    public string Name => name;

    public LogModel Model { get; private init; } = new();

    public StreamPartition Partition => _partition ?? throw new InvalidOperationException("The stream is not open.");

    /// <summary>The same stream of another run, not open.</summary>
    public SimulatedStream Clone(SimRandom dice) => new(name, setup, dice)
    {
        Model = Model.Clone(), _epoch = _epoch, _endAtStart = _endAtStart, _isUntouched = _isUntouched,
    };

    /// <summary>Opens the stream after a start, with no check.</summary>
    public void Open(LogDirectory log) => _partition = log.OpenStream(name, setup.ToOptions());

    /// <summary>The process ended.</summary>
    public void Forget() => (_partition, _reader) = (null, null);

    /// <summary>Checks all that must hold right after a start.</summary>
    public void CheckStart(FakeDisk disk)
    {
        var stream = Partition;
        Violation.Unless(stream.Epoch >= _epoch, $"epoch went from {_epoch} to {stream.Epoch}");
        if (_isUntouched)
        {
            Violation.Unless(stream.Epoch == _epoch, $"a second start raised the epoch from {_epoch} to {stream.Epoch}");
            Violation.Unless(stream.EndOffset == _endAtStart, $"a second start moved the end from {_endAtStart} to {stream.EndOffset}");
        }

        // What is cut is kept for a person to look at.
        for (var epoch = Math.Max(_epoch, 1) + 1; epoch <= stream.Epoch; epoch++)
            Violation.Unless(disk.List($"/log/{name}-0").Any(file => file.EndsWith($".tail-{epoch}", StringComparison.Ordinal)), $"epoch {epoch} began and nothing was put aside");
        _epoch = stream.Epoch;
        _endAtStart = stream.EndOffset;
        _isUntouched = true;
        var found = ReadFrom(0);
        Model.Recovered(stream.EndOffset, found.Count == 0 ? -1 : found[^1].Offset);
        Model.Acknowledged = Math.Max(Model.Acknowledged, stream.SyncedOffset);
        Violation.Unless(stream.SyncedOffset == stream.EndOffset, $"offsets {stream.SyncedOffset} to {stream.EndOffset} are not synced after a start");
        Violation.Unless(stream.ReadableOffset == stream.EndOffset, $"offset {stream.ReadableOffset} cannot be read after a start");
        Compare(found, 0, stream.EndOffset, "from the start");
        CheckReads();
        _reader = stream.NewReader(random.Below((int)stream.EndOffset + 1));
    }

    /// <summary>Everything, from a few places: what an index finds must be what a walk finds.</summary>
    public void CheckReads()
    {
        for (var i = 0; i < 2; i++)
        {
            var from = random.Below((int)Partition.EndOffset + 1);
            Compare(ReadFrom(from), from, Partition.EndOffset, "from the middle");
        }

        CheckLast();
    }

    public void Append(BatchKind kind, int records, int bytes)
    {
        var inTransaction = Model.OpenTransaction >= 0;
        if (kind == BatchKind.Plain && inTransaction)
            kind = BatchKind.Transactional;
        var batch = Partition.NewBatch();
        var appended = new ModelRecord[records];
        for (var i = 0; i < records; i++)
        {
            var key = setup.Keys == 0 ? -1 : random.Below(setup.Keys);
            appended[i] = new(Model.EndOffset + i, batch.TimestampMs, key, random.Next(), 8 + random.Below(bytes + 1));
            batch.BeginRecord(key < 0 ? default : [(byte)key], key >= 0);
            Fill(batch.GetSpan(appended[i].Bytes)[..appended[i].Bytes], appended[i].Value);
            batch.Advance(appended[i].Bytes);
            batch.EndRecord();
        }

        _isUntouched = false;
        Model.Append(new(Partition.Append(batch, kind), kind, appended));
    }

    public void Mark(BatchKind kind)
    {
        if (Model.OpenTransaction < 0)
            return;
        _isUntouched = false;
        Model.Append(new(Partition.Append(Partition.NewBatch(), kind), kind, []));
    }

    /// <summary>A reader that stays open for as long as the log does reads on.</summary>
    public void Read(int maxBytes)
    {
        if (_reader is not { } reader)
            return;
        var from = reader.NextOffset;
        var readable = Partition.ReadableOffset;
        using var block = reader.Read(maxBytes);
        if (block is null)
        {
            Violation.Unless(from >= readable, $"a reader at offset {from} was given nothing although {readable} is readable");
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
    public void TakeNewReader() => _reader = _reader is null ? null : Partition.NewReader(_reader.NextOffset);

    public void Acknowledge()
    {
        if (_partition is { } stream)
            Model.Acknowledged = Math.Max(Model.Acknowledged, stream.SyncedOffset);
    }

    /// <summary>Everything appended was promised to be durable.</summary>
    public void AcknowledgeAll() => Model.Acknowledged = Model.EndOffset;

    public void CheckAll()
    {
        Violation.Unless(
            Partition.ReadableOffset == Model.EndOffset, $"no progress although all faults have ended: {Partition.ReadableOffset} of {Model.EndOffset}");
        Compare(ReadFrom(0), 0, Model.EndOffset, "from the start");
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
        var at = Model.IndexOf(from);
        foreach (var record in found)
        {
            Violation.Unless(at < Model.Readable.Count, $"offset {record.Offset} was read {how} and was never committed");
            Violation.Unless(record == Model.Readable[at], $"{record} was read {how}, expected {Model.Readable[at]}");
            at++;
        }

        Violation.Unless(at == Model.IndexOf(next), $"reading {how} from {from} to {next} passed over offset {(at < Model.Readable.Count ? Model.Readable[at].Offset : -1)}");
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
