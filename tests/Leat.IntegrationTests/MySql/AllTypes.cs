using Leat.Changes;
using Leat.IntegrationTests.MySql.Servers;

namespace Leat.IntegrationTests.MySql;

/// <summary>A table with a column of every kind, and rows at the edges of their ranges.</summary>
internal static class AllTypes
{
    private static readonly TableSchema Schema = new(
        new("shop", "everything"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false },
            new() { Name = "i8", Kind = ColumnKind.Int8 },
            new() { Name = "u8", Kind = ColumnKind.UInt8 },
            new() { Name = "i16", Kind = ColumnKind.Int16 },
            new() { Name = "u16", Kind = ColumnKind.UInt16 },
            new() { Name = "u32", Kind = ColumnKind.UInt32 },
            new() { Name = "i64", Kind = ColumnKind.Int64 },
            new() { Name = "u64", Kind = ColumnKind.UInt64 },
            new() { Name = "f32", Kind = ColumnKind.Float32 },
            new() { Name = "f64", Kind = ColumnKind.Float64 },
            new() { Name = "dec", Kind = ColumnKind.Decimal, Precision = 30, Scale = 10 },
            new() { Name = "txt", Kind = ColumnKind.String, Length = 200 },
            new() { Name = "long", Kind = ColumnKind.String, Length = 65_535 },
            new() { Name = "bin", Kind = ColumnKind.Binary, Length = 20 },
            new() { Name = "json", Kind = ColumnKind.Json },
            new() { Name = "bits", Kind = ColumnKind.Bit, Length = 13 },
            new() { Name = "enum", Kind = ColumnKind.Enum, Labels = ["it's", "back\\slash", "ü"] },
            new() { Name = "set", Kind = ColumnKind.Set, Labels = ["a", "b'c", "d"] },
            new() { Name = "year", Kind = ColumnKind.Year },
            new() { Name = "date", Kind = ColumnKind.Date },
            new() { Name = "time", Kind = ColumnKind.Time, Scale = 6 },
            new() { Name = "time0", Kind = ColumnKind.Time },
            new() { Name = "dt", Kind = ColumnKind.DateTime, Scale = 3 },
            new() { Name = "ts", Kind = ColumnKind.Timestamp, Scale = 6 },
        ],
        [0]);

    public static Shape Shape { get; } = SinkTarget.Shape("everything", Schema);

    private const long MostTime = 3_020_399_999_999;

    public static IReadOnlyList<object?[]> Rows { get; } =
    [
        [0, -128L, 0L, -32_768L, 0L, 0L, long.MinValue, 0UL, -0.1f, -1.5, "-12345678901234567890.0000000001", "", "", Array.Empty<byte>(), "null", 0L, 1L, 0L, 0L, 0L, -MostTime, 0L, 0UL, Temporal.ZeroTimestamp],
        [1, 127L, 255L, 32_767L, 65_535L, 4_294_967_295L, long.MaxValue, ulong.MaxValue, 3.402823e38f, 1.7976931348623157e308, "12345678901234567890.9999999999", "'\"\\\0\n\r\t%_ ends here ", new string('ß', 10_000), new byte[] { 0, 39, 92, 255 }, """{"a": "it's \"quoted\" \\ \n 🎁"}""", 8_191L, 2L, 7L, 2155L, Temporal.Date(9999, 12, 31), MostTime, 3_020_399_000_000L, Temporal.DateTime(9999, 12, 31, 23, 59, 59, 999_000), 2_147_483_647_999_999L],
        [-2, 1L, 1L, 1L, 1L, 1L, 1L, 1UL, 1.17549435e-38f, 5e-324, "0.0000000000", "日本語 🎌", "x", new byte[20], "[1, 2.50, \"x\"]", 1L, 3L, 2L, 1901L, Temporal.Date(2024, 0, 0), -1L, -1_000_000L, Temporal.DateTime(2024, 2, 0, 1, 2, 3, 4_000), 1_000_000L],
        [3, 1L, 1L, 1L, 1L, 1L, 1L, 1UL, 16_777_217f, 0.1, "1.0000000000", "a", "b", new byte[] { 1 }, "{}", 1L, 1L, 1L, 2026L, Temporal.Date(2024, 2, 31), 1L, 1_000_000L, Temporal.DateTime(1, 1, 1, 0, 0, 0, 0), 1_706_702_400_123_456L],
        [4, .. Enumerable.Repeat<object?>(null, 23)],
    ];

    /// <summary>The rows that a server takes: MySQL's TIME ends at 838:59:59.000000.</summary>
    public static IReadOnlyList<object?[]> RowsFor(TestProduct product) => product is TestProduct.MariaDb or TestProduct.MariaDb11 ? Rows
        : [.. Rows.Select(row => row.Select(value => value is MostTime ? 3_020_399_000_000 : value is -MostTime ? -3_020_399_000_000 : value).ToArray())];

    public static string Print(TargetRow row) => $"{row.Key}: {string.Join(" | ", row.Fields.Select(field => $"{field.Key}={field.Value ?? "NULL"}"))}";
}
