using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Plan;

/// <summary>The one shape that holds the rows of several tables.</summary>
/// <remarks>
/// Columns go together by name, in the order in which they are met. A column that a table lacks is NULL in its rows. Types are widened as far as no value is lost: integers to
/// the smallest that holds both, with decimals to a decimal, floats and integers of up to 32 bits to a double, labels to the longer list or to text, and whatever a
/// type has of length, digits and fractions to the larger.
/// </remarks>
internal static class ShapeUnion
{
    private const int MostDigits = 65;

    /// <summary>Widens a shape so that rows of another fit.</summary>
    /// <param name="all">The shape so far.</param>
    /// <param name="one">A table's shape.</param>
    /// <param name="problem">What does not go together, as a sentence about <paramref name="one"/>; <see langword="null"/> when all does.</param>
    public static TableSchema Widen(TableSchema all, TableSchema one, out string? problem)
    {
        problem = null;
        if (!KeyOf(all).SequenceEqual(KeyOf(one)))
        {
            problem = $"the key of {one.Table} is ({string.Join(", ", KeyOf(one))}), and that of the tables before it ({string.Join(", ", KeyOf(all))}).";
            return all;
        }

        var columns = ImmutableArray.CreateBuilder<Column>();
        foreach (var column in all.Columns)
        {
            if (one.Find(column.Name) is not (>= 0 and var ordinal))
            {
                columns.Add(column with { Nullable = true });
                continue;
            }

            if (Widen(column, one.Columns[ordinal]) is not { } wide)
            {
                problem = $"column '{column.Name}' of {one.Table} is {TypeOf(one.Columns[ordinal])}, and that of the tables before it {TypeOf(column)}.";
                return all;
            }

            columns.Add(wide);
        }

        foreach (var column in one.Columns.Where(column => all.Find(column.Name) < 0))
            columns.Add(column with { Nullable = true });
        return columns.SequenceEqual(all.Columns) ? all : new(all.Table, columns.ToImmutable(), all.Key) { IsKeyless = all.IsKeyless };
    }

    /// <summary>The narrowest column that holds the values of both; <see langword="null"/> when there is none.</summary>
    public static Column? Widen(Column a, Column b)
    {
        var both = a with { Nullable = a.Nullable || b.Nullable, SourceType = a.SourceType == b.SourceType ? a.SourceType : "" };
        if (a.Kind == b.Kind)
        {
            return a.Kind switch
            {
                ColumnKind.Decimal => Decimal(both, Math.Max(a.Precision - a.Scale, b.Precision - b.Scale), Math.Max(a.Scale, b.Scale)),
                ColumnKind.Enum or ColumnKind.Set when !a.Labels.SequenceEqual(b.Labels) => Labels(both, a, b),
                _ => both with { Length = a.Length == 0 || b.Length == 0 ? 0 : Math.Max(a.Length, b.Length), Scale = Math.Max(a.Scale, b.Scale) },
            };
        }

        both = both with { SourceType = "", Length = 0, Precision = 0, Scale = 0, Labels = [] };
        if (IsWhole(a) && IsWhole(b))
            return Integer(both, a, b);
        if (DigitsOf(a) is { } first && DigitsOf(b) is { } second)
            return Decimal(both, Math.Max(first.Whole, second.Whole), Math.Max(first.Scale, second.Scale));
        if (FitsDouble(a) && FitsDouble(b))
            return both with { Kind = ColumnKind.Float64 };
        if (IsText(a) && IsText(b))
            return both with { Kind = ColumnKind.String };
        return (a.Kind, b.Kind) is (ColumnKind.Date, ColumnKind.DateTime) or (ColumnKind.DateTime, ColumnKind.Date)
            ? both with { Kind = ColumnKind.DateTime, Scale = Math.Max(a.Scale, b.Scale) }
            : null;
    }

    private static IEnumerable<string> KeyOf(TableSchema schema) => schema.Key.Select(ordinal => schema.Columns[ordinal].Name);

    private static string TypeOf(Column column) => column.SourceType.Length > 0 ? column.SourceType : column.Kind.ToString().ToLowerInvariant();

    private static bool IsWhole(Column column) => ValueConversion.IsInteger(column.Kind);

    private static bool IsText(Column column) => column.Kind is ColumnKind.String or ColumnKind.Enum or ColumnKind.Set;

    private static bool FitsDouble(Column column) =>
        column.Kind is ColumnKind.Float32 or ColumnKind.Float64 || (IsWhole(column) && EncodedRow.WidthOf(column.Kind) <= sizeof(int));

    // Digits before and behind the point that hold every value.
    private static (int Whole, int Scale)? DigitsOf(Column column) => column.Kind switch
    {
        ColumnKind.Int8 or ColumnKind.UInt8 => (3, 0),
        ColumnKind.Int16 or ColumnKind.UInt16 => (5, 0),
        ColumnKind.Int32 or ColumnKind.UInt32 => (10, 0),
        ColumnKind.Int64 => (19, 0),
        ColumnKind.UInt64 => (20, 0),
        ColumnKind.Decimal => (column.Precision - column.Scale, column.Scale),
        _ => null,
    };

    // A signed type that holds an unsigned one has twice its bytes; of 64 bits there is none.
    private static Column Integer(Column both, Column a, Column b)
    {
        var bytes = Math.Max(BytesOf(a), BytesOf(b));
        if (ValueConversion.IsSigned(a.Kind) == ValueConversion.IsSigned(b.Kind))
            return EncodedRow.WidthOf(a.Kind) == bytes ? both with { Kind = a.Kind } : both with { Kind = b.Kind };
        return bytes switch
        {
            1 => both with { Kind = ColumnKind.Int8 },
            2 => both with { Kind = ColumnKind.Int16 },
            4 => both with { Kind = ColumnKind.Int32 },
            8 => both with { Kind = ColumnKind.Int64 },
            _ => both with { Kind = ColumnKind.Decimal, Precision = 20, Scale = 0 },
        };

        int BytesOf(Column column) =>
            EncodedRow.WidthOf(column.Kind) * (ValueConversion.IsSigned(a.Kind) != ValueConversion.IsSigned(b.Kind) && !ValueConversion.IsSigned(column.Kind) ? 2 : 1);
    }

    private static Column? Decimal(Column both, int whole, int scale) =>
        whole + scale <= MostDigits ? both with { Kind = ColumnKind.Decimal, Precision = whole + scale, Scale = scale, Length = 0 } : null;

    private static Column Labels(Column both, Column a, Column b)
    {
        var (shorter, longer) = a.Labels.Length <= b.Labels.Length ? (a, b) : (b, a);
        return longer.Labels.AsSpan(0, shorter.Labels.Length).SequenceEqual(shorter.Labels.AsSpan())
            ? both with { Labels = longer.Labels, SourceType = longer.SourceType }
            : both with { Kind = ColumnKind.String, Labels = [], Length = 0, SourceType = "" };
    }
}
