using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;
using Xunit;

namespace Leat.Tests.Changes;

public sealed class ChangeJsonTests
{
    private static readonly TableSchema Orders = new(
        new("shop", "orders"),
        [new() { Name = "id", Kind = ColumnKind.Int32 }, new() { Name = "total", Kind = ColumnKind.Decimal, Precision = 10, Scale = 2 }],
        [0]);

    [Fact]
    public void An_update_is_printed_as_documented()
    {
        var line = Print(42, ChangeKind.Update, Orders, Rows.Encode(Orders, 17L, "9.50"), Rows.Encode(Orders, 17L, "12.50"));

        Assert.Equal(
            """
            {"offset":42,"op":"update","table":"shop.orders","key":{"id":17},"before":{"id":17,"total":"9.50"},"after":{"id":17,"total":"12.50"},"committed_at":"2026-01-05T08:00:00.000000Z","transaction":"0-1-42","index":0,"last":true}
            """,
            line);
        Assert.Contains(line, File.ReadAllText(Repository.Path("docs/formats/change-json.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_delete_has_no_after_and_the_key_of_the_row_that_was() => Assert.Equal(
        """
        {"op":"delete","table":"shop.orders","key":{"id":17},"before":{"id":17,"total":null},"committed_at":"2026-01-05T08:00:00.000000Z","transaction":"0-1-42","index":0,"last":true}
        """,
        Print(null, ChangeKind.Delete, Orders, Rows.Encode(Orders, 17L, null), null));

    [Fact]
    public void A_row_without_a_primary_key_has_no_key()
    {
        var keyless = new TableSchema(Orders.Table, Orders.Columns, []);

        Assert.Equal(
            """
            {"offset":1,"op":"insert","table":"shop.orders","after":{"id":1,"total":null},"committed_at":"2026-01-05T08:00:00.000000Z","transaction":"0-1-42","index":0,"last":true}
            """,
            Print(1, ChangeKind.Insert, keyless, null, Rows.Encode(keyless, 1L, null)));
        var standIn = new TableSchema(Orders.Table, Orders.Columns, [0, 1]) { IsKeyless = true };
        Assert.Equal(Print(1, ChangeKind.Insert, keyless, null, Rows.Encode(keyless, 1L, null)), Print(1, ChangeKind.Insert, standIn, null, Rows.Encode(standIn, 1L, null)));
    }

    [Fact]
    public void A_change_read_by_a_snapshot_says_so() =>
        Assert.StartsWith("""{"offset":1,"op":"read",""", Print(1, ChangeKind.Read, Orders, null, Rows.Encode(Orders, 1L, null)), StringComparison.Ordinal);

    [Theory]
    [InlineData(ChangeKind.Truncate, "truncate")]
    [InlineData(ChangeKind.Sweep, "sweep")]
    public void What_concerns_a_whole_table_has_no_row(ChangeKind kind, string op) =>
        Assert.Equal(
            $$"""{"offset":1,"op":"{{op}}","table":"shop.orders","committed_at":"2026-01-05T08:00:00.000000Z","transaction":"0-1-42","index":0,"last":true}""",
            Print(1, kind, Orders, null, null));

    private static string Print(long? offset, ChangeKind kind, TableSchema schema, byte[]? before, byte[]? after)
    {
        var committedAt = (new DateTime(2026, 1, 5, 8, 0, 0, DateTimeKind.Utc) - DateTime.UnixEpoch).Ticks / 10;
        var marks = ChangeMarks.LastOfTransaction | (before is null ? 0 : ChangeMarks.HasBefore) | (after is null ? 0 : ChangeMarks.HasAfter);
        var header = new byte[64];
        var length = EncodedChange.WriteHeader(header, kind, marks, 1, committedAt, 0, before?.Length ?? 0, "0-1-42"u8);

        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, ChangeJson.Options))
            ChangeJson.Write(json, offset, new EncodedChange([.. header[..length], .. before ?? [], .. after ?? []]), schema);
        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
