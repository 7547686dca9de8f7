using System.Buffers.Binary;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Reads rows by query so that they encode to exactly the bytes that the binlog's row images do.</summary>
internal static class TextRow
{
    /// <summary>
    /// The select list. Floats as doubles, because the server shows FLOAT with six digits only, by a multiplication, because older servers know no
    /// such CAST and adding zero would lose the sign of a zero; enum and set by number, as the binlog has them.
    /// </summary>
    public static string SelectList(MySqlTable table) => string.Join(", ", table.Columns.Select(Expression));

    /// <summary>How a column is read, compared and ordered.</summary>
    public static string Expression(MySqlColumn column) => column.Schema.Kind switch
    {
        ColumnKind.Float32 or ColumnKind.Float64 => $"{Sql.Name(column.Schema.Name)} * 1e0",
        ColumnKind.Enum or ColumnKind.Set => $"CAST({Sql.Name(column.Schema.Name)} AS UNSIGNED)",
        _ => Sql.Name(column.Schema.Name),
    };

    /// <summary>Most bytes of the current row once encoded.</summary>
    public static int MaxBytes(MySqlTable table, int rowBytes)
    {
        const int WidestOrLength = 8;
        return EncodedRow.BitmapBytes(table.Columns.Length) + table.Columns.Length * WidestOrLength + rowBytes;
    }

    /// <summary>Encodes the current row and returns its length.</summary>
    /// <exception cref="MySqlFormatException">A value is not of its type.</exception>
    public static int Encode(MySqlTable table, MySqlResult row, Span<byte> target)
    {
        var writer = new RowWriter(target, table.Columns.Length);
        for (var i = 0; i < table.Columns.Length; i++)
        {
            if (row.IsNull(i))
                writer.WriteNull();
            else
                Write(ref writer, table.Columns[i].Schema, row.Value(i));
        }

        return writer.WrittenBytes;
    }

    /// <summary>A value of a key column as text, to be kept in a position.</summary>
    public static string KeyText(Column column, ReadOnlySpan<byte> value) => column.Kind switch
    {
        ColumnKind.Binary => Convert.ToHexString(value),
        ColumnKind.Bit => BigEndian(value).ToString(CultureInfo.InvariantCulture),
        _ => Encoding.UTF8.GetString(value),
    };

    /// <summary>A text of <see cref="KeyText"/> as a literal in SQL.</summary>
    public static string KeyLiteral(Column column, string text) => column.Kind switch
    {
        ColumnKind.String or ColumnKind.Json => Sql.HexText(text),
        ColumnKind.Binary when text.All(char.IsAsciiHexDigit) => $"X'{text}'",
        ColumnKind.Date or ColumnKind.Time or ColumnKind.DateTime or ColumnKind.Timestamp => Sql.Text(text),
        _ when text.Length > 0 && text.All(c => char.IsAsciiDigit(c) || c is '+' or '-' or '.' or 'e' or 'E') => text,
        _ => throw MySqlFormatException.Unexpected($"snapshot position in column '{column.Name}'", "a number", text.Length),
    };

    private static void Write(ref RowWriter writer, Column column, ReadOnlySpan<byte> text)
    {
        switch (column.Kind)
        {
            case ColumnKind.Int8 or ColumnKind.UInt8:
                writer.WriteByte((byte)Whole(column, text));
                break;
            case ColumnKind.Int16 or ColumnKind.UInt16 or ColumnKind.Enum or ColumnKind.Year:
                writer.WriteUInt16((ushort)Whole(column, text));
                break;
            case ColumnKind.Int32 or ColumnKind.UInt32:
                writer.WriteUInt32((uint)Whole(column, text));
                break;
            case ColumnKind.Int64:
                writer.WriteUInt64((ulong)Whole(column, text));
                break;
            case ColumnKind.UInt64 or ColumnKind.Set:
                writer.WriteUInt64(Utf8Parser.TryParse(text, out ulong unsigned, out var used) && used == text.Length ? unsigned : throw Wrong(column, text));
                break;
            case ColumnKind.Bit:
                writer.WriteUInt64(BigEndian(text));
                break;
            case ColumnKind.Float32:
                writer.WriteUInt32(BitConverter.SingleToUInt32Bits((float)Double(column, text)));
                break;
            case ColumnKind.Float64:
                writer.WriteUInt64(BitConverter.DoubleToUInt64Bits(Double(column, text)));
                break;
            case ColumnKind.Decimal:
                WriteDecimal(ref writer, text);
                break;
            case ColumnKind.Date:
                var date = Digits(column, text);
                writer.WriteUInt32(Temporal.Date(date.A, date.B, date.C));
                break;
            case ColumnKind.DateTime:
                writer.WriteUInt64(DateTimeOf(column, text));
                break;
            case ColumnKind.Timestamp:
                writer.WriteUInt64((ulong)TimestampOf(column, text));
                break;
            case ColumnKind.Time:
                writer.WriteUInt64((ulong)TimeOf(column, text));
                break;
            default:
                writer.WriteBytes(text);
                break;
        }
    }

    private static long Whole(Column column, ReadOnlySpan<byte> text) =>
        Utf8Parser.TryParse(text, out long value, out var used) && used == text.Length ? value : throw Wrong(column, text);

    private static double Double(Column column, ReadOnlySpan<byte> text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : throw Wrong(column, text);

    // ZEROFILL columns are shown with leading zeros, which the value does not have.
    private static void WriteDecimal(ref RowWriter writer, ReadOnlySpan<byte> text)
    {
        var negative = text[0] == (byte)'-';
        var digits = negative ? text[1..] : text;
        while (digits.Length > 1 && digits[0] == (byte)'0' && digits[1] != (byte)'.')
            digits = digits[1..];
        if (!negative || digits.Length == text.Length - 1)
        {
            writer.WriteBytes(negative ? text : digits);
            return;
        }

        Span<byte> signed = stackalloc byte[Binlog.DecimalText.MaxBytes];
        signed[0] = (byte)'-';
        digits.CopyTo(signed[1..]);
        writer.WriteBytes(signed[..(digits.Length + 1)]);
    }

    private static ulong DateTimeOf(Column column, ReadOnlySpan<byte> text)
    {
        var (date, time, micros) = Parts(column, text);
        return Temporal.DateTime(date.A, date.B, date.C, time.A, time.B, time.C, micros);
    }

    private static long TimestampOf(Column column, ReadOnlySpan<byte> text)
    {
        var (date, time, micros) = Parts(column, text);
        if (date.A == 0)
            return Temporal.ZeroTimestamp;
        if (date.B is < 1 or > 12 || date.C < 1 || date.C > System.DateTime.DaysInMonth(date.A, date.B) || time.A > 23 || time.B > 59 || time.C > 59)
            throw Wrong(column, text);
        var whole = new DateTime(date.A, date.B, date.C, time.A, time.B, time.C, DateTimeKind.Utc);
        return (whole - System.DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond + micros;
    }

    private static long TimeOf(Column column, ReadOnlySpan<byte> text)
    {
        var negative = text[0] == (byte)'-';
        var whole = SplitFraction(column, negative ? text[1..] : text, out var micros);
        var (hours, minutes, seconds) = Digits(column, whole);
        var total = ((hours * 60L + minutes) * 60 + seconds) * 1_000_000 + micros;
        return negative ? -total : total;
    }

    private static ((int A, int B, int C) Date, (int A, int B, int C) Time, int Micros) Parts(Column column, ReadOnlySpan<byte> text)
    {
        var whole = SplitFraction(column, text, out var micros);
        var space = whole.IndexOf((byte)' ');
        if (space < 0)
            throw Wrong(column, text);
        return (Digits(column, whole[..space]), Digits(column, whole[(space + 1)..]), micros);
    }

    private static ReadOnlySpan<byte> SplitFraction(Column column, ReadOnlySpan<byte> text, out int micros)
    {
        micros = 0;
        var point = text.IndexOf((byte)'.');
        if (point < 0)
            return text;
        var fraction = text[(point + 1)..];
        for (var i = 0; i < 6; i++)
            micros = micros * 10 + (i < fraction.Length ? fraction[i] - '0' : 0);
        return micros is >= 0 and < 1_000_000 ? text[..point] : throw Wrong(column, text);
    }

    // Three numbers with one character between.
    private static (int A, int B, int C) Digits(Column column, ReadOnlySpan<byte> text)
    {
        const int Count = 3;
        Span<int> parts = stackalloc int[Count];
        var rest = text;
        for (var i = 0; i < Count; i++)
        {
            if (!Utf8Parser.TryParse(rest, out int part, out var used) || part < 0 || (i < Count - 1 && used >= rest.Length))
                throw Wrong(column, text);
            parts[i] = part;
            rest = rest[Math.Min(used + 1, rest.Length)..];
        }

        return (parts[0], parts[1], parts[2]);
    }

    private static ulong BigEndian(ReadOnlySpan<byte> bits)
    {
        Span<byte> wide = stackalloc byte[sizeof(ulong)];
        wide.Clear();
        bits[^Math.Min(bits.Length, wide.Length)..].CopyTo(wide[Math.Max(0, wide.Length - bits.Length)..]);
        return BinaryPrimitives.ReadUInt64BigEndian(wide);
    }

    private static MySqlFormatException Wrong(Column column, ReadOnlySpan<byte> text) =>
        MySqlFormatException.Unexpected($"value of column '{column.Name}'", $"text of a {column.Kind}", text.Length);
}
