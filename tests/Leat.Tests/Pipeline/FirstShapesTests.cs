using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>What the target is prepared for first, while capture has told of some tables only.</summary>
public sealed class FirstShapesTests
{
    private static readonly FileLocation Here = new("leat.yaml", 1, 1);
    private static readonly TableSchema Totals = TestTable.Make(new("shop", "totals"));

    // Rows of two tables that make one.
    private static readonly PipelineDefinition Parts = TestEngine.CopyItems with
    {
        Tables =
        [
            new() { Alias = "items", Table = TestTable.Schema.Table, Location = Here, Group = new() { Document = "items", Key = ["id"], Joins = [new("totals", ["id"], Here)], Location = Here } },
            new() { Alias = "totals", Table = Totals.Table, Location = Here, Group = new() { Document = "items", Key = ["id"], Joined = ["id"], As = "total", Location = Here } },
        ],
    };

    [Fact]
    public async Task A_table_that_capture_tells_of_while_the_source_is_asked_is_there_with_the_others()
    {
        await using var engine = new TestEngine { Definition = Parts, Source = { OtherTables = [Totals] } };
        engine.Source.Add(Insert(1, 10));
        engine.Source.BeforeTables = async () =>
        {
            engine.Source.Add(Insert(1, 20) with { Of = Totals });
            await engine.UntilAsync(() => engine.Capture.Schemas.NewestOf(Totals.Table) > 0);
        };

        engine.Start();
        await engine.UntilAsync(() => !engine.Sink.Prepared.IsEmpty);
        await engine.SettledAsync();

        AssertOfBoth(engine);
    }

    [Fact]
    public async Task A_table_of_several_is_not_made_without_the_columns_of_one_because_the_source_is_away()
    {
        await using var engine = new TestEngine { Definition = Parts, Source = { OtherTables = [Totals] } };
        engine.Source.Add(Insert(1, 10));
        var asked = 0;
        engine.Source.BeforeTables = () => ++asked > 2 ? Task.CompletedTask : throw new RetriableException(new(4001), "The source is away.", "It is asked again.");

        engine.Start();
        await engine.SettledAsync();

        Assert.Equal(3, asked);
        AssertOfBoth(engine);
    }

    [Fact]
    public async Task A_table_of_several_waits_for_one_that_is_not_there_yet()
    {
        await using var engine = new TestEngine { Definition = Parts };
        engine.Source.Add(Insert(1, 10));
        engine.Start();
        await engine.UntilAsync(() => engine.Pipeline.Failure?.Code.Number == 3021);
        Assert.Empty(engine.Sink.Prepared);

        engine.Source.OtherTables = [Totals];
        await engine.SettledAsync();

        AssertOfBoth(engine);
    }

    private static void AssertOfBoth(TestEngine engine)
    {
        Assert.True(engine.Sink.Prepared.TryPeek(out var first));
        Assert.Equal(["items", "totals"], first.Select(shape => shape.Part?.Table).Order());
    }
}
