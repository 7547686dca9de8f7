using Leat.Changes;
using Xunit;

namespace Leat.Tests.Pipeline;

/// <summary>Random workloads against a target that misbehaves at random, with restarts at random moments. Every failure names its seed.</summary>
public sealed class RandomDeliveryTests
{
    private const int Keys = 40;

    /// <summary>Eight seeds; as many as LEAT_SEEDS says for a longer search.</summary>
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, int.TryParse(Environment.GetEnvironmentVariable("LEAT_SEEDS"), out var seeds) ? seeds : 8)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_misbehaving_target_ends_up_equal_to_the_source(int seed)
    {
        var random = new Random(seed);
        await using var engine = MakeEngine(random, filtered: seed % 3 == 0);
        var poison = seed % 2 == 0;
        engine.Sink.Decide = operation => Decide(new Random(HashCode.Combine(seed, operation.Offset, engine.Sink.BatchSizes.Count)), operation, poison);
        engine.Start();
        var workload = new Workload(random, engine.Source);
        for (var round = 0; round < 5; round++)
        {
            workload.Play(100 + random.Next(400));
            if (random.Next(2) == 0)
                await engine.SettledAsync();
        }

        await engine.SettledAsync();

        AssertEqual(engine, poison, seed);
        Assert.True(engine.Sink.Violations.IsEmpty, $"seed {seed}: {string.Join("; ", engine.Sink.Violations)}");
        var account = engine.Pipeline.Account();
        Assert.True(account.Balanced && account.InFlight == 0, $"seed {seed}: {account}");
        var dead = engine.Letters().Count;
        Assert.True(dead == account.DeadLettered && (poison || dead == 0), $"seed {seed}: {dead} dead letters, {account}");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_target_that_refuses_whole_requests_gets_everything_else(int seed)
    {
        var random = new Random(seed + 3000);
        await using var engine = MakeEngine(random, filtered: seed % 3 == 0);
        if (seed % 2 == 0)
            engine.Sink.Ledger = new();
        var misbehave = engine.Sink.Before!;
        engine.Sink.Before = async (batch, token) =>
        {
            await misbehave(batch, token);
            var operations = batch.ToArray();
            if (operations.Any(operation => operation.Kind == OperationKind.Index && IsPoison(operation.Row.Span) && operations.All(other => other.Kind != OperationKind.Delete || other.Offset != operation.Offset)))
                throw new BatchRefusedException("poison", "p");
        };
        engine.Start();
        var workload = new Workload(random, engine.Source);
        for (var round = 0; round < 5; round++)
        {
            workload.Play(100 + random.Next(400));
            if (random.Next(2) == 0)
                await engine.SettledAsync();
        }

        await engine.SettledAsync();

        AssertEqual(engine, poison: true, seed);
        Assert.True(engine.Sink.Violations.IsEmpty, $"seed {seed}: {string.Join("; ", engine.Sink.Violations)}");
        var account = engine.Pipeline.Account();
        var dead = engine.Letters().Count;
        Assert.True(account.Balanced && account.InFlight == 0 && dead == account.DeadLettered, $"seed {seed}: {dead} dead letters, {account}");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Restarts_at_random_moments_lose_nothing(int seed)
    {
        var random = new Random(seed + 1000);
        await using var engine = MakeEngine(random, filtered: seed % 3 == 0);
        engine.Sink.Decide = operation => Decide(new Random(HashCode.Combine(seed, operation.Offset, engine.Sink.BatchSizes.Count)), operation, poison: false);
        var workload = new Workload(random, engine.Source);
        await RestartAtRandomAsync(engine, workload, random, beforeStart: () => { });

        AssertEqual(engine, poison: false, seed);
        var captured = engine.Records("shop").Count(record => record.Value[1] != (byte)ChangeKind.Position);
        Assert.Equal(workload.Changes, captured);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_target_that_keeps_lane_offsets_loses_nothing_when_lanes_change_at_restarts(int seed)
    {
        var random = new Random(seed + 2000);
        await using var engine = MakeEngine(random, filtered: seed % 3 == 0);
        engine.Sink.Ledger = new();
        var workload = new Workload(random, engine.Source);
        await RestartAtRandomAsync(engine, workload, random, beforeStart: () =>
        {
            if (random.Next(2) == 0)
                engine.Definition = engine.Definition with { Lanes = 1 + random.Next(4) };
            if (random.Next(4) == 0)
                engine.Sink.Traits = engine.Sink.Traits with { SerialAliases = random.Next(2) == 0 ? ["items"] : [] };
        });

        AssertEqual(engine, poison: false, seed);
        Assert.True(engine.Sink.Violations.IsEmpty, $"seed {seed}: {string.Join("; ", engine.Sink.Violations)}");
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Lanes_that_change_while_they_run_lose_nothing_and_keep_the_order(int seed)
    {
        var random = new Random(seed + 4000);
        await using var engine = MakeEngine(random, filtered: seed % 3 == 0);
        engine.Definition = engine.Definition with { Lanes = null };
        if (seed % 2 == 0)
            engine.Sink.Ledger = new();
        var faults = new Random(seed);
        engine.Sink.Before = async (_, token) =>
        {
            var roll = Roll(faults, 100);
            if (roll < 20)
                throw new RetriableException(new(9001), "429", "Wait.") { IsBusy = true };
            if (roll < 60)
                await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, token);
        };
        var workload = new Workload(random, engine.Source);
        await RestartAtRandomAsync(engine, workload, random, beforeStart: () => { });

        AssertEqual(engine, poison: false, seed);
        Assert.True(engine.Sink.Violations.IsEmpty, $"seed {seed}: {string.Join("; ", engine.Sink.Violations)}");
        var twice = engine.Sink.Writes.GroupBy(write => write).Where(write => write.Count() > 1).Select(write => $"{write.Key}");
        Assert.True(engine.Sink.Ledger is null || !twice.Any(), $"seed {seed}: written twice: {string.Join(", ", twice)}");
    }

    // Eight runs that end at a random moment, most of them without a drain; then one that delivers all that is left.
    private static async Task RestartAtRandomAsync(TestEngine engine, Workload workload, Random random, Action beforeStart)
    {
        for (var round = 0; round < 8; round++)
        {
            beforeStart();
            engine.Sink.Restart();
            engine.Start();
            workload.Play(50 + random.Next(300));
            var enough = engine.Sink.Writes.Count + random.Next(200);
            await engine.UntilAsync(() => engine.Sink.Writes.Count >= enough || engine.Pipeline.Account() is { Changes: > 0, InFlight: 0 });
            if (random.Next(3) == 0)
                await engine.StopAsync();
            else
                await engine.KillAsync();
        }

        engine.Sink.Restart();
        engine.Start();
        await engine.SettledAsync();
    }

    private static TestEngine MakeEngine(Random random, bool filtered)
    {
        var engine = new TestEngine(timeFactor: 2000);
        if (filtered)
            engine.Where("v % 5 <> 0");
        engine.Definition = engine.Definition with { Lanes = 1 + random.Next(6) };
        engine.Sink.Traits = new() { MaxBatchOperations = 1 + random.Next(60), MaxBatchBytes = 200 + random.Next(5000) };
        var faults = new Random(random.Next());
        engine.Sink.Before = async (_, token) =>
        {
            var roll = Roll(faults, 1000);
            if (roll < 50)
                throw new RetriableException(new(9001), "The connection broke before the request.", "Wait.");
            if (roll < 54)
                throw new PauseException(new(9002), "The password is wrong.", "Correct it.");
            if (roll < 58)
                throw new InvalidOperationException("a fault of the sink");
            if (roll < 200)
                await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, token);
        };
        engine.Sink.After = _ =>
        {
            if (Roll(faults, 100) < 4)
                throw new RetriableException(new(9003), "The connection broke after the request.", "Wait.");
        };
        return engine;
    }

    private static int Roll(Random random, int sides)
    {
        lock (random)
            return random.Next(sides);
    }

    private static Answer? Decide(Random random, Operation operation, bool poison)
    {
        if (poison && operation.Kind == OperationKind.Index && IsPoison(operation.Row.Span))
            return Answer.Refused("poison");
        return random.Next(100) switch
        {
            < 8 => Answer.Retry("busy"),
            _ => null,
        };
    }

    private static bool IsPoison(ReadOnlySpan<byte> row) => TestTable.ValueOf(row) % 97 == 13;

    private static void AssertEqual(TestEngine engine, bool poison, int seed)
    {
        var filtered = engine.Definition.Tables[0].Where is not null;
        var wrong = new List<string>();
        var state = engine.Source.State();
        for (var id = 0; id < Keys; id++)
        {
            var expected = state.TryGetValue(id, out var row) && !(filtered && TestTable.ValueOf(row) % 5 == 0) ? row : null;
            var held = engine.Sink.Target.GetValueOrDefault($"items:{id}");

            // After a poisoned write the target keeps what it had; that is what the dead letter is for.
            if (poison && expected is not null && IsPoison(expected))
                continue;
            if ((expected is null) != (held is null) || (expected is not null && !expected.SequenceEqual(held!)))
                wrong.Add($"{id}: {(expected is null ? "absent" : TestTable.ValueOf(expected))} at the source, {(held is null ? "absent" : TestTable.ValueOf(held))} at the target");
        }

        Assert.True(wrong.Count == 0, $"seed {seed}: {string.Join("; ", wrong)}");
    }

    private sealed class Workload(Random random, ScriptedSource source)
    {
        private readonly Dictionary<int, long> _rows = [];
        private long _value;

        public int Changes { get; private set; }

        public void Play(int transactions)
        {
            for (var i = 0; i < transactions; i++)
            {
                if (random.Next(20) == 0)
                    source.AddRolledBack(TestChange.Insert(random.Next(Keys), -1));
                var changes = Enumerable.Range(0, 1 + random.Next(5)).Select(_ => Change()).ToArray();
                Changes += changes.Length;
                source.Add(changes);
            }
        }

        private TestChange Change()
        {
            var id = random.Next(Keys);
            var value = ++_value;
            if (!_rows.TryGetValue(id, out var old))
            {
                _rows[id] = value;
                return TestChange.Insert(id, value);
            }

            var other = random.Next(Keys);
            switch (random.Next(5))
            {
                case 0:
                    _rows.Remove(id);
                    return TestChange.Delete(id, old);
                case 1 when !_rows.ContainsKey(other):
                    _rows.Remove(id);
                    _rows[other] = old;
                    return TestChange.Move(id, other, old);
                default:
                    _rows[id] = value;
                    return TestChange.Update(id, old, value);
            }
        }
    }
}
