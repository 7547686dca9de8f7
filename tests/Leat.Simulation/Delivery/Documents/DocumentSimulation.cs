using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Leat.Simulation.Log;
using Leat.Transform.Plan.Rules;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Simulation.Delivery.Documents;

/// <summary>What a run did; equal for equal seeds.</summary>
internal sealed record DocumentResult(ulong Trace, long Steps, long Requests, long Outcomes, long FromBackground, int Kills, int Cuts, int Disasters, int Reorders);

/// <summary>Runs the real engine between a model shop and a target of documents, ends its process again and again, and at the end has everything come right.</summary>
internal sealed class DocumentSimulation
{
    private const long MostSteps = 400_000;
    private const int ChecksEvery = 16;

    private readonly DocumentScenario _shopScenario;
    private readonly DeliveryScenario _scenario;
    private readonly SimRandom _random;
    private readonly ShopModel _shop;
    private readonly ModelTarget _target = new();
    private readonly Faults _faults;
    private readonly DocumentJudge _judge;
    private readonly ILoggerFactory _loggers;
    private readonly DocumentPlant? _plant;
    private FakeDisk _disk;
    private FakeDisk? _oldDisk;
    private ModelTarget? _oldTarget;
    private LeatException? _healed;
    private bool _targetIsNewer;
    private long _now = TimeSpan.FromDays(1).Ticks;
    private ulong _trace;
    private long _steps;
    private int _lanes;
    private int _kills;
    private int _cuts;
    private int _disasters;
    private int _reorders;

    public DocumentSimulation(DocumentScenario scenario, DocumentPlant? plant = null, ILoggerFactory? loggers = null)
    {
        (_shopScenario, _scenario, _plant) = (scenario, scenario.Delivery, plant);
        _loggers = loggers ?? NullLoggerFactory.Instance;
        _random = new(_scenario.Seed);
        _disk = new(new(_random.Next()));
        _shop = new(new(_random.Next()), scenario);
        _faults = new(new(_random.Next()));
        _judge = new(scenario, _shop, _target);
        _lanes = _scenario.Lanes;
    }

    /// <summary>Orders with their customer and items, those of two types out of three.</summary>
    public static DocumentRule Rule { get; } = new()
    {
        Root = "orders",
        Where = Written("type IN (1, 2)"),
        Merge =
        [
            new() { From = "customers", As = "customer", On = new([("id", "customer_id")], default), Fields = [new("name", "name")], Location = default },
        ],
        Nest =
        [
            new() { As = "items", From = "items", On = new([("order_id", "id")], default), Fields = [new("id", "id"), new("qty", "qty")], Location = default },
        ],
        Set = [new("item_count", Written("count(items)"))],
        Location = default,
    };

    /// <summary>Runs to the end.</summary>
    /// <exception cref="ViolationException">A promise was broken.</exception>
    public DocumentResult Run()
    {
        _shop.Begin();
        for (var round = 0; round < _scenario.Rounds; round++)
            RunRound();
        _faults.AreOn = false;
        RunLast();
        return new(_trace, _steps, _judge.Requests, _judge.Outcomes, _judge.FromBackground, _kills, _cuts, _disasters, _reorders);
    }

    private static WrittenExpression Written(string text) => new(text, default, IsInline: true);

    private void RunRound()
    {
        if (_random.Chance(30))
            _oldDisk = _disk.Clone();
        if (_random.Below(100) < _scenario.Disasters)
            Suffer(_random.Pick(Disaster.TargetEmptied, Disaster.TargetRestored, Disaster.LogLost, Disaster.LogRestored));
        if (_scenario.Disasters > 0 && _random.Chance(30))
            _oldTarget = _target.Copy();
        var ending = !_random.Chance(_scenario.Deaths) ? Ending.Stop : _random.Chance(50) && _scenario.LosesPower ? Ending.PowerCut : Ending.Kill;
        var point = (KillPoint)_random.Below((int)KillPoint.ChangesWritten + 1);
        _faults.KillAt(point, ending == Ending.Stop || point == KillPoint.AnyStep ? -1 : _random.Below(20));
        if (_scenario.ChangesLanes && _random.Chance(50))
            _lanes = _random.Between(1, 6);

        var process = Start();
        var last = process.World.Steps + _random.Between(50, 150 * _scenario.Transactions);
        for (var left = _scenario.Transactions; process.World.Steps < last && !process.World.IsKilled;)
        {
            if (left > 0 && _random.Chance(10))
            {
                _shop.Commit();
                left--;
            }

            if (_faults.Strikes(_scenario.Restarts))
                _target.Restart();
            if (_scenario.Poison > 0 && _random.Below(500) == 0)
                Ask(process);
            if (_random.Below(100) == 0 && _faults.Strikes(_shopScenario.Reorders))
                Reorder(process, rebuild: _random.Chance(50));
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
        switch (disaster)
        {
            case Disaster.TargetEmptied:
                _target.Become(new());
                break;
            case Disaster.TargetRestored when _oldTarget is { } old && old.Marker != _target.Marker:
                _target.Become(old);
                break;
            case Disaster.LogLost:
                _disk = new FakeDisk(new(_random.Next()));
                break;
            case Disaster.LogRestored when _oldDisk is { } old && !_targetIsNewer:
                _disk = old.Clone();
                break;
            default:
                return;
        }

        _targetIsNewer |= disaster is Disaster.TargetEmptied or Disaster.TargetRestored;

        // What the machine's random numbers were before they are not again.
        for (var number = ++_disasters * 1000; number > 0; number--)
            _disk.ReadRandom(new byte[1]);
        _judge.Suffers();
    }

    // What a person does who is told that the target is not what it was.
    private void Heal(Process process)
    {
        if (_judge.Complaint() is not { } complaint || ReferenceEquals(complaint, _healed))
            return;
        _healed = complaint;
        Reorder(process, rebuild: false);
    }

    private void Reorder(Process process, bool rebuild)
    {
        _reorders++;
        var runner = process.Engine.Pipelines[0].Runner!; // opened by Start
        Task.Factory.StartNew(() => runner.RedeliverAsync(reread: false, rebuild), CancellationToken.None, TaskCreationOptions.None, process.World);
    }

    // No faults any more: everything is delivered, and then nothing is delivered again.
    private void RunLast()
    {
        var process = Start();
        RunUntil(process, _judge.IsSettled, "everything is delivered");
        _judge.Finish(isHealed: false);
        Stop(process);

        process = Start();
        var sent = _judge.Outcomes;
        RunUntil(process, _judge.IsSettled, "the next process has started");
        Violation.Unless(_judge.Outcomes == sent, $"{_judge.Outcomes - sent} operations were sent again after an orderly end");
        _judge.Finish(isHealed: false);
        if (_scenario.Poison > 0)
            Replay(process);
        Stop(process);
    }

    // The target is mended, and takes what it refused, as it is now.
    private void Replay(Process process)
    {
        _faults.IsHealed = true;
        Ask(process);
        var runner = process.Engine.Pipelines[0].Runner!; // started
        RunUntil(process, () => runner.OpenLetters == 0 && _judge.IsSettled(), "all dead letters are replayed");
        _judge.Finish(isHealed: true);
    }

    private void Ask(Process process)
    {
        // So many refusals in a row that it could not be the target's fault.
        long[] letters = [.. _faults.IsHealed ? _judge.Letters() : _judge.Letters().Take(10)];
        Task.Factory.StartNew(
            () => process.Engine.Pipelines[0].Runner!.RequestAsync(letters, discard: false, "a person", CancellationToken.None).AsTask(), // opened by Start
            CancellationToken.None, TaskCreationOptions.None, process.World);
    }

    private Process Start()
    {
        var world = new World(new(_random.Next()), _now, _scenario.Disorder);
        var sink = new DocumentSink(_scenario, _target, _faults, _judge, world);
        var file = new LeatFile
        {
            Path = "leat.yaml",
            Log = new() { Folder = "/log", ReserveBytes = 0 },
            Sources = [new("source", "model", _ => _plant is null ? _shop.Open() : _plant.Source(_shop.Open()), default) { Stream = new() { Sync = _scenario.Sync } }],
            Pipelines =
            [
                new()
                {
                    Name = "documents",
                    From = "source",
                    SinkKind = "model",
                    Lanes = _lanes,
                    OpenSink = _ => _plant is null ? sink : _plant.Sink(sink),
                    Tables = [.. ShopModel.Tables.Select(table => new TableRule { Alias = table.Table.Name, Table = table.Table, Location = default })],
                    Document = Rule,
                    Location = default,
                },
            ],
        };
        Engine engine;
        try
        {
            _disk.Faults.Clear();
            engine = Engine.Open(file, _loggers, world.Time, new WatchedDisk(_disk, _disk, _faults, world), world);
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
