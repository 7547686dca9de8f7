using System.Net;
using System.Net.Sockets;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Connectors.Redis;
using Leat.Tests.Changes;
using Leat.Tests.Pipeline;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Redis;

public sealed class RedisSinkTests
{
    private static readonly TableSchema Orders = new(
        new("shop", "orders"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32 },
            new() { Name = "note", Kind = ColumnKind.String },
            new() { Name = "raw", Kind = ColumnKind.Binary },
        ],
        [0]);

    private static readonly Shape OrdersShape = Shape("orders", Orders, 0);

    private static readonly TableSchema Pairs = new(
        new("shop", "pairs"), [new() { Name = "a", Kind = ColumnKind.String }, new() { Name = "b", Kind = ColumnKind.String }], [0, 1]);

    [Fact]
    public async Task A_hash_is_replaced_as_a_whole_in_one_transaction_and_null_is_left_out()
    {
        await using var server = new FakeRedis("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:2\r\n" + ":1\r\n");

        var answers = await Write(server, Index(1, 17, null), Delete(2, 17));

        Assert.Equal([Answer.Applied, Answer.Applied], answers);
        Assert.Equal(
            "*1|$5|MULTI|*2|$3|DEL|$8|order:17|*4|$4|HSET|$8|order:17|$2|id|$2|17|*1|$4|EXEC|*2|$6|UNLINK|$8|order:17|",
            Lines(server.Received[0]));
    }

    [Theory]
    [InlineData("{a}:{b}", null, "", "%NULL:")]
    [InlineData("{a}:{b}", "%NULL", null, "%25NULL:%NULL")]
    public void Keys_of_a_table_without_a_key_tell_null_from_texts(string template, string? a, string? b, string key)
    {
        var keyless = new TableSchema(Pairs.Table, Pairs.Columns, [0, 1]) { IsKeyless = true };

        Assert.Equal(key, Sink(1, ("", template)).Expect(Shape("pairs", keyless, 0, 1), Rows.Encode(keyless, a, b)).Key);
    }

    [Fact]
    public void A_single_column_that_stands_in_for_a_key_tells_null_from_texts()
    {
        var keyless = new TableSchema(new("shop", "words"), [new() { Name = "word", Kind = ColumnKind.String }], [0]) { IsKeyless = true };
        var sink = Sink(1, ("", "w:{word}"));

        Assert.Equal("w:%NULL", sink.Expect(Shape("words", keyless, 0), Rows.Encode(keyless, [null])).Key);
        Assert.Equal("w:%25NULL", sink.Expect(Shape("words", keyless, 0), Rows.Encode(keyless, "%NULL")).Key);
    }

    [Theory]
    [InlineData("LOADING Redis is loading the dataset in memory", "cannot take writes now", 4202)]
    [InlineData("MASTERDOWN Link with MASTER is down", "cannot take writes now", 4202)]
    [InlineData("CLUSTERDOWN The cluster is down", "cannot take writes now", 4202)]
    [InlineData("TRYAGAIN Multiple keys request during rehashing", "cannot take writes now", 4202)]
    [InlineData("READONLY You can't write against a read only replica.", "cannot take writes now", 4202)]
    [InlineData("BUSY Redis is busy running a script.", "cannot take writes now", 4202)]
    [InlineData("MISCONF Errors writing to the AOF file", "cannot take writes now", 4202)]
    [InlineData("NOREPLICAS Not enough good replicas to write.", "cannot take writes now", 4202)]
    [InlineData("OOM command not allowed when used memory > 'maxmemory'.", "is out of memory", 4203)]
    public async Task A_passing_condition_is_tried_again(string error, string what, int code)
    {
        await using var server = new FakeRedis($"+OK\r\n-{error}\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of previous errors.\r\n");

        var thrown = await Assert.ThrowsAsync<RetriableException>(() => Write(server, Index(1, 1, "x")));

        Assert.Equal(new ErrorCode(code), thrown.Code);
        Assert.Equal($"Redis at 127.0.0.1:{server.Port} {what}: {error.TrimEnd('.')}.", thrown.What);
    }

    [Theory]
    [InlineData("NOAUTH Authentication required.", "refused to sign in", 4204)]
    [InlineData("WRONGPASS invalid username-password pair or user is disabled.", "refused to sign in", 4204)]
    [InlineData("NOPERM this user has no permissions to run the 'hset' command", "does not permit what the sink needs", 4205)]
    public async Task An_operators_condition_blocks(string error, string what, int code)
    {
        await using var server = new FakeRedis($"+OK\r\n+QUEUED\r\n-{error}\r\n-EXECABORT Transaction discarded because of previous errors.\r\n");

        var thrown = await Assert.ThrowsAsync<PauseException>(() => Write(server, Index(1, 1, "x")));

        Assert.Equal(new ErrorCode(code), thrown.Code);
        Assert.Equal($"Redis at 127.0.0.1:{server.Port} {what}: {error.TrimEnd('.')}.", thrown.What);
    }

    [Fact]
    public async Task What_exec_says_of_the_whole_transaction_counts()
    {
        await using var server = new FakeRedis(
            "+OK\r\n+QUEUED\r\n+QUEUED\r\n-EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica.\r\n");

        Assert.Equal(new ErrorCode(4202), (await Assert.ThrowsAsync<RetriableException>(() => Write(server, Index(1, 1, "x")))).Code);
    }

    [Fact]
    public async Task A_refused_operation_is_told_apart_and_the_others_are_applied()
    {
        await using var server = new FakeRedis(
            "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n"
            + "+OK\r\n+QUEUED\r\n-ERR value too strange\r\n-EXECABORT Transaction discarded because of previous errors.\r\n"
            + "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:1\r\n");

        var answers = await Write(server, Index(1, 1, "a"), Index(2, 2, "b"), Index(3, 1, "c"));

        Assert.Equal([Answer.Applied, Answer.Refused("ERR value too strange", "ERR"), Answer.Applied], answers);
    }

    [Fact]
    public async Task An_error_of_one_command_when_it_runs_refuses_its_operation_alone()
    {
        await using var server = new FakeRedis("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n:1\r\n");

        var answers = await Write(server, Index(1, 1, "a"), Delete(2, 2));

        Assert.Equal([Answer.Refused("WRONGTYPE Operation against a key holding the wrong kind of value", "WRONGTYPE"), Answer.Applied], answers);
    }

    [Fact]
    public async Task A_row_without_nulls_is_set_and_counted_and_written_exactly_when_something_else_is_there()
    {
        const string Exact = "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:3\r\n";
        await using var server = new FakeRedis(":3\r\n:4\r\n" + ":3\r\n:3\r\n" + ":0\r\n:4\r\n", Exact + Exact);

        var answers = await Write(server, Whole(1, 1, "a"), Whole(2, 2, "b"), Whole(3, 1, "c"));

        Assert.Equal([Answer.Applied, Answer.Applied, Answer.Applied], answers);
        Assert.StartsWith("*8|$4|HSET|$7|order:1|$2|id|$1|1|$4|note|$1|a|$3|raw|$1|r|*2|$4|HLEN|$7|order:1|*8|", Lines(server.Received[0]), StringComparison.Ordinal);
        Assert.Equal(
            "*1|$5|MULTI|*2|$3|DEL|$7|order:1|*8|$4|HSET|$7|order:1|$2|id|$1|1|$4|note|$1|a|$3|raw|$1|r|*1|$4|EXEC|"
            + "*1|$5|MULTI|*2|$3|DEL|$7|order:1|*8|$4|HSET|$7|order:1|$2|id|$1|1|$4|note|$1|c|$3|raw|$1|r|*1|$4|EXEC|",
            Lines(server.Received[1]));
    }

    [Fact]
    public async Task A_value_that_became_null_is_never_seen_beside_the_new_row()
    {
        await using var server = new FakeRedis("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:2\r\n" + ":2\r\n:2\r\n");

        await Write(
            server,
            Whole(1, 1, null) with { Before = Rows.Encode(Orders, 1L, "was", "r"u8.ToArray()) },
            Whole(2, 2, null) with { Before = Rows.Encode(Orders, 2L, null, "s"u8.ToArray()) });

        Assert.Equal(
            "*1|$5|MULTI|*2|$3|DEL|$7|order:1|*6|$4|HSET|$7|order:1|$2|id|$1|1|$3|raw|$1|r|*1|$4|EXEC|*6|$4|HSET|$7|order:2|$2|id|$1|2|$3|raw|$1|r|*2|$4|HLEN|$7|order:2|",
            Lines(server.Received[0]));
    }

    [Fact]
    public async Task A_lost_connection_is_tried_again_and_the_lane_is_not_used_on()
    {
        await using var server = new FakeRedis("");
        await using var sink = Sink(server.Port);
        await using var lane = await sink.OpenLaneAsync(new("p", Guid.Empty, 1, 0, 1, 0), default);

        var first = await Assert.ThrowsAsync<RetriableException>(async () => await lane.WriteAsync(new[] { Index(1, 1, "a") }, new Answer[1], default));
        var second = await Assert.ThrowsAsync<RetriableException>(async () => await lane.WriteAsync(new[] { Index(1, 1, "a") }, new Answer[1], default));

        Assert.Equal(
            $"The connection to Redis at 127.0.0.1:{server.Port} was lost: the server closed the connection. " +
            "Leat connects again by itself and repeats what was not answered. [LEAT-4201]",
            first.Message);
        Assert.Equal(new ErrorCode(4201), second.Code);
    }

    [Fact]
    public async Task A_server_that_is_down_says_where_and_what_to_do()
    {
        await using var closed = new FakeRedis();
        var port = closed.Port;
        await closed.DisposeAsync();
        await using var sink = Sink(port);

        var error = await Assert.ThrowsAsync<RetriableException>(async () => await sink.PrepareAsync([OrdersShape], default));

        Assert.Equal(
            $"Redis at 127.0.0.1:{port} cannot be reached: Connection refused. Start it, or correct `address`; Leat tries again by itself. [LEAT-4200]",
            error.Message);
    }

    [Fact]
    public async Task Every_start_warns_of_keys_that_may_be_evicted()
    {
        const string Info = "redis_version:7.0.15\r\nmaxmemory:1048576\r\nmaxmemory_policy:allkeys-lfu\r\n";
        await using var server = new FakeRedis($"${Info.Length}\r\n{Info}\r\n");
        var log = new ListedLog();
        await using var sink = Sink(server.Port, log);

        await sink.PrepareAsync([OrdersShape], default);

        Assert.Equal(
            [
                $"Redis at 127.0.0.1:{server.Port} drops keys when memory is full (maxmemory-policy allkeys-lfu); Leat would not notice. "
                + "Set `maxmemory-policy noeviction`, if the copy has to be complete.",
            ],
            log.Of(4200));
    }

    [Fact]
    public async Task Who_may_not_ask_what_the_server_is_may_write()
    {
        await using var server = new FakeRedis("-NOPERM this user has no permissions to run the 'info' command\r\n");
        await using var sink = Sink(server.Port);

        Assert.Equal(2_000, (await sink.PrepareAsync([OrdersShape], default)).MaxBatchOperations);
    }

    [Fact]
    public async Task A_connection_that_breaks_in_the_handshake_is_tried_again()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using var sink = new RedisSink(
            new() { Host = "127.0.0.1", Port = port, Tls = true, Keys = new Dictionary<string, KeyTemplate>() }, new("p", NullLoggerFactory.Instance, TimeProvider.System));

        var opening = sink.OpenLaneAsync(new("p", Guid.Empty, 1, 0, 1, 0), default).AsTask();
        using (var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken))
            await client.GetStream().ReadExactlyAsync(new byte[5], TestContext.Current.CancellationToken);

        var error = await Assert.ThrowsAsync<RetriableException>(() => opening);
        Assert.Equal(new ErrorCode(4200), error.Code);
        Assert.EndsWith(" (in the TLS handshake: does the port speak TLS?).", error.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_protocol_is_not_taken_for_redis()
    {
        await using var server = new FakeRedis("PING HTTP/1.1 400 Bad Request\r\n\r\n");
        await using var sink = Sink(server.Port);

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([OrdersShape], default));

        Assert.Equal(
            $"What answers at 127.0.0.1:{server.Port} does not speak the Redis protocol: A reply begins with byte 0x48, which no reply of RESP2 does. " +
            "Correct `address` and `tls`. [LEAT-4209]",
            error.Message);
    }

    [Theory]
    [InlineData("{a}:{b}", "x", "y", "x:y")]
    [InlineData("{a}:{b}", "x:y", "z", "x%3Ay:z")]
    [InlineData("{a}:{b}", "x", "y:z", "x:y%3Az")]
    [InlineData("{a}:{b}", "50%", "", "50%25:")]
    [InlineData("p-{a}-{b}-s", "1-2", "3", "p-1%2D2-3-s")]
    [InlineData("{table}:{b}:{{{a}}}", "1", "2", "pairs:2:{1}")]
    public void Parts_of_a_key_cannot_be_taken_for_each_other(string template, string a, string b, string key) =>
        Assert.Equal(key, Sink(1, ("", template)).Expect(Shape("pairs", Pairs, 0, 1), Rows.Encode(Pairs, a, b)).Key);

    [Fact]
    public void Random_keys_of_several_parts_never_meet()
    {
        var random = new Random(42);
        var sink = Sink(1, ("", "k:{a}::{b}"));
        var shape = Shape("pairs", Pairs, 0, 1);
        var keys = new Dictionary<string, (string, string)>();
        string Some() => new([.. Enumerable.Range(0, random.Next(4)).Select(_ => ":%3A2"[random.Next(5)])]);

        for (var i = 0; i < 20_000; i++)
        {
            var parts = (Some(), Some());
            var key = sink.Expect(shape, Rows.Encode(Pairs, parts.Item1, parts.Item2)).Key;
            Assert.Equal(parts, keys.GetValueOrDefault(key, parts));
            keys[key] = parts;
        }
    }

    [Theory]
    [InlineData("order:{nothing}", "The template 'order:{nothing}' of table 'orders' names the column nothing, which the table does not have. Correct the name; a renamed column goes by its new name. [LEAT-4216]")]
    [InlineData("order:{note}", "The key template 'order:{note}' of table 'orders' lacks the key column id: several rows would share one key. Put `{id}` into the template. [LEAT-4211]")]
    [InlineData("order:1", "The key template 'order:1' of table 'orders' lacks the key column id: several rows would share one key. Put `{id}` into the template. [LEAT-4211]")]
    public async Task A_template_that_does_not_fit_is_refused(string template, string message)
    {
        await using var sink = Sink(1, ("orders", template));

        Assert.Equal(message, (await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([OrdersShape], default))).Message);
    }

    [Fact]
    public async Task Columns_that_can_change_need_a_source_that_tells_rows_whole()
    {
        await using var sink = Sink(1, ("orders", "order:{note}:{id}"));

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([Shape("orders", Orders.As(partial: true), 0)], default));

        Assert.Equal(
            "Keys or members of table 'orders' ('order:{note}:{id}') are made of note, which is not a column of its primary key, and the source does not tell rows whole: when it changed, the old one would stay. "
            + "Have the source log whole rows (MySQL: binlog_row_image=FULL), or take `{note}` out. [LEAT-4212]",
            error.Message);
    }

    [Fact]
    public async Task A_score_is_a_number()
    {
        Assert.True(KeyTemplate.TryParse("all", out var key));
        Assert.True(KeyTemplate.TryParse("{id}", out var member));
        var rule = new RedisRule { Structure = RedisStructure.SortedSet, Member = member, ScoreColumn = "note" };
        await using var sink = new RedisSink(
            new() { Host = "127.0.0.1", Port = 1, Keys = new Dictionary<string, KeyTemplate> { [""] = key }, Rules = new Dictionary<string, RedisRule> { [""] = rule } },
            new("p", NullLoggerFactory.Instance, TimeProvider.System));

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([OrdersShape], default));

        Assert.Equal("The setting `score` of table 'orders' names the column note, which is of kind String. Name a column that is a number or a time. [LEAT-4217]", error.Message);
    }

    [Fact]
    public async Task Templates_that_cannot_be_told_apart_are_refused()
    {
        var pairs = Shape("pairs", Pairs, 0, 1);
        await using var joined = Sink(1, ("pairs", "{a}{b}"));
        await using var shared = Sink(1, ("orders", "x:{id}"), ("pairs", "x:y:{a}:{b}"));
        await using var missing = Sink(1, ("orders", "x:{id}"));

        Assert.Equal(
            "The key template '{a}{b}' of table 'pairs' has two columns with nothing between: (1, 23) and (12, 3) would share one key. Put a ':' between them. [LEAT-4213]",
            (await Assert.ThrowsAsync<PauseException>(async () => await joined.PrepareAsync([pairs], default))).Message);
        Assert.Equal(
            "The keys of the tables 'orders' and 'pairs' both begin with 'x:': rows of the two could share one key. Begin the templates differently, for example with `{table}:`. [LEAT-4214]",
            (await Assert.ThrowsAsync<PauseException>(async () => await shared.PrepareAsync([OrdersShape, pairs], default))).Message);
        Assert.Equal(
            "The table 'pairs' has no key template. Add one under `key:`, for example `pairs: \"pairs:{id}\"`. [LEAT-4210]",
            (await Assert.ThrowsAsync<PauseException>(async () => await missing.PrepareAsync([pairs], default))).Message);
    }

    [Theory]
    [InlineData("127.0.0.1:6380", "127.0.0.1:6380")]
    [InlineData("cache", "cache:6379")]
    [InlineData("[::1]:6380", "::1:6380")]
    [InlineData("::1", "::1:6379")]
    public void Addresses_have_a_host_and_maybe_a_port(string written, string read)
    {
        var (options, problems) = Read(("address", written), ("key", "order:{id}"));

        Assert.Equal(read, options.Address);
        Assert.Empty(problems);
    }

    [Fact]
    public void Settings_that_are_wrong_are_all_told()
    {
        var (_, problems) = Read(("address", "redis://x:99999"), ("key", "order:{id"), ("user", "leat"), ("databse", "1"));

        Assert.Equal(
            [
                "sink.redis.address: expected a host and port such as 127.0.0.1:6379, got 'redis://x:99999'.",
                "sink.redis.key: expected a key template such as \"order:{id}\", with a column's name between each pair of braces, got 'order:{id'.",
                "sink.redis.password: expected a password, because `user` is set, got nothing.",
                "'databse' is not a setting of sink.redis.",
            ],
            problems.Select(problem => problem.Message));
    }

    [Theory]
    [InlineData("structure", "set", "sink.redis.member: expected a template of the member such as \"{id}\", because `structure` is set, got nothing.")]
    [InlineData("structure", "list", "sink.redis.append_only: expected true, because `structure` is list: an element cannot be found again to be changed or removed, and after a crash the last ones come twice, got nothing.")]
    [InlineData("structure", "heap", "sink.redis.structure: expected one of hash, string, json, set, sorted_set, stream, list, channel, got 'heap'.")]
    [InlineData("tls_ca", "ca.pem", "sink.redis.tls_ca: expected nothing, because `tls` is false, got 'ca.pem'.")]
    [InlineData("ttl_mode", "keep", "sink.redis.ttl_mode: expected refresh, because a key that is replaced as a whole has no time left to keep, got 'keep'.")]
    [InlineData("ttl", "soon", "sink.redis.ttl: expected a time with its unit from 1ms to 36500d, such as 200ms or 5s, got 'soon'.")]
    [InlineData("member", "{", "sink.redis.member: expected a template of the member such as \"{id}\", with a column's name between each pair of braces, got '{'.")]
    public void A_setting_that_does_not_fit_the_others_is_told(string key, string value, string message)
    {
        var (_, problems) = Read(("address", "x"), ("key", "order:{id}"), (key, value));

        Assert.Equal(message, Assert.Single(problems).Message);
    }

    [Fact]
    public void Certificate_and_key_belong_together_and_versions_and_offsets_do_not()
    {
        var (_, problems) = Read(("address", "x"), ("key", "order:{id}"), ("tls", "true"), ("tls_cert", "c.pem"), ("guard", "version"), ("exactly_once", "true"));

        Assert.Equal(
            [
                "sink.redis.tls_key: expected a file, because the other of `tls_cert` and `tls_key` is set, got nothing.",
                "sink.redis.guard: expected none, because with `exactly_once` no old value is ever written again, got 'version'.",
            ],
            problems.Select(problem => problem.Message));
    }

    [Fact]
    public void A_table_has_the_settings_of_its_block_and_else_those_above()
    {
        var at = new FileLocation("leat.yaml", 1, 1);
        ConfigEntry Entry(string key, string value) => new(key, at, new ConfigScalar(at, value, false));
        var tables = new ConfigMap(at, [new("orders", at, new ConfigMap(at, [Entry("key", "o:{id}"), Entry("structure", "sorted_set"), Entry("member", "{id}"), Entry("score", "total")]))]);
        var map = new ConfigMap(at, [Entry("address", "x"), Entry("key", "{table}:{id}"), Entry("ttl", "1h"), new("tables", at, tables)]);
        var problems = new List<Finding>();

        var options = RedisSinkOptions.Read(new(map, "sink.redis", problems));

        Assert.Empty(problems);
        Assert.Equal("o:{id}", options.Keys["orders"].Text);
        Assert.Equal("{table}:{id}", options.Keys[""].Text);
        Assert.Equal((RedisStructure.SortedSet, "total", TimeSpan.FromHours(1)), (options.RuleOf("orders").Structure, options.RuleOf("orders").ScoreColumn, options.RuleOf("orders").Ttl));
        Assert.Equal(RedisStructure.Hash, options.RuleOf("customers").Structure);
    }

    private static (RedisSinkOptions Options, List<Finding> Problems) Read(params (string Key, string Value)[] entries)
    {
        var at = new FileLocation("leat.yaml", 1, 1);
        var problems = new List<Finding>();
        var map = new ConfigMap(at, [.. entries.Select(entry => new ConfigEntry(entry.Key, at, new ConfigScalar(at, entry.Value, false)))]);
        return (RedisSinkOptions.Read(new(map, "sink.redis", problems)), problems);
    }

    private static Shape Shape(string alias, TableSchema schema, params int[] key) => new()
    {
        Alias = alias, Schema = schema, Columns = [.. schema.Columns.Select((column, i) => new ShapeColumn(column.Name, i))], Key = [.. key],
    };

    private static RedisSink Sink(int port, params (string Alias, string Template)[] keys) => Sink(port, NullLoggerFactory.Instance, keys);

    private static RedisSink Sink(int port, ILoggerFactory loggers, params (string Alias, string Template)[] keys)
    {
        var templates = (keys.Length > 0 ? keys : [("", "order:{id}")]).ToDictionary(
            pair => pair.Alias, pair => KeyTemplate.TryParse(pair.Template, out var template) ? template : throw new ArgumentException(pair.Template));
        return new(new() { Host = "127.0.0.1", Port = port, Keys = templates }, new("p", loggers, TimeProvider.System));
    }

    private static Operation Index(long offset, long id, string? note) => Make(OperationKind.Index, offset, Rows.Encode(Orders, id, note, null));

    // Without a NULL, as long as there is a note.
    private static Operation Whole(long offset, long id, string? note) => Make(OperationKind.Index, offset, Rows.Encode(Orders, id, note, "r"u8.ToArray()));

    private static string Lines(string commands) => commands.Replace("\r\n", "|", StringComparison.Ordinal);

    private static Operation Delete(long offset, long id) => Make(OperationKind.Delete, offset, Rows.Encode(Orders, id, null, null));

    private static Operation Make(OperationKind kind, long offset, byte[] row) => new()
    {
        Kind = kind, Cause = ChangeKind.Update, Offset = offset, CommittedAtMicros = 0, Shape = OrdersShape, Row = row, KeyHash = row[1],
    };

    private static async Task<Answer[]> Write(FakeRedis server, params Operation[] batch)
    {
        await using var sink = Sink(server.Port);
        await using var lane = await sink.OpenLaneAsync(new("p", Guid.Empty, 1, 0, 1, 0), default);
        var answers = new Answer[batch.Length];
        await lane.WriteAsync(batch, answers, default);
        return answers;
    }
}
