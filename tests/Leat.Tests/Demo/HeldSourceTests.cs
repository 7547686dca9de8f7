using Leat.Changes;
using Leat.Connectors.Simulator;
using Leat.Demo;
using Leat.Tests.Simulator;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Demo;

/// <summary>A held source stands still between two transactions, so that targets can be compared with it.</summary>
public sealed class HeldSourceTests
{
    private static readonly SimulatorSourceOptions Shop = new() { Seed = 3, Customers = 5, RowsPerSecond = 5_000 };

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nothing_is_written_once_it_is_held_and_its_tables_are_those_of_that_moment()
    {
        using var stop = new CancellationTokenSource();
        var context = new ConnectorContext("shop", NullLoggerFactory.Instance, TimeProvider.System);
        var hold = new SourceHold();
        var writer = new RecordingWriter(stop, commits: int.MaxValue);
        await using var source = new HeldSource(new SimulatorSource(Shop, context), hold);
        var running = Task.Run(async () => await source.RunAsync(new(), writer, stop.Token), Cancelled);

        await hold.HoldAsync(Cancelled);

        var written = writer.Changes.ToArray();
        var position = writer.Position;
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal(written, writer.Changes);
        Assert.Equal(position, writer.Position);
        var orders = (await source.TablesAsync(Cancelled)).First(table => table.Table.Name == "orders");
        var rows = 0;
        await foreach (var row in source.ReadTableAsync(orders, position, Cancelled))
            rows += row.Row.IsEmpty ? 0 : 1;
        var inserted = writer.Changes.Count(change => change.Contains("shop.orders", StringComparison.Ordinal) && change.Contains(" -> [", StringComparison.Ordinal) && !change.StartsWith("Update", StringComparison.Ordinal));
        var deleted = writer.Changes.Count(change => change.StartsWith("Delete shop.orders", StringComparison.Ordinal));
        Assert.Equal(inserted - deleted, rows);
    }
}
