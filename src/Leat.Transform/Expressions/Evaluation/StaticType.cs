using Leat.Changes;

namespace Leat.Transform.Expressions.Evaluation;

/// <summary>Families of values: what a value is while an expression is computed. Values of one family compare with each other.</summary>
internal enum Family
{
    /// <summary>The word NULL.</summary>
    Null,

    /// <summary>True, false or unknown; a number beside numbers: 1 and 0.</summary>
    Boolean,

    /// <summary>Whole numbers of 64 bits with a sign.</summary>
    Integer,

    /// <summary>Whole numbers of 64 bits without a sign: BIGINT UNSIGNED and BIT. Calculated with as <see cref="Exact"/>.</summary>
    Unsigned,

    /// <summary>Decimals.</summary>
    Exact,

    /// <summary>Singles and doubles; an exact number compared with one is made a double first.</summary>
    Real,

    /// <summary>Texts, enum labels, set members joined by commas, and bytes; compared byte by byte.</summary>
    Text,

    /// <summary>Date, or date and time, without zone; ordered by <see cref="Temporal.DateTime"/>.</summary>
    Calendar,

    /// <summary>Instant in microseconds since 1970 UTC.</summary>
    Instant,

    /// <summary>Time of day or span, in microseconds.</summary>
    Time,

    /// <summary>JSON, which has no order and no equality here.</summary>
    Json,
}

/// <summary>What is known of a value before any row: its family, and how it is written when it becomes a column.</summary>
/// <param name="Family">Its family.</param>
/// <param name="Kind">Kind of the column that it becomes.</param>
/// <param name="Precision">Exact: most digits in all, 1 to 65; 0 otherwise.</param>
/// <param name="Scale">Exact: digits behind the point, 0 to 30 (38 for a column of its own). Calendar, Instant, Time: fractional digits shown, 0 to 6.</param>
internal readonly record struct StaticType(Family Family, ColumnKind Kind, int Precision = 0, int Scale = 0)
{
    /// <summary>Most digits of a decimal, as in MySQL.</summary>
    public const int MaxPrecision = 65;

    /// <summary>Most digits of a computed decimal behind the point, as in MySQL.</summary>
    public const int MaxScale = 30;

    public static readonly StaticType Null = new(Family.Null, ColumnKind.String);
    public static readonly StaticType Boolean = new(Family.Boolean, ColumnKind.Int8);
    public static readonly StaticType Integer = new(Family.Integer, ColumnKind.Int64);
    public static readonly StaticType Unsigned = new(Family.Unsigned, ColumnKind.UInt64);
    public static readonly StaticType Real = new(Family.Real, ColumnKind.Float64);
    public static readonly StaticType Text = new(Family.Text, ColumnKind.String);
    public static readonly StaticType Bytes = new(Family.Text, ColumnKind.Binary);
    public static readonly StaticType Json = new(Family.Json, ColumnKind.Json);
    public static readonly StaticType Date = new(Family.Calendar, ColumnKind.Date);

    // Digits of the largest values, for calculations that mix whole numbers with decimals.
    private const int IntegerDigits = 19;
    private const int UnsignedDigits = 20;

    public bool IsNumber => Family is Family.Boolean or Family.Integer or Family.Unsigned or Family.Exact or Family.Real;

    public bool IsTemporal => Family is Family.Calendar or Family.Instant or Family.Time;

    /// <summary>Digits that a number has before the point, at most.</summary>
    public int WholeDigits => Family switch
    {
        Family.Boolean => 1,
        Family.Integer => Precision > 0 ? Precision : IntegerDigits,
        Family.Unsigned => UnsignedDigits,
        _ => Precision - Scale,
    };

    /// <summary>Digits that an exact number has behind the point.</summary>
    public int Fraction => Family == Family.Exact ? Scale : 0;

    /// <summary>A decimal with so many digits before and behind the point, as far as there is room: digits behind the point come first, as in MySQL.</summary>
    public static StaticType Exact(int wholeDigits, int scale)
    {
        var fraction = Math.Min(scale, MaxScale);
        return new(Family.Exact, ColumnKind.Decimal, Math.Clamp(wholeDigits + fraction, 1, MaxPrecision), fraction);
    }

    public static StaticType DateTime(int scale) => new(Family.Calendar, ColumnKind.DateTime, 0, scale);

    public static StaticType Timestamp(int scale) => new(Family.Instant, ColumnKind.Timestamp, 0, scale);

    public static StaticType Time(int scale) => new(Family.Time, ColumnKind.Time, 0, scale);

    /// <summary>What a column's values are.</summary>
    public static StaticType Of(Column column) => column.Kind switch
    {
        ColumnKind.Int8 or ColumnKind.UInt8 => new(Family.Integer, column.Kind, 3),
        ColumnKind.Int16 or ColumnKind.UInt16 or ColumnKind.Year => new(Family.Integer, column.Kind, 5),
        ColumnKind.Int32 or ColumnKind.UInt32 => new(Family.Integer, column.Kind, 10),
        ColumnKind.Int64 => Integer,
        ColumnKind.UInt64 or ColumnKind.Bit => Unsigned,
        ColumnKind.Float32 or ColumnKind.Float64 => Real,
        ColumnKind.Decimal when column.Precision > 0 => new(Family.Exact, ColumnKind.Decimal, column.Precision, column.Scale),
        ColumnKind.Decimal => Exact(MaxPrecision - MaxScale, MaxScale),
        ColumnKind.Date => Date,
        ColumnKind.DateTime => DateTime(column.Scale),
        ColumnKind.Timestamp => Timestamp(column.Scale),
        ColumnKind.Time => Time(column.Scale),
        ColumnKind.Json => Json,
        ColumnKind.Binary => Bytes,
        _ => Text,
    };
}
