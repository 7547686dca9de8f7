using Leat.Changes;
using Leat.Connectors.Redis;
using Xunit;
using static Leat.IntegrationTests.Redis.People;

namespace Leat.IntegrationTests.Redis;

/// <summary>A lane's offset in the transaction of its rows, and connections that were given up.</summary>
public sealed class RedisExactlyOnceTests : IAsyncLifetime
{
    private readonly RedisFixture _redis = new(); // a server for each test: offsets are the pipeline's, not the table's

    private static Shape List => Shape("log", "id");

    private static Shape Hash => Shape("row", "id", "name");

    private RedisSinkOptions Options => _redis.Options(("log", "log:{country}"), ("row", "row:{id}")) with
    {
        ExactlyOnce = true, Rules = new Dictionary<string, RedisRule> { ["log"] = new() { Structure = RedisStructure.List, AppendOnly = true } },
    };

    public ValueTask InitializeAsync() => _redis.InitializeAsync();

    public ValueTask DisposeAsync() => _redis.DisposeAsync();

    [Fact]
    public async Task Rows_and_offset_are_there_together_and_the_next_start_goes_on_behind_them()
    {
        await using var sink = RedisFixture.Sink(Options);
        await using (var lane = await sink.OpenLaneAsync(Lane(), default))
        {
            Assert.Equal(-1, lane.CommittedOffset);
            Assert.Equal([Answer.Applied, Answer.Applied], await WriteAsync(lane, Index(List, 5, new(1, Country: "DE")), Index(Hash, 6, new(1, "Ann"))));
            Assert.Equal([Answer.Applied], await WriteAsync(lane, Index(List, 7, new(2, Country: "DE"))));
        }

        Assert.Equal("0 1 11111111-2222-3333-4444-555555555555 1 7", await _redis.AskAsync("HGETALL", "leat:positions:p"));
        await using var again = await sink.OpenLaneAsync(Lane(laneOffset: 7), default);
        Assert.Equal(7, again.CommittedOffset);
        Assert.Equal("""{"id":1} {"id":2}""", await _redis.AskAsync("LRANGE", "log:DE", "0", "-1"));
    }

    [Fact]
    public async Task A_connection_that_was_given_up_cannot_write_late()
    {
        await using var sink = RedisFixture.Sink(Options);
        var other = RedisFixture.Sink(Options); // as another process would: its connections bear another log's name
        await using var late = await sink.OpenLaneAsync(Lane(), default);
        await WriteAsync(late, Index(List, 5, new(1, Country: "DE")));
        await using var taken = await other.OpenLaneAsync(Lane(log: Guid.Empty), default);

        var error = await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(late, Index(List, 6, new(2, Country: "DE"))));

        Assert.Equal(
            $"Another connection to Redis at {_redis.Server.Address} has taken lane 0 of pipeline 'p'; nothing of the batch was written. " +
            "Leat takes the lane again. When this goes on, a second Leat runs the same pipeline: stop one of them. [LEAT-4223]",
            error.Message);
        Assert.Equal("""{"id":1}""", await _redis.AskAsync("LRANGE", "log:DE", "0", "-1"));
    }

    [Fact]
    public async Task A_refused_element_is_known_before_and_the_offset_stays_below_it()
    {
        await _redis.AskAsync("SET", "log:FR", "no list");
        await using var sink = RedisFixture.Sink(Options);
        await using (var lane = await sink.OpenLaneAsync(Lane(), default))
        {
            var answers = await WriteAsync(lane, Index(List, 5, new(1, Country: "DE")), Index(List, 6, new(2, Country: "FR")), Index(Hash, 7, new(3, "Cid")));
            Assert.Equal([Answer.Applied, Answer.Refused("WRONGTYPE the key holds a string", "WRONGTYPE"), Answer.Applied], answers);
            Assert.Equal("0 1 11111111-2222-3333-4444-555555555555 1 5", await _redis.AskAsync("HGETALL", "leat:positions:p"));
            await WriteAsync(lane, Index(Hash, 8, new(4, "Dan")));
        }

        Assert.Equal("0 1 11111111-2222-3333-4444-555555555555 1 8", await _redis.AskAsync("HGETALL", "leat:positions:p"));
    }

    [Fact]
    public async Task Another_number_of_lanes_goes_on_from_what_all_have_and_another_log_from_the_start()
    {
        await using var sink = RedisFixture.Sink(Options);
        foreach (var (lane, offset) in new[] { (0, 20L), (1, 10L) })
        {
            await using var opened = await sink.OpenLaneAsync(Lane(lane: lane, lanes: 2), default);
            await WriteAsync(opened, Index(Hash, offset, new(lane, "x")));
        }

        await using (var one = await sink.OpenLaneAsync(Lane(checkpoint: 8), default))
            Assert.Equal(10, one.CommittedOffset);
        await using (var raised = await sink.OpenLaneAsync(Lane(epoch: 2, checkpoint: 8), default))
            Assert.Equal(7, raised.CommittedOffset);
        await using (var foreign = await sink.OpenLaneAsync(Lane(log: Guid.Empty), default))
            Assert.Equal(-1, foreign.CommittedOffset);
    }

    [Fact]
    public async Task A_server_that_is_empty_or_older_than_it_said_blocks()
    {
        await using var sink = RedisFixture.Sink(Options);
        var empty = await Assert.ThrowsAsync<PauseException>(async () => await sink.OpenLaneAsync(Lane(laneOffset: 7), default));
        await using (var lane = await sink.OpenLaneAsync(Lane(), default))
            await WriteAsync(lane, Index(Hash, 5, new(1, "x")));
        var older = await Assert.ThrowsAsync<PauseException>(async () => await sink.OpenLaneAsync(Lane(laneOffset: 7), default));

        Assert.Equal(
            $"Redis at {_redis.Server.Address} holds no offsets of pipeline 'p', whose checkpoint says that it wrote up to 7: it was emptied or replaced. Write all again with `leat redeliver p`. [LEAT-4224]",
            empty.Message);
        Assert.Equal(
            $"Redis at {_redis.Server.Address} holds lane 0 of pipeline 'p' up to offset 5, but had acknowledged 7: it lost writes, or an older state was restored. Write all again with `leat redeliver p`. [LEAT-4225]",
            older.Message);
    }

    [Fact]
    public async Task A_moved_keys_delete_alone_does_not_pass_its_offset()
    {
        await using var sink = RedisFixture.Sink(Options);
        await using (var lane = await sink.OpenLaneAsync(Lane(), default))
            await WriteAsync(lane, Index(Hash, 4, new(1, "x")), Delete(Hash, 5, new(1), ChangeKind.Update));

        await using var again = await sink.OpenLaneAsync(Lane(), default);
        Assert.Equal(4, again.CommittedOffset);
    }

    [Fact]
    public async Task The_marker_is_kept_and_one_that_cannot_be_read_blocks()
    {
        await using var sink = RedisFixture.Sink(Options);
        var marker = new TargetMarker(Guid.Empty, 3, 1_000_000);

        Assert.True(sink.KeepsMarker);
        Assert.Null(await sink.ReadMarkerAsync("p", default));
        await sink.WriteMarkerAsync("p", marker, default);
        Assert.Equal(marker, await sink.ReadMarkerAsync("p", default));
        await _redis.AskAsync("CLIENT", "KILL", "TYPE", "normal"); // the connection that is kept for it
        Assert.Equal(marker, await sink.ReadMarkerAsync("p", default));
        Assert.Null(await sink.ReadMarkerAsync("another", default));

        await _redis.AskAsync("HSET", "leat:marker:p", "epoch", "x");
        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.ReadMarkerAsync("p", default));
        Assert.Equal(
            $"The marker 'leat:marker:p' at Redis {_redis.Server.Address} cannot be read: log_id=00000000-0000-0000-0000-000000000000, epoch=x, offset=1000000. " +
            "Find out who wrote there; remove the key to begin anew, then write all again with `leat redeliver`. [LEAT-4226]",
            error.Message);
        await _redis.AskAsync("SET", "leat:marker:p", "x");
        Assert.Equal(new ErrorCode(4226), (await Assert.ThrowsAsync<PauseException>(async () => await sink.ReadMarkerAsync("p", default))).Code);
    }

    [Fact]
    public async Task Rows_that_the_replicas_do_not_have_do_not_count_for_the_next_connection_either()
    {
        await using var sink = RedisFixture.Sink(Options);
        await using (var lane = await sink.OpenLaneAsync(Lane(), default))
            await WriteAsync(lane, Index(Hash, 5, new(1, "x")));
        await using var waiting = RedisFixture.Sink(Options with { WaitReplicas = 1, WaitTimeout = TimeSpan.FromMilliseconds(1) });
        Assert.Equal(new ErrorCode(4222), (await Assert.ThrowsAsync<RetriableException>(async () => await waiting.OpenLaneAsync(Lane(), default))).Code);

        await using var replica = await TestServers.RedisAsync();
        await RedisFixture.AskAsync(replica.Port, "REPLICAOF", "127.0.0.1", _redis.Server.Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
        await using var patient = RedisFixture.Sink(Options with { WaitReplicas = 1, WaitTimeout = TimeSpan.FromSeconds(20) });
        await using var later = await patient.OpenLaneAsync(Lane(), default);
        Assert.Equal(5, later.CommittedOffset);
        Assert.Equal([Answer.Applied], await WriteAsync(later, Index(Hash, 6, new(2, "y"))));
        Assert.Equal("id 2 name y", await RedisFixture.AskAsync(replica.Port, "HGETALL", "row:2"));

        await replica.KillAsync();
        await using var lost = RedisFixture.Sink(Options with { WaitReplicas = 1, WaitTimeout = TimeSpan.FromMilliseconds(1) });
        Assert.Equal(new ErrorCode(4222), (await Assert.ThrowsAsync<RetriableException>(async () => await lost.OpenLaneAsync(Lane(), default))).Code);
    }

    [Fact]
    public async Task Merged_hashes_are_refused()
    {
        await using var sink = RedisFixture.Sink(Options.With(new() { Merge = true }));

        Assert.Equal(
            "The table 'row' has `mode: merge`, which `exactly_once` does not work with. Use hash or string that is replaced as a whole, or list with it, or take `exactly_once` out. [LEAT-4219]",
            (await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([Hash], default))).Message);
    }
}
