using Leat.Changes;
using Leat.Connectors.Redis;
using Leat.Tests.Transform;
using Leat.Transform.Plan;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using static Leat.Tests.Transform.FieldGroupTables;

namespace Leat.Tests.Redis;

/// <summary>Hashes that several tables write.</summary>
public sealed class FieldGroupTests
{
    private static readonly TablePlan _orders = TablePlan.Compile(OrdersEntry, Orders);
    private static readonly TablePlan _totals = TablePlan.Compile(TotalsEntry, Totals);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Each_table_sets_and_removes_its_own_fields_and_the_roots_end_is_the_keys()
    {
        await using var server = new FakeRedis("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:2\r\n:0\r\n:2\r\n:2\r\n:1\r\n");
        await using var sink = Sink(server.Port, new());
        await using var lane = await sink.OpenLaneAsync(new("p", Guid.Empty, 1, 0, 1, 0), Cancelled);
        Operation[] batch =
            [.. Operations(_totals, null, Total(17, 500)), .. Operations(_orders, null, Order(17, "a")), .. Operations(_totals, Total(17, 500), null), .. Operations(_orders, Order(17, "a"), null)];
        var answers = new Answer[batch.Length];

        await lane.WriteAsync(batch, answers, Cancelled);

        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal(
            ["MULTI", "HSET order:17 id 17 cents 500", "HDEL order:17 lines", "EXEC", "HSET order:17 id 17 note a", "HDEL order:17 cents lines", "UNLINK order:17"],
            RedisCommandTests.Commands(server.Received[0]));
    }

    [Theory]
    [InlineData(RedisStructure.String, "string")]
    [InlineData(RedisStructure.Json, "json")]
    [InlineData(RedisStructure.Stream, "stream")]
    public void Structures_that_are_written_whole_are_refused(RedisStructure structure, string name)
    {
        var options = Options(1, new() { Structure = structure });

        var problem = new RedisTableCheck(options).Problems([_orders.Shape, _totals.Shape])[0];

        Assert.Equal(
            $"The documents 'orders' are of `mode: field_groups` and kept as {name}, which is written as a whole: each table would take away what the others wrote. "
            + "Keep them as hashes (`structure: hash`), or take out `mode`, for documents that are made whole. [LEAT-4227]",
            problem.Message);
    }

    [Fact]
    public void Hashes_need_no_setting() => Assert.Empty(new RedisTableCheck(Options(1, new())).Problems([_orders.Shape, _totals.Shape]));

    private static RedisSink Sink(int port, RedisRule rule) => new(Options(port, rule), new("p", NullLoggerFactory.Instance, TimeProvider.System));

    private static RedisSinkOptions Options(int port, RedisRule rule) => new()
    {
        Host = "127.0.0.1", Port = port, Rules = new Dictionary<string, RedisRule> { [""] = rule },
        Keys = new Dictionary<string, KeyTemplate> { [""] = KeyTemplate.TryParse("order:{id}", out var template) ? template : throw new InvalidOperationException("no template") },
    };
}
