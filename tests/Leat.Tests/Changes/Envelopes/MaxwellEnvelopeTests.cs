using Leat.Changes;
using Leat.Changes.Formats.Envelopes;
using Xunit;
using static Leat.Tests.Changes.Envelopes.EnvelopeFixture;

namespace Leat.Tests.Changes.Envelopes;

public sealed class MaxwellEnvelopeTests
{
    /// <summary>The table of the examples in Maxwell's documentation.</summary>
    private static readonly TableSchema Creatures = new(
        new("test", "e"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false },
            new() { Name = "m", Kind = ColumnKind.Float64 },
            new() { Name = "c", Kind = ColumnKind.Timestamp, Scale = 6 },
            new() { Name = "comment", Kind = ColumnKind.String },
        ],
        [0]);

    private static readonly byte[] First = Rows.Encode(Creatures, 1L, 4.2341, 1_477_028_017_523_000L, "I am a creature of light.");
    private static readonly byte[] Second = Rows.Encode(Creatures, 1L, 5.444, 1_477_028_034_631_000L, "I am a creature of light.");

    [Fact]
    public void An_insert_is_as_in_the_originals_documentation() => Assert.Equal(
        ["""{"database":"test","table":"e","type":"insert","ts":1767600000,"xid":42,"commit":true,"data":{"id":1,"m":4.2341,"c":"2016-10-21 05:33:37.523000","comment":"I am a creature of light."}}"""],
        Print(Creatures, ChangeKind.Insert, null, First));

    [Fact]
    public void An_update_has_the_old_values_of_what_changed_alone() => Assert.Equal(
        ["""{"database":"test","table":"e","type":"update","ts":1767600000,"xid":42,"commit":true,"data":{"id":1,"m":5.444,"c":"2016-10-21 05:33:54.631000","comment":"I am a creature of light."},"old":{"m":4.2341,"c":"2016-10-21 05:33:37.523000"}}"""],
        Print(Creatures, ChangeKind.Update, First, Second));

    [Fact]
    public void A_delete_has_the_row_that_was() => Assert.Equal(
        ["""{"database":"test","table":"e","type":"delete","ts":1767600000,"xid":42,"commit":true,"data":{"id":1,"m":5.444,"c":"2016-10-21 05:33:54.631000","comment":"I am a creature of light."}}"""],
        Print(Creatures, ChangeKind.Delete, Second, null));

    [Theory]
    [InlineData(ChangeKind.Read)]
    [InlineData(ChangeKind.ReadAgain)]
    public void A_row_read_by_a_snapshot_belongs_to_a_bootstrap(ChangeKind kind) => Assert.Equal(
        ["""{"database":"test","table":"e","type":"bootstrap-insert","ts":1767600000,"data":{"id":1,"m":4.2341,"c":"2016-10-21 05:33:37.523000","comment":"I am a creature of light."}}"""],
        Print(Creatures, kind, null, First));

    [Theory]
    [InlineData(ChangeKind.Truncate)]
    [InlineData(ChangeKind.Sweep)]
    public void What_concerns_a_whole_table_has_no_document(ChangeKind kind) => Assert.Empty(Print(Creatures, kind, null, null));

    [Fact]
    public void Only_the_last_row_of_a_transaction_says_commit() => Assert.Equal(
        ["""{"database":"test","table":"e","type":"insert","ts":1767600000,"xid":154,"data":{"id":1,"m":4.2341,"c":"2016-10-21 05:33:37.523000","comment":"I am a creature of light."}}"""],
        Print(Creatures, ChangeKind.Insert, null, First, transaction: "bin.000003:154", last: false));

    [Fact]
    public void An_update_that_changes_nothing_has_no_old_values() =>
        Assert.DoesNotContain("\"old\"", Assert.Single(Print(Creatures, ChangeKind.Update, First, First)), StringComparison.Ordinal);

    [Fact]
    public void Details_tell_place_server_and_key() => Assert.Equal(
        ["""{"database":"test","table":"e","type":"insert","ts":1767600000,"xid":42,"xoffset":3,"position":"bin.000003:154","gtid":"0-7-42","server_id":7,"primary_key":[1],"primary_key_columns":["id"],"data":{"id":1,"m":4.2341,"c":"2016-10-21 05:33:37.523000","comment":"I am a creature of light."}}"""],
        Print(Creatures, ChangeKind.Insert, null, First, Settings() with { Details = true }, index: 3, last: false, place: new("bin.000003", 154)));

    [Fact]
    public void A_key_is_that_of_the_originals_messages() => Assert.StartsWith(
        """{"key":{"database":"test","table":"e","pk.id":1},"value":{"database":"test",""",
        Assert.Single(Print(Creatures, ChangeKind.Insert, null, First, Settings() with { Keys = true })), StringComparison.Ordinal);

    [Fact]
    public void Every_kind_of_column_is_written_as_the_original_does() => Assert.EndsWith(
        """
        "data":{"id":1,"i8":-128,"u8":255,"i16":-32768,"u16":65535,"u24":16777215,"u32":4294967295,"i64":-9223372036854775808,"u64":18446744073709551615,"f":1.5,"g":10000000000,"price":-9.50,"name":"hé\"\n","code":"ab","note":"long","raw":"AP8=","doc":{"a": [1, "x"]},"flag":1,"bits":677,"size":"m","tags":["a","c"],"y":2024,"d":"2024-02-29","t":"-10:00:00.50","dt":"2018-06-20 06:37:03.123","dt6":"2018-06-20 06:37:03.123456","ts":"2018-06-20 13:37:03.123","spot":"POINT (1 2.5)","vec":"AACAPwAAIMA="}}
        """,
        Assert.Single(Print(Kinds, ChangeKind.Insert, null, Full())), StringComparison.Ordinal);

    [Fact]
    public void Zero_dates_are_kept_and_an_invalid_enum_is_null()
    {
        var schema = new TableSchema(
            new("d", "t"),
            [
                new() { Name = "d", Kind = ColumnKind.Date }, new() { Name = "dt", Kind = ColumnKind.DateTime },
                new() { Name = "ts", Kind = ColumnKind.Timestamp }, new() { Name = "e", Kind = ColumnKind.Enum, Labels = ["a"] },
            ],
            []);

        Assert.EndsWith(
            """
            "data":{"d":"2024-00-00","dt":"0000-00-00 00:00:00","ts":"0000-00-00 00:00:00","e":null}}
            """,
            Assert.Single(Print(schema, ChangeKind.Insert, null, Rows.Encode(schema, (ulong)Temporal.Date(2024, 0, 0), 0UL, Temporal.ZeroTimestamp, 0UL))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("01 02000000 02000000 0000000000000000 0000000000000000 000000000000f03f 0000000000000040", "LINESTRING (0 0, 1 2)")]
    [InlineData("01 03000000 01000000 01000000 0000000000000000 000000000000f03f", "POLYGON ((0 1))")]
    [InlineData("01 04000000 01000000 01 01000000 000000000000f03f 0000000000000040", "MULTIPOINT ((1 2))")]
    [InlineData("01 07000000 01000000 01 01000000 000000000000f03f 0000000000000040", "GEOMETRYCOLLECTION (POINT (1 2))")]
    [InlineData("01 07000000 00000000", "GEOMETRYCOLLECTION EMPTY")]
    public void A_geometry_is_well_known_text(string binary, string text)
    {
        var schema = new TableSchema(new("d", "t"), [new() { Name = "g", Kind = ColumnKind.Binary, SourceType = "geometry" }], []);
        byte[] value = [0, 0, 0, 0, .. Convert.FromHexString(binary.Replace(" ", "", StringComparison.Ordinal))];

        Assert.EndsWith($"\"data\":{{\"g\":\"{text}\"}}}}", Assert.Single(Print(schema, ChangeKind.Insert, null, Rows.Encode(schema, value))), StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_no_geometry_stay_base64()
    {
        var schema = new TableSchema(new("d", "t"), [new() { Name = "g", Kind = ColumnKind.Binary, SourceType = "geometry" }], []);

        Assert.EndsWith("\"data\":{\"g\":\"AAAAAAEC\"}}", Assert.Single(Print(schema, ChangeKind.Insert, null, Rows.Encode(schema, new byte[] { 0, 0, 0, 0, 1, 2 }))), StringComparison.Ordinal);
    }

    private static string[] Print(
        TableSchema schema, ChangeKind kind, byte[]? before, byte[]? after, EnvelopeSettings? settings = null, string transaction = "0-7-42", uint index = 0, bool last = true,
        ChangePlace place = default)
    {
        using var envelope = ChangeEnvelopes.Create(EnvelopeFormat.Maxwell, settings ?? Settings());
        return Lines(envelope, schema, kind, before, after, transaction, index, last, place);
    }
}
