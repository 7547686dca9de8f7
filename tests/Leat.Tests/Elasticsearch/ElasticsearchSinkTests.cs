using Leat.Changes;
using Leat.Tests.Changes;
using Xunit;
using static Leat.Tests.Elasticsearch.Writing;

namespace Leat.Tests.Elasticsearch;

/// <summary>What holds at every server: against the fake one, or against a real one when LEAT_TEST_ELASTICSEARCH names it.</summary>
public sealed class ElasticsearchSinkTests
{
    private static readonly uint January = Temporal.Date(2024, 1, 31);
    private static readonly uint February = Temporal.Date(2024, 2, 1);
    private static readonly CancellationToken Cancelled = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rows_are_written_read_and_found_by_key()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink();

        var first = await WriteAsync(sink, Index(1, 1, "a", January, 7), Index(2, 2, "b\n\"é"), Index(3, 3, null), Delete(4, 4));
        var second = await WriteAsync(sink, Index(5, 1, "A", January, 7), Delete(6, 3));

        Assert.All(first.Concat(second), answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal(["1: id=1 note=A day=2024-01-31 customer=7", "2: id=2 note=b\n\"é"], await ShownAsync(sink));
        Assert.Equal(["1: id=1 note=A day=2024-01-31 customer=7", "-", "2: id=2 note=b\n\"é"], await sink.FoundAsync(1, 3, 2));
        Assert.Equal(Show(sink.Expect(OrdersShape, Row(1, "A", January, 7))), (await sink.FoundAsync(1))[0]);
    }

    [Fact]
    public async Task An_index_that_is_not_there_is_empty()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink();
        await using var moving = rig.Sink("index: \"PREo-{day|yyyy.MM}\"");

        Assert.Empty(await ShownAsync(sink));
        Assert.Equal(["-"], await sink.FoundAsync(1));
        Assert.Equal(["-"], await moving.FoundAsync(1));
    }

    [Fact]
    public async Task More_than_a_page_is_read()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink();
        await WriteAsync(sink, [.. Enumerable.Range(0, 1203).Select(id => Index(id, id, "a"))]);

        Assert.Equal(1203, (await ShownAsync(sink)).Distinct().Count());
    }

    [Fact]
    public async Task An_older_write_and_the_same_write_again_change_nothing()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink();
        await WriteAsync(sink, Index(10, 1, "new"), Delete(11, 2));

        Assert.Equal([Answer.Stale, Answer.Stale], await WriteAsync(sink, Index(9, 1, "old"), Index(10, 2, "old")));
        Assert.Equal([Answer.Stale, Answer.Stale], await WriteAsync(sink, Index(10, 1, "new"), Delete(11, 2)));
        Assert.Equal(["1: id=1 note=new"], await ShownAsync(sink));
    }

    [Fact]
    public async Task A_higher_epoch_is_newer_than_any_offset()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink();
        await WriteAsync(sink, Index((1L << 47) - 1, 1, "old"));
        await using var lane = await sink.OpenLaneAsync(Lane(epoch: 2), Cancelled);
        var answers = new Answer[1];

        await lane.WriteAsync(new[] { Index(0, 1, "new") }, answers, Cancelled);

        Assert.Equal([Answer.Applied], answers);
        Assert.Equal(["1: id=1 note=new"], await ShownAsync(sink));
    }

    [Fact]
    public async Task A_row_that_moves_to_another_index_leaves_the_old_one()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink("index: \"PREo-{day|yyyy.MM}\"");
        await WriteAsync(sink, Index(1, 1, "a", January), Index(2, 2, "b", January));
        var move = Make(OperationKind.Index, ChangeKind.Update, 3, 1, Row(1, "a", February), Row(1, "a", January));

        Assert.Equal([Answer.Applied], await WriteAsync(sink, move));
        Assert.Equal([Answer.Applied], await WriteAsync(sink, move)); // after a lost answer

        Assert.Null(await rig.SourceAsync("o-2024.01", "1"));
        Assert.NotNull(await rig.SourceAsync("o-2024.02", "1"));
        Assert.Equal(["1: id=1 note=a day=2024-02-01", "2: id=2 note=b day=2024-01-31"], await ShownAsync(sink));
    }

    [Fact]
    public async Task Moving_there_and_back_in_one_batch_ends_where_the_last_move_says()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink("index: \"PREo-{day|yyyy.MM}\"");

        await WriteAsync(
            sink, Index(1, 1, "a", January),
            Make(OperationKind.Index, ChangeKind.Update, 2, 1, Row(1, "b", February), Row(1, "a", January)),
            Make(OperationKind.Index, ChangeKind.Update, 3, 1, Row(1, "c", January), Row(1, "b", February)));

        Assert.Equal(["1: id=1 note=c day=2024-01-31"], await ShownAsync(sink));
    }

    // Twenty ids and routings: among them those whose two routings lead to one shard, where the deleted place has the version of the new document.
    [Fact]
    public async Task A_row_whose_routing_changes_is_there_once()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink("routing: \"{customer}\"");
        for (var id = 0; id < 20; id++)
        {
            await WriteAsync(sink, Index(id * 10, id, "a", null, id));
            var move = Make(OperationKind.Index, ChangeKind.Update, (id * 10) + 1, id, Row(id, "b", null, id + 1), Row(id, "a", null, id));
            Assert.Equal([Answer.Applied], await WriteAsync(sink, move));
        }

        Assert.Equal(Enumerable.Range(0, 20).Select(id => $"{id}: id={id} note=b customer={id + 1}").Order(StringComparer.Ordinal), await ShownAsync(sink));
        Assert.Equal(["3: id=3 note=b customer=4"], await sink.FoundAsync(3));
    }

    [Fact]
    public async Task What_is_removed_by_its_key_alone_is_found_wherever_it_is()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink("index: \"PREo-{day|yyyy.MM}\", routing: \"{customer}\"");
        await WriteAsync(sink, Index(1, 1, "a", January, 5), Index(2, 2, "b", February, 6), Index(3, 3, "c", January, 7));

        var answers = await WriteAsync(sink, Delete(4, 1, cause: ChangeKind.Truncate), Delete(4, 2, cause: ChangeKind.Sweep), Delete(4, 9, cause: ChangeKind.Sweep));

        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal(["3: id=3 note=c day=2024-01-31 customer=7"], await ShownAsync(sink));
    }

    [Fact]
    public async Task Indexes_of_others_are_left_alone_whatever_they_begin_with()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink("index: \"PREo-{day|yyyy.MM}\"");
        await using var other = rig.Sink("index: \"PREo-archive\"");
        await WriteAsync(sink, Index(1, 1, "a", January), Index(2, 2, "b"));
        await WriteAsync(other, Index(1, 1, "kept", January), Index(2, 7, "kept"));

        Assert.Equal(["1: id=1 note=a day=2024-01-31", "2: id=2 note=b"], await ShownAsync(sink));
        Assert.Equal(["1: id=1 note=a day=2024-01-31", "-"], await sink.FoundAsync(1, 7));
        await WriteAsync(
            sink, Delete(4, 1, cause: ChangeKind.Truncate), Delete(4, 2, cause: ChangeKind.Truncate), Make(OperationKind.Index, ChangeKind.ReadAgain, 5, 7, Row(7, "new", February)));

        Assert.Equal(["7: id=7 note=new day=2024-02-01"], await ShownAsync(sink));
        Assert.Equal(["1: id=1 note=kept day=2024-01-31", "7: id=7 note=kept"], await ShownAsync(other));
    }

    [Fact]
    public async Task A_deleted_row_of_which_the_source_tells_the_key_alone_is_found_wherever_it_is()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink("index: \"PREo-{day|yyyy.MM}\", routing: \"{customer}\"");
        var shape = ShapeOf("orders", Orders.As(partial: true));
        await WriteAsync(sink, Index(1, 1, "a", January, 5), Index(2, 2, "b", January, 6));

        var answers = await WriteAsync(sink, Make(OperationKind.Delete, ChangeKind.Delete, 3, 1, KeyAlone(1), shape: shape));

        Assert.Equal([Answer.Applied], answers);
        Assert.Equal(["2: id=2 note=b day=2024-01-31 customer=6"], await ShownAsync(sink));
    }

    [Fact]
    public async Task A_document_that_is_deleted_out_of_its_turn_is_found_wherever_it_is()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink("index: \"PREo-{day|yyyy.MM}\"");
        await WriteAsync(sink, Index(1, 1, "a", January), Index(2, 2, "b", January));

        var answers = await WriteAsync(sink, Make(OperationKind.Delete, ChangeKind.Update, 3, 1, Row(1, null)) with { IsUnpositioned = true });

        Assert.Equal([Answer.Applied], answers);
        Assert.Equal(["2: id=2 note=b day=2024-01-31"], await ShownAsync(sink));
    }

    [Theory]
    [InlineData("index: PREo", false)]
    [InlineData("index: \"PREo-{id}\", routing: \"{id}\"", false)]
    [InlineData("index: \"PREo-{day|yyyy.MM}\"", true)]
    [InlineData("index: PREo, routing: \"{customer}\"", true)]
    public async Task Documents_that_can_move_are_wanted_as_they_were(string settings, bool wants)
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink(settings);

        Assert.Equal(wants, (await sink.PrepareAsync([OrdersShape], Cancelled)).WantsBefore);
    }

    [Fact]
    public async Task A_row_that_is_read_again_leaves_its_old_place()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink("index: \"PREo-{day|yyyy.MM}\"");
        await WriteAsync(sink, Index(1, 1, "a", January));

        await WriteAsync(sink, Make(OperationKind.Index, ChangeKind.ReadAgain, 2, 1, Row(1, "b", February)));

        Assert.Equal(["1: id=1 note=b day=2024-02-01"], await ShownAsync(sink));
        Assert.Equal(["1: id=1 note=b day=2024-02-01"], await sink.FoundAsync(1));
    }

    [Fact]
    public async Task Upserts_leave_the_fields_of_others()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink("write: upsert");
        await using var other = rig.Sink("write: upsert");
        var price = new TableSchema(new("shop", "prices"), [new() { Name = "id", Kind = ColumnKind.Int32 }, new() { Name = "price", Kind = ColumnKind.Int32 }], [0]);
        var prices = ShapeOf("prices", price);

        await WriteAsync(other, Make(OperationKind.Index, ChangeKind.Insert, 1, 1, Rows.Encode(price, 1, 99), shape: prices));
        var answers = await WriteAsync(sink, Index(1, 1, "a"), Index(2, 1, "b", January), Index(3, 2, "c"), Delete(4, 2), Delete(5, 3));

        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal(["1: id=1 note=b day=2024-01-31"], await ShownAsync(sink));
        Assert.Equal(["1: id=1 price=99"], await ShownAsync(other, prices));
    }

    [Fact]
    public async Task A_partial_row_changes_what_it_tells_and_is_refused_where_there_is_none()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink("write: upsert");
        var shape = ShapeOf("orders", Orders.As(partial: true));
        await WriteAsync(sink, Index(1, 1, "a", January));

        var answers = await WriteAsync(
            sink, Make(OperationKind.Update, ChangeKind.Update, 2, 1, Partial(1, 42), shape: shape), Make(OperationKind.Update, ChangeKind.Update, 3, 2, Partial(2, 42), shape: shape));

        Assert.Equal(Answer.Applied, answers[0]);
        Assert.Equal((AnswerKind.Refused, "document_missing_exception"), (answers[1].Kind, answers[1].Cause));
        Assert.Equal(["1: id=1 note=a day=2024-01-31 customer=42"], await ShownAsync(sink));
    }

    [Theory]
    [InlineData("index")]
    [InlineData("upsert")]
    public async Task Deleted_rows_can_be_marked_instead(string write)
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink($"write: {write}, soft_delete: {{ field: gone, value: true }}");
        await WriteAsync(sink, Index(1, 1, "a"), Index(2, 2, "b"));

        var answers = await WriteAsync(sink, Delete(3, 1));

        Assert.Equal([Answer.Applied], answers);
        Assert.Equal(["2: id=2 note=b"], await ShownAsync(sink));
        Assert.Equal(["-", "2: id=2 note=b"], await sink.FoundAsync(1, 2));
        Assert.Contains("\"gone\":true", await rig.SourceAsync("orders", "1"), StringComparison.Ordinal);

        await WriteAsync(sink, Index(4, 1, "back"));
        if (write == "index")
            Assert.Equal(["1: id=1 note=back", "2: id=2 note=b"], await ShownAsync(sink));
    }

    [Fact]
    public async Task A_row_that_is_removed_by_its_key_alone_is_marked_where_it_is()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink("index: \"PREo-{day|yyyy.MM}\", soft_delete: { field: gone, value: true }");
        await WriteAsync(sink, Index(1, 1, "a", January), Index(2, 2, "b", February));

        await WriteAsync(sink, Delete(3, 1, cause: ChangeKind.Truncate), Delete(3, 9, cause: ChangeKind.Truncate));

        Assert.Contains("\"gone\":true", await rig.SourceAsync("o-2024.01", "1"), StringComparison.Ordinal);
        Assert.Equal(["2: id=2 note=b day=2024-02-01"], await ShownAsync(sink));
    }

    [Fact]
    public async Task Parents_and_children_share_an_index()
    {
        await using var rig = ElasticsearchRig.Start();
        var items = ShapeOf("items", new(new("shop", "items"), [new() { Name = "id", Kind = ColumnKind.Int32 }, new() { Name = "order_id", Kind = ColumnKind.Int32 }], [0]));
        await using var sink = rig.Sink(
            "index: \"PREshop\", id: { orders: \"o{id}\", items: \"i{id}\" }, join: { field: relation, tables: { orders: order, items: { name: item, parent: \"o{order_id}\" } } }, template: apply");
        await sink.PrepareAsync([OrdersShape, items], Cancelled);
        byte[] Item(int id, int? order) => Rows.Encode(items.Schema, id, order);

        var answers = await WriteAsync(
            sink, Index(1, 1, "a"), Index(2, 2, "b"), Make(OperationKind.Index, ChangeKind.Insert, 3, 101, Item(1, 1), shape: items),
            Make(OperationKind.Index, ChangeKind.Insert, 4, 102, Item(2, null), shape: items));
        await WriteAsync(sink, Make(OperationKind.Index, ChangeKind.Update, 5, 101, Item(1, 2), Item(1, 1), items));

        Assert.Equal([AnswerKind.Applied, AnswerKind.Applied, AnswerKind.Applied, AnswerKind.Refused], answers.Select(answer => answer.Kind));
        Assert.Equal("The document is a child, and the column that names its parent is NULL.", answers[3].Reason);
        Assert.Equal(["o1: id=1 note=a", "o2: id=2 note=b"], await ShownAsync(sink));
        Assert.Equal(["i1: id=1 order_id=2"], await ShownAsync(sink, items));
    }

    [Fact]
    public async Task A_marker_is_read_as_it_was_written()
    {
        await using var rig = ElasticsearchRig.Start();
        await using var sink = rig.Sink();
        var pipeline = rig.Prefix + "p/1 ä";
        var marker = new TargetMarker(Guid.Parse("01234567-89ab-cdef-0123-456789abcdef"), 65_535, (1L << 47) - 1);

        Assert.True(sink.KeepsMarker);
        Assert.Null(await sink.ReadMarkerAsync(pipeline, Cancelled));
        await sink.WriteMarkerAsync(pipeline, marker with { Offset = 5 }, Cancelled);
        await sink.WriteMarkerAsync(pipeline, marker, Cancelled);

        Assert.Equal(marker, await sink.ReadMarkerAsync(pipeline, Cancelled));
        Assert.Null(await sink.ReadMarkerAsync(pipeline + "2", Cancelled));
    }

    private static byte[] KeyAlone(int id)
    {
        var bytes = new byte[32];
        var row = RowWriter.Partial(bytes, 4);
        row.WriteUInt32((uint)id);
        row.WriteAbsent();
        row.WriteAbsent();
        row.WriteAbsent();
        return bytes[..row.WrittenBytes];
    }

    private static byte[] Partial(int id, int customer)
    {
        var bytes = new byte[32];
        var row = RowWriter.Partial(bytes, 4);
        row.WriteUInt32((uint)id);
        row.WriteAbsent();
        row.WriteAbsent();
        row.WriteUInt32((uint)customer);
        return bytes[..row.WrittenBytes];
    }
}
