using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Connectors.Elasticsearch;
using Leat.Pipeline;
using Leat.Pipeline.Compare;
using Leat.Tests.Pipeline;
using Xunit;

namespace Leat.Tests.Elasticsearch;

/// <summary>The real engine and the real sink against a server that misbehaves by a seeded script. Every failure names its seed.</summary>
public sealed class ElasticsearchDeliveryTests
{
    private const int Keys = 60;
    private const int FirstPoison = 10_000;

    private static readonly CancellationToken Cancelled = TestContext.Current.CancellationToken;

    /// <summary>Six seeds; as many as LEAT_SEEDS says for a longer search.</summary>
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, int.TryParse(Environment.GetEnvironmentVariable("LEAT_SEEDS"), out var seeds) ? seeds : 6)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Whatever_the_server_does_it_ends_up_equal_to_the_source(int seed)
    {
        await using var server = new FakeElasticsearch();
        await using var engine = Engine(server, seed);
        server.Script = Misbehave(new Random(seed));
        var workload = new Workload(new Random(seed + 1), engine.Source);
        engine.Start();
        for (var round = 0; round < 4; round++)
        {
            workload.Play(200);
            if (round % 2 == 0)
                await engine.SettledAsync();
        }

        await engine.SettledAsync();

        AssertEqual(server, workload, seed);
        var dead = DeadLetters(engine);
        Assert.True(dead.Order().SequenceEqual(workload.Poisons.Order()), $"seed {seed}: dead letters {string.Join(' ', dead)}, poisons {string.Join(' ', workload.Poisons)}");
        var account = engine.Pipeline.Account();
        Assert.True(account.Balanced && account.InFlight == 0 && account.DeadLettered == workload.Poisons.Count, $"seed {seed}: {account}");
        await AssertCompareAsync(server, engine, workload, seed);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task Kills_at_random_moments_lose_nothing(int seed)
    {
        var random = new Random(seed + 100);
        await using var server = new FakeElasticsearch();
        await using var engine = Engine(server, seed);
        server.Script = Misbehave(new Random(seed));
        var workload = new Workload(new Random(seed + 1), engine.Source);
        for (var round = 0; round < 5; round++)
        {
            engine.OtherSink = Sink(server);
            engine.Start();
            workload.Play(100);
            var enough = server.Requests.Count + random.Next(20);
            await engine.UntilAsync(() => server.Requests.Count >= enough || engine.Pipeline.Account() is { Changes: > 0, InFlight: 0 });
            if (random.Next(3) == 0)
                await engine.StopAsync();
            else
                await engine.KillAsync();

            // Longer than the server remembers deletes: an older write may come back for a while, but not in the end.
            if (random.Next(2) == 0)
                server.Cluster.ForgetDeleted();
        }

        engine.OtherSink = Sink(server);
        engine.Start();
        await engine.SettledAsync();

        AssertEqual(server, workload, seed);
        Assert.Equal(workload.Poisons.Order(), DeadLetters(engine).Distinct().Order());
    }

    [Fact]
    public async Task A_server_that_is_down_is_waited_for()
    {
        await using var server = new FakeElasticsearch();
        await using var engine = Engine(server, 1);
        var down = true;
        server.Script = _ => Volatile.Read(ref down) ? new() { Instead = (503, "<html>Service Unavailable</html>", null) } : null;
        engine.Source.Add(Insert(1, 10, "a"));
        engine.Start();
        await engine.UntilAsync(() => server.Requests.Count > 10);
        Assert.Equal(0, engine.Pipeline.Account().DeadLettered);

        Volatile.Write(ref down, false);
        await engine.SettledAsync();

        Assert.Equal(["1"], server.Cluster.Documents("items").Keys);
    }

    [Fact]
    public async Task A_document_larger_than_the_server_takes_is_set_aside_alone()
    {
        await using var server = new FakeElasticsearch();
        await using var engine = Engine(server, 1);
        server.Script = request => request.Body.Length > 3000 ? new() { Instead = (413, "too large", null) } : null;
        for (var id = 0; id < 40; id++)
            engine.Source.Add(Insert(id, id, id == 17 ? new string('x', 4000) : new string('x', 200)));
        engine.Start();

        await engine.SettledAsync();

        Assert.Equal(39, server.Cluster.Documents("items").Count);
        Assert.Equal([17], DeadLetters(engine));
    }

    private static TestEngine Engine(FakeElasticsearch server, int seed) => new(timeFactor: 2000)
    {
        OtherSink = Sink(server),
        Definition = TestEngine.CopyItems with { Lanes = 1 + (seed % 4) },
    };

    private static ElasticsearchSink Sink(FakeElasticsearch server) => Writing.Sink(server.Url, "index: items, flush: { operations: 37 }");

    // Anything that a cluster, and what stands before it, can do to one request, each now and then.
    private static Func<FakeRequest, Fault?> Misbehave(Random random) => request =>
    {
        if (request.Path != "/_bulk")
            return null;
        lock (random)
        {
            var roll = random.Next(100);
            var (first, second) = (random.Next(10), random.Next(10));
            return roll switch
            {
                < 3 => new() { Instead = (429, """{"error":{"type":"es_rejected_execution_exception","reason":"full"},"status":429}""", "Retry-After: 1") },
                < 6 => new() { Instead = (503, "<html>Service Unavailable</html>", null) },
                < 9 => new() { Drop = true },
                < 14 => new() { CutAfterBytes = random.Next(400) },
                < 16 => new() { AnswerWith = (200, "<html>Welcome</html>") },
                < 18 => new() { AnswerWith = (200, """{"took":1,"errors":false,"items":[]}""") },
                < 22 when request.Body.Length > 2000 => new() { Instead = (413, "too large", null) },
                < 32 => new() { Items = (number, _) => number == first ? new(429, "es_rejected_execution_exception", "full") : null },
                < 38 => new() { Items = (number, _) => number % 10 == first || number % 10 == second ? new(503, "unavailable_shards_exception", "gone") : null },
                < 40 => new() { Items = (number, _) => number == first ? new(403, "cluster_block_exception", "read-only") : null },
                < 41 => new() { Items = (number, _) => number == first ? new(418, "teapot_exception", "short") : null },
                _ => null,
            };
        }
    };

    private static void AssertEqual(FakeElasticsearch server, Workload workload, int seed)
    {
        var held = server.Cluster.Documents("items").ToDictionary(pair => pair.Key, pair => pair.Value["v"]!.GetValue<long>());
        var expected = workload.Rows.ToDictionary(pair => pair.Key.ToString(CultureInfo.InvariantCulture), pair => pair.Value);
        Assert.True(
            held.Count == expected.Count && expected.All(pair => held.GetValueOrDefault(pair.Key, -1) == pair.Value),
            $"seed {seed}: expected {string.Join(' ', expected)}, held {string.Join(' ', held)}");
        Assert.True(server.Cluster.Violations.Count == 0, $"seed {seed}: {string.Join("; ", server.Cluster.Violations)}");
    }

    private static async Task AssertCompareAsync(FakeElasticsearch server, TestEngine engine, Workload workload, int seed)
    {
        server.Script = _ => null;
        await using var sink = Sink(server);
        var result = await Comparer.CompareAsync(engine.Definition, engine.Source, sink, null, TimeProvider.System, null, Cancelled);
        Assert.True(result is { Different: 0, Extra: 0 } && result.Missing == workload.Poisons.Count, $"seed {seed}: {result}");
    }

    private static List<int> DeadLetters(TestEngine engine)
    {
        var ids = new List<int>();
        foreach (var (_, value) in engine.Records("copy.deadletters"))
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(value);
            using var header = JsonDocument.Parse(value.AsMemory(sizeof(int), length));
            if (header.RootElement.TryGetProperty("reason", out _))
                ids.Add(int.Parse(header.RootElement.GetProperty("key").GetString()!["id=".Length..], CultureInfo.InvariantCulture));
        }

        return ids;
    }

    private static TestChange Insert(int id, long v, string? note) => new(ChangeKind.Insert, null, TestTable.Row(id, v, note));

    // Random changes of few keys, and now and then a row that the server refuses, each under a key of its own.
    private sealed class Workload(Random random, ScriptedSource source)
    {
        private long _value;

        public Dictionary<int, long> Rows { get; } = [];

        public List<int> Poisons { get; } = [];

        public void Play(int transactions)
        {
            for (var i = 0; i < transactions; i++)
                source.Add([.. Enumerable.Range(0, 1 + random.Next(5)).Select(_ => Change())]);
        }

        private TestChange Change()
        {
            if (random.Next(150) == 0)
            {
                Poisons.Add(FirstPoison + Poisons.Count);
                return Insert(Poisons[^1], ++_value, "poison");
            }

            var (id, other) = (random.Next(Keys), random.Next(Keys));
            if (!Rows.TryGetValue(id, out var old))
                return Insert(id, Rows[id] = ++_value, null);
            switch (random.Next(5))
            {
                case 0:
                    Rows.Remove(id);
                    return TestChange.Delete(id, old);
                case 1 when !Rows.ContainsKey(other):
                    Rows.Remove(id);
                    Rows[other] = old;
                    return TestChange.Move(id, other, old);
                default:
                    return TestChange.Update(id, old, Rows[id] = ++_value);
            }
        }
    }
}
