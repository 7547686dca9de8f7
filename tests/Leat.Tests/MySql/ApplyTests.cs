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
        "ON DUPLICATE KEY UPDATE `a`=VALUES(`a`),`b`=VALUES(`b`),`value`=VALUES(`value`)",
        Statements(
            [],
            Operation(OperationKind.Index, 1, 1, "x", "9.00"), Operation(OperationKind.Index, 2, 3, "z", "0.50"), Operation(OperationKind.Delete, 3, 1, "x", null),
            Operation(OperationKind.Index, 4, 3, "z", "1.00"), Operation(OperationKind.Delete, 5, 2, "y", null), Operation(OperationKind.Index, 6, 4, "w", null)));

    [Fact]
    public void A_table_with_a_second_unique_index_is_written_by_delete_and_insert() => Assert.Equal(
        "DELETE FROM `copy`.`pa``irs` WHERE (`a`,`b`) IN ((1,'x'),(2,'y'));" +
        "INSERT INTO `copy`.`pa``irs` (`a`,`b`,`value`) VALUES (2,'y',1.00)",
        Statements(["pa`irs"], Operation(OperationKind.Delete, 1, 1, "x", null), Operation(OperationKind.Index, 2, 2, "y", "1.00")));

    [Fact]
    public void Keys_whose_hashes_are_equal_by_chance_stay_apart()
    {
        var plan = new ApplyPlan();

        plan.Build(
            [
                Operation(OperationKind.Index, 1, 1, "x", null), Operation(OperationKind.Index, 2, 2, "x", null) with { KeyHash = Hash(1) },
                Operation(OperationKind.Index, 3, 1, "x", null), Operation(OperationKind.Index, 4, 2, "x", null) with { KeyHash = Hash(1) },
            ],
            new HashSet<string>());

        Assert.Equal([2, 3, -1, -1], Enumerable.Range(0, 4).Select(plan.SupersededBy));
        Assert.Equal([2, 3], Assert.Single(plan.Groups).Operations);
    }

    [Fact]
    public void Statements_end_before_they_are_too_large_for_the_server()
    {
        var writer = new ApplyWriter("copy", 2_048);
        var plan = new ApplyPlan();
        Operation[] batch = [.. Enumerable.Range(0, 100).Select(i => Operation(i % 2 == 0 ? OperationKind.Index : OperationKind.Delete, i, i, "abcdefghij", "1.00"))];
        plan.Build(batch, new HashSet<string>());

        foreach (var group in plan.Groups)
            writer.Add(group, [.. group.Operations], batch);

        Assert.True(writer.Count > 2);
        var statements = Enumerable.Range(0, writer.Count).Select(i => Encoding.UTF8.GetString(writer.Statement(i).Span)).ToList();
        Assert.All(statements, statement => Assert.InRange(statement.Length, 1, 1_200));
        Assert.Equal(100, statements.Sum(statement => statement.Split("'abcdefghij'").Length - 1));
        Assert.Equal(Encoding.UTF8.GetString(writer.Buffer.WrittenSpan), string.Join(';', statements));
    }

    [Fact]
    public void Missing_tables_are_created_with_types_that_hold_what_arrives() => Assert.Equal(
        "CREATE TABLE `copy`.`pairs` (`a` INT NOT NULL, `b` VARCHAR(10) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, `value` DECIMAL(5,2) NULL, " +
        "PRIMARY KEY (`a`, `b`)) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4",
        TargetDdl.Create(PairsShape, new("copy", "pairs")));

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

        Assert.Equal($"`c` {type} NULL", TargetDdl.Definition(shape, shape.Columns[1]));
    }

    [Theory]
    [InlineData(1213, typeof(RetriableException))]
    [InlineData(1205, typeof(RetriableException))]
    [InlineData(1290, typeof(RetriableException))]
    [InlineData(1142, typeof(PauseException))]
    [InlineData(1146, typeof(PauseException))]
    [InlineData(1114, typeof(PauseException))]
    [InlineData(9999, typeof(PauseException))]
    public void Errors_of_the_server_have_their_class(int code, Type expected)
    {
        var endpoint = new Leat.Connectors.MySql.Wire.MySqlEndpoint { Host = "h", User = "u" };

        Assert.IsType(expected, MySqlSinkErrors.Statement("Sink", endpoint, "d", new(code, "HY000", "words")));
        Assert.False(MySqlSinkErrors.IsPoison(code));
    }

    private static string Statements(HashSet<string> replaced, params Operation[] batch)
    {
        var writer = new ApplyWriter("copy", 1024 * 1024);
        var plan = new ApplyPlan();
        plan.Build(batch, replaced);
        foreach (var group in plan.Groups)
            writer.Add(group, [.. group.Operations], batch);
        return Encoding.UTF8.GetString(writer.Buffer.WrittenSpan);
    }

    private static ulong Hash(long a) => (ulong)a * 1_000;

    private static Operation Operation(OperationKind kind, long offset, long a, string b, string? value) => new()
    {
        Kind = kind, Cause = ChangeKind.Update, Offset = offset, CommittedAtMicros = 0, Shape = PairsShape, Row = Rows.Encode(Pairs, a, b, value), KeyHash = Hash(a),
    };
}
