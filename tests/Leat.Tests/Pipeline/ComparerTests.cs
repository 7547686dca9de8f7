using Leat.Changes;
using Leat.Pipeline.Compare;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

public sealed class ComparerTests
{
    [Fact]
    public async Task Tells_every_difference_with_its_fields()
    {
        var source = new ScriptedSource();
        var sink = new ScriptedSink();
        source.Add([.. Enumerable.Range(1, 1000).Select(id => Insert(id, id))]);
        for (var id = 1; id <= 1000; id++)
            sink.Target[$"items:{id}"] = TestTable.Row(id, id);
        sink.Target["items:5"] = TestTable.Row(5, 50, "changed");
        sink.Target.TryRemove("items:6", out _);
        sink.Target["items:2000"] = TestTable.Row(2000, 1);

        var result = await Comparer.CompareAsync(
            TestEngine.CopyItems, source, sink, captured: null, progress: null, CancellationToken.None);

        Assert.Equal((1000, 1, 1, 1, false), (result.RowsCompared, result.Different, result.Missing, result.Extra, result.Equal));
        var byKey = result.Examples.ToDictionary(example => example.Key);
        Assert.Equal(3, byKey.Count);
        Assert.Equal([new("v", "5", "50"), new FieldDifference("note", null, "changed")], byKey["5"].Fields);
        Assert.Equal((DifferenceKind.Different, DifferenceKind.Missing, DifferenceKind.Extra), (byKey["5"].Kind, byKey["6"].Kind, byKey["2000"].Kind));
    }

    [Fact]
    public async Task A_filtered_pipeline_expects_only_what_meets_the_filter()
    {
        var source = new ScriptedSource();
        var sink = new ScriptedSink();
        source.Add(Insert(1, 10), Insert(2, 200));
        sink.Target["items:1"] = TestTable.Row(1, 10);

        var result = await Comparer.CompareAsync(
            TestEngine.CopyItemsWhere("v < 100"), source, sink, captured: null, progress: null, CancellationToken.None);

        Assert.True(result.Equal);
        Assert.Equal(1, result.RowsCompared);
    }

    [Fact]
    public async Task A_table_that_the_source_does_not_capture_is_refused()
    {
        var source = new ScriptedSource(TestTable.Make(new("shop", "other")));

        var error = await Assert.ThrowsAsync<LeatException>(() => Comparer.CompareAsync(
            TestEngine.CopyItems, source, new ScriptedSink(), captured: null, progress: null, CancellationToken.None));

        Assert.Equal(
            "Pipeline 'copy' takes table shop.items, but its source captures no such table. Correct the name, or add the table to the source's tables. [LEAT-3020]",
            error.Message);
    }
}
