using Leat.Changes;
using Leat.Connectors.Redis;
using Xunit;

namespace Leat.IntegrationTests.Redis;

public sealed class RedisSinkTests(RedisFixture redis) : IClassFixture<RedisFixture>
{
    private static readonly TableSchema Orders = new(
        new("shop", "orders"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32 },
            new() { Name = "note", Kind = ColumnKind.String },
            new() { Name = "raw", Kind = ColumnKind.Binary },
            new() { Name = "at", Kind = ColumnKind.Timestamp, Scale = 3 },
        ],
        [0]);

    [Fact]
    public async Task Rows_become_hashes_and_a_null_field_goes_away()
    {
        var shape = Shape("t1");
        await Deliver(shape, Index(1, shape, 1, "a"));
        Assert.Equal("id 1 note a raw \0ÿ at 2026-01-05 08:00:00.123", (await redis.AskAsync("HGETALL", "t1:1")).Replace("\uFFFD", "ÿ", StringComparison.Ordinal));

        await Deliver(shape, Index(2, shape, 1, null));
        Assert.Equal("0", await redis.AskAsync("HEXISTS", "t1:1", "note"));
    }

    [Fact]
    public async Task Delivery_again_changes_nothing()
    {
        var shape = Shape("t2");
        Operation[] batch = [Index(1, shape, 1, "a"), Index(2, shape, 2, "b"), Delete(3, shape, 1), Index(4, shape, 2, "c")];

        await Deliver(shape, batch);
        var once = await Read(shape);
        await Deliver(shape, batch);

        Assert.Equal(["t2:2 2 c"], once);
        Assert.Equal(once, await Read(shape));
    }

    [Fact]
    public async Task Inserted_and_deleted_in_one_batch_leaves_nothing()
    {
        var shape = Shape("t3");

        await Deliver(shape, Index(1, shape, 7, "a"), Delete(2, shape, 7));

        Assert.Empty(await Read(shape));
    }

    [Fact]
    public async Task A_key_of_another_type_is_replaced()
    {
        var shape = Shape("t4");
        await redis.AskAsync("SET", "t4:1", "a string");

        await Deliver(shape, Index(1, shape, 1, "a"));

        Assert.Equal("hash", await redis.AskAsync("TYPE", "t4:1"));
    }

    [Fact]
    public async Task A_batch_of_many_transactions_arrives_whole_and_reading_gives_what_was_expected()
    {
        var shape = Shape("t5");
        Operation[] batch = [.. Enumerable.Range(0, 2_000).Select(i => Index(i, shape, i, $"Ünïcode {i}\r\n"))];

        await Deliver(shape, batch);

        await using var sink = Sink(shape);
        var expected = batch.Select(operation => sink.Expect(shape, operation.Row.Span)).ToDictionary(row => row.Key, Text);
        var found = new Dictionary<string, string>();
        await foreach (var row in sink.ReadAsync(shape, default))
            found[row.Key] = Text(row);
        Assert.Equal(expected, found);
    }

    [Fact]
    public async Task What_should_not_be_there_is_shown()
    {
        var shape = Shape("t6");
        await Deliver(shape, Index(1, shape, 1, "a"));
        await redis.AskAsync("HSET", "t6:1", "extra", "x");
        await redis.AskAsync("SET", "t6:foreign", "x");
        await using var sink = Sink(shape);

        var rows = new List<string>();
        await foreach (var row in sink.ReadAsync(shape, default))
            rows.Add(Text(row));

        Assert.Equal(
            [
                "t6:1 id=1 note=a raw=AP8= at=2026-01-05 08:00:00.123 extra=x",
                "t6:foreign (no hash)=WRONGTYPE Operation against a key holding the wrong kind of value",
            ],
            rows.Order());
    }

    [Fact]
    public async Task Letters_that_mean_something_to_a_scan_are_taken_as_they_are()
    {
        var shape = Shape("t[7]*");
        await Deliver(shape, Index(1, shape, 1, "a"));
        await redis.AskAsync("HSET", "t7x:1", "id", "1");

        Assert.Equal(["t[7]*:1 1 a"], await Read(shape));
    }

    [Fact]
    public async Task A_reader_never_sees_half_a_hash()
    {
        var shape = Shape("t8");
        await Deliver(shape, Index(0, shape, 1, "0"));
        var writing = Task.Run(async () =>
        {
            for (var i = 1; i < 200; i++)
                await Deliver(shape, [.. Enumerable.Range(0, 20).Select(j => Index((i * 20) + j, shape, 1, $"{i}"))]);
        });

        while (!writing.IsCompleted)
            Assert.Equal("4", await redis.AskAsync("HLEN", "t8:1"));
        await writing;
    }

    [Fact]
    public async Task Opening_a_lane_again_closes_its_earlier_connection()
    {
        var shape = Shape("t13");
        await using var sink = Sink(shape);
        var identity = Identity;
        await using var earlier = await sink.OpenLaneAsync(identity, default);
        await using var later = await sink.OpenLaneAsync(identity, default);

        await Assert.ThrowsAsync<RetriableException>(async () => await earlier.WriteAsync(new[] { Index(1, shape, 1, "late") }, new Answer[1], default));
        await later.WriteAsync(new[] { Index(1, shape, 1, "a") }, new Answer[1], default);

        Assert.Equal(["t13:1 1 a"], await Read(shape));
    }

    [Fact]
    public async Task A_wrong_password_blocks_and_names_the_setting()
    {
        await using var sink = RedisFixture.Sink(redis.Options(("", "t9:{id}")) with { User = "nobody", Password = "wrong" });

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([Shape("t9")], default));

        Assert.Equal(
            $"Redis at 127.0.0.1:{redis.Server.Port} refused to sign in: WRONGPASS invalid username-password pair or user is disabled. " +
            "Correct `user` and `password` of the sink. [LEAT-4204]",
            error.Message);
    }

    [Fact]
    public async Task A_user_who_may_not_write_blocks_and_names_the_command()
    {
        await redis.AskAsync("ACL", "SETUSER", "reader", "on", ">geheim", "~*", "+@read", "+ping", "+multi", "+exec", "+info", "+client");
        await using var sink = RedisFixture.Sink(redis.Options(("", "t10:{id}")) with { User = "reader", Password = "geheim" });
        await using var lane = await sink.OpenLaneAsync(Identity, default);

        var error = await Assert.ThrowsAsync<PauseException>(async () => await lane.WriteAsync(new[] { Index(1, Shape("t10"), 1, "a") }, new Answer[1], default));

        Assert.Equal(
            $"Redis at 127.0.0.1:{redis.Server.Port} does not permit what the sink needs: NOPERM this user has no permissions to run the 'hset' command. " +
            "Grant the user the commands that the connector's documentation lists, on the keys of the template and on `leat:*`. [LEAT-4205]",
            error.Message);
    }

    [Fact]
    public async Task Full_memory_is_a_passing_condition_and_eviction_is_warned_of()
    {
        await redis.AskAsync("CONFIG", "SET", "maxmemory", "1");
        try
        {
            var error = await Assert.ThrowsAsync<RetriableException>(() => Deliver(Shape("t11"), Index(1, Shape("t11"), 1, "a")));
            Assert.Equal(new ErrorCode(4203), error.Code);

            await redis.AskAsync("CONFIG", "SET", "maxmemory-policy", "allkeys-lru");
            await using var sink = Sink(Shape("t11"));
            var warning = Assert.Single(await sink.CheckAsync([Shape("t11")], default), finding => finding.Severity == Severity.Warning);
            Assert.Equal(
                $"Redis at 127.0.0.1:{redis.Server.Port} drops keys when memory is full (maxmemory-policy allkeys-lru); Leat would not notice.",
                warning.Message);
        }
        finally
        {
            await redis.AskAsync("CONFIG", "SET", "maxmemory-policy", "noeviction");
            await redis.AskAsync("CONFIG", "SET", "maxmemory", "0");
        }
    }

    [Fact]
    public async Task Check_says_that_all_is_well()
    {
        await using var sink = Sink(Shape("t12"));

        var finding = Assert.Single(await sink.CheckAsync([Shape("t12")], default));

        Assert.Equal(Severity.Ok, finding.Severity);
        Assert.Matches($@"^Redis \d+\.\d+\.\d+ answers at 127\.0\.0\.1:{redis.Server.Port}\.$", finding.Message);
    }

    private static LaneIdentity Identity => new("p", Guid.NewGuid(), 1, 0, 1, 0);

    private static Shape Shape(string alias) => new()
    {
        Alias = alias, Schema = Orders, Columns = [.. Orders.Columns.Select((column, i) => new ShapeColumn(column.Name, i))], Key = [0],
    };

    private static Operation Index(long offset, Shape shape, int id, string? note) => Make(OperationKind.Index, offset, shape, id, note);

    private static Operation Delete(long offset, Shape shape, int id) => Make(OperationKind.Delete, offset, shape, id, null);

    private static Operation Make(OperationKind kind, long offset, Shape shape, int id, string? note)
    {
        var row = new byte[200];
        var writer = new RowWriter(row, 4);
        writer.WriteUInt32((uint)id);
        if (note is null)
            writer.WriteNull();
        else
            writer.WriteString(note);
        writer.WriteBytes([0, 255]);
        writer.WriteUInt64((ulong)((new DateTime(2026, 1, 5, 8, 0, 0, 123, DateTimeKind.Utc) - DateTime.UnixEpoch).Ticks / 10));
        return new()
        {
            Kind = kind, Cause = ChangeKind.Update, Offset = offset, CommittedAtMicros = 0, Shape = shape, Row = row.AsMemory(0, writer.WrittenBytes), KeyHash = (ulong)id,
        };
    }

    private static string Text(TargetRow row) => $"{row.Key} {string.Join(' ', row.Fields.Select(field => $"{field.Key}={field.Value ?? "NULL"}"))}";

    private RedisSink Sink(Shape shape) => RedisFixture.Sink(redis.Options(("", $"{shape.Alias}:{{id}}")));

    private async Task Deliver(Shape shape, params Operation[] batch)
    {
        await using var sink = Sink(shape);
        await sink.PrepareAsync([shape], default);
        await using var lane = await sink.OpenLaneAsync(Identity, default);
        var answers = new Answer[batch.Length];
        await lane.WriteAsync(batch, answers, default);
        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
    }

    private async Task<IEnumerable<string>> Read(Shape shape)
    {
        await using var sink = Sink(shape);
        var rows = new List<string>();
        await foreach (var row in sink.ReadAsync(shape, default))
            rows.Add($"{row.Key} {row.Fields[0].Value} {row.Fields[1].Value}");
        return rows.Order();
    }
}
