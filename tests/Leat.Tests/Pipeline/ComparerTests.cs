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
            TestEngine.CopyItems, source, sink, captured: null, new FastTime(), progress: null, CancellationToken.None);

        Assert.Equal((1000, 1, 1, 1, false), (result.RowsCompared, result.Different, result.Missing, result.Extra, result.Equal));
        var byKey = result.Examples.ToDictionary(example => example.Key);
        Assert.Equal(3, byKey.Count);
        Assert.Equal([new("v", "5", "50"), new FieldDifference("note", null, "changed")], byKey["5"].Fields);
        Assert.Equal((DifferenceKind.Different, DifferenceKind.Missing, DifferenceKind.Extra), (byKey["5"].Kind, byKey["6"].Kind, byKey["2000"].Kind));
    }

    [Fact]
    public async Task Rows_whose_changes_are_on_their_way_are_no_difference()
    {
        var source = new ScriptedSource();
        var sink = new ScriptedSink();
        source.Add(Insert(1, 1), Insert(2, 2), Insert(3, 3));
        sink.Target["items:1"] = TestTable.Row(1, 1);
        sink.Target["items:2"] = TestTable.Row(2, 1);
        sink.Target["items:9"] = TestTable.Row(9, 1);
        var arrives = new Told(progress =>
        {
            sink.Target["items:2"] = TestTable.Row(2, 2);
            sink.Target["items:3"] = TestTable.Row(3, 3);
            sink.Target.TryRemove("items:9", out _);
        });

        var result = await Comparer.CompareAsync(TestEngine.CopyItems, source, sink, captured: null, new FastTime(), arrives, CancellationToken.None);

        Assert.Equal((true, 3, 3), (result.Equal, result.RowsCompared, result.InMotion));
        Assert.Empty(result.Examples);
    }

    [Fact]
    public async Task A_row_that_stays_wrong_is_told_while_others_arrive()
    {
        var source = new ScriptedSource();
        var sink = new ScriptedSink();
        source.Add(Insert(1, 1), Insert(2, 2));
        sink.Target["items:9"] = TestTable.Row(9, 1);
        var arrives = new Told(progress => sink.Target["items:2"] = TestTable.Row(2, 2));

        var result = await Comparer.CompareAsync(TestEngine.CopyItems, source, sink, captured: null, new FastTime(), arrives, CancellationToken.None);

        Assert.Equal((1L, 1L, 0L, 1L), (result.Missing, result.Extra, result.Different, result.InMotion));
        Assert.Equal([("1", DifferenceKind.Missing), ("9", DifferenceKind.Extra)], result.Examples.Select(row => (row.Key, row.Kind)).Order());
    }

    [Fact]
    public async Task A_filtered_pipeline_expects_only_what_meets_the_filter()
    {
        var source = new ScriptedSource();
        var sink = new ScriptedSink();
        source.Add(Insert(1, 10), Insert(2, 200));
        sink.Target["items:1"] = TestTable.Row(1, 10);

        var result = await Comparer.CompareAsync(
            TestEngine.CopyItemsWhere("v < 100"), source, sink, captured: null, new FastTime(), progress: null, CancellationToken.None);

        Assert.True(result.Equal);
        Assert.Equal(1, result.RowsCompared);
    }

    [Fact]
    public async Task A_table_that_the_source_does_not_capture_is_refused()
    {
        var source = new ScriptedSource(TestTable.Make(new("shop", "other")));

        var error = await Assert.ThrowsAsync<LeatException>(() => Comparer.CompareAsync(
            TestEngine.CopyItems, source, new ScriptedSink(), captured: null, new FastTime(), progress: null, CancellationToken.None));

        Assert.Equal(
            "Pipeline 'copy' takes table shop.items, but its source captures no such table. Correct the name, or add the table to the source's tables. [LEAT-3020]",
            error.Message);
    }

    private sealed class Told(Action<CompareProgress> action) : IProgress<CompareProgress>
    {
        public void Report(CompareProgress value) => action(value);
    }
}
