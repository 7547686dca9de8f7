using System.Globalization;
using Leat.Changes;
using Leat.Connectors.Redis;
using Leat.Demo;
using Xunit;
using static Leat.IntegrationTests.Redis.People;

namespace Leat.IntegrationTests.Redis;

/// <summary>Three nodes that share the slots, for all tests of a class.</summary>
public sealed class ClusterFixture : IAsyncLifetime
{
    private readonly List<PrivateRedis> _nodes = [];
    private readonly List<string> _ids = [];

    public IReadOnlyList<PrivateRedis> Nodes => _nodes;

    /// <summary>The cluster's name of a node.</summary>
    public string IdOf(int node) => _ids[node];

    public async ValueTask InitializeAsync()
    {
        for (var i = 0; i < 3; i++)
        {
            _nodes.Add(await PrivateRedis.StartAsync(
                new()
                {
                    Folder = TestRunFolder.New(),
                    Arguments =
                    [
                        "--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no",
                        "--cluster-port", FreePorts.Next().ToString(CultureInfo.InvariantCulture), "--appendonly", "yes", "--appendfsync", "always",
                    ],
                },
                CancellationToken.None));
            _ids.Add(await AskAsync(i, "CLUSTER", "MYID"));
            await AskAsync(i, "CLUSTER", "ADDSLOTSRANGE", Text(i * 5_461), Text(i == 2 ? 16_383 : ((i + 1) * 5_461) - 1));
        }

        // A handshake that takes longer than the nodes' time limit is forgotten: whoever is not known after it is met again.
        while (true)
        {
            for (var i = 1; i < 3; i++)
                await AskAsync(0, "CLUSTER", "MEET", "127.0.0.1", Text(_nodes[i].Port), await BusPortOf(i));
            var met = TimeProvider.System.GetTimestamp();
            while (TimeProvider.System.GetElapsedTime(met) < TimeSpan.FromSeconds(5))
            {
                if (await KnowsAllAsync(0) && await KnowsAllAsync(1) && await KnowsAllAsync(2))
                    return;
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
    }

    public Task<string> AskAsync(int node, params string[] command) => RedisFixture.AskAsync(_nodes[node].Port, command);

    public RedisSinkOptions Options(string alias, string key, int from = 0) => new()
    {
        Host = "127.0.0.1", Port = _nodes[from].Port, Keys = new Dictionary<string, KeyTemplate> { [alias] = Template(key) },
    };

    /// <summary>Which node owns a slot, as all agree.</summary>
    public static int OwnerOf(int slot) => Math.Min(slot / 5_461, 2);

    public static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task<string> BusPortOf(int node) => (await AskAsync(node, "CONFIG", "GET", "cluster-port")).Split(' ')[1];

    private async Task<bool> KnowsAllAsync(int node)
    {
        var info = await AskAsync(node, "CLUSTER", "INFO");
        return info.Contains("cluster_state:ok", StringComparison.Ordinal) && info.Contains("cluster_slots_ok:16384", StringComparison.Ordinal) && info.Contains("cluster_known_nodes:3", StringComparison.Ordinal);
    }
}

/// <summary>A cluster of three: who owns a key, slots that move while rows are written, a node that goes and comes back.</summary>
public sealed class RedisClusterTests(ClusterFixture cluster) : IClassFixture<ClusterFixture>
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_key_is_written_to_its_owner_and_all_are_read_back()
    {
        var shape = Shape("a", "id", "name");
        var options = cluster.Options("a", "a:{id}", from: 1);
        Person[] people = [.. Enumerable.Range(0, 500).Select(i => new Person(i, $"n{i}"))];

        var answers = await DeliverAsync(options, [.. people.Select((person, i) => Index(shape, i, person)), Delete(shape, 600, people[0])]);

        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        for (var node = 0; node < 3; node++)
            Assert.InRange(int.Parse(await cluster.AskAsync(node, "DBSIZE"), CultureInfo.InvariantCulture), 100, 500);
        var (expected, found) = await FindAsync(options, shape, people[1..]);
        Assert.Equal(expected, found.Select(row => row ?? "nothing"));
        Assert.Equal(expected.Order(StringComparer.Ordinal), await ReadAsync(options, shape));
    }

    [Fact]
    public async Task The_marker_and_guarded_rows_are_where_they_belong()
    {
        var shape = Shape("g", "id", "name");
        var options = cluster.Options("g", "g:{id}") with { Guard = true };
        await using var sink = RedisFixture.Sink(options);
        foreach (var pipeline in new[] { "one", "two", "three", "four" })
        {
            var marker = new TargetMarker(Guid.Empty, 1, 7);
            await sink.WriteMarkerAsync(pipeline, marker, Cancelled);
            Assert.Equal(marker, await sink.ReadMarkerAsync(pipeline, Cancelled));
        }

        Operation[] batch = [.. Enumerable.Range(0, 100).SelectMany(i => new[] { Index(shape, 1_000 + i, new(i, "new")), Index(shape, 500 + i, new(i, "old")), Delete(shape, 700 + i, new(i)) })];
        var answers = await DeliverAsync(options, batch);

        Assert.Equal(100, answers.Count(answer => answer == Answer.Applied));
        Assert.Equal(200, answers.Count(answer => answer == Answer.Stale));
        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"g:{i}: id={i} name=new").Order(StringComparer.Ordinal), await ReadAsync(options, shape));
    }

    [Theory]
    [InlineData(RedisStructure.Hash)]
    [InlineData(RedisStructure.String)]
    [InlineData(RedisStructure.Set)]
    [InlineData(RedisStructure.Stream)]
    public async Task A_slot_that_moves_while_rows_are_written_loses_none_and_turns_none_back(RedisStructure structure)
    {
        var alias = $"m{(int)structure}";
        var shape = Shape(alias, "id", "name");
        var key = structure is RedisStructure.Set or RedisStructure.Stream ? $"{{{{{alias}}}}}:{{id}}" : $"{{{{{alias}}}}}:{{id}}"; // all in one slot
        var options = cluster.Options(alias, key).With(new() { Structure = structure, Member = Template("{name}-{id}") });
        var slot = KeySlot.Of(System.Text.Encoding.UTF8.GetBytes($"{{{alias}}}"));
        var (from, to) = (ClusterFixture.OwnerOf(slot), (ClusterFixture.OwnerOf(slot) + 1) % 3);
        await using var sink = RedisFixture.Sink(options);
        await using var lane = await sink.OpenLaneAsync(Lane(), Cancelled);
        var held = new Dictionary<int, Person>();
        var offset = 0;
        Operation[] Changes(int round) => [.. Enumerable.Range(0, 60).Select(i =>
        {
            var person = new Person(i % 30, $"{round}.{i}");
            var change = Index(shape, offset++, person, held.TryGetValue(person.Id, out var before) ? before : null);
            held[person.Id] = person;
            return change;
        })];

        await WriteAsync(lane, Changes(0));
        await cluster.AskAsync(to, "CLUSTER", "SETSLOT", ClusterFixture.Text(slot), "IMPORTING", cluster.IdOf(from));
        await cluster.AskAsync(from, "CLUSTER", "SETSLOT", ClusterFixture.Text(slot), "MIGRATING", cluster.IdOf(to));
        for (var round = 1; round <= 3; round++)
        {
            // Some keys have moved, some have not, and some are new.
            var keys = (await cluster.AskAsync(from, "CLUSTER", "GETKEYSINSLOT", ClusterFixture.Text(slot), "10")).Split(' ', StringSplitOptions.RemoveEmptyEntries);
            foreach (var one in keys)
                await cluster.AskAsync(from, "MIGRATE", "127.0.0.1", ClusterFixture.Text(cluster.Nodes[to].Port), one, "0", "5000");
            Assert.All(await WriteAsync(lane, Changes(round)), answer => Assert.Equal(AnswerKind.Applied, answer.Kind == AnswerKind.Stale && structure == RedisStructure.Stream ? AnswerKind.Applied : answer.Kind));
        }

        foreach (var one in (await cluster.AskAsync(from, "CLUSTER", "GETKEYSINSLOT", ClusterFixture.Text(slot), "100")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
            await cluster.AskAsync(from, "MIGRATE", "127.0.0.1", ClusterFixture.Text(cluster.Nodes[to].Port), one, "0", "5000");
        foreach (var node in new[] { to, from, 3 - from - to })
            await cluster.AskAsync(node, "CLUSTER", "SETSLOT", ClusterFixture.Text(slot), "NODE", cluster.IdOf(to));
        await WriteAsync(lane, Changes(4)); // MOVED, and followed

        var expected = held.Values.Select(person => Text(sink.Expect(shape, person.Encode()))).Order(StringComparer.Ordinal);
        Assert.Equal(expected, await ReadAsync(options, shape));
        if (structure == RedisStructure.Stream)
            Assert.Equal("10", await cluster.AskAsync(to, "XLEN", $"{{{alias}}}:7")); // two in each of five rounds
    }

    [Fact]
    public async Task A_node_that_is_killed_is_waited_for_and_gets_what_it_missed()
    {
        var shape = Shape("k", "id", "name");
        var options = cluster.Options("k", "k:{id}", from: 0) with { OtherAddresses = [new("127.0.0.1", cluster.Nodes[1].Port)], ConnectTimeout = TimeSpan.FromSeconds(2) };
        await using var sink = RedisFixture.Sink(options);
        Operation[] batch = [.. Enumerable.Range(0, 300).Select(i => Index(shape, i, new(i, $"n{i}")))];
        await using (var lane = await sink.OpenLaneAsync(Lane(), Cancelled))
        {
            await WriteAsync(lane, batch[..150]);
            await cluster.Nodes[2].KillAsync();
            Assert.Equal(new ErrorCode(4201), (await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(lane, batch[150..]))).Code);
        }

        var down = await Assert.ThrowsAsync<RetriableException>(async () => await sink.OpenLaneAsync(Lane(), Cancelled));
        Assert.Contains(down.Code, new[] { new ErrorCode(4200), new ErrorCode(4202) });

        await cluster.Nodes[2].RestartAsync(Cancelled);
        while (true)
        {
            try
            {
                await DeliverAsync(options, batch);
                break;
            }
            catch (RetriableException)
            {
                await Task.Yield(); // until the node has been taken back
            }
        }

        Assert.Equal(batch.Select(operation => Text(sink.Expect(shape, operation.Row.Span))).Order(StringComparer.Ordinal), await ReadAsync(options, shape));
    }

    [Fact]
    public async Task What_works_on_one_server_only_is_refused_by_name()
    {
        await using var sink = RedisFixture.Sink(cluster.Options("a", "a:{id}") with { ExactlyOnce = true });

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([Shape("a")], Cancelled));

        Assert.Equal(
            $"Redis at {cluster.Nodes[0].Address} is a node of a cluster, where `exactly_once` cannot be. Take `exactly_once` out, or use a server that is not in cluster mode. [LEAT-4206]",
            error.Message);
        Assert.Equal(new ErrorCode(4206), Assert.Single(await sink.CheckAsync([Shape("a")], Cancelled), finding => finding.Severity == Severity.Error).Code);
    }

    [Fact]
    public async Task A_cluster_without_an_owner_for_a_key_is_waited_for()
    {
        await using var alone = await TestServers.RedisAsync("--cluster-enabled", "yes", "--cluster-port", ClusterFixture.Text(FreePorts.Next()));
        var options = new RedisSinkOptions { Host = "127.0.0.1", Port = alone.Port, Keys = new Dictionary<string, KeyTemplate> { [""] = Template("a:{id}") } };

        var error = await Assert.ThrowsAsync<RetriableException>(() => DeliverAsync(options, Index(Shape("a", "id"), 1, new(1))));

        Assert.Equal($"Redis at {alone.Address} cannot take writes now: CLUSTERDOWN no node owns slot {KeySlot.Of("a:1"u8)}.", error.What);
    }
}
