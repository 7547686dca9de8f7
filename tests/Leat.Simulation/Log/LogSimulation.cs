using Leat.Log;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Simulation.Log;

/// <summary>What became of a scenario.</summary>
internal sealed record SimulationResult(ulong Trace, int Cuts, int Kills, int Faults, long Operations, long Acknowledged);

/// <summary>Runs a scenario against the log on a fake disk, and checks every promise after each start.</summary>
internal sealed class LogSimulation
{
    private const string Folder = "/log";

    // A log that fails tells so by one of these: stopped by a fault, the disk is full, a read failed.
    private static readonly int[] ToldOfFaults = [2003, 2004, 2016];

    private readonly Scenario _scenario;
    private readonly SimRandom _random = new(0);
    private readonly FakeDisk _disk;
    private readonly IDisk _seenDisk;
    private readonly TimeProvider _seenTime;
    private readonly Func<SimScheduler, ILogScheduler>? _plantInScheduler;
    private readonly SimTimeProvider _time = new();
    private readonly SimulatedStream[] _streams;
    private readonly OutsideReader _outside;
    private SimScheduler _scheduler = new();
    private LogDirectory? _log;
    private Guid _id;
    private int _cuts, _kills;
    private bool _crashCuts, _keepsPlans;
    private int _struckBefore;

    public LogSimulation(Scenario scenario, Plant? plant = null)
    {
        _scenario = scenario;
        _disk = new(new(0), scenario.Disk.Sector, scenario.Disk.Ordered != 0);
        _disk.Faults.SyncSaysFull = scenario.Disk.SyncSaysFull != 0;
        if (scenario.Disk.Latency > 0)
            _disk.Takes = () => _time.Advance(TimeSpan.FromMilliseconds(_random.Below(scenario.Disk.Latency)));
        _seenDisk = plant?.Disk?.Invoke(_disk) ?? _disk;
        _seenTime = plant?.Time?.Invoke(_time) ?? _time;
        _plantInScheduler = plant?.Scheduler;
        _outside = new(_disk, $"{Folder}/readers");
        _streams = [.. scenario.Streams.Select((stream, i) => new SimulatedStream($"s{i}", stream, _random, _time))];
    }

    // What a power cut leaves of another simulation, to see whether that is in order.
    private LogSimulation(LogSimulation other, CutDice dice)
    {
        _scenario = other._scenario;
        _id = other._id;
        _disk = other._disk.Clone();
        _seenDisk = _disk;
        _seenTime = _time;
        _disk.Cut(dice);
        _outside = new(_disk, $"{Folder}/readers");
        _streams = [.. other._streams.Select(stream => stream.Clone(_random, _time))];
        foreach (var stream in _streams)
            stream.Forget(cut: true);
    }

    public FakeDisk Disk => _disk;

    public IReadOnlyList<SimulatedStream> Streams => _streams;

    public SimulationResult Run()
    {
        foreach (var op in _scenario.Ops)
            Execute(op);
        Settle();
        return new(_disk.Trace, _cuts, _kills, _disk.Faults.Struck, _disk.Operations, _streams.Sum(stream => stream.Model.Acknowledged));
    }

    /// <summary>Runs operations with no fault planned, and stays open.</summary>
    public void RunUndisturbed(IEnumerable<Op> ops)
    {
        foreach (var op in ops)
            Execute(op);
    }

    /// <summary>Runs operations, the power to be cut after so many disk operations: up to there, and no further.</summary>
    /// <returns>Whether the cut came before the operations were done.</returns>
    public bool RunUntilCut(IEnumerable<Op> ops, int after)
    {
        _disk.Faults.CrashAfter = after;
        _keepsPlans = true;
        try
        {
            foreach (var op in ops)
            {
                if (op.Kind >= OpKind.Kill)
                    Disturb(op);
                else if (op.Kind == OpKind.Start)
                    Start();
                else
                    Use(op);
            }

            return false;
        }
        catch (CrashException)
        {
            return true;
        }
    }

    /// <summary>Cuts the power of a copy of everything, starts it, and lets it go on.</summary>
    public void TryCut(CutDice dice)
    {
        var copy = new LogSimulation(this, dice);
        copy.Settle();
    }

    /// <summary>Opens the log with no fault planned and no check; for what comes after a run.</summary>
    public LogDirectory OpenAgain()
    {
        _scheduler = new();
        return _log = OpenLog();
    }

    private LogDirectory OpenLog() =>
        LogDirectory.Open(Folder, _seenDisk, _seenTime, _plantInScheduler?.Invoke(_scheduler) ?? _scheduler, NullLogger.Instance, new() { ReserveBytes = _scenario.Disk.Reserve });

    private void Execute(Op op)
    {
        _random.Reseed(op.Dice);
        _disk.Random.Reseed(op.Dice ^ 0xD15C);
        _struckBefore = _disk.Faults.Struck;
        try
        {
            if (op.Kind >= OpKind.Kill)
                Disturb(op);
            else if (op.Kind == OpKind.Start)
                Start();
            else if (_log is not null)
                Use(op);
        }
        catch (CrashException)
        {
            End(_crashCuts);
        }
        catch (LogException error) when (IsOfAFault(error))
        {
            // A failed read of one reader ends nothing else.
            if (_log is { Failure: null } && op.Kind == OpKind.Read)
                _streams[op.A].TakeNewReader();
            else
                End(cut: false);
        }

        // Once failed, the log stays failed: there is nothing but to start again.
        if (_log is { Failure: not null })
            End(cut: false);
    }

    private bool IsOfAFault(LogException error) =>
        ToldOfFaults.Contains(error.Code) && (_disk.Faults.Struck > _struckBefore || _log is { Failure: not null });

    private void Use(Op op)
    {
        var stream = _streams[op.IsOfStream ? op.A : 0];
        switch (op.Kind)
        {
            case OpKind.Append: stream.Append(BatchKind.Plain, op.B, op.C); break;
            case OpKind.Begin: stream.Append(BatchKind.Transactional, op.B, op.C); break;
            case OpKind.Commit: stream.Mark(BatchKind.CommitMarker); break;
            case OpKind.Abort: stream.Mark(BatchKind.AbortMarker); break;
            case OpKind.Step: Step(); break;
            case OpKind.Advance: _time.Advance(TimeSpan.FromMilliseconds(op.A)); break;
            case OpKind.Jump: _time.Jump(TimeSpan.FromMilliseconds(op.A)); break;
            case OpKind.Read: stream.Read(op.B); break;
            case OpKind.Outside: Undisturbed(() => _outside.Turn(stream.OldestClosed(_disk))); break;
            case OpKind.Hold: stream.Hold(op.B); break;
            case OpKind.Release: stream.Release(); break;
            case OpKind.Alter: stream.Alter(op.B, op.C); break;
            case OpKind.Delete: stream.Delete(_log!); break; // the caller looked
            default: throw new InvalidOperationException($"{op.Kind} is not for a log that runs.");
        }

        Acknowledge();
        foreach (var each in _streams)
            each.CheckDeleted();
    }

    private void Disturb(Op op)
    {
        switch (op.Kind)
        {
            case OpKind.Kill: End(cut: false); break;
            case OpKind.Cut: End(cut: true); break;
            case OpKind.Close: Close(); break;
            case OpKind.PlanKill: (_disk.Faults.CrashAfter, _crashCuts) = (op.A, false); break;
            case OpKind.PlanCut: (_disk.Faults.CrashAfter, _crashCuts) = (op.A, true); break;
            case OpKind.PlanSyncError: _disk.Faults.FailSyncAfter = op.A; break;
            case OpKind.PlanWriteError: _disk.Faults.FailWriteAfter = op.A; break;
            case OpKind.PlanNameError: _disk.Faults.FailNameAfter = op.A; break;
            case OpKind.PlanReadError: _disk.Faults.FailReadAfter = op.A; break;
            case OpKind.Space: _disk.Capacity = _disk.Used + op.A; break;
            default: throw new InvalidOperationException($"{op.Kind} is no disturbance.");
        }
    }

    private void Start()
    {
        if (_log is not null)
            End(cut: false);
        OpenAgain();
        foreach (var stream in _streams)
            stream.Open(_log!); // opened above
        Undisturbed(CheckStart);
    }

    private void CheckStart()
    {
        var log = _log!; // it was opened just now
        Violation.Unless(_id == Guid.Empty || log.Id == _id, "the log has another id");
        _id = log.Id;
        foreach (var stream in _streams)
            stream.CheckStart(Disk);
        Violation.Unless(!_disk.List(Folder).Any(name => name.Contains(".deleted", StringComparison.Ordinal)), "a deleted stream is still there after a start");
        if (_random.Chance(5))
            CheckLock();
    }

    // Nobody else gets in while the log is open.
    private void CheckLock()
    {
        try
        {
            OpenLog();
        }
        catch (LogException error)
        {
            Violation.Unless(error.Code == 2001, $"a second process was told: {error.Message}");
            return;
        }

        throw new ViolationException("two processes have the log open");
    }

    private void Step()
    {
        if (_scenario.Disk.Meanwhile > 0)
            _disk.Meanwhile = Meanwhile;
        try
        {
            _scheduler.Step(_random);
        }
        finally
        {
            _disk.Meanwhile = null;
        }
    }

    // What other threads do while a worker waits for the disk.
    private void Meanwhile()
    {
        if (!_random.Chance(_scenario.Disk.Meanwhile) || _log is not { Failure: null })
            return;
        var stream = _streams[_random.Below(_streams.Length)];
        if (stream.IsInUse)
            return; // others wait for the lock
        Acknowledge();
        if (_random.Chance(50))
            stream.Append(BatchKind.Plain, 1 + _random.Below(3), _random.Below(200));
        else
            Undisturbed(() => stream.Read(1 + _random.Below(3000)));
    }

    private void Close()
    {
        if (_log is not { } log)
            return;
        log.Dispose();
        if (log.Failure is null)
        {
            foreach (var stream in _streams)
                stream.AcknowledgeAll();
        }

        End(cut: false);
    }

    private void End(bool cut)
    {
        _log = null;
        foreach (var stream in _streams)
            stream.Forget(cut);
        _disk.Capacity = FakeDisk.Unlimited;
        if (!_keepsPlans)
            _disk.Faults.Clear();
        if (cut)
        {
            _cuts++;
            _outside.Forget();
            _disk.Cut(new RandomCut(_random, _scenario.Disk.Spoils != 0));
        }
        else
        {
            _kills++;
            _disk.Kill();
            _outside.Hold();
        }
    }

    private void Acknowledge()
    {
        foreach (var stream in _streams)
            stream.Acknowledge();
    }

    // The checks themselves are not what faults are planned for.
    private void Undisturbed(Action check)
    {
        _disk.Faults.AreSuspended = true;
        try
        {
            check();
        }
        finally
        {
            _disk.Faults.AreSuspended = false;
        }
    }

    // Liveness: with no faults left, writers that wait may go on by themselves; it starts, takes an append, syncs it, closes, and starts again.
    private void Settle()
    {
        _random.Reseed(1);
        _disk.Faults.Clear();
        _disk.Capacity = FakeDisk.Unlimited;
        if (_log is not null)
            LetGoOn();
        Start();
        foreach (var stream in _streams)
        {
            stream.Append(BatchKind.Plain, 2, 100);
            stream.Mark(BatchKind.CommitMarker);
        }

        _scheduler.Step(_random);
        _time.Jump(-TimeSpan.FromHours(1));
        LetGoOn();
        foreach (var stream in _streams)
            stream.CheckAll();
        Close();
        Start();
        foreach (var stream in _streams)
            stream.CheckAll();
    }

    private void LetGoOn()
    {
        foreach (var stream in _streams)
            stream.Release();
        for (var step = 0; step < 40 * _streams.Length && (step < 12 * _streams.Length || !_streams.All(stream => stream.IsAtRest)); step++)
        {
            _scheduler.Step(_random);
            _time.Advance(TimeSpan.FromSeconds(2));
        }

        Acknowledge();
        foreach (var stream in _streams)
        {
            stream.CheckDeleted();
            Violation.Unless(stream.IsAtRest, $"no progress although all faults have ended: {stream.Partition.SyncedOffset} of {stream.Model.EndOffset}, has room: {stream.HasRoom()}");
        }
    }
}
