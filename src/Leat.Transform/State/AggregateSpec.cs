using Leat.Changes;
using Leat.Transform.Expressions;

namespace Leat.Transform.State;

/// <summary>An aggregate over values of known columns.</summary>
/// <param name="Kind">What it computes.</param>
/// <param name="Argument">What its values are; <see langword="null"/> for <c>count(*)</c>.</param>
/// <param name="Separator"><c>string_agg</c>: what stands between two texts.</param>
/// <param name="Order"><c>string_agg</c>: what its texts are ordered by, equal ones by themselves; <see langword="null"/>: by themselves alone.</param>
/// <param name="IsFalling">Whether the order falls.</param>
internal sealed record AggregateSpec(AggregateKind Kind, Column? Argument, string Separator = "", Column? Order = null, bool IsFalling = false)
{
    // MySQL gives a sum this many digits more than its values have.
    private const int SumDigits = 22;

    // As division: div_precision_increment.
    private const int AverageDigits = 4;

    /// <summary>Whether it can be computed of such values: there are no sums of texts, and JSON has no order.</summary>
    public bool IsPossible => (Order?.Kind != ColumnKind.Json) && Kind switch
    {
        AggregateKind.Count => true,
        AggregateKind.Sum or AggregateKind.Average => IsExact || IsReal,
        AggregateKind.StringAggregate => Argument?.Kind is ColumnKind.String or ColumnKind.Enum or ColumnKind.Set || IsExact,
        _ => Argument is not null && Argument.Kind != ColumnKind.Json,
    };

    /// <summary>
    /// What it gives: a count is a BIGINT; a sum of integers of up to 32 bits, too; other exact sums and averages are decimals, an average with four digits more; those of
    /// singles and doubles are doubles; the least and greatest enum labels are texts. NULL without values, but for counts.
    /// </summary>
    public Column Result => Kind switch
    {
        AggregateKind.Count or AggregateKind.CountDistinct => Whole(isNullable: false),
        AggregateKind.Sum when IsReal => new() { Name = "", Kind = ColumnKind.Float64 },
        AggregateKind.Sum when Argument is { Kind: not ColumnKind.Decimal } && DigitsOf(Argument) <= 10 => Whole(isNullable: true),
        AggregateKind.Sum => Exact(DigitsOf(Argument!) + SumDigits, Argument!.Scale),
        AggregateKind.Average when IsReal => new() { Name = "", Kind = ColumnKind.Float64 },
        AggregateKind.Average => Exact(DigitsOf(Argument!) + AverageDigits, Math.Min(Argument!.Scale + AverageDigits, 38)),
        AggregateKind.StringAggregate => new() { Name = "", Kind = ColumnKind.String },
        _ when Argument!.Kind is ColumnKind.Enum or ColumnKind.Set => new() { Name = "", Kind = ColumnKind.String },
        _ => Argument with { Name = "", Nullable = true, SourceType = "" },
    };

    /// <summary>Whether its values are integers or decimals.</summary>
    public bool IsExact => Argument?.Kind is ColumnKind.Int8 or ColumnKind.UInt8 or ColumnKind.Int16 or ColumnKind.UInt16 or ColumnKind.Int32 or ColumnKind.UInt32
        or ColumnKind.Int64 or ColumnKind.UInt64 or ColumnKind.Decimal or ColumnKind.Bit or ColumnKind.Year;

    private bool IsReal => Argument?.Kind is ColumnKind.Float32 or ColumnKind.Float64;

    private static Column Whole(bool isNullable) => new() { Name = "", Kind = ColumnKind.Int64, Nullable = isNullable };

    private static Column Exact(int precision, int scale) => new() { Name = "", Kind = ColumnKind.Decimal, Precision = Math.Min(precision, 65), Scale = scale };

    private static int DigitsOf(Column column) => column.Kind switch
    {
        ColumnKind.Decimal => column.Precision == 0 ? 65 : column.Precision,
        ColumnKind.Int64 => 19,
        ColumnKind.UInt64 or ColumnKind.Bit => 20,
        _ => 10,
    };
}
