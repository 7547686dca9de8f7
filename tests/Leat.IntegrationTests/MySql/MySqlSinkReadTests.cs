using Leat.Changes;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;
using static Leat.IntegrationTests.MySql.SinkTarget;

namespace Leat.IntegrationTests.MySql;

/// <summary>Rows read back, all of them and by their keys.</summary>
public sealed class MySqlSinkReadTests
{
    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    [InlineData(TestProduct.MySql9)]
    public async Task Every_type_arrives_as_it_left(TestProduct product)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        var shape = AllTypes.Shape;
        Operation[] batch = [.. AllTypes.RowsFor(product).Select((row, i) => Index(i, shape, row))];

        await target.WriteAsync([shape], batch);

        await using var sink = target.Sink();
        var expected = batch.Select(operation => AllTypes.Print(sink.Expect(shape, operation.Row.Span))).ToList();
        var all = new List<string>();
        await foreach (var row in sink.ReadAsync(shape, default))
            all.Add(AllTypes.Print(row));
        var found = await sink.FindAsync(shape, [.. batch.Select(operation => operation.Row)], default);
        Assert.Equal(expected.Order(), all.Order());
        Assert.Equal(expected, found.Select(row => row is null ? "none" : AllTypes.Print(row)));
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task Columns_of_wider_types_hold_the_same_and_what_is_not_the_same_is_seen(TestProduct product)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        var shape = Shape("wide", Schema(
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "small", Kind = ColumnKind.Int8 }, new() { Name = "large", Kind = ColumnKind.UInt64 },
            new() { Name = "price", Kind = ColumnKind.Decimal, Precision = 10, Scale = 2 }, new() { Name = "bits", Kind = ColumnKind.Bit, Length = 9 }, new() { Name = "filled", Kind = ColumnKind.UInt16 }));
        await target.RunAsync("CREATE TABLE wide (id BIGINT PRIMARY KEY, small INT, large DECIMAL(22,1), price DECIMAL(14,4), bits BIGINT UNSIGNED, filled INT(7) UNSIGNED ZEROFILL) ENGINE=InnoDB");
        var row = Index(1, shape, 1, 44, ulong.MaxValue, "1.50", 300, 77);
        await target.WriteAsync([shape], row);
        await using var sink = target.Sink();

        var expected = sink.Expect(shape, row.Row.Span);
        var found = Assert.Single(await sink.FindAsync(shape, [row.Row], default));
        Assert.Equal(AllTypes.Print(expected), AllTypes.Print(found!)); // not null: it was written
        Assert.Equal(["1", "44", "18446744073709551615", "1.50", "300", "77"], found!.Fields.Select(field => field.Value));

        await target.RunAsync("UPDATE wide SET small = 300, large = -1.5, price = 1.5001");
        found = Assert.Single(await sink.FindAsync(shape, [row.Row], default));
        Assert.Equal(["1", "300", "-1.5", "1.5001", "300", "77"], found!.Fields.Select(field => field.Value));
    }

    // Each kind as a key that rows are deleted and found by.
    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task Rows_are_found_and_deleted_by_keys_of_every_kind(TestProduct product)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        var schema = AllTypes.Shape.Schema;
        for (var ordinal = 0; ordinal < schema.Columns.Length; ordinal++)
        {
            var column = schema.Columns[ordinal];
            if (column.Kind is ColumnKind.Json || column.Length > 1_000)
                continue;
            var shape = Shape($"by_{column.Name}", new TableSchema(new("shop", "t"), [column with { Nullable = false }, new() { Name = "n", Kind = ColumnKind.Int32, Nullable = false }], [0, 1]));
            object[] values = [.. AllTypes.RowsFor(product).Select(row => row[ordinal]).OfType<object>().Distinct()];
            Operation[] batch = [.. values.Select((value, i) => Index(i + 1, shape, value, i))];
            await target.RunAsync("DROP TABLE IF EXISTS leat_positions");
            await target.WriteAsync([shape], batch);
            await using var sink = target.Sink();
            ReadOnlyMemory<byte>[] wanted = [.. batch.Select(operation => operation.Row), Index(0, shape, values[0], 77).Row];

            var found = await sink.FindAsync(shape, wanted, default);
            await sink.PrepareAsync([shape], default);
            await using var lane = await sink.OpenLaneAsync(Identity(), default);
            await WriteAsync(lane, [.. batch.Select((operation, i) => operation with { Kind = OperationKind.Delete, Cause = ChangeKind.Delete, Offset = 100 + i })]);

            Assert.Equal([.. batch.Select(operation => AllTypes.Print(sink.Expect(shape, operation.Row.Span))), "none"], found.Select(row => row is null ? "none" : AllTypes.Print(row)));
            Assert.Empty(await target.AskAsync($"SELECT * FROM `{shape.Alias}`"));
        }
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task A_key_that_the_server_takes_for_equal_is_not_taken_for_the_same(TestProduct product)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        var shape = Shape("words", Schema(new Column { Name = "word", Kind = ColumnKind.String, Length = 20, Nullable = false }));
        await target.RunAsync("CREATE TABLE words (word VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY) ENGINE=InnoDB; INSERT INTO words VALUES ('One'), ('it''s')");
        await using var sink = target.Sink();

        var found = await sink.FindAsync(shape, [Index(1, shape, "one").Row, Index(1, shape, "it's").Row, Index(1, shape, "One").Row, Index(1, shape, "One").Row], default);

        Assert.Equal([null, "it's", "One", "One"], found.Select(row => row?.Key));
        Assert.Empty(await sink.FindAsync(shape, [], default));
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task Texts_that_differ_in_trailing_spaces_and_case_are_rows_of_their_own_in_a_created_table(TestProduct product)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        var shape = Shape("words", Schema(new() { Name = "word", Kind = ColumnKind.String, Length = 20, Nullable = false }, new() { Name = "n", Kind = ColumnKind.Int32 }));

        await target.WriteAsync([shape], Index(1, shape, "a", 1), Index(2, shape, "a ", 2), Index(3, shape, "A", 3), Delete(4, shape, "a", 1));

        Assert.Equal(["2", "3"], await target.AskAsync("SELECT n FROM words ORDER BY n"));
    }

    [Fact]
    public async Task A_table_that_is_gone_is_told_while_reading()
    {
        var target = new SinkTarget(await TestServer.SharedAsync(TestProduct.MariaDb));
        var shape = Shape("gone", Schema(new Column { Name = "id", Kind = ColumnKind.Int32, Nullable = false }));
        await target.RunAsync("SELECT 1");
        await using var sink = target.Sink();

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.FindAsync(shape, [Index(1, shape, 1).Row], default));

        Assert.Contains($"Table '{target.Database}.gone' doesn't exist (error 1146)", error.Message, StringComparison.Ordinal);
    }
}
