using System.Buffers.Binary;
using System.Buffers.Text;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Writes MySQL's binary JSON as the text that the server itself shows, byte for byte.</summary>
/// <remarks>Members stand in the binary's order, which is the server's: by length of the key, then by its bytes. Numbers that are no integers show that they are none.</remarks>
internal static class JsonText
{
    /// <summary>Most bytes of text that one byte of a document becomes (a control character: <c>\u001f</c>).</summary>
    public const int Expansion = 6;

    /// <summary>Most bytes of text for a document without bytes: <c>null</c>.</summary>
    public const int LeastBytes = 4;

    /// <summary>Most bytes of a document's text.</summary>
    public static int MaxBytes(int documentBytes) => checked(documentBytes * Expansion + LeastBytes);

    /// <summary>Writes a document's text to the front of <paramref name="target"/> and returns its length.</summary>
    /// <param name="document">Binary JSON.</param>
    /// <param name="target">No more than <see cref="MaxBytes"/> of it are used.</param>
    /// <exception cref="MySqlFormatException">Malformed: among others a document whose members share bytes, and so become more text than they can.</exception>
    public static int Write(ReadOnlySpan<byte> document, Span<byte> target)
    {
        var most = MaxBytes(document.Length);
        var text = new JsonSink(target.Length > most ? target[..most] : target);
        Write(JsonValue.Of(document), ref text, depth: 0);
        return text.WrittenBytes;
    }

    /// <summary>Writes one value.</summary>
    public static void Write(JsonValue value, ref JsonSink text, int depth)
    {
        if (!value.IsContainer)
        {
            WriteScalar(value, ref text);
            return;
        }

        if (depth >= JsonValue.MaxDepth)
            throw MySqlFormatException.Unexpected("depth of a JSON document", $"at most {JsonValue.MaxDepth}", depth + 1);
        text.Put(value.IsObject ? (byte)'{' : (byte)'[');
        for (var i = 0; i < value.Count; i++)
        {
            if (i > 0)
                text.Put(", "u8);
            if (value.IsObject)
            {
                text.PutQuoted(value.Key(i));
                text.Put(": "u8);
            }

            Write(value.Value(i), ref text, depth + 1);
        }

        text.Put(value.IsObject ? (byte)'}' : (byte)']');
    }

    private static void WriteScalar(JsonValue value, ref JsonSink text)
    {
        var fields = new WireReader(value.Data);
        switch (value.Type)
        {
            case JsonType.Literal:
                text.Put(fields.ReadByte() switch
                {
                    0 => "null"u8,
                    1 => "true"u8,
                    2 => "false"u8,
                    var other => throw MySqlFormatException.Unexpected("JSON literal", "0 to 2", other),
                });
                break;
            case JsonType.Int16:
                text.Put((short)fields.ReadUInt16());
                break;
            case JsonType.UInt16:
                text.Put(fields.ReadUInt16());
                break;
            case JsonType.Int32:
                text.Put((int)fields.ReadUInt32());
                break;
            case JsonType.UInt32:
                text.Put(fields.ReadUInt32());
                break;
            case JsonType.Int64:
                text.Put((long)fields.ReadUInt64());
                break;
            case JsonType.UInt64:
                Span<byte> digits = stackalloc byte[20];
                Utf8Formatter.TryFormat(fields.ReadUInt64(), digits, out var length);
                text.Put(digits[..length]);
                break;
            case JsonType.Double:
                Span<byte> number = stackalloc byte[JsonNumber.MaxBytes];
                text.Put(number[..JsonNumber.Write(BitConverter.UInt64BitsToDouble(fields.ReadUInt64()), number)]);
                break;
            case JsonType.String:
                text.PutQuoted(JsonValue.Counted(value.Data));
                break;
            case JsonType.Opaque:
                WriteOpaque(fields.ReadByte(), JsonValue.Counted(fields.Rest), ref text);
                break;
            default:
                throw MySqlFormatException.Unexpected("JSON type", "0 to 12 or 15", value.Type);
        }
    }

    // Values of SQL types that JSON has not: decimals as numbers, temporals as text, all others in base64 with the number of their type.
    private static void WriteOpaque(byte type, ReadOnlySpan<byte> value, ref JsonSink text)
    {
        switch (type)
        {
            case ColumnType.NewDecimal:
                WriteDecimal(value, ref text);
                break;
            case ColumnType.Date or ColumnType.Time or ColumnType.DateTime or ColumnType.Timestamp:
                if (value.Length != sizeof(long))
                    throw MySqlFormatException.Unexpected("length of a JSON temporal", "8", value.Length);
                WriteTemporal(type, BinaryPrimitives.ReadInt64LittleEndian(value), ref text);
                break;
            default:
                text.Put("\"base64:type"u8);
                text.Put((long)type);
                text.Put((byte)':');
                text.PutBase64(value);
                text.Put((byte)'"');
                break;
        }
    }

    private static void WriteDecimal(ReadOnlySpan<byte> value, ref JsonSink text)
    {
        var fields = new WireReader(value);
        const int MostFraction = 30;
        var (precision, scale) = (fields.ReadByte(), fields.ReadByte());
        if (precision is 0 or > DecimalText.MaxDigits || scale > MostFraction || scale > precision)
            throw MySqlFormatException.Unexpected("precision of a JSON decimal", "1 to 65", precision);
        Span<byte> digits = stackalloc byte[DecimalText.MaxBytes];
        var packed = fields.ReadBytes(DecimalText.Bytes(precision - scale, scale));
        text.Put(digits[..DecimalText.Write(packed, precision - scale, scale, digits)]);
    }

    // 24 bits microseconds; 6 second, 6 minute, 5 hour (time: 10), 5 day, then year * 13 + month. A negative time is the positive one, negated.
    private static void WriteTemporal(byte type, long packed, ref JsonSink text)
    {
        text.Put((byte)'"');
        if (packed < 0 && type == ColumnType.Time)
            text.Put((byte)'-');
        else if (packed < 0)
            throw MySqlFormatException.Unexpected("JSON temporal", "0 or more", packed);
        var positive = (ulong)Math.Abs(Math.Max(packed, -long.MaxValue));
        var (micros, whole) = ((int)(positive & 0xFF_FFFF), positive >> 24);
        if (type != ColumnType.Time)
        {
            var months = whole >> 22;
            if (months / 13 > 9999)
                throw MySqlFormatException.Unexpected("year of a JSON temporal", "0 to 9999", (long)(months / 13));
            text.Put((int)(months / 13), 4);
            text.Put((byte)'-');
            text.Put((int)(months % 13), 2);
            text.Put((byte)'-');
            text.Put((int)(whole >> 17 & 31), 2);
        }

        if (type != ColumnType.Date)
        {
            if (type != ColumnType.Time)
                text.Put((byte)' ');
            var hours = (int)(whole >> 12 & (type == ColumnType.Time ? 0x3FFu : 31u));
            text.Put(hours, hours > 99 ? 3 : 2);
            text.Put((byte)':');
            text.Put((int)(whole >> 6 & 63), 2);
            text.Put((byte)':');
            text.Put((int)(whole & 63), 2);
            text.Put((byte)'.');
            if (micros > 999_999)
                throw MySqlFormatException.Unexpected("fraction of a JSON temporal", "less than 1000000", micros);
            text.Put(micros, 6);
        }

        text.Put((byte)'"');
    }
}
