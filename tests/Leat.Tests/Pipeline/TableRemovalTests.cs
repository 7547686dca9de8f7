using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Pipeline.Delivery;
using Leat.Tests.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;
using Xunit;

namespace Leat.Tests.Pipeline;

/// <summary>What a target loses by a change of a whole table, where rows are mapped and tables are one.</summary>
public sealed class TableRemovalTests
{
    [Theory]
    [InlineData(ChangeKind.Truncate, false, "1:7, 1:8, 1:9")]
    [InlineData(ChangeKind.Sweep, false, "1:8, 1:9")]
    [InlineData(ChangeKind.Sweep, true, "1:8, 1:9, 2:7, 3:7")]
    public async Task Of_tables_that_are_one_only_the_rows_of_the_one_go(ChangeKind cause, bool ofTarget, string expected)
    {
        var plan = Shards("shard");
        var sink = new Target(plan.Shapes[0], ("1", 7), ("1", 8), ("1", 9), ("2", 7), ("2", 8), ("3", 7));
        var source = new Source { Rows = { ["shop.orders_1"] = [7], ["shop.orders_2"] = [8, 9] } };

        Assert.Equal(expected, await GoneAsync(plan, sink, source, cause, ofTarget));
    }

    [Theory]
    [InlineData(ChangeKind.Truncate)]
    [InlineData(ChangeKind.Sweep)]
    public async Task With_unique_ids_a_row_is_gone_when_no_table_has_it(ChangeKind cause)
    {
        var plan = Shards(shard: null);
        var sink = new Target(plan.Shapes[0], ("", 7), ("", 8), ("", 9));
        var source = new Source { Rows = { ["shop.orders_1"] = [], ["shop.orders_2"] = [8] } };

        Assert.Equal("7, 9", await GoneAsync(plan, sink, source, cause));
    }

    [Fact]
    public async Task A_table_that_is_dropped_has_no_rows()
    {
        var plan = Shards(shard: null);
        var sink = new Target(plan.Shapes[0], ("", 7), ("", 8));
        var source = new Source { Rows = { ["shop.orders_2"] = [8] } };

        Assert.Equal("7", await GoneAsync(plan, sink, source, ChangeKind.Sweep));
    }

    [Fact]
    public async Task Where_the_key_is_computed_the_table_is_read()
    {
        var plan = new PipelinePlan([new("orders", new("shop", "orders_1"), [], null) { Set = [RuleOf("id", "coalesce(note, '')")] }]);
        plan.Learn(1, Schema("orders_1"));
        var sink = new Target(plan.Shapes[0], ("n7", 0), ("n8", 0), ("x", 0));
        var source = new Source { Rows = { ["shop.orders_1"] = [7, 8] } };

        Assert.Equal("x", await GoneAsync(plan, sink, source, ChangeKind.Sweep));
    }

    [Theory]
    [InlineData(ChangeKind.Truncate, "7@n7, 8@old, 9@n9")]
    [InlineData(ChangeKind.Sweep, "8@old, 9@n9")]
    public async Task Rows_at_places_that_other_columns_are_part_of_are_found_and_go_where_they_do_not_belong_any_more(ChangeKind cause, string expected)
    {
        var plan = new PipelinePlan([new("orders", new("shop", "orders_1"), [], null)]);
        plan.Learn(1, Schema("orders_1"));
        var sink = new Target(plan.Shapes[0], ("", 7), ("", 8), ("", 9)) { PlacedBy = "note" };
        sink.Rows[0] = Rows.Encode(plan.Shapes[0].Schema, 7, "n7");
        sink.Rows[1] = Rows.Encode(plan.Shapes[0].Schema, 8, "old"); // by now n8
        sink.Rows[2] = Rows.Encode(plan.Shapes[0].Schema, 9, "n9");
        var source = new Source { Rows = { ["shop.orders_1"] = [7, 8] } };

        Assert.Equal(expected, await GoneAsync(plan, sink, source, cause));
    }

    [Fact]
    public async Task Rows_that_stay_are_marked_once()
    {
        var plan = new PipelinePlan([new("orders", new("shop", "orders_1"), [], null) { SoftDelete = [RuleOf("gone", "true")] }]);
        plan.Learn(1, Schema("orders_1"));
        var sink = new Target(plan.Shapes[0], ("", 7), ("", 8));
        var source = new Source { Rows = { ["shop.orders_1"] = [] } };
        sink.Rows[0] = Rows.Encode(plan.Shapes[0].Schema, 7, "n", 1);

        var removal = Removal(plan, sink, source);
        var rows = new List<string>();
        await foreach (var row in removal.RowsAsync(ChangeKind.Truncate, ofTarget: false, CancellationToken.None))
            rows.Add(Transform.RowMapTests.Text(plan.Shapes[0].Schema, row));

        Assert.Equal(["id=8, note=NULL, gone=1"], rows);
    }

    // A document of which the target has fields of other tables only: the source has a row of those, and none of the root yet.
    [Theory]
    [InlineData(ChangeKind.Truncate, "7, 8, 9")]
    [InlineData(ChangeKind.Sweep, "8")]
    public async Task A_document_that_other_tables_began_is_none_that_the_root_has_lost(ChangeKind cause, string expected)
    {
        var plan = Part(new() { Document = "orders", Key = ["id"], Joins = [new("totals", ["id"], default)], Location = default });
        var sink = new Target(plan.Shapes[0], ("", 9)) { Rows = { Rows.Encode(plan.Shapes[0].Schema, 7, "n7"), Rows.Encode(plan.Shapes[0].Schema, 8, "n8") } };
        sink.Rows.Sort((one, other) => string.CompareOrdinal(sink.Expect(plan.Shapes[0], one).Key, sink.Expect(plan.Shapes[0], other).Key));
        var source = new Source { Rows = { ["shop.orders_1"] = [7] } };

        Assert.Equal(expected, await GoneAsync(plan, sink, source, cause));
    }

    [Theory]
    [InlineData(ChangeKind.Truncate, "7, 8")]
    [InlineData(ChangeKind.Sweep, "8")]
    public async Task Fields_that_are_NULL_already_are_not_taken_away_once_more(ChangeKind cause, string expected)
    {
        var plan = Part(new() { Document = "baskets", Key = ["id"], Joined = ["id"], Location = default });
        var sink = new Target(plan.Shapes[0]) { Rows = { Rows.Encode(plan.Shapes[0].Schema, 7, "n7"), Rows.Encode(plan.Shapes[0].Schema, 8, "n8"), Rows.Encode(plan.Shapes[0].Schema, 9, null) } };
        var source = new Source { Rows = { ["shop.orders_1"] = [7] } };

        Assert.Equal(expected, await GoneAsync(plan, sink, source, cause));
    }

    [Fact]
    public async Task A_root_of_nothing_but_its_key_is_known_by_that()
    {
        var plan = new PipelinePlan([new("orders", new("shop", "orders_1"), ["id"], null) { Group = new() { Document = "orders", Location = default } }]);
        plan.Learn(1, Schema("orders_1"));
        var sink = new Target(plan.Shapes[0], ("", 7), ("", 8));
        var source = new Source { Rows = { ["shop.orders_1"] = [7] } };

        Assert.Equal("8", await GoneAsync(plan, sink, source, ChangeKind.Sweep));
    }

    private static PipelinePlan Part(FieldGroup group)
    {
        var plan = new PipelinePlan([new("orders", new("shop", "orders_1"), [], null) { Group = group }]);
        plan.Learn(1, Schema("orders_1"));
        return plan;
    }

    private static SetRule RuleOf(string name, string expression) => new(name, new(expression, default, IsInline: true));

    private static PipelinePlan Shards(string? shard)
    {
        var plan = new PipelinePlan([new("orders", new("", "orders"), [], null) { Pattern = new(@"shop\.orders_(\d+)", shard) }]);
        plan.Learn(1, Schema("orders_1"));
        plan.Learn(2, Schema("orders_2"));
        return plan;
    }

    private static TableSchema Schema(string name) => new(
        new("shop", name), [new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "note", Kind = ColumnKind.String }], [0]);

    private static TableRemoval Removal(PipelinePlan plan, Target sink, Source source) => new(sink, plan.Find(1)!, plan.PartsOf("orders"), source, () => null);

    private static async Task<string> GoneAsync(PipelinePlan plan, Target sink, Source source, ChangeKind cause, bool ofTarget = false)
    {
        var gone = new List<string>();
        await foreach (var row in Removal(plan, sink, source).RowsAsync(cause, ofTarget, CancellationToken.None))
            gone.Add(sink.Expect(plan.Shapes[0], row).Key);
        return string.Join(", ", gone);
    }

    private sealed class Target : ISink
    {
        private readonly Shape _shape;

        public Target(Shape shape, params (string Text, int Id)[] keys)
        {
            _shape = shape;
            Rows = [.. keys.Select(key => Encode(shape, key.Text, key.Id))];
        }

        public List<byte[]> Rows { get; }

        /// <summary>A column beside the key that a row's name at the target has in it.</summary>
        public string? PlacedBy { get; init; }

        public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row)
        {
            var reader = new RowReader(shape.Schema, row);
            var fields = new List<KeyValuePair<string, string?>>();
            foreach (var column in shape.Columns)
            {
                reader.Seek(column.Ordinal);
                fields.Add(new(column.Name, ValueText.Of(ref reader)));
            }

            var name = string.Join(':', shape.Key.Select(ordinal => fields[ordinal].Value));
            return new(PlacedBy is null ? name : $"{name}@{fields.Find(field => field.Key == PlacedBy).Value}", [.. fields]);
        }

        public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            foreach (var row in Rows)
                yield return Expect(_shape, row);
        }

        public ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask DisposeAsync() => default;

        private static byte[] Encode(Shape shape, string text, int id) => Changes.Rows.Encode(
            shape.Schema, [.. shape.Schema.Columns.Select(column => column.Name == "shard" || (column.Name == "id" && column.Kind == ColumnKind.String) ? text : column.Name == "id" ? (object?)id : null)]);
    }

    private sealed class Source : ISource
    {
        public Dictionary<string, int[]> Rows { get; } = [];

        public ValueTask<bool[]> ExistingAsync(
            TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken) =>
            new(rows.Select(row => Rows[table.Table.ToString()].Contains(IdOf(table, row.Span))).ToArray());

        public async IAsyncEnumerable<SourceRow> ReadTableAsync(TableSchema table, SourcePosition? captured, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            foreach (var id in Rows[table.Table.ToString()])
                yield return new(table, Changes.Rows.Encode(table, id, $"n{id}"));
        }

        public ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<SourcePosition> CurrentPositionAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken) => throw new NotSupportedException();

        public ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken) => new([.. Rows.Keys.Select(name => Schema(name["shop.".Length..]))]);

        public ValueTask DisposeAsync() => default;

        private static int IdOf(TableSchema table, ReadOnlySpan<byte> row)
        {
            var reader = new RowReader(table, row);
            reader.Seek(0);
            return (int)reader.Int64;
        }
    }
}
