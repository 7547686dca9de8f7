using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.IntegrationTests.Transform;

/// <summary>Random rows, the same for Leat and for PostgreSQL.</summary>
internal sealed class ExpressionSamples
{
    public static readonly TableSchema Schema = new(
        new("public", "samples"),
        [
            Of("i1", ColumnKind.Int32), Of("i2", ColumnKind.Int64), Of("i3", ColumnKind.UInt8), Of("d1", ColumnKind.Decimal) with { Precision = 10, Scale = 2 },
            Of("d2", ColumnKind.Decimal) with { Precision = 8, Scale = 4 }, Of("r1", ColumnKind.Float64), Of("t1", ColumnKind.String), Of("t2", ColumnKind.String), Of("a1", ColumnKind.Date),
            Of("s1", ColumnKind.DateTime) with { Scale = 6 }, Of("j1", ColumnKind.Json),
        ],
        [0]);

    public const string Create =
        "CREATE TABLE samples (id int PRIMARY KEY, i1 int8, i2 int8, i3 int8, d1 numeric(10, 2), d2 numeric(8, 4), r1 float8, t1 text, t2 text, a1 date, s1 timestamp, j1 json)";

    private static readonly string[] Texts = ["", "a", "ab", "abc", "A", "a,b,c", " a ", "Grüße", "17", "-4", "a_b%c", "XbX", "ÄÖ", "b"];
    private static readonly string[] Documents = ["""{"s": "a\"b\u00fc", "l": [1, "two", null], "o": {"x": [1, 2]}}""", """{"s": null, "l": [], "o": 7}""", "{}", """{"l": [[1], {"a": 1}], "s": ""}"""];

    private ExpressionSamples(byte[] row, string values) => (Row, Values) = (row, values);

    /// <summary>The row for Leat.</summary>
    public byte[] Row { get; }

    /// <summary>The row for PostgreSQL: its values in SQL.</summary>
    public string Values { get; }

    public static ExpressionSamples Throw(Random random)
    {
        string?[] values =
        [
            Whole(random, 1000), random.Next(20) == 0 ? "4611686018427387904" : Whole(random, 100_000), random.Next(256).ToString(CultureInfo.InvariantCulture),
            Decimals(random, 1_000_000, 2), Decimals(random, 10_000_000, 4), (random.Next(-1000, 1000) / 16.0).ToString("R", CultureInfo.InvariantCulture),
            Texts[random.Next(Texts.Length)], Texts[random.Next(Texts.Length)], new DateOnly(2023, 1, 1).AddDays(random.Next(1500)).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture),
            new DateTime(2024, 1, 1).AddMilliseconds(random.NextInt64(90_000_000_000)).AddMicroseconds(random.Next(3)).ToString("yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture),
            Documents[random.Next(Documents.Length)],
        ];
        var bytes = new byte[1024];
        var writer = new RowWriter(bytes, Schema.Columns.Length);
        var sql = new StringBuilder();
        for (var i = 0; i < values.Length; i++)
        {
            if (random.Next(6) == 0)
                values[i] = null;
            sql.Append(CultureInfo.InvariantCulture, $", {(values[i] is { } value ? $"'{value.Replace("'", "''", StringComparison.Ordinal)}'" : "NULL")}");
            if (values[i] is null)
                writer.WriteNull();
            else if (!ValueParser.TryWrite(Schema.Columns[i], values[i] ?? "", ref writer))
                throw new InvalidOperationException($"{Schema.Columns[i].Name} cannot be {values[i]}");
        }

        return new(bytes[..writer.WrittenBytes], sql.ToString());
    }

    private static Column Of(string name, ColumnKind kind) => new() { Name = name, Kind = kind };

    private static string Whole(Random random, int most) => (random.Next(4) == 0 ? random.Next(-3, 4) : random.Next(-most, most)).ToString(CultureInfo.InvariantCulture);

    private static string Decimals(Random random, int most, int scale) => (random.Next(-most, most) / (decimal)Math.Pow(10, scale)).ToString($"F{scale}", CultureInfo.InvariantCulture);
}
