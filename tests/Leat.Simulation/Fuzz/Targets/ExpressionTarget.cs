using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Transform.Expressions;

namespace Leat.Simulation.Fuzz.Targets;

/// <summary>Expressions as anybody may write them: refused with a place, or compiled and computed for a row without throwing.</summary>
internal sealed class ExpressionTarget : FuzzTarget
{
    // A column of every kind, and what it holds; null is NULL.
    private static readonly (Column Column, string? Text)[] Columns =
    [
        (Of("i", ColumnKind.Int64), "-7"), (Of("u", ColumnKind.UInt64), "18446744073709551615"), (Of("d", ColumnKind.Decimal) with { Precision = 10, Scale = 2 }, "-12.50"), (Of("r", ColumnKind.Float64), "0.1"),
        (Of("t", ColumnKind.String), "Grüße, abc"), (Of("a", ColumnKind.Date), "2024-02-29"), (Of("s", ColumnKind.Timestamp), "2024-01-01 00:00:00"),
        (Of("j", ColumnKind.Json), """{"a": [1, {"b c": "x\u00fc"}], "b": null}"""), (Of("n", ColumnKind.Int32), null), (Of("e", ColumnKind.Enum) with { Labels = ["new", "it's"] }, "it's"),
        (Of("l", ColumnKind.Set) with { Labels = ["a", "b", "c"] }, "a,c"), (Of("m", ColumnKind.DateTime) with { Scale = 3 }, "9999-12-31 23:59:59.999"), (Of("p", ColumnKind.Time), "-838:59:59"),
        (Of("b", ColumnKind.Binary), "3q2+7w=="), (Of("f", ColumnKind.Float32), "0.1"), (Of("y", ColumnKind.Year), "2024"), (Of("z", ColumnKind.Date), "0000-00-00"),
        (Of("w", ColumnKind.Decimal) with { Precision = 65, Scale = 30 }, "-" + new string('9', 35) + "." + new string('8', 30)),
    ];

    private static readonly TableSchema Schema = new(new("d", "t"), [.. Columns.Select(one => one.Column)], [0]);

    private static readonly byte[] Row = MakeRow();

    public override string Name => "expression";

    public override int MaxBytes => 600;

    // A call for a few characters may make a text of megabytes, character by character, a regular expression its automaton.
    public override long FixedBytes => 256 * 1024 * 1024;

    public override long FixedSteps => 128_000_000;

    public override long StepsEach => 20_000;

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "CASE WHEN ", " THEN ", " ELSE ", " END", "CAST(", " AS decimal(5,2))", " AS char(3))", " AS date)", " AS json)", " BETWEEN ", " AND ", " IN (", " IS NOT DISTINCT FROM ", " LIKE '%a_'", " ESCAPE '!'",
            "coalesce(", "substring(", "lpad(", "date_trunc('month', ", " + INTERVAL 3 MONTH", "extract(WEEK FROM ", "date_format(a, '%Y-%m')", " -> '$.a[0]'", " ->> '$.b'", "json_object('a', ", "json_array(", "mask(",
            "sha2(t, 256)", "round(", "trim(BOTH 'x' FROM ", "nullif(", "greatest(", "0x", "1e300", "9223372036854775807", "-9223372036854775808", "'2024-02-29'", "DATE '2024-02-29'", "::", "sum(x.y)", "count(*)",
        }.Select(Encoding.ASCII.GetBytes),
    ];

    public override IEnumerable<byte[]> Seeds() =>
    [
        [.. "i + 1 > 2 AND t LIKE 'a%' OR NOT d IS NULL"u8], [.. "CASE i WHEN 1 THEN 'a' ELSE upper(t) || 'x' END"u8], [.. "CAST(d / 3 AS decimal(10, 4)) * u % 7"u8],
        [.. "date_trunc('week', a) + INTERVAL (i) DAY = DATE '2024-01-01'"u8], [.. "j ->> '$.a[last].\"b c\"' IN ('x', t, NULL)"u8], [.. "substring(t FROM 2 FOR 3) IS DISTINCT FROM lpad(t, 5, 'ab')"u8],
        [.. "json_object('k', j -> '$.a', 'l', json_array(i, d, s))"u8], [.. "string_agg(x.t, ', ' ORDER BY x.i DESC) = '' OR count(x) > 3"u8], [.. "round(-2.5e0, 1) + power(r, 2) BETWEEN -1 AND sqrt(n)"u8],
    ];

    public override void Run(byte[] input)
    {
        try
        {
            var expression = Expression.Parse(Encoding.UTF8.GetString(input));
            Promise(expression.References.All(reference => reference is { Line: >= 1, Column: >= 1 }), "a reference has no place");
            var bound = expression.WithAggregates(_ => "n");
            var compiled = bound.Compile(Schema);
            var builder = new RowBuilder();
            builder.Begin(1);
            var there = compiled.Append(Row, builder);
            var reader = new RowReader(new(new("d", "r"), [compiled.Result with { Name = "r" }], []), builder.Row);
            Promise(reader.Read() && reader.IsNull != there, "what is written is not what is told");
            Promise(compiled.Result.Kind is not (ColumnKind.String or ColumnKind.Json) || System.Text.Unicode.Utf8.IsValid(reader.Bytes), "a text is not UTF-8");
            bound.CompileFilter(Schema).Matches(Row);
        }
        catch (ExpressionException refused)
        {
            Promise(refused is { Line: >= 1, Column: >= 1 }, "a refusal has no place");
        }
    }

    private static Column Of(string name, ColumnKind kind) => new() { Name = name, Kind = kind };

    private static byte[] MakeRow()
    {
        var bytes = new byte[1024];
        var row = new RowWriter(bytes, Columns.Length);
        foreach (var (column, text) in Columns)
        {
            if (text is null)
                row.WriteNull();
            else if (!ValueParser.TryWrite(column, text, ref row))
                throw new InvalidOperationException(text);
        }

        return bytes[..row.WrittenBytes];
    }
}
