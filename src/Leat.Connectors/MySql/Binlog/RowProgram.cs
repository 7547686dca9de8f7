using Leat.Changes;
using Leat.Connectors.MySql.Charsets;

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

    /// <summary>A length of 1 to 4 bytes, and text of a character set to become UTF-8.</summary>
    Text,

    /// <summary>A length of 1 to 4 bytes, and a value of a COMPRESSED column.</summary>
    Inflate,

    /// <summary>A length of one byte, and a UUID, INET4 or INET6 whose trailing zeros were left out.</summary>
    Address,

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

    /// <summary>Before MySQL 5.6, and MariaDB's without fraction in the format of before 10.1: decimal digits, seconds.</summary>
    OldTime,
    OldDateTime,
    OldTimestamp,

    /// <summary>MariaDB's with a fraction in the format of before 10.1.</summary>
    HiresTime,
    HiresDateTime,
    HiresTimestamp,
}

/// <summary>A column's step with its sizes.</summary>
/// <param name="Step">What to do.</param>
/// <param name="Bytes">Bytes in the image (fixed types), or of the length (texts).</param>
/// <param name="A">Decimal: digits before the point. Padded: full length. Text, Inflate: number of the character set. Address: full length.</param>
/// <param name="B">Decimal: digits after the point. Hires: fractional digits. Inflate: 1 when the value is text. Address: its form.</param>
internal readonly record struct ColumnStep(Step Step, byte Bytes, ushort A, byte B)
{
    /// <summary>Whether <see cref="Bytes"/> is the size of a length, which tells how many bytes follow.</summary>
    public bool HasLength => Step is Step.Bytes1 or Step.Bytes2 or Step.Bytes3 or Step.Bytes4 or Step.Text or Step.Json or Step.Inflate or Step.Address or Step.Padded;
}

/// <summary>How to turn row images of one table shape into encoded rows: made once a shape, run for every row.</summary>
internal sealed class RowProgram
{
    private RowProgram(ColumnStep[] steps, int fixedMaxBytes, int expansion)
    {
        Steps = steps;
        BitmapBytes = EncodedRow.BitmapBytes(steps.Length);
        FixedMaxBytes = BitmapBytes + fixedMaxBytes;
        Expansion = expansion;
        Inflates = steps.Any(step => step.Step == Step.Inflate);
    }

    /// <summary>One step a column.</summary>
    public ColumnStep[] Steps { get; }

    /// <summary>Bytes of the null bitmap, here and in the image.</summary>
    public int BitmapBytes { get; }

    /// <summary>Most bytes that bitmap, fixed-width columns and lengths of texts take.</summary>
    public int FixedMaxBytes { get; }

    /// <summary>Most bytes that one byte of a text becomes.</summary>
    public int Expansion { get; }

    /// <summary>Whether a column is stored compressed, so that only its values tell how long they become.</summary>
    public bool Inflates { get; }

    /// <summary>Most bytes that the next <paramref name="images"/> rows take whose images stand at the front of <paramref name="rest"/>.</summary>
    /// <exception cref="Wire.MySqlFormatException">An image ends early, or claims to inflate to more than it can.</exception>
    public int MaxBytes(int images, ReadOnlySpan<byte> rest) => Inflates ? InflatedSize.Of(this, images, rest) : MaxBytes(images, rest.Length);

    /// <summary>Most bytes that <paramref name="images"/> rows take when their images take <paramref name="imageBytes"/>.</summary>
    /// <exception cref="InvalidOperationException">The rows inflate: their number of bytes alone says nothing.</exception>
    public int MaxBytes(int images, int imageBytes) =>
        Inflates ? throw new InvalidOperationException("the images have to be looked at") : checked(images * FixedMaxBytes + imageBytes * Expansion);

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
            if (steps[i].Step == Step.Address)
                fixedBytes += AddressText.MostInet6Bytes;
            if (steps[i].Step == Step.Json)
                fixedBytes += JsonText.LeastBytes;
            if (steps[i].Step == Step.Text || (steps[i].Step == Step.Inflate && steps[i].B != 0))
                expansion = Math.Max(expansion, Charset.MostExpansion);
            if (steps[i].Step == Step.Json)
                expansion = Math.Max(expansion, JsonText.Expansion);
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
            ColumnType.Time or ColumnType.DateTime or ColumnType.Timestamp => OldTemporal(column),
            ColumnType.Enum => meta == 1 ? new(Step.Enum1, 1, 0, 0) : new(Step.Copy2, 2, 0, 0),
            ColumnType.Set => new(Step.Set, (byte)meta, 0, 0),
            ColumnType.String when column.Form != ValueForm.Plain => new(Step.Address, 1, meta, (byte)column.Form),
            ColumnType.String when column.Schema.Kind == ColumnKind.Binary => new(Step.Padded, (byte)(meta > 255 ? 2 : 1), meta, 0),
            ColumnType.String or ColumnType.VarChar or ColumnType.VarString => Text(column, meta > 255 ? 2 : 1),
            ColumnType.Blob or ColumnType.Geometry or ColumnType.Vector => Text(column, LengthBytes(column)),
            ColumnType.Json => new(Step.Json, (byte)LengthBytes(column), 0, 0),
            ColumnType.VarCharCompressed => Inflate(column, meta > 255 ? 2 : 1),
            ColumnType.BlobCompressed => Inflate(column, LengthBytes(column)),
            _ => throw new ArgumentOutOfRangeException(nameof(column), column.Type, "a type that is refused"),
        };
    }

    private static ColumnStep Text(MySqlColumn column, int lengthBytes) => column.Charset is { IsUtf8: false } charset
        ? new(Step.Text, (byte)lengthBytes, charset.Number, 0)
        : new(Step.Bytes1 + (byte)(lengthBytes - 1), (byte)lengthBytes, 0, 0);

    private static ColumnStep Inflate(MySqlColumn column, int lengthBytes) =>
        new(Step.Inflate, (byte)lengthBytes, column.Charset?.Number ?? 0, (byte)(column.Charset is { IsUtf8: false } ? 1 : 0));

    // MariaDB's sizes by fractional digits. Source: m_hires_bytes and m_sec_part_bytes in MariaDB's sql_type.cc; proven by TypesTests.
    private static ColumnStep OldTemporal(MySqlColumn column)
    {
        ReadOnlySpan<byte> time = [3, 4, 4, 5, 5, 5, 6];
        ReadOnlySpan<byte> dateTime = [8, 6, 6, 7, 7, 7, 8];
        ReadOnlySpan<byte> timestamp = [4, 5, 5, 6, 6, 7, 7];
        var digits = (byte)Math.Min(column.Schema.Scale, 6);
        return column.Type switch
        {
            ColumnType.Time => new(digits == 0 ? Step.OldTime : Step.HiresTime, time[digits], 0, digits),
            ColumnType.DateTime => new(digits == 0 ? Step.OldDateTime : Step.HiresDateTime, dateTime[digits], 0, digits),
            _ => new(digits == 0 ? Step.OldTimestamp : Step.HiresTimestamp, timestamp[digits], 0, digits),
        };
    }

    private static int LengthBytes(MySqlColumn column) => column.Metadata is >= 1 and <= 4 ? column.Metadata
        : throw Wire.MySqlFormatException.Unexpected($"length size of column '{column.Schema.Name}'", "1 to 4", column.Metadata);
}
