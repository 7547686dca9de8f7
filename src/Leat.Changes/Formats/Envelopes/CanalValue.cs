using System.Buffers;
using System.Globalization;
using System.Text;

namespace Leat.Changes.Formats.Envelopes;

/// <summary>Values as the text that Canal puts into its flat messages, and the number of the JDBC type that it names for them.</summary>
/// <remarks>Source: Canal's <c>RowsLogBuffer</c> and <c>LogEventConvert.parseOneRow</c>. Numbers of types are those of <c>java.sql.Types</c>.</remarks>
internal static class CanalValue
{
    private const int Bit = -7;
    private const int TinyInt = -6;
    private const int BigInt = -5;
    private const int LongVarBinary = -4;
    private const int VarBinary = -3;
    private const int Binary = -2;
    private const int Char = 1;
    private const int Decimal = 3;
    private const int Integer = 4;
    private const int SmallInt = 5;
    private const int Real = 7;
    private const int Double = 8;
    private const int VarChar = 12;
    private const int Date = 91;
    private const int Time = 92;
    private const int Timestamp = 93;
    private const int Blob = 2004;
    private const int Clob = 2005;

    /// <summary>The current value as text; <see langword="null"/> for NULL.</summary>
    public static string? TextOf(ref RowReader reader)
    {
        if (reader.IsNull)
            return null;
        switch (reader.Column.Kind)
        {
            case ColumnKind.Float32:
                return JavaNumber.Of(reader.Single);
            case ColumnKind.Float64:
                return JavaNumber.Of(reader.Double);
            case ColumnKind.Enum or ColumnKind.Set or ColumnKind.Bit:
                return reader.UInt64.ToString(CultureInfo.InvariantCulture); // index and member bits, not labels
            case ColumnKind.Binary:
                return Encoding.Latin1.GetString(reader.Bytes); // each byte a character: ISO-8859-1
            default:
                var text = new ArrayBufferWriter<byte>();
                ValueText.Write(ref reader, text);
                return Encoding.UTF8.GetString(text.WrittenSpan);
        }
    }

    /// <summary>The JDBC type named for the current value: an unsigned number above the signed range takes the next larger one, and NULL the type before its conversion.</summary>
    public static int TypeOf(ref RowReader reader)
    {
        var column = reader.Column;
        var isNull = reader.IsNull;
        return ColumnTypeText.WordOf(column) switch
        {
            "tinyint" => IsAbove(ref reader, (ulong)sbyte.MaxValue) ? SmallInt : TinyInt,
            "smallint" => IsAbove(ref reader, (ulong)short.MaxValue) ? Integer : SmallInt,
            "mediumint" => Integer,
            "int" or "integer" => IsAbove(ref reader, int.MaxValue) ? BigInt : Integer,
            "bigint" => IsAbove(ref reader, long.MaxValue) ? Decimal : BigInt,
            "decimal" or "numeric" => Decimal,
            "float" => Real,
            "double" or "real" => Double,
            "bit" => Bit,
            "set" => isNull ? Binary : Bit,
            "enum" => Integer,
            "date" => Date,
            "time" => Time,
            "datetime" or "timestamp" => Timestamp,
            "char" or "uuid" or "inet4" or "inet6" => Char,
            "varchar" or "year" or "json" => VarChar,
            "tinytext" => isNull ? VarBinary : Clob,
            "text" or "mediumtext" or "longtext" => isNull ? LongVarBinary : Clob,
            "binary" => isNull ? Binary : Blob,
            "varbinary" or "tinyblob" => isNull ? VarBinary : Blob,
            "blob" or "mediumblob" or "longblob" => isNull ? LongVarBinary : Blob,
            _ when column.Kind == ColumnKind.Binary => isNull ? Binary : Blob,
            _ => VarChar,
        };
    }

    private static bool IsAbove(ref RowReader reader, ulong most) =>
        !reader.IsNull && reader.Column.Kind is ColumnKind.UInt8 or ColumnKind.UInt16 or ColumnKind.UInt32 or ColumnKind.UInt64 && reader.UInt64 > most;
}
