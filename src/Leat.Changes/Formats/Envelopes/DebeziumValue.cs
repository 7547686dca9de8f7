using System.Buffers.Binary;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace Leat.Changes.Formats.Envelopes;

/// <summary>Values as Debezium's MySQL and MariaDB connectors give them with their default settings, in the JSON of Kafka Connect without schemas.</summary>
/// <remarks>
/// Source: Debezium's documentation, "Data type mappings" of both connectors: <c>time.precision.mode=adaptive_time_microseconds</c>,
/// <c>decimal.handling.mode=precise</c>, <c>bigint.unsigned.handling.mode=long</c>, <c>binary.handling.mode=bytes</c>.
/// </remarks>
internal static class DebeziumValue
{
    private const long MicrosPerSecond = 1_000_000;
    private const long SecondsPerDay = 86_400;
    private const int MostTemporalBytes = 40;

    private static readonly int EpochDay = DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber;

    /// <summary>Writes the current value, NULL included.</summary>
    public static void Write(ref RowReader reader, Utf8JsonWriter json, bool decimalsAsText)
    {
        if (reader.IsNull)
        {
            json.WriteNullValue();
            return;
        }

        var column = reader.Column;
        switch (column.Kind)
        {
            case ColumnKind.UInt64:
                json.WriteNumberValue((long)reader.UInt64); // above 2^63 - 1 it becomes negative there too
                break;
            case ColumnKind.Bit:
                WriteBits(reader.UInt64, (int)Math.Max(1, column.Length), json);
                break;
            case ColumnKind.Decimal when !decimalsAsText:
                WriteUnscaled(reader.Bytes, json);
                break;
            case ColumnKind.Json:
                json.WriteStringValue(reader.Bytes);
                break;
            case ColumnKind.Set:
                json.WriteStringValue(string.Join(',', Members(column, reader.UInt64)));
                break;
            case ColumnKind.Binary when ColumnTypeText.IsGeometry(column):
                WriteGeometry(reader.Bytes, json);
                break;
            case ColumnKind.Binary when ColumnTypeText.IsVector(column):
                WriteVector(reader.Bytes, json);
                break;
            case ColumnKind.Date or ColumnKind.DateTime or ColumnKind.Timestamp:
                WriteMoment(ref reader, column, json);
                break;
            case ColumnKind.Time:
                json.WriteNumberValue(reader.Int64); // io.debezium.time.MicroTime
                break;
            default:
                ValueJson.Write(ref reader, json); // numbers, text, labels, and bytes in base64 are the same
                break;
        }
    }

    private static void WriteBits(ulong bits, int count, Utf8JsonWriter json)
    {
        if (count == 1)
        {
            json.WriteBooleanValue(bits != 0);
            return;
        }

        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, bits);
        json.WriteBase64StringValue(bytes[..((count + 7) / 8)]); // io.debezium.data.Bits: lowest byte first
    }

    // org.apache.kafka.connect.data.Decimal: the digits without their point as a number in two's complement, highest byte first.
    private static void WriteUnscaled(ReadOnlySpan<byte> digits, Utf8JsonWriter json)
    {
        var text = Encoding.ASCII.GetString(digits).Replace(".", "", StringComparison.Ordinal);
        var unscaled = BigInteger.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
        json.WriteBase64StringValue(unscaled.ToByteArray(isUnsigned: false, isBigEndian: true));
    }

    // A date that is zero or partial is no date in Java: null where the column may be NULL, otherwise the epoch.
    private static void WriteMoment(ref RowReader reader, Column column, Utf8JsonWriter json)
    {
        if (column.Kind == ColumnKind.Timestamp)
        {
            WriteInstant(reader.Int64, column, json);
            return;
        }

        var packed = reader.UInt64;
        var date = column.Kind == ColumnKind.Date ? (uint)packed : (uint)(packed >> 37);
        if (!TemporalText.IsCalendarDay(date))
        {
            if (column.Nullable)
                json.WriteNullValue();
            else
                json.WriteNumberValue(0);
            return;
        }

        var (year, month, day) = Temporal.SplitDate(date);
        var days = new DateOnly(year, month, day).DayNumber - EpochDay;
        if (column.Kind == ColumnKind.Date)
        {
            json.WriteNumberValue(days); // io.debezium.time.Date
            return;
        }

        const int MostDigitsOfMilliseconds = 3;
        var (_, _, _, hour, minute, second, microsecond) = Temporal.SplitDateTime(packed);
        var micros = (days * SecondsPerDay + hour * 3600 + minute * 60 + second) * MicrosPerSecond + microsecond;
        json.WriteNumberValue(column.Scale <= MostDigitsOfMilliseconds ? (micros - microsecond) / 1000 + microsecond / 1000 : micros);
    }

    private static void WriteInstant(long micros, Column column, Utf8JsonWriter json)
    {
        if (micros == Temporal.ZeroTimestamp && column.Nullable)
        {
            json.WriteNullValue();
            return;
        }

        Span<byte> text = stackalloc byte[MostTemporalBytes];
        var isZero = micros == Temporal.ZeroTimestamp;
        var length = TemporalText.WriteTimestamp(isZero ? 0 : micros, isZero ? 0 : column.Scale, (byte)'T', text);
        text[length++] = (byte)'Z';
        json.WriteStringValue(text[..length]); // io.debezium.time.ZonedTimestamp
    }

    private static void WriteGeometry(ReadOnlySpan<byte> value, Utf8JsonWriter json)
    {
        const int SridBytes = 4;
        var srid = value.Length >= SridBytes ? BinaryPrimitives.ReadInt32LittleEndian(value) : 0;
        json.WriteStartObject();
        json.WriteBase64String("wkb", value.Length >= SridBytes ? value[SridBytes..] : value);
        if (srid == 0)
            json.WriteNull("srid");
        else
            json.WriteNumber("srid", srid);
        json.WriteEndObject();
    }

    private static void WriteVector(ReadOnlySpan<byte> value, Utf8JsonWriter json)
    {
        json.WriteStartArray();
        for (; value.Length >= sizeof(float); value = value[sizeof(float)..])
            json.WriteNumberValue(BinaryPrimitives.ReadSingleLittleEndian(value));
        json.WriteEndArray();
    }

    private static IEnumerable<string> Members(Column column, ulong members) => column.Labels.Where((_, i) => (members >> i & 1) != 0);
}
