using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Apply;
using Leat.Tests.Changes;
using Xunit;

namespace Leat.Tests.MySql;

public sealed class ApplyTests
{
    private static readonly TableSchema Pairs = new(
        new("shop", "pairs"),
        [
            new() { Name = "a", Kind = ColumnKind.Int32, Nullable = false },
            new() { Name = "b", Kind = ColumnKind.String, Length = 10, Nullable = false },
            new() { Name = "v", Kind = ColumnKind.Decimal, Precision = 5, Scale = 2 },
        ],
        [0, 1]);

    // An upsert that meets a row with another key fails: no server computes e to the power of 710.
    private const string Upserted =
        "`a`=IF((`copy`.`pa``irs`.`a`=VALUES(`a`) AND `copy`.`pa``irs`.`b`=VALUES(`b`)) OR EXP(710+LENGTH(VALUES(`a`)))>0,VALUES(`a`),VALUES(`a`)),`b`=VALUES(`b`),`value`=VALUES(`value`)";

    private static readonly Shape PairsShape = new()
    {
        Alias = "pa`irs", Schema = Pairs, Columns = [new("a", 0), new("b", 1), new("value", 2)], Key = [0, 1],
    };

    [Theory]
    [InlineData(ColumnKind.String, "it's \\ \0 \n 🎁", "'it\\'s \\\\ \\0 \n 🎁'")]
    [InlineData(ColumnKind.Json, """{"a":"b\"c"}""", """'{"a":"b\\"c"}'""")]
    [InlineData(ColumnKind.Decimal, "-0.50", "-0.50")]
    [InlineData(ColumnKind.Int64, long.MinValue, "-9223372036854775808")]
    [InlineData(ColumnKind.UInt64, ulong.MaxValue, "18446744073709551615")]
    [InlineData(ColumnKind.Float64, 1e300, "1E+300")]
    [InlineData(ColumnKind.Float64, -0.0, "'-0'")]
    [InlineData(ColumnKind.Float32, -0.0f, "'-0'")]
    [InlineData(ColumnKind.Bit, 5L, "5")]
    [InlineData(ColumnKind.Year, 0L, "0000")]
    [InlineData(ColumnKind.Date, 0L, "'0000-00-00'")]
    [InlineData(ColumnKind.Time, -1L, "'-00:00:00.000001'")]
    [InlineData(ColumnKind.Timestamp, 0L, "'1970-01-01 00:00:00.000000'")]
    [InlineData(ColumnKind.Enum, 1L, "'it\\'s'")]
    [InlineData(ColumnKind.Set, 3L, "'it\\'s,b\\\\'")]
    [InlineData(ColumnKind.Int32, null, "NULL")]
    public void Values_are_written_as_literals(ColumnKind kind, object? value, string literal)
    {
        var schema = new TableSchema(new("d", "t"), [new() { Name = "c", Kind = kind, Scale = kind is ColumnKind.Time or ColumnKind.Timestamp ? 6 : 0, Labels = kind is ColumnKind.Enum or ColumnKind.Set ? ["it's", "b\\"] : [] }], []);
        var reader = new RowReader(schema, Rows.Encode(schema, value));
        reader.Read();
        var sql = new ArrayBufferWriter<byte>();

        new SqlLiteral().Write(ref reader, sql);

        Assert.Equal(literal, Encoding.UTF8.GetString(sql.WrittenSpan));
    }

    [Fact]
    public void Bytes_are_written_in_hex()
    {
        var schema = new TableSchema(new("d", "t"), [new() { Name = "c", Kind = ColumnKind.Binary }], []);
        foreach (var (bytes, literal) in new[] { (new byte[] { 0, 39, 92, 255 }, "x'00275CFF'"), (Array.Empty<byte>(), "x''") })
        {
            var reader = new RowReader(schema, Rows.Encode(schema, bytes));
            reader.Read();
            var sql = new ArrayBufferWriter<byte>();
            new SqlLiteral().Write(ref reader, sql);
            Assert.Equal(literal, Encoding.UTF8.GetString(sql.WrittenSpan));
        }
    }

    [Fact]
    public void A_batch_becomes_deletes_and_upserts_with_each_key_once() => Assert.Equal(
        "DELETE FROM `copy`.`pa``irs` WHERE (`a`,`b`) IN ((1,'x'),(2,'y'));" +
        "INSERT INTO `copy`.`pa``irs` (`a`,`b`,`value`) VALUES (3,'z',1.00),(4,'w',NULL) " +
        "ON DUPLICATE KEY UPDATE " + Upserted,
        Statements(
            TargetForm.Plain,
            Operation(OperationKind.Index, 1, 1, "x", "9.00"), Operation(OperationKind.Index, 2, 3, "z", "0.50"), Operation(OperationKind.Delete, 3, 1, "x", null),
            Operation(OperationKind.Index, 4, 3, "z", "1.00"), Operation(OperationKind.Delete, 5, 2, "y", null), Operation(OperationKind.Index, 6, 4, "w", null)));

    [Fact]
    public void Rows_whose_unique_values_change_are_deleted_and_inserted_and_others_are_upserted() => Assert.Equal(
        "DELETE FROM `copy`.`pa``irs` WHERE (`a`,`b`) IN ((1,'x'));" +
        "DELETE FROM `copy`.`pa``irs` WHERE (`a`,`b`) IN ((2,'y'),(3,'y'));" +
        "INSERT INTO `copy`.`pa``irs` (`a`,`b`,`value`) VALUES (2,'y',1.00),(3,'y',4.00);" +
        "INSERT INTO `copy`.`pa``irs` (`a`,`b`,`value`) VALUES (4,'y',7.00) ON DUPLICATE KEY UPDATE " +
        Upserted,
        Statements(
            OneValue,
            Operation(OperationKind.Delete, 1, 1, "x", null), Operation(OperationKind.Index, 2, 2, "y", "1.00"),
            Operation(OperationKind.Index, 3, 3, "y", "4.00", before: "1.00"), Operation(OperationKind.Index, 4, 4, "y", "8.00", before: "7.00"),
            Operation(OperationKind.Index, 5, 4, "y", "7.00", before: "8.00")));

    [Fact]
    public void A_row_in_the_way_of_one_that_is_read_again_or_seen_before_is_replaced_when_nothing_else_helps()
    {
        Operation[] batch =
        [
            Operation(OperationKind.Index, 10, 1, "x", "1.00", before: "2.00"), Operation(OperationKind.Index, 11, 2, "x", "2.00", before: "2.00"),
            Operation(OperationKind.Index, 12, 3, "x", "3.00") with { Cause = ChangeKind.ReadAgain },
        ];
        var plan = new ApplyPlan(Forms(OneValue), seen: 10);
        plan.Build(batch);
        plan.BuildInOrder(batch);

        Assert.Equal([ApplyMode.TakeOver, ApplyMode.Upsert, ApplyMode.TakeOver], plan.Groups.Select(group => group.Mode));
        Assert.StartsWith("REPLACE INTO `copy`.`pa``irs` (`a`,`b`,`value`) VALUES (1,'x',1.00);INSERT INTO ", Text(plan, OneValue, batch), StringComparison.Ordinal);
    }

    [Fact]
    public void Where_the_order_counts_every_operation_is_written_in_runs() => Assert.Equal(
        "INSERT INTO `copy`.`pa``irs` (`a`,`b`,`value`) VALUES (1,'x',1.00),(1,'x',2.00) ON DUPLICATE KEY UPDATE " + Upserted + ";" +
        "DELETE FROM `copy`.`pa``irs` WHERE (`a`,`b`) IN ((1,'x'));" +
        "INSERT INTO `copy`.`pa``irs` (`a`,`b`,`value`) VALUES (1,'x',3.00) ON DUPLICATE KEY UPDATE " + Upserted,
        Statements(
            TargetForm.Plain with { KeepsOrder = true },
            Operation(OperationKind.Index, 1, 1, "x", "1.00"), Operation(OperationKind.Index, 2, 1, "x", "2.00"), Operation(OperationKind.Delete, 3, 1, "x", null),
            Operation(OperationKind.Index, 4, 1, "x", "3.00")));

    [Fact]
    public void A_row_that_lacks_columns_updates_those_that_it_tells()
    {
        var schema = Pairs.As(partial: true);
        var shape = new Shape { Alias = PairsShape.Alias, Schema = schema, Columns = PairsShape.Columns, Key = PairsShape.Key };
        Operation Partial(bool tellsValue) => Operation(OperationKind.Update, 1, 1, "x", null) with { Shape = shape, Row = Rows.Encode(schema, 7, "it's", tellsValue ? "1.50" : Rows.Absent) };

        Assert.Equal(
            "UPDATE `copy`.`pa``irs` SET `value`=1.50 WHERE `a`=7 AND `b`='it\\'s';UPDATE `copy`.`pa``irs` SET `a`=`a` WHERE `a`=7 AND `b`='it\\'s'",
            Statements(TargetForm.Plain, Partial(true), Partial(false)));
    }

    [Fact]
    public void What_is_replayed_behind_something_newer_of_its_key_is_stale_in_both_orders()
    {
        Operation[] batch =
        [
            Operation(OperationKind.Index, 9, 1, "x", "1.00"), Operation(OperationKind.Index, 3, 1, "x", "0.50") with { ReplayedEpoch = 1 },
            Operation(OperationKind.Index, 4, 2, "x", "0.50") with { ReplayedEpoch = 1 },
        ];
        var plan = new ApplyPlan(Forms(TargetForm.Plain), seen: -1);

        plan.Build(batch);
        Assert.Equal([-1, 0, -1], Enumerable.Range(0, 3).Select(plan.SupersededBy));
        plan.BuildInOrder(batch);
        Assert.Equal([-1, 0, -1], Enumerable.Range(0, 3).Select(plan.SupersededBy));
        Assert.Equal([0, 2], Assert.Single(plan.Groups).Operations);
    }

    [Theory]
    [InlineData("8.0.36", "MySQL Community Server - GPL", true)]
    [InlineData("8.0.19-0ubuntu1", "(Ubuntu)", true)]
    [InlineData("9.7.0", "MySQL Community Server - GPL", true)]
    [InlineData("8.0.36-28", "Percona Server (GPL), Release 28", true)]
    [InlineData("8.0.18", "MySQL Community Server - GPL", false)]
    [InlineData("5.7.44-log", "MySQL Community Server (GPL)", false)]
    [InlineData("10.11.6-MariaDB-0+deb12u1", "Debian 12", false)]
    [InlineData("11.8.2-MariaDB-log", "Source distribution", false)]
    [InlineData("8.0.11-TiDB-v8.5.1", "TiDB Server (Apache License 2.0) Community Edition, MySQL 8.0 compatible", false)]
    [InlineData("8.0.40", "TiDB Server (Apache License 2.0) Enterprise Edition", false)]
    [InlineData("8.0.30-Vitess", "Version: 21.0.0", false)]
    [InlineData("8.0.mysql_aurora.3.04.0", "Source distribution", false)]
    [InlineData("", "", false)]
    public void The_product_decides_the_form_of_an_upsert(string version, string comment, bool isAlias) =>
        Assert.Equal(isAlias ? UpsertForm.Alias : UpsertForm.Function, TargetServer.UpsertOf(version, comment));

    [Fact]
    public void MySql_gets_a_row_alias() => Assert.Equal(
        "INSERT INTO `copy`.`pa``irs` (`a`,`b`,`value`) VALUES (1,'x',1.00) AS `leat new` ON DUPLICATE KEY UPDATE " +
        Upserted.Replace("VALUES(`a`)", "`leat new`.`a`", StringComparison.Ordinal).Replace("VALUES(`b`)", "`leat new`.`b`", StringComparison.Ordinal)
            .Replace("VALUES(`value`)", "`leat new`.`value`", StringComparison.Ordinal),
        Statements(TargetForm.Plain, UpsertForm.Alias, Operation(OperationKind.Index, 1, 1, "x", "1.00")));

    [Fact]
    public void TiDb_gets_statements_without_an_alias() => Assert.Equal(
        "DELETE FROM `copy`.`pa``irs` WHERE (`a`,`b`) IN ((2,'y'));" +
        "INSERT INTO `copy`.`pa``irs` (`a`,`b`,`value`) VALUES (1,'x',1.00) ON DUPLICATE KEY UPDATE " + Upserted,
        Statements(
            TargetForm.Plain, TargetServer.UpsertOf("8.0.11-TiDB-v7.5.2", "TiDB Server (Apache License 2.0) Community Edition, MySQL 8.0 compatible"),
            Operation(OperationKind.Index, 1, 1, "x", "1.00"), Operation(OperationKind.Delete, 2, 2, "y", null)));

    [Fact]
    public void A_float_key_is_looked_up_as_the_double_that_it_is()
    {
        var schema = new TableSchema(new("d", "t"), [new() { Name = "c", Kind = ColumnKind.Float32 }], [0]);
        var reader = new RowReader(schema, Rows.Encode(schema, 0.1f));
        reader.Read();
        var sql = new ArrayBufferWriter<byte>();

        sql.Advance(new SqlLiteral().WriteKey(ref reader, sql.GetSpan(256)));

        Assert.Equal("1.0000000149011612E-001", Encoding.UTF8.GetString(sql.WrittenSpan));
    }

    [Fact]
    public void Keys_whose_hashes_are_equal_by_chance_stay_apart()
    {
        var plan = new ApplyPlan(Forms(TargetForm.Plain), seen: -1);

        plan.Build(
            [
                Operation(OperationKind.Index, 1, 1, "x", null), Operation(OperationKind.Index, 2, 2, "x", null) with { KeyHash = Hash(1) },
                Operation(OperationKind.Index, 3, 1, "x", null), Operation(OperationKind.Index, 4, 2, "x", null) with { KeyHash = Hash(1) },
            ]);

        Assert.Equal([2, 3, -1, -1], Enumerable.Range(0, 4).Select(plan.SupersededBy));
        Assert.Equal([2, 3], Assert.Single(plan.Groups).Operations);
    }

    [Fact]
    public void Statements_end_before_they_are_too_large_for_the_server()
    {
        var writer = new ApplyWriter("copy", new(UpsertForm.Function, TargetServer.PaddedCollation, 2_048));
        var plan = new ApplyPlan(Forms(TargetForm.Plain), seen: -1);
        Operation[] batch = [.. Enumerable.Range(0, 100).Select(i => Operation(i % 2 == 0 ? OperationKind.Index : OperationKind.Delete, i, i, "abcdefghij", "1.00"))];
        plan.Build(batch);

        foreach (var group in plan.Groups)
            writer.Add(group, [.. group.Operations], batch);

        Assert.True(writer.Count > 2);
        var statements = Enumerable.Range(0, writer.Count).Select(i => Encoding.UTF8.GetString(writer.Statement(i).Span)).ToList();
        Assert.All(statements, statement => Assert.InRange(statement.Length, 1, 1_300));
        Assert.Equal(100, statements.Sum(statement => statement.Split("'abcdefghij'").Length - 1));
        Assert.Equal(Encoding.UTF8.GetString(writer.Buffer.WrittenSpan), string.Join(';', statements));
    }

    [Fact]
    public void Missing_tables_are_created_with_types_that_hold_what_arrives() => Assert.Equal(
        "CREATE TABLE `copy`.`pairs` (`a` INT NOT NULL, `b` VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL, `value` DECIMAL(5,2) NULL, " +
        "PRIMARY KEY (`a`, `b`)) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4",
        TargetDdl.Create(PairsShape, new("copy", "pairs"), "utf8mb4_nopad_bin"));

    [Theory]
    [InlineData(ColumnKind.String, 0, "LONGTEXT")]
    [InlineData(ColumnKind.String, 256, "VARCHAR(256)")]
    [InlineData(ColumnKind.String, 257, "TEXT")]
    [InlineData(ColumnKind.String, 65_535, "MEDIUMTEXT")]
    [InlineData(ColumnKind.String, 16_777_215, "LONGTEXT")]
    [InlineData(ColumnKind.Binary, 16, "VARBINARY(16)")]
    [InlineData(ColumnKind.Binary, 65_535, "BLOB")]
    [InlineData(ColumnKind.Binary, 0, "LONGBLOB")]
    [InlineData(ColumnKind.Bit, 13, "BIT(13)")]
    [InlineData(ColumnKind.UInt64, 0, "BIGINT UNSIGNED")]
    [InlineData(ColumnKind.Timestamp, 0, "TIMESTAMP(0)")]
    public void Types_follow_kind_and_length(ColumnKind kind, long length, string type)
    {
        var schema = new TableSchema(new("d", "t"), [new() { Name = "id", Kind = ColumnKind.Int32 }, new() { Name = "c", Kind = kind, Length = length }], [0]);
        var shape = new Shape { Alias = "t", Schema = schema, Columns = [new("id", 0), new("c", 1)], Key = [0] };

        Assert.Equal($"`c` {type} NULL", TargetDdl.Definition(shape, shape.Columns[1], TargetServer.PaddedCollation));
    }

    [Theory]
    [InlineData(1213, typeof(RetriableException))]
    [InlineData(1205, typeof(RetriableException))]
    [InlineData(1290, typeof(RetriableException))]
    [InlineData(1142, typeof(PauseException))]
    [InlineData(1146, typeof(PauseException))]
    [InlineData(1114, typeof(PauseException))]
    [InlineData(1040, typeof(RetriableException))]
    [InlineData(9007, typeof(RetriableException))]
    [InlineData(8028, typeof(RetriableException))]
    [InlineData(1153, typeof(RetriableException))]
    [InlineData(4031, typeof(RetriableException))]
    [InlineData(3169, typeof(RetriableException))]
    [InlineData(1158, typeof(RetriableException))]
    [InlineData(1047, typeof(RetriableException))]
    [InlineData(1792, typeof(RetriableException))]
    [InlineData(1180, typeof(RetriableException))]
    [InlineData(1135, typeof(RetriableException))]
    [InlineData(1364, typeof(PauseException))]
    [InlineData(9999, typeof(PauseException))]
    public void Errors_of_the_server_have_their_class(int code, Type expected)
    {
        var endpoint = new Leat.Connectors.MySql.Wire.MySqlEndpoint { Host = "h", User = "u" };

        Assert.IsType(expected, MySqlSinkErrors.Statement("Sink", endpoint, "d", new(code, "HY000", "words")));
        Assert.False(MySqlSinkErrors.IsPoison(code));
    }

    // One unique index over the column "value".
    private static TargetForm OneValue => TargetForm.Plain with { HasUnique = true, UniqueColumns = [2] };

    private static Dictionary<string, TargetForm> Forms(TargetForm form) => new() { [PairsShape.Alias] = form };

    private static string Statements(TargetForm form, params Operation[] batch) => Statements(form, UpsertForm.Function, batch);

    private static string Statements(TargetForm form, UpsertForm upsert, params Operation[] batch)
    {
        var plan = new ApplyPlan(Forms(form), seen: -1);
        plan.Build(batch);
        return Text(plan, form, batch, upsert);
    }

    private static string Text(ApplyPlan plan, TargetForm form, Operation[] batch, UpsertForm upsert = UpsertForm.Function)
    {
        var writer = new ApplyWriter("copy", new(upsert, TargetServer.PaddedCollation, 1024 * 1024));
        foreach (var group in plan.Groups)
            writer.Add(group, [.. group.Operations], batch);
        return Encoding.UTF8.GetString(writer.Buffer.WrittenSpan);
    }

    private static ulong Hash(long a) => (ulong)a * 1_000;

    private static Operation Operation(OperationKind kind, long offset, long a, string b, string? value, string? before = null) => new()
    {
        Kind = kind, Cause = ChangeKind.Update, Offset = offset, CommittedAtMicros = 0, Shape = PairsShape, Row = Rows.Encode(Pairs, a, b, value),
        Before = before is null ? default(ReadOnlyMemory<byte>) : Rows.Encode(Pairs, a, b, before), KeyHash = Hash(a),
    };
}
