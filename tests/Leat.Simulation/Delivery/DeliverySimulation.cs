using Leat.Changes;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Leat.Simulation.Delivery.Documents;
using Leat.Simulation.Delivery.Plants;
using Leat.Simulation.Delivery.Rows;
using Leat.Simulation.Log;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Simulation.Delivery;

/// <summary>What a run did; equal for equal seeds.</summary>
internal sealed record DeliveryResult
{
    public ulong Trace { get; init; }

    public long Steps { get; init; }

    public long Requests { get; init; }

    public long Outcomes { get; init; }

    public long OutOfTurn { get; init; }

    public int Kills { get; init; }

    public int Cuts { get; init; }

    /// <summary>Targets and logs that were lost or put back.</summary>
    public int Disasters { get; init; }

    public int Redeliveries { get; init; }

    public DeliveryResult Plus(DeliveryResult other) => new()
    {
        Trace = Trace ^ other.Trace, Steps = Steps + other.Steps, Requests = Requests + other.Requests, Outcomes = Outcomes + other.Outcomes, OutOfTurn = OutOfTurn + other.OutOfTurn,
        Kills = Kills + other.Kills, Cuts = Cuts + other.Cuts, Disasters = Disasters + other.Disasters, Redeliveries = Redeliveries + other.Redeliveries,
    };
}

/// <summary>Runs the real engine between a model source and a model target, ends its process again and again, and at the end has everything come right.</summary>
internal sealed class DeliverySimulation
{
    /// <summary>Name of the pipeline.</summary>
    public const string Pipeline = "copy";

    // No sound run takes so many.
    private const long MostSteps = 400_000;

    private const int ChecksEvery = 16;

    private readonly DeliveryScenario _scenario;
    private readonly SimRandom _random;
    private FakeDisk _disk;
    private FakeDisk? _oldDisk;
    private ModelTarget? _oldTarget;
    private LeatException? _healed;
    private int _log;
    private int _oldLog;
    private bool _targetIsNewer;
    private int _disasters;
    private int _redeliveries;
    private readonly Model _model;
    private readonly ModelTarget _target = new();
    private readonly Faults _faults;
    private readonly Judge _judge;
    private readonly ILoggerFactory _loggers;
    private readonly DeliveryPlant _plant;
    private long _now = TimeSpan.FromDays(1).Ticks;
    private ulong _trace;
    private long _steps;
    private int _lanes;
    private int _kills;
    private int _cuts;

    public DeliverySimulation(DeliveryScenario scenario, DeliveryPlant? plant = null, ILoggerFactory? loggers = null)
    {
        _scenario = scenario;
        _plant = plant ?? DeliveryPlant.None;
        _loggers = loggers ?? NullLoggerFactory.Instance;
        _random = new(scenario.Seed);
        _disk = new(new(_random.Next()));
        var random = new SimRandom(_random.Next());
        _faults = new(new(_random.Next()));
        if (scenario.Kind == DeliveryKind.Documents)
        {
            var shop = new ShopModel(random, scenario);
            (_model, _judge) = (shop, new DocumentJudge(scenario, shop, _target));
        }
        else
        {
            var rows = new RowModel(random, scenario);
            (_model, _judge) = (rows, new RowJudge(scenario, rows, _target));
        }

        _lanes = scenario.Lanes;
    }

    /// <summary>Runs to the end.</summary>
    /// <exception cref="ViolationException">A promise was broken.</exception>
    public DeliveryResult Run()
    {
        _model.Begin();
        for (var round = 0; round < _scenario.Rounds; round++)
            RunRound();
        _faults.AreOn = false;
        RunLast();
        return new()
        {
            Trace = _trace, Steps = _steps, Requests = _judge.Requests, Outcomes = _judge.Outcomes, OutOfTurn = _judge.OutOfTurn,
            Kills = _kills, Cuts = _cuts, Disasters = _disasters, Redeliveries = _redeliveries,
        };
    }

    private void RunRound()
    {
        if (_random.Chance(30))
            (_oldDisk, _oldLog) = (_disk.Clone(), _log);
        if (_random.Below(100) < _scenario.Disasters)
            Suffer(_random.Pick(Disaster.TargetEmptied, Disaster.TargetRestored, Disaster.LogLost, Disaster.LogRestored));
        if (_scenario.Disasters > 0 && _random.Chance(30))
            _oldTarget = _target.Copy();
        var ending = !_random.Chance(_scenario.Deaths) ? Ending.Stop : _random.Chance(50) && _scenario.LosesPower ? Ending.PowerCut : Ending.Kill;
        var point = (KillPoint)_random.Below((int)KillPoint.ChangesWritten + 1);
        _faults.KillAt(point, ending == Ending.Stop || point == KillPoint.AnyStep ? -1 : _random.Below(20));
        if (_scenario.ChangesLanes && _random.Chance(50))
            _lanes = _random.Between(1, 6);

        // A run is over after so many steps, whatever happened in it.
        var process = Start();
        var last = process.World.Steps + _random.Between(50, 150 * _scenario.Transactions);
        for (var left = _scenario.Transactions; process.World.Steps < last && !process.World.IsKilled;)
        {
            if (left > 0 && _random.Chance(10))
            {
                _model.Commit();
                left--;
            }

            if (_faults.Strikes(_scenario.Restarts))
                _target.Restart();
            if (_scenario.Poison > 0 && _random.Below(500) == 0)
                Ask(process);
            if (_scenario.Reorders > 0 && _random.Below(100) == 0 && _faults.Strikes(_scenario.Reorders))
                Redeliver(process, rebuild: _random.Chance(50));
            if (_scenario.Disasters > 0 && _random.Below(500) == 0)
                _oldTarget = _target.Copy();
            Step(process);
        }

        if (ending == Ending.Stop)
        {
            Stop(process);
            return;
        }

        Abandon(process);
        if (ending == Ending.PowerCut)
            _disk.Cut(new RandomCut(_random, spoils: true));
        else
            _disk.Kill();
        _kills += ending == Ending.Kill ? 1 : 0;
        _cuts += ending == Ending.PowerCut ? 1 : 0;
    }

    // While no process runs.
    private void Suffer(Disaster disaster)
    {
        var before = _log;
        _judge.Remember();
        switch (disaster)
        {
            case Disaster.TargetEmptied:
                _target.Become(new());
                break;
            case Disaster.TargetRestored when _oldTarget is { } old && CanBeTold(old):
                _target.Become(old);
                break;
            case Disaster.LogLost:
                (_disk, _log) = (new FakeDisk(new(_random.Next())), _disasters + 1);
                break;
            case Disaster.LogRestored when _oldDisk is { } old && !_targetIsNewer: // what was delivered to a target that is gone since is not in the one that is there
                (_disk, _log) = (old.Clone(), _oldLog);
                break;
            default:
                return;
        }

        _targetIsNewer |= disaster is Disaster.TargetEmptied or Disaster.TargetRestored;

        // What the machine's random numbers were before they are not again.
        for (var number = ++_disasters * 1000; number > 0; number--)
            _disk.ReadRandom(new byte[1]);
_judge.Suffers(disaster, isOtherLog: _log != before, _target.Marker?.Epoch ?? 0);
    }

    // With the same marker nobody could tell; nor with the one before, as long as it is not known whether the last was written.
    private bool CanBeTold(ModelTarget old) => !IsSame(old.Marker, _target.Marker) && !IsSame(old.Marker, _target.MarkerBefore);

    private static bool IsSame(TargetMarker? one, TargetMarker? other) =>
        one is null || other is null ? one == other : one with { Lanes = other.Lanes } == other && one.Lanes.SequenceEqual(other.Lanes);

    // What a person does who is told that the target is not what it was.
    private void Heal(Process process)
    {
        if (_judge.Complaint() is not { } complaint || ReferenceEquals(complaint, _healed))
            return;
        _healed = complaint;
        Redeliver(process, rebuild: false);
    }

    private void Redeliver(Process process, bool rebuild)
    {
        _judge.DeliversAgain();
        _redeliveries++;
        var runner = process.Engine.Pipelines[0].Runner!; // opened by Start
        Task.Factory.StartNew(() => runner.RedeliverAsync(reread: false, rebuild), CancellationToken.None, TaskCreationOptions.None, process.World);
    }

    // No faults any more: everything is delivered, and then nothing is delivered again.
    private void RunLast()
    {
        var process = Start();
        RunUntil(process, _judge.IsSettled, "everything is delivered");
        _judge.Finish(isReplayed: false);
        Stop(process);

        if (_judge.HasPoison)
            Replay();
        process = Start();
        var sent = _judge.Outcomes;
        RunUntil(process, _judge.IsSettled, "the last process has started");
        Violation.Unless(_judge.Outcomes == sent, $"{_judge.Outcomes - sent} operations were sent again after an orderly end");
        _judge.Finish(isReplayed: _judge.HasPoison);
        Stop(process);
    }

    // The target is mended, and takes what it refused: nothing of that may lie over what is newer.
    private void Replay()
    {
        _faults.IsHealed = true;
        var process = Start();
        RunUntil(process, _judge.IsSettled, "the process that replays has started");
        Ask(process);
        var runner = process.Engine.Pipelines[0].Runner!; // started
        RunUntil(process, () => runner.OpenLetters == 0 && _judge.IsSettled(), "all dead letters are replayed");
        _judge.Finish(isReplayed: true);
        Stop(process);
    }

    private void Ask(Process process)
    {
        long[] letters = [.. _faults.IsHealed ? _judge.Letters : _judge.Letters.Take(_model.LettersAtOnce)];
        Task.Factory.StartNew(
            () => process.Engine.Pipelines[0].Runner!.RequestAsync(letters, discard: false, "a person", CancellationToken.None).AsTask(), // opened by Start
            CancellationToken.None, TaskCreationOptions.None, process.World);
    }

    private Process Start()
    {
        var world = new World(new(_random.Next()), _now, _scenario.Disorder);
        var sink = new ModelSink(_scenario, _model, _target, _faults, _judge, world);
        var file = new LeatFile
        {
            Path = "leat.yaml",
            Log = new() { Folder = "/log", ReserveBytes = 0 },
            Sources = [new("source", "model", _ => _plant.Source(_model.Open()), default) { Stream = new() { Sync = _scenario.Sync } }],
            Pipelines =
            [
                _model.Define(new() { Name = Pipeline, From = "source", Tables = [], SinkKind = "model", Lanes = _lanes, OpenSink = _ => _plant.Sink(sink), Location = default }),
            ],
        };
        Engine engine;
        try
        {
            _disk.Faults.Clear();
            engine = Engine.Open(file, _loggers, world.Time, new WatchedDisk(_disk, _plant.Disk(_disk), _faults, world), world);
        }
        catch (CrashException)
        {
            _disk.Kill(); // while it recovered: the next one does
            return Start();
        }

        _judge.Starts(engine, world);
        var stop = new CancellationTokenSource();
        var running = Task.Factory.StartNew(() => engine.RunAsync(stop.Token), CancellationToken.None, TaskCreationOptions.None, world).Unwrap();
        return new(world, engine, running, stop);
    }

    private void Step(Process process, bool isClosing = false)
    {
        try
        {
            Violation.Unless(process.World.Step(), "nothing will ever happen again");
        }
        catch (CrashException)
        {
            Violation.Unless(process.World.IsKilled, "a disk that nobody killed is dead");
        }

        if (_judge.Broken is { } broken)
            throw broken;
        if (process.Running.IsFaulted && !process.World.IsKilled)
            process.Running.GetAwaiter().GetResult();
        if (process.World.Steps % ChecksEvery != 0 || process.World.IsKilled || isClosing)
            return;
        _judge.Check();
        if (!process.Stop.IsCancellationRequested)
            Heal(process);
    }

    private void RunUntil(Process process, Func<bool> condition, string what)
    {
        var last = process.World.Steps + MostSteps;
        while (!condition())
        {
            Step(process);
            Violation.Unless(process.World.Steps < last, $"in {MostSteps} steps it never came about that {what}: {process.Engine.Status().Pipelines[0]}");
        }
    }

    private void Stop(Process process)
    {
        process.Stop.Cancel();
        while (!process.Running.IsCompleted && !process.World.IsKilled)
            Step(process);
        if (process.World.IsKilled)
        {
            Abandon(process);
            _disk.Kill();
            return;
        }

        process.Running.GetAwaiter().GetResult();
        var closing = Task.Factory.StartNew(() => process.Engine.DisposeAsync().AsTask(), CancellationToken.None, TaskCreationOptions.None, process.World).Unwrap();
        while (!closing.IsCompleted && !process.World.IsKilled)
            Step(process, isClosing: true);
        if (process.World.IsKilled)
            Abandon(process);
        _disk.Kill();
        Leave(process);
    }

    // Nothing of it runs any more. Only what the machine itself would take back is taken back: its place in the list of meters.
    private void Abandon(Process process)
    {
        _disk.Faults.CrashAfter = 0;
        try
        {
            _ = process.Engine.DisposeAsync().AsTask();
        }
        catch (CrashException)
        {
            // It is dead; so is its disk.
        }

        Leave(process);
    }

    private void Leave(Process process)
    {
        _disk.Faults.Clear();
        _now = process.World.Now + TimeSpan.TicksPerSecond;
        _steps += process.World.Steps;
        _trace = ((_trace ^ process.World.Trace) * 1099511628211) ^ _disk.Trace;
    }

    private sealed record Process(World World, Engine Engine, Task Running, CancellationTokenSource Stop);
}
