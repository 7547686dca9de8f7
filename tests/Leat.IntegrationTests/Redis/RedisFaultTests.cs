using System.Globalization;
using Leat.Changes;
using Leat.Connectors.Redis;
using Leat.Demo;
using Xunit;
using static Leat.IntegrationTests.Redis.People;

namespace Leat.IntegrationTests.Redis;

/// <summary>What a real server says when it cannot, or may not, and what then becomes of the batch.</summary>
public sealed class RedisFaultTests
{
    private static readonly Person Ann = new(1, "Ann");

    private static Shape Rows => Shape("f", "id", "name");

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_replica_cannot_be_written_to_and_with_several_addresses_the_primary_is_found()
    {
        await using var primary = await TestServers.RedisAsync();
        await using var replica = await TestServers.RedisAsync();
        await RedisFixture.AskAsync(replica.Port, "REPLICAOF", "127.0.0.1", primary.Port.ToString(CultureInfo.InvariantCulture));

        var error = await Assert.ThrowsAsync<RetriableException>(() => DeliverAsync(Options(replica), Index(Rows, 1, Ann)));
        Assert.Equal($"Redis at {replica.Address} cannot take writes now: READONLY You can't write against a read only replica.", error.What);
        Assert.False(error.IsBusy);

        var both = Options(replica) with { OtherAddresses = [new("127.0.0.1", primary.Port)] };
        Assert.Equal([Answer.Applied], await DeliverAsync(both, Index(Rows, 1, Ann)));
        Assert.Equal("1", await RedisFixture.AskAsync(primary.Port, "EXISTS", "f:1"));

        // The primary goes, the replica takes over.
        await primary.KillAsync();
        await RedisFixture.AskAsync(replica.Port, "REPLICAOF", "NO", "ONE");
        Assert.Equal([Answer.Applied], await DeliverAsync(both, Index(Rows, 2, Ann)));
    }

    [Fact]
    public async Task A_replica_that_lost_its_primary_is_waited_for()
    {
        await using var replica = await TestServers.RedisAsync("--replica-serve-stale-data", "no", "--replica-read-only", "no");
        await RedisFixture.AskAsync(replica.Port, "REPLICAOF", "127.0.0.1", "1");

        var error = await Assert.ThrowsAsync<RetriableException>(() => DeliverAsync(Options(replica), Index(Rows, 1, Ann)));

        Assert.Equal($"Redis at {replica.Address} cannot take writes now: MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.", error.What);
    }

    [Fact]
    public async Task Too_few_replicas_are_busy()
    {
        await using var server = await TestServers.RedisAsync("--min-replicas-to-write", "1");

        var error = await Assert.ThrowsAsync<RetriableException>(() => DeliverAsync(Options(server), Index(Rows, 1, Ann)));

        Assert.Equal($"Redis at {server.Address} cannot take writes now: NOREPLICAS Not enough good replicas to write.", error.What);
        Assert.True(error.IsBusy);
    }

    [Fact]
    public async Task A_batch_counts_when_as_many_replicas_as_wanted_have_it()
    {
        await using var primary = await TestServers.RedisAsync();
        var options = Options(primary) with { WaitReplicas = 1, WaitTimeout = TimeSpan.FromMilliseconds(50) };

        var error = await Assert.ThrowsAsync<RetriableException>(() => DeliverAsync(options, Index(Rows, 1, Ann)));
        Assert.Equal(
            $"Redis at {primary.Address} wrote a batch, but 0 of 1 replicas confirmed it within 50 ms. Look at the replicas, or change `wait`; Leat sends the batch again. [LEAT-4222]",
            error.Message);
        Assert.True(error.IsBusy);

        await using var replica = await TestServers.RedisAsync();
        await RedisFixture.AskAsync(replica.Port, "REPLICAOF", "127.0.0.1", primary.Port.ToString(CultureInfo.InvariantCulture));
        Assert.Equal([Answer.Applied], await DeliverAsync(options with { WaitTimeout = TimeSpan.FromSeconds(20) }, Index(Rows, 2, Ann with { Id = 2 })));
        Assert.Equal("1", await RedisFixture.AskAsync(replica.Port, "EXISTS", "f:2"));
    }

    [Fact]
    public async Task A_server_that_has_too_many_connections_is_waited_for()
    {
        await using var server = await TestServers.RedisAsync("--maxclients", "2");
        using var one = new System.Net.Sockets.TcpClient("127.0.0.1", server.Port);
        using var two = new System.Net.Sockets.TcpClient("127.0.0.1", server.Port);

        var error = await Assert.ThrowsAsync<RetriableException>(() => DeliverAsync(Options(server), Index(Rows, 1, Ann)));

        Assert.Equal($"Redis at {server.Address} cannot take writes now: ERR max number of clients reached.", error.What);
    }

    [Fact]
    public async Task A_database_that_the_server_does_not_have_blocks_and_names_the_setting()
    {
        await using var server = await TestServers.RedisAsync("--databases", "2");

        var error = await Assert.ThrowsAsync<PauseException>(() => DeliverAsync(Options(server) with { Database = 2 }, Index(Rows, 1, Ann)));

        Assert.Equal($"Redis at {server.Address} refused the setting `database`: ERR DB index is out of range. Correct the setting. [LEAT-4207]", error.Message);
    }

    [Fact]
    public async Task A_command_that_the_server_does_not_have_blocks_and_refuses_no_row()
    {
        await using var server = await TestServers.RedisAsync("--rename-command", "UNLINK", "");

        var error = await Assert.ThrowsAsync<PauseException>(() => DeliverAsync(Options(server), Index(Rows, 1, Ann), Delete(Rows, 2, Ann)));

        Assert.Equal($"Redis at {server.Address} lacks a command that the sink needs: ERR unknown command 'UNLINK', with args beginning with: 'f:1'.", error.What);
    }

    [Fact]
    public async Task A_script_out_of_memory_or_on_a_replica_is_waited_for()
    {
        await using var server = await TestServers.RedisAsync();
        var guarded = Options(server) with { Guard = true };
        await DeliverAsync(guarded, Index(Rows, 1, Ann));
        await RedisFixture.AskAsync(server.Port, "CONFIG", "SET", "maxmemory", "1");

        var full = await Assert.ThrowsAsync<RetriableException>(() => DeliverAsync(guarded, Index(Rows, 2, Ann)));
        await RedisFixture.AskAsync(server.Port, "CONFIG", "SET", "maxmemory", "0");
        await RedisFixture.AskAsync(server.Port, "REPLICAOF", "127.0.0.1", "1");
        var demoted = await Assert.ThrowsAsync<RetriableException>(() => DeliverAsync(guarded, Index(Rows, 3, Ann)));

        Assert.StartsWith($"Redis at {server.Address} is out of memory: OOM command not allowed when used memory > 'maxmemory'", full.What, StringComparison.Ordinal);
        Assert.StartsWith($"Redis at {server.Address} cannot take writes now: READONLY You can't write against a read only replica", demoted.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_disk_that_cannot_be_written_to_is_waited_for()
    {
        await using var server = await TestServers.RedisAsync("--save", "3600 1", "--dbfilename", "taken.rdb");
        var folder = (await RedisFixture.AskAsync(server.Port, "CONFIG", "GET", "dir")).Split(' ')[1];
        Directory.CreateDirectory(Path.Combine(folder, "taken.rdb")); // where a file cannot be put
        await RedisFixture.AskAsync(server.Port, "BGSAVE");
        while (!(await RedisFixture.AskAsync(server.Port, "INFO", "persistence")).Contains("rdb_last_bgsave_status:err", StringComparison.Ordinal))
            await Task.Yield();

        var error = await Assert.ThrowsAsync<RetriableException>(() => DeliverAsync(Options(server), Index(Rows, 1, Ann)));

        Assert.StartsWith($"Redis at {server.Address} cannot take writes now: MISCONF ", error.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_runs_a_long_script_is_busy()
    {
        await using var server = await TestServers.RedisAsync("--lua-time-limit", "1");
        await using var sink = RedisFixture.Sink(Options(server));
        await using var lane = await sink.OpenLaneAsync(Lane(), default);
        var script = RedisFixture.AskAsync(server.Port, "EVAL", "while true do end", "0");
        RetriableException error;
        while (true)
        {
            try
            {
                await WriteAsync(lane, Index(Rows, 1, Ann)); // until the script has begun
            }
            catch (RetriableException busy)
            {
                error = busy;
                break;
            }
        }

        await RedisFixture.AskAsync(server.Port, "SCRIPT", "KILL");
        await script;
        Assert.Equal($"Redis at {server.Address} cannot take writes now: BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", error.What);
        Assert.True(error.IsBusy);
    }

    [Fact]
    public async Task Nothing_is_taken_for_granted_while_the_server_loads_its_data()
    {
        await using var server = await TestServers.RedisAsync("--enable-debug-command", "yes");
        var options = Options(server);
        await DeliverAsync(options, [.. Enumerable.Range(0, 500).Select(i => Index(Rows, i, new(i, new string('x', 500))))]);
        await RedisFixture.AskAsync(server.Port, "CONFIG", "SET", "key-load-delay", "2000");
        await RedisFixture.AskAsync(server.Port, "CONFIG", "SET", "loading-process-events-interval-bytes", "1024");

        var reload = RedisFixture.AskAsync(server.Port, "DEBUG", "RELOAD");
        LeatException? refused = null;
        while (!reload.IsCompleted && refused is null)
        {
            try
            {
                await DeliverAsync(options, Index(Rows, 1_000, Ann));
            }
            catch (RetriableException error)
            {
                refused = error;
            }
        }

        Assert.Equal("OK", await reload);
        Assert.Equal($"Redis at {server.Address} cannot take writes now: LOADING Redis is loading the dataset in memory.", refused?.What);
    }

    [Fact]
    public async Task A_server_that_wants_a_password_blocks_and_takes_it_from_the_settings()
    {
        await using var server = await TestServers.RedisAsync("--requirepass", "geheim");

        var error = await Assert.ThrowsAsync<PauseException>(() => DeliverAsync(Options(server), Index(Rows, 1, Ann)));
        Assert.Equal($"Redis at {server.Address} refused to sign in: NOAUTH Authentication required. Correct `user` and `password` of the sink. [LEAT-4204]", error.Message);
        Assert.Equal([Answer.Applied], await DeliverAsync(Options(server) with { Password = "geheim" }, Index(Rows, 1, Ann)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Killed_in_the_middle_and_started_again_it_holds_what_it_should(bool isPersistent)
    {
        await using var server = await TestServers.RedisAsync(isPersistent ? ["--appendonly", "yes", "--appendfsync", "always"] : []);
        var options = Options(server);
        await using var sink = RedisFixture.Sink(options);
        Operation[] batch = [.. Enumerable.Range(0, 2_000).Select(i => Index(Rows, i, new(i % 700, $"n{i}")))];
        var marker = new TargetMarker(Guid.Empty, 1, 2_000);
        await sink.WriteMarkerAsync("p", marker, Cancelled);
        await using (var lane = await sink.OpenLaneAsync(Lane(), Cancelled))
        {
            await WriteAsync(lane, batch[..1_000]);
            var writing = WriteAsync(lane, batch[1_000..]);
            await server.KillAsync();
            if (await Record.ExceptionAsync(() => writing) is { } lost)
                Assert.Equal(new ErrorCode(4201), Assert.IsType<RetriableException>(lost).Code);
        }

        await server.RestartAsync(Cancelled);

        // An emptied server is found out by its marker; one that kept its data goes on from the checkpoint.
        Assert.Equal(isPersistent ? marker : null, await sink.ReadMarkerAsync("p", Cancelled));
        await DeliverAsync(options, isPersistent ? batch[1_000..] : batch);
        await using var expecting = RedisFixture.Sink(options);
        var expected = batch.GroupBy(operation => operation.KeyHash).Select(group => Text(expecting.Expect(Rows, group.Last().Row.Span)));
        Assert.Equal(expected.Order(StringComparer.Ordinal), await ReadAsync(options, Rows));
    }

    [Fact]
    public async Task Scripts_that_are_forgotten_between_two_writes_are_brought_again_in_order()
    {
        await using var server = await TestServers.RedisAsync();
        var options = Options(server) with { Guard = true };
        await using var sink = RedisFixture.Sink(options);
        await using var lane = await sink.OpenLaneAsync(Lane(), Cancelled);
        for (var round = 0; round < 3; round++)
        {
            Assert.Equal([Answer.Applied, Answer.Applied], await WriteAsync(lane, Index(Rows, round * 10, Ann), Index(Rows, (round * 10) + 1, new(1, $"round {round}"))));
            await RedisFixture.AskAsync(server.Port, "SCRIPT", "FLUSH");
        }

        Assert.Equal(["f:1: id=1 name=round 2"], await ReadAsync(options, Rows));
    }

    private static RedisSinkOptions Options(PrivateRedis server) => new()
    {
        Host = "127.0.0.1", Port = server.Port, Keys = new Dictionary<string, KeyTemplate> { [""] = Template("f:{id}") },
    };
}
