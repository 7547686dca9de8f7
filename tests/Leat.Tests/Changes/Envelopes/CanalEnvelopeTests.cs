using System.Text.Json.Nodes;
using Leat.Changes;
using Leat.Changes.Formats.Envelopes;
using Xunit;
using static Leat.Tests.Changes.Envelopes.EnvelopeFixture;

namespace Leat.Tests.Changes.Envelopes;

public sealed class CanalEnvelopeTests
{
    /// <summary>The table of the example in Flink's documentation of Canal's format.</summary>
    private static readonly TableSchema Products = new(
        new("inventory", "products"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false, SourceType = "int(11)" },
            new() { Name = "name", Kind = ColumnKind.String, SourceType = "varchar(255)" },
            new() { Name = "weight", Kind = ColumnKind.Float32, SourceType = "float" },
        ],
        [0]);

    private static readonly byte[] Light = Rows.Encode(Products, 111L, "scooter", 5.15f);
    private static readonly byte[] Heavy = Rows.Encode(Products, 111L, "scooter", 5.18f);

    [Fact]
    public void An_update_has_every_field_of_the_original_in_its_order() => Assert.Equal(
        [
            """
            {"data":[{"id":"111","name":"scooter","weight":"5.18"}],"database":"inventory","es":1767600000000,"gtid":"0-7-42","id":1,"isDdl":false,"mysqlType":{"id":"int(11)","name":"varchar(255)","weight":"float"},"old":[{"weight":"5.15"}],"pkNames":["id"],"sql":"","sqlType":{"id":4,"name":12,"weight":7},"table":"products","ts":1767600001500,"type":"UPDATE"}
            """,
        ],
        Print(Products, ChangeKind.Update, Light, Heavy));

    [Fact]
    public void An_insert_has_no_old_row() => Assert.Equal(
        [
            """
            {"data":[{"id":"111","name":"scooter","weight":"5.15"}],"database":"inventory","es":1767600000000,"gtid":"0-7-42","id":1,"isDdl":false,"mysqlType":{"id":"int(11)","name":"varchar(255)","weight":"float"},"old":null,"pkNames":["id"],"sql":"","sqlType":{"id":4,"name":12,"weight":7},"table":"products","ts":1767600001500,"type":"INSERT"}
            """,
        ],
        Print(Products, ChangeKind.Insert, null, Light));

    [Fact]
    public void A_delete_has_the_row_that_was()
    {
        var message = Node(Print(Products, ChangeKind.Delete, Light, null));

        Assert.Equal("DELETE", (string?)message["type"]);
        Assert.Equal("""[{"id":"111","name":"scooter","weight":"5.15"}]""", message["data"]?.ToJsonString());
        Assert.Null(message["old"]);
    }

    [Fact]
    public void A_row_read_by_a_snapshot_is_an_insert() => Assert.Equal("INSERT", (string?)Node(Print(Products, ChangeKind.Read, null, Light))["type"]);

    [Fact]
    public void A_truncated_table_is_a_statement() => Assert.Equal(
        [
            """
            {"data":null,"database":"inventory","es":1767600000000,"gtid":"","id":1,"isDdl":true,"mysqlType":null,"old":null,"pkNames":null,"sql":"TRUNCATE TABLE `inventory`.`products`","sqlType":null,"table":"products","ts":1767600001500,"type":"TRUNCATE"}
            """,
        ],
        Print(Products, ChangeKind.Truncate, null, null, "bin.000003:154"));

    [Fact]
    public void The_end_of_a_table_read_again_has_no_message() => Assert.Empty(Print(Products, ChangeKind.Sweep, null, null));

    [Fact]
    public void An_update_that_changes_nothing_has_no_old_row_and_a_table_without_key_no_key_names()
    {
        var without = Node(Print(new(Products.Table, Products.Columns, []), ChangeKind.Update, Light, Light));
        var keyless = Node(Print(new(Products.Table, Products.Columns, [0, 1, 2]) { IsKeyless = true }, ChangeKind.Update, Light, Light));

        Assert.Null(without["old"]);
        Assert.Null(without["pkNames"]);
        Assert.Equal(without.ToJsonString(), keyless.ToJsonString());
    }

    [Fact]
    public void Messages_are_numbered()
    {
        using var envelope = ChangeEnvelopes.Create(EnvelopeFormat.Canal, Settings());

        Assert.Equal([1, 2], Enumerable.Range(0, 2).Select(_ => (int?)Node(Lines(envelope, Products, ChangeKind.Insert, null, Light))["id"]));
    }

    [Fact]
    public void Every_kind_of_column_is_text_as_the_original_writes_it() => Assert.Equal(
        """
        [{"id":"1","i8":"-128","u8":"255","i16":"-32768","u16":"65535","u24":"16777215","u32":"4294967295","i64":"-9223372036854775808","u64":"18446744073709551615","f":"1.5","g":"1.0E10","price":"-9.50","name":"hé\"\n","code":"ab","note":"long","raw":"\u0000ÿ","doc":"{\"a\": [1, \"x\"]}","flag":"1","bits":"677","size":"2","tags":"5","y":"2024","d":"2024-02-29","t":"-10:00:00.50","dt":"2018-06-20 06:37:03.123","dt6":"2018-06-20 06:37:03.123456","ts":"2018-06-20 13:37:03.123","spot":"æ\u0010\u0000\u0000\u0001\u0001\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000\u0000ð?\u0000\u0000\u0000\u0000\u0000\u0000\u0004@","vec":"\u0000\u0000\u0080?\u0000\u0000 À"}]
        """,
        Member(Print(Kinds, ChangeKind.Insert, null, Full()), "data", "database"));

    [Fact]
    public void An_unsigned_number_above_the_signed_range_takes_the_next_larger_type() => Assert.Equal(
        """{"id":4,"i8":-6,"u8":5,"i16":5,"u16":4,"u24":4,"u32":-5,"i64":-5,"u64":3,"f":7,"g":8,"price":3,"name":12,"code":1,"note":2005,"raw":2004,"doc":12,"flag":-7,"bits":-7,"size":4,"tags":-7,"y":12,"d":91,"t":92,"dt":93,"dt6":93,"ts":93,"spot":2004,"vec":2004}""",
        Node(Print(Kinds, ChangeKind.Insert, null, Full()))["sqlType"]?.ToJsonString());

    [Fact]
    public void Null_has_the_type_before_its_conversion()
    {
        var message = Node(Print(Kinds, ChangeKind.Insert, null, Nulls()));

        Assert.Equal(
            """{"id":4,"i8":-6,"u8":-6,"i16":5,"u16":5,"u24":4,"u32":4,"i64":-5,"u64":-5,"f":7,"g":8,"price":3,"name":12,"code":1,"note":-4,"raw":-3,"doc":12,"flag":-7,"bits":-7,"size":4,"tags":-2,"y":12,"d":91,"t":92,"dt":93,"dt6":93,"ts":93,"spot":-2,"vec":-2}""",
            message["sqlType"]?.ToJsonString());
        Assert.All(message["data"]?[0]?.AsObject().Where(member => member.Key != "id") ?? [], member => Assert.Null(member.Value));
    }

    [Fact]
    public void A_type_that_the_source_does_not_tell_is_made_of_what_is_known()
    {
        var bare = new TableSchema(Kinds.Table, [.. Kinds.Columns.Select(column => column with { SourceType = "" })], [0]);

        Assert.Equal(
            """{"id":"int","i8":"tinyint","u8":"tinyint unsigned","i16":"smallint","u16":"smallint unsigned","u24":"int unsigned","u32":"int unsigned","i64":"bigint","u64":"bigint unsigned","f":"float","g":"double","price":"decimal(10,2)","name":"varchar(20)","code":"varchar(2)","note":"longtext","raw":"varbinary(4)","doc":"json","flag":"bit(1)","bits":"bit(10)","size":"enum('s','m','l')","tags":"set('a','b','c')","y":"year","d":"date","t":"time(2)","dt":"datetime(3)","dt6":"datetime(6)","ts":"timestamp(3)","spot":"longblob","vec":"longblob"}""",
            Node(Print(bare, ChangeKind.Insert, null, Full()))["mysqlType"]?.ToJsonString(Relaxed));
    }

    [Theory]
    [InlineData(0.0, "0.0")]
    [InlineData(-0.0, "-0.0")]
    [InlineData(1.0, "1.0")]
    [InlineData(100.0, "100.0")]
    [InlineData(123.456, "123.456")]
    [InlineData(9999999.0, "9999999.0")]
    [InlineData(10000000.0, "1.0E7")]
    [InlineData(0.001, "0.001")]
    [InlineData(0.00099, "9.9E-4")]
    [InlineData(-1.5e300, "-1.5E300")]
    [InlineData(5e-324, "4.9E-324")]
    [InlineData(0.1, "0.1")]
    public void A_double_is_written_as_java_does(double value, string expected)
    {
        var schema = new TableSchema(new("d", "t"), [new() { Name = "v", Kind = ColumnKind.Float64 }], []);

        Assert.Equal(expected, (string?)Node(Print(schema, ChangeKind.Insert, null, Rows.Encode(schema, value)))["data"]?[0]?["v"]);
    }

    private static readonly System.Text.Json.JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string Member(string[] lines, string name, string next)
    {
        var line = Assert.Single(lines);
        var start = line.IndexOf($"\"{name}\":", StringComparison.Ordinal) + name.Length + 3;
        return line[start..line.IndexOf($",\"{next}\":", StringComparison.Ordinal)];
    }

    private static JsonObject Node(string[] lines) => JsonNode.Parse(Assert.Single(lines))?.AsObject() ?? throw new InvalidOperationException(lines[0]);

    private static string[] Print(TableSchema schema, ChangeKind kind, byte[]? before, byte[]? after, string transaction = "0-7-42")
    {
        using var envelope = ChangeEnvelopes.Create(EnvelopeFormat.Canal, Settings());
        return Lines(envelope, schema, kind, before, after, transaction);
    }
}
