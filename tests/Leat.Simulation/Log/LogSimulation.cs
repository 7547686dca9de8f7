using System.Buffers.Binary;
using Leat.Log;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Simulation.Log;

/// <summary>What became of a seed.</summary>
internal sealed record SimulationResult(ulong Trace, int Crashes, long Operations, long Acknowledged);

/// <summary>One run of the log on a fake disk: a workload, faults, restarts, and every promise checked after each.</summary>
internal sealed class LogSimulation
{
    private const string Folder = "/log";
    private const int Lives = 15;

    private readonly SimRandom _random;
    private readonly FakeDisk _disk;
    private readonly IDisk _seenDisk;
    private readonly SimTimeProvider _time = new();
    private readonly LogModel _model = new();
    private readonly StreamOptions _options;
    private readonly CutMode _cutMode;
    private readonly bool _cutsPower, _kills, _failsSyncs, _fillsDisk;
    private SimScheduler _scheduler = new();
    private LogDirectory? _log;
    private StreamPartition? _stream;
    private LogReader? _reader;
    private uint _epoch;
    private Guid _id;
    private int _crashes;
    private bool _inTransaction;

    public LogSimulation(ulong seed, Func<FakeDisk, IDisk>? plant = null)
    {
        _random = new(seed);
        _disk = new(new(seed ^ 0xD15C));
        _seenDisk = plant?.Invoke(_disk) ?? _disk;

        // A swarm: many seeds have one kind of fault only.
        var faults = _random.Below(16);
        (_cutsPower, _kills, _failsSyncs, _fillsDisk) = ((faults & 1) != 0 || faults == 0, (faults & 2) != 0, (faults & 4) != 0, faults == 15);
        _cutMode = _random.Chance(50) ? CutMode.Drop : CutMode.Garbage;
        _options = new()
        {
            SegmentBytes = 4096 << _random.Below(3),
            Sync = _random.Chance(80) ? SyncMode.Commit : SyncMode.Interval,
        };
    }

    public SimulationResult Run()
    {
        for (var life = 0; life < Lives; life++)
        {
            if (!Start())
                continue;
            try
            {
                CheckStart();
                if (_random.Chance(30))
                {
                    // A recovery right after a recovery finds nothing left to do.
                    Kill();
                    if (!Start())
                        continue;
                    CheckStart();
                }

                Live();
            }
            catch (CrashException)
            {
                End();
            }
            catch (LogException) when (_log is { Failure: not null })
            {
                End();
            }
        }

        Settle();
        return new(_disk.Trace, _crashes, _disk.Operations, _model.Acknowledged);
    }

    /// <summary>After a run: flips one bit of one file, and starts again. Everything read is right, or somebody is told.</summary>
    /// <returns>Whether somebody was told.</returns>
    public bool FlipBit()
    {
        Kill();
        var files = _disk.Files.Where(file => file.Value.Length > 0).OrderBy(file => file.Key, StringComparer.Ordinal).ToList();
        var (_, flipped) = files[_random.Below(files.Count)];
        flipped.Flip(_random.Below((int)flipped.Length), _random.Below(8));
        var expected = _model.Readable(out _);
        try
        {
            _scheduler = new();
            _log = LogDirectory.Open(Folder, _seenDisk, _time, _scheduler, NullLogger.Instance);
            _stream = _log.OpenStream("s", _options);
            var all = ReadFrom(0);
            LogModel.Expect(all.SequenceEqual(expected.Take(all.Count)), "a flipped bit changed what is read");
            return false;
        }
        catch (LogException error)
        {
            LogModel.Expect(error.Code is 2005 or 2006 or 2007, $"a flipped bit was told as something else: {error.Message}");
            return true;
        }
    }

    // Faults may strike while it starts, too; at most three times in a row.
    private bool Start()
    {
        _scheduler = new();
        _disk.CrashAfter = _random.Chance(25) ? _random.Below(30) : -1;
        _disk.FailSyncAfter = _failsSyncs && _random.Chance(10) ? _random.Below(6) : -1;
        _disk.Space = long.MaxValue;
        try
        {
            _log = LogDirectory.Open(Folder, _seenDisk, _time, _scheduler, NullLogger.Instance);
            _stream = _log.OpenStream("s", _options);
        }
        catch (CrashException)
        {
            End();
            return false;
        }
        catch (LogException error) when (error.Code is 2003 or 2004)
        {
            End();
            return false;
        }

        _disk.CrashAfter = _disk.FailSyncAfter = -1;
        return true;
    }

    private void CheckStart()
    {
        var (log, stream) = (_log!, _stream!); // Start returned true
        LogModel.Expect(_id == Guid.Empty || log.Id == _id, "the log has another id");
        LogModel.Expect(stream.Epoch >= _epoch, $"epoch went from {_epoch} to {stream.Epoch}");
        _id = log.Id;
        _epoch = stream.Epoch;
        var all = ReadFrom(0);
        _model.Recovered(stream.EndOffset, all.LastOrDefault((-1L, 0UL)).Item1);
        _model.Acknowledged = Math.Max(_model.Acknowledged, stream.SyncedOffset);
        LogModel.Expect(stream.SyncedOffset == stream.EndOffset && stream.ReadableOffset == stream.EndOffset, "something is unreadable after a start");
        _inTransaction = false;

        var expected = _model.Readable(out var lastCommitted);
        var readable = expected.ToDictionary(record => record.Offset, record => record.Value);
        foreach (var (offset, value) in _model.Seen)
            LogModel.Expect(readable.TryGetValue(offset, out var now) && now == value, $"offset {offset} was read and is gone or different");
        LogModel.Expect(all.SequenceEqual(expected), "reading from the start gives other records than were committed");
        CompareFrom(_random.Below((int)stream.EndOffset + 1), expected);
        CheckLast(lastCommitted);
        _reader = stream.NewReader(_random.Below((int)stream.EndOffset + 1));
    }

    private void CompareFrom(long from, List<(long Offset, ulong Value)> expected) => LogModel.Expect(
        ReadFrom(from).SequenceEqual(expected.Where(record => record.Offset >= from)), $"reading from {from} gives other records than were committed");

    private List<(long Offset, ulong Value)> ReadFrom(long from)
    {
        using var reader = _stream!.NewReader(from); // Start returned true
        var all = new List<(long, ulong)>();
        while (reader.Read(1 + _random.Below(6000)) is { } block)
        {
            using (block)
                all.AddRange(RecordsOf(block));
        }

        return all;
    }

    private void CheckLast(ModelBatch? expected)
    {
        using var last = _stream!.ReadLastCommittedBatch(); // Start returned true
        LogModel.Expect(
            last is null ? expected is null : expected is not null && RecordsOf(last).Select(record => record.Value).SequenceEqual(expected.Values),
            "the last committed batch is another");
    }

    private void Live()
    {
        if (_failsSyncs && _random.Chance(50))
            _disk.FailSyncAfter = _random.Below(30);
        if (_fillsDisk && _random.Chance(50))
            _disk.Space = _random.Below(40_000);
        if (_cutsPower && _random.Chance(50))
            _disk.CrashAfter = _random.Below(80);
        for (var step = _random.Below(60); step > 0; step--)
        {
            switch (_random.Below(10))
            {
                case < 4: AppendSome(); break;
                case < 7: _scheduler.Step(_random); break;
                case 7: _time.Advance(TimeSpan.FromMilliseconds(_random.Below(2000))); break;
                default: ReadSome(); break;
            }

            Acknowledge();
        }

        if (_random.Chance(25) && _log!.Failure is null) // Start returned true
        {
            _log.Dispose();
            if (_log.Failure is null)
            {
                _model.Acknowledged = _model.EndOffset;
                return;
            }
        }

        End();
    }

    private void AppendSome()
    {
        var stream = _stream!; // Start returned true
        if (_inTransaction && _random.Chance(40))
        {
            var commits = _random.Chance(60);
            var marker = commits ? BatchKind.CommitMarker : BatchKind.AbortMarker;
            _model.Append(stream.Append(stream.NewBatch(), marker), marker, []);
            _inTransaction = false;
            return;
        }

        var kind = _inTransaction || _random.Chance(25) ? BatchKind.Transactional : BatchKind.Plain;
        var batch = stream.NewBatch();
        var values = new List<ulong>();
        for (var i = 1 + _random.Below(4); i > 0; i--)
        {
            var value = _random.Next();
            values.Add(value);
            var bytes = 8 + (_random.Chance(10) ? _random.Below(3000) : _random.Below(200));
            batch.BeginRecord(default, hasKey: false);
            var span = batch.GetSpan(bytes)[..bytes];
            new SimRandom(value).Fill(span);
            BinaryPrimitives.WriteUInt64LittleEndian(span, value);
            batch.Advance(bytes);
            batch.EndRecord();
        }

        _model.Append(stream.Append(batch, kind), kind, values);
        _inTransaction = kind == BatchKind.Transactional;
    }

    private void ReadSome()
    {
        using var block = _reader!.Read(1 + _random.Below(3000)); // CheckStart made it
        if (block is null)
            return;
        foreach (var (offset, value) in RecordsOf(block))
        {
            LogModel.Expect(offset < _stream!.SyncedOffset, $"offset {offset} was read before it was synced"); // Start returned true
            _model.Seen[offset] = value;
        }
    }

    private void Acknowledge()
    {
        if (_log!.Failure is null) // Start returned true
            _model.Acknowledged = Math.Max(_model.Acknowledged, _stream!.SyncedOffset); // as above
    }

    private void Kill()
    {
        _crashes++;
        _disk.Kill();
    }

    private void End()
    {
        _disk.CrashAfter = _disk.FailSyncAfter = -1;
        _disk.Space = long.MaxValue;
        _crashes++;
        if (_cutsPower && (!_kills || _random.Chance(50)))
            _disk.Cut(_cutMode);
        else
            _disk.Kill();
    }

    // Liveness: with no faults left, it starts, takes an append, and syncs it.
    private void Settle()
    {
        Kill();
        _disk.CrashAfter = _disk.FailSyncAfter = -1;
        _disk.Space = long.MaxValue;
        _scheduler = new();
        _log = LogDirectory.Open(Folder, _seenDisk, _time, _scheduler, NullLogger.Instance);
        _stream = _log.OpenStream("s", _options);
        CheckStart();
        AppendSome();
        if (_inTransaction)
        {
            _model.Append(_stream.Append(_stream.NewBatch(), BatchKind.CommitMarker), BatchKind.CommitMarker, []);
            _inTransaction = false;
        }

        for (var step = 0; step < 5; step++)
        {
            _scheduler.Step(_random);
            _time.Advance(TimeSpan.FromSeconds(2));
        }

        LogModel.Expect(_stream.ReadableOffset == _model.EndOffset, "no progress although all faults have ended");
        CompareFrom(0, _model.Readable(out var lastCommitted));
        CheckLast(lastCommitted);
    }

    private static List<(long Offset, ulong Value)> RecordsOf(LogBlock block)
    {
        var all = new List<(long, ulong)>();
        var records = block.Records();
        while (records.MoveNext())
        {
            var bytes = block.Buffer.AsSpan(records.ValueStart, records.ValueLength);
            var value = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            var expected = new byte[bytes.Length];
            new SimRandom(value).Fill(expected);
            LogModel.Expect(bytes[8..].SequenceEqual(expected.AsSpan(8)), $"the bytes of offset {records.Offset} are not those that were appended");
            all.Add((records.Offset, value));
        }

        return all;
    }
}
