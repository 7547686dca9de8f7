using Leat.Changes;
using Leat.Connectors.JsonLines;
using Leat.Tests.Transform;
using Leat.Transform.Plan;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.JsonLines;

public sealed class FieldGroupTests
{
    [Fact]
    public async Task Documents_that_several_tables_write_are_refused_before_anything_is_written()
    {
        const string expected =
            "The documents 'orders' are of `mode: field_groups`, and a line of a file holds a whole row: what 'orders' writes would not come together with the rest. "
            + "Take out `mode`, for documents that are made whole; or write them to Elasticsearch, hashes of Redis, MySQL or PostgreSQL. [LEAT-4303]";
        await using var sink = new JsonLinesSink(new() { Folder = "/nowhere" }, new("p", NullLoggerFactory.Instance, TimeProvider.System));
        Shape[] shapes = [TablePlan.Compile(FieldGroupTables.OrdersEntry, FieldGroupTables.Orders).Shape, TablePlan.Compile(FieldGroupTables.TotalsEntry, FieldGroupTables.Totals).Shape];

        var findings = await sink.CheckAsync(shapes, TestContext.Current.CancellationToken);
        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync(shapes, TestContext.Current.CancellationToken));

        Assert.Equal(expected, error.Message);
        Assert.Contains(findings, finding => finding.Code == error.Code);
    }
}
