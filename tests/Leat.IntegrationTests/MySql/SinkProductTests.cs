using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.MySql.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>That every product can be a target; what a sink does in full is tried on MariaDB.</summary>
public sealed class SinkProductTests
{
    [Theory]
    [InlineData(TestProduct.MariaDb11)]
    [InlineData(TestProduct.MySql56)]
    [InlineData(TestProduct.MySql9)]
    public async Task Rows_are_created_replaced_deleted_and_counted(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        var schema = SinkTarget.Schema(
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "note", Kind = ColumnKind.String, Length = 50 });
        var shape = SinkTarget.Shape("notes", schema);
        await using var sink = new MySqlSink(
            new() { Endpoint = server.Endpoint, Database = database }, new("p", NullLoggerFactory.Instance, TimeProvider.System));

        await sink.PrepareAsync([shape], TestContext.Current.CancellationToken);
        await using var lane = await sink.OpenLaneAsync(SinkTarget.Identity(), TestContext.Current.CancellationToken);
        await SinkTarget.WriteAsync(lane, SinkTarget.Index(1, shape, 1, "ä🎁"), SinkTarget.Index(2, shape, 2, null), SinkTarget.Index(3, shape, 3, "c"));
        await SinkTarget.WriteAsync(lane, SinkTarget.Delete(4, shape, 1, null), SinkTarget.Index(5, shape, 2, "b"));

        Assert.Equal(["2 b", "3 c"], (await server.QueryAsync($"SELECT * FROM {database}.notes ORDER BY id")).Select(row => string.Join(' ', row)));
        Assert.Equal(["5"], Assert.Single(await server.QueryAsync($"SELECT `offset` FROM {database}.leat_positions WHERE lane = 0")));
    }
}
