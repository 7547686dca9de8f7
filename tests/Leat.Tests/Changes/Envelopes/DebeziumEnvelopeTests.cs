using System.Text.Json.Nodes;
using Leat.Changes;
using Leat.Changes.Formats.Envelopes;
using Xunit;
using static Leat.Tests.Changes.Envelopes.EnvelopeFixture;

namespace Leat.Tests.Changes.Envelopes;

public sealed class DebeziumEnvelopeTests
{
    /// <summary>The table of the examples in Debezium's documentation.</summary>
    private static readonly TableSchema Customers = new(
        new("inventory", "customers"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false },
            new() { Name = "first_name", Kind = ColumnKind.String },
            new() { Name = "email", Kind = ColumnKind.String },
        ],
        [0]);

    private static readonly byte[] Anne = Rows.Encode(Customers, 1004L, "Anne", "annek@noanswer.org");
    private static readonly byte[] AnneMarie = Rows.Encode(Customers, 1004L, "Anne Marie", "annek@noanswer.org");

    [Fact]
    public void A_create_event_has_every_field_of_the_original_in_its_order() => Assert.Equal(
        [
            """
            {"before":null,"after":{"id":1004,"first_name":"Anne","email":"annek@noanswer.org"},"source":{"version":"1.2.3","connector":"mariadb","name":"shop1","ts_ms":1767600000000,"snapshot":"false","db":"inventory","sequence":null,"ts_us":1767600000000000,"ts_ns":1767600000000000000,"table":"customers","server_id":7,"gtid":"0-7-42","file":"bin.000003","pos":154,"row":0,"thread":null,"query":null},"transaction":null,"op":"c","ts_ms":1767600001500,"ts_us":1767600001500000,"ts_ns":1767600001500000000}
            """,
        ],
        Print(ChangeKind.Insert, null, Anne, place: new("bin.000003", 154)));

    [Fact]
    public void An_update_event_has_both_rows()
    {
        var change = Node(Assert.Single(Print(ChangeKind.Update, Anne, AnneMarie)));

        Assert.Equal("u", (string?)change["op"]);
        Assert.Equal("""{"id":1004,"first_name":"Anne","email":"annek@noanswer.org"}""", change["before"]?.ToJsonString());
        Assert.Equal("""{"id":1004,"first_name":"Anne Marie","email":"annek@noanswer.org"}""", change["after"]?.ToJsonString());
    }

    [Fact]
    public void A_delete_event_has_no_row_after_and_leaves_its_tombstone_out_without_keys()
    {
        var change = Node(Assert.Single(Print(ChangeKind.Delete, Anne, null)));

        Assert.Equal("d", (string?)change["op"]);
        Assert.Null(change["after"]);
        Assert.True(change.ContainsKey("after"));
    }

    [Fact]
    public void With_keys_a_delete_is_followed_by_its_tombstone()
    {
        var lines = Print(ChangeKind.Delete, Anne, null, Settings() with { Keys = true });

        Assert.Equal(2, lines.Length);
        Assert.StartsWith("""{"key":{"id":1004},"value":{"before":{"id":1004,""", lines[0], StringComparison.Ordinal);
        Assert.Equal("""{"key":{"id":1004},"value":null}""", lines[1]);
    }

    [Fact]
    public void A_change_of_the_key_is_a_delete_and_a_create()
    {
        var lines = Print(ChangeKind.Update, Anne, Rows.Encode(Customers, 1005L, "Anne", "annek@noanswer.org"));

        Assert.Equal(["d", "c"], lines.Select(line => (string?)Node(line)["op"]));
        Assert.Equal([1004, null], lines.Select(line => (int?)Node(line)["before"]?["id"]));
        Assert.Equal([null, 1005], lines.Select(line => (int?)Node(line)["after"]?["id"]));
    }

    [Fact]
    public void With_keys_a_change_of_the_key_names_the_other_key_in_a_header()
    {
        var lines = Print(ChangeKind.Update, Anne, Rows.Encode(Customers, 1005L, "Anne", "annek@noanswer.org"), Settings() with { Keys = true });

        Assert.Equal(3, lines.Length);
        Assert.StartsWith("""{"key":{"id":1004},"headers":{"__debezium.newkey":{"id":1005}},"value":{"before":{""", lines[0], StringComparison.Ordinal);
        Assert.Equal("""{"key":{"id":1004},"value":null}""", lines[1]);
        Assert.StartsWith("""{"key":{"id":1005},"headers":{"__debezium.oldkey":{"id":1004}},"value":{"before":null,"after":{""", lines[2], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(ChangeKind.Read, "true")]
    [InlineData(ChangeKind.ReadAgain, "incremental")]
    public void A_row_read_by_a_snapshot_says_so(ChangeKind kind, string snapshot)
    {
        var change = Node(Assert.Single(Print(kind, null, Anne)));

        Assert.Equal("r", (string?)change["op"]);
        Assert.Equal(snapshot, (string?)change["source"]?["snapshot"]);
    }

    [Fact]
    public void A_truncate_event_has_neither_row_nor_key() => Assert.StartsWith(
        """{"key":null,"value":{"before":null,"after":null,"source":{"version":"1.2.3",""",
        Assert.Single(Print(ChangeKind.Truncate, null, null, Settings() with { Keys = true })), StringComparison.Ordinal);

    [Fact]
    public void The_end_of_a_table_read_again_has_no_event() => Assert.Empty(Print(ChangeKind.Sweep, null, null));

    [Fact]
    public void A_transaction_block_counts_in_the_transaction_and_in_the_table()
    {
        var other = new TableSchema(new("inventory", "orders"), Customers.Columns, [0]);
        using var envelope = ChangeEnvelopes.Create(EnvelopeFormat.Debezium, Settings() with { Details = true });

        string Block(TableSchema schema, uint index, string transaction = "0-7-42") =>
            Node(Assert.Single(Lines(envelope, schema, ChangeKind.Insert, null, Anne, transaction, index)))["transaction"]?.ToJsonString() ?? "";

        Assert.Equal("""{"id":"0-7-42","total_order":1,"data_collection_order":1}""", Block(Customers, 0));
        Assert.Equal("""{"id":"0-7-42","total_order":2,"data_collection_order":1}""", Block(other, 1));
        Assert.Equal("""{"id":"0-7-42","total_order":3,"data_collection_order":2}""", Block(Customers, 2));
        Assert.Equal("""{"id":"0-7-43","total_order":1,"data_collection_order":1}""", Block(Customers, 0, "0-7-43"));
    }

    [Theory]
    [InlineData("0-7-42", "mariadb", "0-7-42", 7L, "known.000001", 99L)]
    [InlineData("3e11fa47-71ca-11e1-9e33-c80aa9429562:23", "mysql", "3e11fa47-71ca-11e1-9e33-c80aa9429562:23", 0L, "known.000001", 99L)]
    [InlineData("3e11fa47-71ca-11e1-9e33-c80aa9429562:blue:23", "mysql", "3e11fa47-71ca-11e1-9e33-c80aa9429562:blue:23", 0L, "known.000001", 99L)]
    [InlineData("bin.000003:154", "mysql", null, 0L, "bin.000003", 154L)]
    [InlineData("", "mysql", null, 0L, "known.000001", 99L)]
    public void The_name_of_the_transaction_tells_server_and_place(string name, string connector, string? gtid, long server, string file, long offset)
    {
        var source = Node(Assert.Single(Print(ChangeKind.Insert, null, Anne, transaction: name, place: new("known.000001", 99))))["source"];

        Assert.Equal((connector, gtid, server, file, offset), ((string?)source?["connector"], (string?)source?["gtid"], (long?)source?["server_id"], (string?)source?["file"], (long?)source?["pos"]));
    }

    [Fact]
    public void Every_kind_of_column_is_written_as_the_original_does_by_default() => Assert.Equal(
        """
        {"id":1,"i8":-128,"u8":255,"i16":-32768,"u16":65535,"u24":16777215,"u32":4294967295,"i64":-9223372036854775808,"u64":-1,"f":1.5,"g":10000000000,"price":"/Eo=","name":"hé\"\n","code":"ab","note":"long","raw":"AP8=","doc":"{\"a\": [1, \"x\"]}","flag":true,"bits":"pQI=","size":"m","tags":"a,c","y":2024,"d":19782,"t":-36000500000,"dt":1529476623123,"dt6":1529476623123456,"ts":"2018-06-20T13:37:03.123Z","spot":{"wkb":"AQEAAAAAAAAAAADwPwAAAAAAAARA","srid":4326},"vec":[1,-2.5]}
        """,
        Row(Full(), Settings()));

    [Fact]
    public void Null_is_null_in_every_kind() => Assert.All(
        Node(Row(Nulls(), Settings())).Where(member => member.Key != "id"), member => Assert.Null(member.Value));

    [Fact]
    public void Decimals_can_be_text() => Assert.Equal("-9.50", (string?)Node(Row(Full(), Settings() with { DecimalsAsText = true }))["price"]);

    [Fact]
    public void A_row_of_a_table_without_a_key_is_updated_although_all_its_columns_stand_in_for_one()
    {
        var keyless = new TableSchema(Customers.Table, Customers.Columns, [.. Enumerable.Range(0, Customers.Columns.Length)]) { IsKeyless = true };

        Assert.Equal("u", (string?)Node(Assert.Single(Print(ChangeKind.Update, Anne, AnneMarie, schema: keyless)))["op"]);
        Assert.StartsWith("""{"key":null,"value":{""", Assert.Single(Print(ChangeKind.Update, Anne, AnneMarie, Settings() with { Keys = true }, schema: keyless)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0.00", "AA==")]
    [InlineData("-0.01", "/w==")]
    [InlineData("1.27", "fw==")]
    [InlineData("1.28", "AIA=")]
    [InlineData("-1.28", "gA==")]
    [InlineData("99999999999999999999999999999999.99", "Ae0Jvq2HwDeNjmP/////")]
    public void A_decimal_is_its_digits_as_a_big_endian_number(string digits, string base64)
    {
        var schema = new TableSchema(new("d", "t"), [new() { Name = "v", Kind = ColumnKind.Decimal, Precision = 34, Scale = 2 }], []);

        Assert.Equal($$"""{"v":"{{base64}}"}""", Node(Assert.Single(Print(ChangeKind.Insert, null, Rows.Encode(schema, digits), schema: schema)))["after"]?.ToJsonString(Relaxed));
    }

    [Theory]
    [InlineData(true, "{\"d\":null,\"dt\":null,\"ts\":null}")]
    [InlineData(false, "{\"d\":0,\"dt\":0,\"ts\":\"1970-01-01T00:00:00Z\"}")]
    public void Zero_and_partial_dates_are_null_or_the_epoch(bool nullable, string expected)
    {
        var schema = new TableSchema(
            new("d", "t"),
            [
                new() { Name = "d", Kind = ColumnKind.Date, Nullable = nullable },
                new() { Name = "dt", Kind = ColumnKind.DateTime, Scale = 6, Nullable = nullable },
                new() { Name = "ts", Kind = ColumnKind.Timestamp, Scale = 6, Nullable = nullable },
            ],
            []);
        var row = Rows.Encode(schema, (ulong)Temporal.Date(2024, 0, 0), 0UL, Temporal.ZeroTimestamp);

        Assert.Equal(expected, Node(Assert.Single(Print(ChangeKind.Insert, null, row, schema: schema)))["after"]?.ToJsonString());
    }

    [Fact]
    public void Before_the_epoch_days_and_microseconds_are_negative()
    {
        var schema = new TableSchema(
            new("d", "t"), [new() { Name = "d", Kind = ColumnKind.Date }, new() { Name = "dt", Kind = ColumnKind.DateTime, Scale = 3 }], []);
        var row = Rows.Encode(schema, (ulong)Temporal.Date(1969, 12, 31), Temporal.DateTime(1969, 12, 31, 23, 59, 59, 999_000));

        Assert.Equal("""{"d":-1,"dt":-1}""", Node(Assert.Single(Print(ChangeKind.Insert, null, row, schema: schema)))["after"]?.ToJsonString());
    }

    [Fact]
    public void Columns_that_the_source_left_out_are_left_out()
    {
        var partial = Customers.As(partial: true);
        var row = new byte[64];
        var writer = RowWriter.Partial(row, partial.Columns.Length);
        writer.WriteUInt32(1004);
        writer.WriteAbsent();
        writer.WriteString("new@noanswer.org");

        Assert.Equal(
            """{"id":1004,"email":"new@noanswer.org"}""",
            Node(Assert.Single(Print(ChangeKind.Insert, null, row[..writer.WrittenBytes], schema: partial)))["after"]?.ToJsonString());
    }

    private static readonly System.Text.Json.JsonSerializerOptions Relaxed = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string Row(byte[] row, EnvelopeSettings settings)
    {
        var line = Assert.Single(Print(ChangeKind.Insert, null, row, settings, Kinds));
        var start = line.IndexOf("\"after\":", StringComparison.Ordinal) + "\"after\":".Length;
        return line[start..line.IndexOf(",\"source\":", StringComparison.Ordinal)];
    }

    private static JsonObject Node(string line) => JsonNode.Parse(line)?.AsObject() ?? throw new InvalidOperationException(line);

    private static string[] Print(
        ChangeKind kind, byte[]? before, byte[]? after, EnvelopeSettings? settings = null, TableSchema? schema = null, string transaction = "0-7-42", ChangePlace place = default)
    {
        using var envelope = ChangeEnvelopes.Create(EnvelopeFormat.Debezium, settings ?? Settings());
        return Lines(envelope, schema ?? Customers, kind, before, after, transaction, place: place);
    }
}
