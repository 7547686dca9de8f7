using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Transform.Expressions;

namespace Leat.Tests.Transform;

/// <summary>A row with a column of every kind, and expressions computed for it.</summary>
internal static class ExpressionRows
{
    public static readonly TableSchema Schema = new(
        new("shop", "orders"),
        [
            Of("id", ColumnKind.Int32) with { Nullable = false }, Of("qty", ColumnKind.UInt64), Of("price", ColumnKind.Decimal) with { Precision = 10, Scale = 2 }, Of("ratio", ColumnKind.Float64),
            Of("note", ColumnKind.String), Of("status", ColumnKind.Enum) with { Labels = ["new", "paid", "it's"] }, Of("tags", ColumnKind.Set) with { Labels = ["a", "b", "c"] },
            Of("day", ColumnKind.Date), Of("at", ColumnKind.DateTime) with { Scale = 3 }, Of("seen", ColumnKind.Timestamp), Of("span", ColumnKind.Time), Of("doc", ColumnKind.Json),
            Of("empty", ColumnKind.Int32), Of("blob", ColumnKind.Binary), Of("mail", ColumnKind.String), Of("big", ColumnKind.Int64), Of("single", ColumnKind.Float32), Of("zero", ColumnKind.Date),
            Of("nothing", ColumnKind.String), Of("items.qty", ColumnKind.Int32), Of("year", ColumnKind.Year), Of("wide", ColumnKind.Decimal) with { Precision = 65, Scale = 30 },
        ],
        [0]);

    private static readonly string?[] Texts =
    [
        "-7", "18446744073709551615", "12.50", "0.1", "Grüße_50%", "paid", "a,c", "2024-02-29", "2024-02-29 12:34:56.789", "2024-01-01 00:00:00", "-01:30:00",
        """{"name": "Ada \"L\"", "n": 12.5, "list": [1, [2, 3], {"x": null}], "t": true, "odd name": "ü", "n2": 1, "n2": 2}""", null, "3q2+7w==", "john.doe@example.com", "9223372036854775807", "0.1",
        "0000-00-00", null, "5", "2024", "-" + new string('9', 35) + "." + new string('8', 30),
    ];

    public static readonly byte[] Row = MakeRow();

    /// <summary>The result as kind and text: <c>Int64 7</c>; decimals with precision and scale, times with their scale.</summary>
    public static string Compute(string expression, IReadOnlyList<string>? ownNames = null)
    {
        var compiled = Expression.Parse(expression).Compile(Schema, ownNames);
        var builder = new RowBuilder();
        builder.Begin(1);
        var there = compiled.Append(Row, builder);
        var result = compiled.Result with { Name = "r" };
        var reader = new RowReader(new(new("t", "t"), [result], []), builder.Row);
        reader.Read();
        if (there == reader.IsNull)
            throw new InvalidOperationException("what Append returns is not what it writes");
        var size = result.Kind switch
        {
            ColumnKind.Decimal => FormattableString.Invariant($"({result.Precision},{result.Scale})"),
            ColumnKind.DateTime or ColumnKind.Time or ColumnKind.Timestamp when result.Scale > 0 => FormattableString.Invariant($"({result.Scale})"),
            _ => "",
        };
        return $"{result.Kind}{size} {ValueText.Of(ref reader) ?? "NULL"}";
    }

    private static Column Of(string name, ColumnKind kind) => new() { Name = name, Kind = kind };

    private static byte[] MakeRow()
    {
        var bytes = new byte[4096];
        var row = new RowWriter(bytes, Schema.Columns.Length);
        for (var i = 0; i < Schema.Columns.Length; i++)
        {
            if (Texts[i] is not { } text)
                row.WriteNull();
            else if (!ValueParser.TryWrite(Schema.Columns[i], text, ref row))
                throw new InvalidOperationException(text);
        }

        return bytes[..row.WrittenBytes];
    }
}
