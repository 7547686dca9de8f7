using Leat.Changes;
using Leat.Connectors.Simulator;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Simulator;

public sealed class SimulatorSourceTests
{
    private static readonly SimulatorSourceOptions Fast = new() { Seed = 5, Customers = 30, RowsPerSecond = 1_000_000 };

    [Fact]
    public async Task A_run_that_is_stopped_anywhere_goes_on_exactly_there()
    {
        var options = Fast with { Customers = 200 };
        var whole = await Run(options, null, commits: 60);
        foreach (var first in new[] { 1, 2, 3, 30, 59 })
        {
            var one = await Run(options, null, first);
            var two = await Run(options, one.Position, 60 - first);

            Assert.Equal(whole.Changes, one.Changes.Concat(two.Changes));
            Assert.Equal(whole.Position, two.Position);
        }
    }

    [Fact]
    public async Task The_snapshot_comes_first_and_tells_how_far_it_is()
    {
        var run = await Run(Fast with { Customers = 200 }, null, commits: 4);

        var last = run.Snapshot[^1];
        Assert.Equal(new SnapshotProgress(null, 4, 4, run.Changes.Count, run.Changes.Count), last);
        Assert.All(run.Changes, change => Assert.StartsWith("Read ", change, StringComparison.Ordinal));
        Assert.Equal(new SourcePosition("""{"transaction":0}"""), run.Position);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(300)]
    public async Task The_tables_recomputed_are_those_that_the_changes_lead_to(int commits)
    {
        var options = Fast with { Customers = 200 };
        var run = await Run(options, null, commits);
        await using var source = Source(options);

        foreach (var table in ShopSchema.Tables)
        {
            var rows = new HashSet<string>();
            foreach (var parts in run.Changes.Select(change => change.Split(" -> ")).Where(parts => parts[0].Contains($" {table.Table} ", StringComparison.Ordinal)))
            {
                rows.Remove(parts[0][(parts[0].IndexOf(table.Table.ToString(), StringComparison.Ordinal) + table.Table.ToString().Length + 1)..]);
                if (parts[1].Length > 0)
                    rows.Add(parts[1]);
            }

            var read = new List<string>();
            await foreach (var row in source.ReadTableAsync(table, run.Position, default))
                read.Add(RecordingWriter.Text(row.Schema, row.Row.Span));
            Assert.Equal(rows.Order(), read.Order());
        }
    }

    [Fact]
    public async Task Rolled_back_transactions_are_begun_and_never_committed() => Assert.True((await Run(Fast, null, 500)).RolledBack > 0);

    [Fact]
    public async Task Stops_at_the_position_asked_for()
    {
        await using var source = Source(Fast);
        using var stop = new CancellationTokenSource();
        var writer = new RecordingWriter(stop, commits: -1);

        await source.RunAsync(new() { Until = await source.ParsePositionAsync("42", default) }, writer, stop.Token);

        Assert.Equal(new SourcePosition("""{"transaction":42}"""), writer.Position);
        Assert.Equal(writer.Position, await source.CurrentPositionAsync(default));
        Assert.Equal(writer.Position, await source.ParsePositionAsync("now", default));
    }

    [Fact]
    public async Task Places_that_are_none_are_refused()
    {
        await using var source = Source(Fast);
        var typed = await Assert.ThrowsAsync<LeatException>(async () => await source.ParsePositionAsync("yesterday", default));
        var logged = await Assert.ThrowsAsync<PauseException>(async () => await source.RunAsync(
            new() { From = new SourcePosition("""{"gtid":"0-1-42"}""") }, new RecordingWriter(new(), 1), default));

        Assert.Equal("'yesterday' is not a place in the simulated shop. Write `now`, or a number of transactions such as `42`. [LEAT-4400]", typed.Message);
        Assert.Equal(
            """Source 'shop' is a simulated shop and cannot go on from {"gtid":"0-1-42"}, which another kind of source wrote. """ +
            "Give the simulated shop a name or a log folder of its own. [LEAT-4401]",
            logged.Message);
    }

    [Fact]
    public void Pace_holds_the_rate_and_makes_up_for_little()
    {
        var clock = new ManualClock();
        var pace = new Pace(1_000, clock);

        Assert.Equal(TimeSpan.FromMilliseconds(10), pace.After(10));
        Assert.Equal(TimeSpan.FromMilliseconds(20), pace.After(10));
        clock.Now += TimeSpan.FromHours(1);
        Assert.Equal(TimeSpan.FromMilliseconds(-90), pace.After(10));
    }

    private static SimulatorSource Source(SimulatorSourceOptions options) => new(options, new("shop", NullLoggerFactory.Instance, TimeProvider.System));

    private static async Task<RecordingWriter> Run(SimulatorSourceOptions options, SourcePosition? from, int commits)
    {
        using var stop = new CancellationTokenSource();
        var writer = new RecordingWriter(stop, commits);
        await using var source = Source(options);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await source.RunAsync(new() { From = from }, writer, stop.Token));
        return writer;
    }

    private sealed class ManualClock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
