using Leat.Changes;
using Leat.Connectors.Redis;
using Leat.Tests.Changes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Redis;

/// <summary>The bytes that are sent, for structures of which no server is at hand, and for what only a script of answers can show.</summary>
public sealed class RedisCommandTests
{
    private static readonly TableSchema Table = new(
        new("shop", "docs"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32 },
            new() { Name = "note", Kind = ColumnKind.String },
            new() { Name = "body", Kind = ColumnKind.Json },
        ],
        [0]);

    [Fact]
    public async Task A_document_is_set_whole_and_removed()
    {
        await using var server = new FakeRedis("+OK\r\n:1\r\n");

        Assert.Equal([Answer.Applied, Answer.Applied], await Write(server, new() { Structure = RedisStructure.Json }, Index(1, "a", """{"x":[1,2]}"""), Delete(2)));

        Assert.Equal(["JSON.SET doc:1 $ {\"id\":1,\"note\":\"a\",\"body\":{\"x\":[1,2]}}", "JSON.DEL doc:2"], Commands(server.Received[0]));
    }

    [Fact]
    public async Task A_merged_document_keeps_what_others_put_there_and_columns_that_are_documents_are_not_mixed()
    {
        await using var server = new FakeRedis(
            "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n+OK\r\n" + "+OK\r\n" + "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n:1\r\n:1\r\n:0\r\n");

        await Write(server, new() { Structure = RedisStructure.Json, Merge = true }, Index(1, "a", """{"x":1}"""), Index(2, null, null), Delete(3));

        Assert.Equal(
            [
                "MULTI", "JSON.MERGE doc:1 $ {\"id\":1,\"note\":\"a\"}", "JSON.SET doc:1 $[\"body\"] {\"x\":1}", "EXEC",
                "JSON.MERGE doc:2 $ {\"id\":2,\"note\":null,\"body\":null}",
                "MULTI", "JSON.DEL doc:3 $[\"id\"]", "JSON.DEL doc:3 $[\"note\"]", "JSON.DEL doc:3 $[\"body\"]", "EXEC",
            ],
            Commands(server.Received[0]));
    }

    [Fact]
    public async Task A_script_that_the_server_does_not_know_is_sent_with_all_that_follow()
    {
        await using var server = new FakeRedis(":1\r\n-NOSCRIPT No matching script.\r\n:1\r\n", ":1\r\n:0\r\n");
        var options = Options(server.Port, new()) with { Guard = true };

        var answers = await Write(options, Index(1, "a", null), Index(2, "b", null), Index(3, "c", null));

        Assert.Equal([Answer.Applied, Answer.Applied, Answer.Stale], answers);
        Assert.Equal(["EVALSHA", "EVALSHA", "EVALSHA"], Commands(server.Received[0]).Select(command => command.Split(' ')[0]));
        Assert.Equal(["EVAL", "EVAL"], Commands(server.Received[1]).Select(command => command.Split(' ')[0]));
        Assert.Contains(" doc:2 {doc:2}:__v ", Commands(server.Received[1])[0], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_takes_an_id_that_is_not_new_for_the_entry_itself()
    {
        await using var server = new FakeRedis("-ERR The ID specified in XADD is equal or smaller than the target stream top item\r\n$5\r\n1-1-1\r\n");

        var answers = await Write(server, new() { Structure = RedisStructure.Stream, MaxLength = 50 }, Index(1, "a", null), Delete(2));

        Assert.Equal([Answer.Stale, Answer.Applied], answers);
        Assert.Equal($"XADD doc:1 MAXLEN ~ 50 {(1L << 47) + 1}-1 op u id 1 note a", Commands(server.Received[0])[0]);
        Assert.Equal($"XADD doc:2 MAXLEN ~ 50 {(1L << 47) + 2}-0 op d id 2", Commands(server.Received[0])[1]);
    }

    [Theory]
    [InlineData("123456789", 12_739)]
    [InlineData("foo{hash_tag}", 2_515)]
    [InlineData("hash_tag", 2_515)]
    [InlineData("foo{}{bar}", 8_363)]
    [InlineData("foo{{bar}}zap", 4_015)]
    [InlineData("", 0)]
    public void Slots_are_those_that_the_server_counts(string key, int slot) => Assert.Equal(slot, KeySlot.Of(System.Text.Encoding.UTF8.GetBytes(key)));

    [Theory]
    [InlineData("MOVED 3999 127.0.0.1:6381", true, 3999, "127.0.0.1:6381")]
    [InlineData("ASK 12 :7000", true, 12, "here:7000")]
    [InlineData("ASK 1 ::1:7000", true, 1, "::1:7000")]
    [InlineData("MOVED 16384 127.0.0.1:6381", false, 0, "")]
    [InlineData("MOVED x 127.0.0.1:6381", false, 0, "")]
    [InlineData("MOVED 1", false, 0, "")]
    [InlineData("MOVED 1 nowhere", false, 0, "")]
    public void Redirects_are_read(string answer, bool valid, int slot, string address)
    {
        Assert.Equal(valid, RedisNodes.TryReadRedirect(answer, new("here", 1), out var read, out var where));
        if (valid)
            Assert.Equal((slot, address), (read, where.ToString()));
    }

    [Theory]
    [InlineData("{id}", "x:y", "id=x:y")]
    [InlineData("p:{id}:s", "p:1:2:s", "id=1:2")]
    [InlineData("p:{id}:s", "p:1", null)]
    [InlineData("{id}:{note}", "1:a%3Ab%25", "id=1 note=a:b%")]
    [InlineData("{id}:{note}", "1", null)]
    [InlineData("{id}:{note}", "1:a%3", null)]
    [InlineData("{id}:{note}:{id}", "1:a:1", "id=1 note=a")]
    [InlineData("{id}:{note}:{id}", "1:a:2", null)]
    [InlineData("all", "all", "")]
    [InlineData("all", "all2", null)]
    public void A_key_is_cut_apart_again(string template, string key, string? parts)
    {
        var shape = ShapeOf("t");
        Assert.True(KeyTemplate.TryParse(template, out var parsed));

        var read = RowTemplate.Create(shape, parsed).Read(System.Text.Encoding.UTF8.GetBytes(key));

        Assert.Equal(parts, read is null ? null : string.Join(' ', read.OrderBy(pair => pair.Key).Select(pair => $"{Table.Columns[pair.Key].Name}={System.Text.Encoding.UTF8.GetString(pair.Value)}")));
    }

    private static Shape ShapeOf(string alias) => new()
    {
        Alias = alias, Schema = Table, Columns = [.. Table.Columns.Select((column, i) => new ShapeColumn(column.Name, i))], Key = [0],
    };

    private static readonly Shape Docs = ShapeOf("docs");

    private static Operation Index(int id, string? note, string? body) => Make(OperationKind.Index, id, Rows.Encode(Table, id, note, body));

    private static Operation Delete(int id) => Make(OperationKind.Delete, id, Rows.Encode(Table, id, null, null));

    private static Operation Make(OperationKind kind, int id, byte[] row) => new()
    {
        Kind = kind, Cause = ChangeKind.Update, Offset = id, CommittedAtMicros = 0, Shape = Docs, Row = row, KeyHash = (ulong)id,
    };

    private static RedisSinkOptions Options(int port, RedisRule rule) => new()
    {
        Host = "127.0.0.1", Port = port, Rules = new Dictionary<string, RedisRule> { [""] = rule },
        Keys = new Dictionary<string, KeyTemplate> { [""] = KeyTemplate.TryParse("doc:{id}", out var template) ? template : throw new InvalidOperationException() },
    };

    private static Task<Answer[]> Write(FakeRedis server, RedisRule rule, params Operation[] batch) => Write(Options(server.Port, rule), batch);

    private static async Task<Answer[]> Write(RedisSinkOptions options, params Operation[] batch)
    {
        await using var sink = new RedisSink(options, new("p", NullLoggerFactory.Instance, TimeProvider.System));
        await using var lane = await sink.OpenLaneAsync(new("p", Guid.Empty, 1, 0, 1, 0), default);
        var answers = new Answer[batch.Length];
        await lane.WriteAsync(batch, answers, default);
        return answers;
    }

    internal static string[] Commands(string received)
    {
        var commands = new List<string>();
        var reader = new Leat.Connectors.Redis.Wire.RespReader(System.Text.Encoding.Latin1.GetBytes(received));
        while (Leat.Connectors.Redis.Wire.RespReply.TryRead(ref reader, out var command))
            commands.Add(string.Join(' ', command!.Items.Select(item => item.Text)));
        return [.. commands];
    }
}
