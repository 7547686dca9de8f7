using Leat.Changes;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>What to do with one column of a row image.</summary>
internal enum Step : byte
{
    /// <summary>Copy 1, 2, 4 or 8 bytes.</summary>
    Copy1,
    Copy2,
    Copy4,
    Copy8,

    /// <summary>Three bytes to four, with the sign or without (also DATE, whose packing is ours).</summary>
    Int24,
    UInt24,

    /// <summary>A length of 1 to 4 bytes, and UTF-8 or plain bytes.</summary>
    Bytes1,
    Bytes2,
    Bytes3,
    Bytes4,

    /// <summary>A length of 1 to 4 bytes, and Windows-1252 to become UTF-8.</summary>
    Latin1,

    /// <summary>A length of 4 bytes, and MySQL's binary JSON to become text.</summary>
    Json,

    /// <summary>BINARY(n): the server leaves trailing zeros out.</summary>
    Padded,
    Decimal,
    Year,
    Enum1,

    /// <summary>Up to eight bytes, big-endian.</summary>
    Bits,

    /// <summary>Up to eight bytes, little-endian.</summary>
    Set,
    Time,
    DateTime,
    Timestamp,
    OldTime,
    OldDateTime,
    OldTimestamp,
}

/// <summary>A column's step with its sizes.</summary>
/// <param name="Step">What to do.</param>
/// <param name="Bytes">Bytes in the image (fixed types), or of the length (texts).</param>
/// <param name="A">Decimal: digits before the point. Padded: full length.</param>
/// <param name="B">Decimal: digits after the point.</param>
internal readonly record struct ColumnStep(Step Step, byte Bytes, ushort A, byte B);

/// <summary>How to turn row images of one table shape into encoded rows: made once a shape, run for every row.</summary>
internal sealed class RowProgram
{
    private RowProgram(ColumnStep[] steps, int fixedMaxBytes, int expansion)
    {
        Steps = steps;
        BitmapBytes = EncodedRow.BitmapBytes(steps.Length);
        FixedMaxBytes = BitmapBytes + fixedMaxBytes;
        Expansion = expansion;
    }

    /// <summary>One step a column.</summary>
    public ColumnStep[] Steps { get; }

    /// <summary>Bytes of the null bitmap, here and in the image.</summary>
    public int BitmapBytes { get; }

    /// <summary>Most bytes that bitmap, fixed-width columns and lengths of texts take.</summary>
    public int FixedMaxBytes { get; }

    /// <summary>Most bytes that one byte of a text becomes.</summary>
    public int Expansion { get; }

    /// <summary>Most bytes that <paramref name="images"/> rows take when their images take <paramref name="imageBytes"/>.</summary>
    public int MaxBytes(int images, int imageBytes) => checked(images * FixedMaxBytes + imageBytes * Expansion);

    /// <summary>Compiles a shape whose columns are all supported.</summary>
    public static RowProgram Compile(MySqlTable table)
    {
        var steps = new ColumnStep[table.Columns.Length];
        var fixedBytes = 0;
        var expansion = 1;
        for (var i = 0; i < steps.Length; i++)
        {
            var column = table.Columns[i];
            steps[i] = StepOf(column);
            var width = EncodedRow.WidthOf(column.Schema.Kind);
            const int LengthBytes = 5;
            fixedBytes += width > 0 ? width : LengthBytes;
            if (steps[i].Step == Step.Decimal)
                fixedBytes += steps[i].A + steps[i].B + 3; // sign, a zero before the point, the point
            if (steps[i].Step == Step.Padded)
                fixedBytes += steps[i].A;
            if (steps[i].Step == Step.Json)
                fixedBytes += JsonText.LeastBytes;
            expansion = Math.Max(expansion, steps[i].Step switch { Step.Latin1 => 3, Step.Json => JsonText.Expansion, _ => 1 });
        }

        return new(steps, fixedBytes, expansion);
    }

    private static ColumnStep StepOf(MySqlColumn column)
    {
        var meta = column.Metadata;
        var fraction = (meta + 1) / 2;
        return column.Type switch
        {
            ColumnType.Tiny => new(Step.Copy1, 1, 0, 0),
            ColumnType.Short => new(Step.Copy2, 2, 0, 0),
            ColumnType.Int24 => new(column.Unsigned ? Step.UInt24 : Step.Int24, 3, 0, 0),
            ColumnType.Long or ColumnType.Float => new(Step.Copy4, 4, 0, 0),
            ColumnType.LongLong or ColumnType.Double => new(Step.Copy8, 8, 0, 0),
            ColumnType.NewDecimal => new(Step.Decimal, (byte)DecimalText.Bytes((meta >> 8) - (meta & 255), meta & 255), (ushort)((meta >> 8) - (meta & 255)), (byte)meta),
            ColumnType.Bit => new(Step.Bits, (byte)((meta >> 8) + ((meta & 255) > 0 ? 1 : 0)), 0, 0),
            ColumnType.Year => new(Step.Year, 1, 0, 0),
            ColumnType.Date or ColumnType.NewDate => new(Step.UInt24, 3, 0, 0),
            ColumnType.Time2 => new(Step.Time, (byte)(3 + fraction), 0, 0),
            ColumnType.DateTime2 => new(Step.DateTime, (byte)(5 + fraction), 0, 0),
            ColumnType.Timestamp2 => new(Step.Timestamp, (byte)(4 + fraction), 0, 0),
            ColumnType.Time => new(Step.OldTime, 3, 0, 0),
            ColumnType.DateTime => new(Step.OldDateTime, 8, 0, 0),
            ColumnType.Timestamp => new(Step.OldTimestamp, 4, 0, 0),
            ColumnType.Enum => meta == 1 ? new(Step.Enum1, 1, 0, 0) : new(Step.Copy2, 2, 0, 0),
            ColumnType.Set => new(Step.Set, (byte)meta, 0, 0),
            ColumnType.String when column.Schema.Kind == ColumnKind.Binary => new(Step.Padded, (byte)(meta > 255 ? 2 : 1), meta, 0),
            ColumnType.String or ColumnType.VarChar or ColumnType.VarString => Text(column, meta > 255 ? 2 : 1),
            ColumnType.Blob => Text(column, meta),
            ColumnType.Json => new(Step.Json, (byte)meta, 0, 0),
            _ => throw new ArgumentOutOfRangeException(nameof(column), column.Type, "a type that is refused"),
        };
    }

    private static ColumnStep Text(MySqlColumn column, int lengthBytes) =>
        new(column.Coding == TextCoding.Latin1 ? Step.Latin1 : Step.Bytes1 + (byte)(lengthBytes - 1), (byte)lengthBytes, 0, 0);
}
