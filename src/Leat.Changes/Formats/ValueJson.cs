using System.Globalization;
using System.Text.Json;

namespace Leat.Changes.Formats;

/// <summary>Values and rows as JSON, as docs/formats/change-json.md describes them.</summary>
public static class ValueJson
{
    private const int MostTemporalBytes = 40;

    /// <summary>Writes the current value of <paramref name="reader"/>, NULL included.</summary>
    public static void Write(ref RowReader reader, Utf8JsonWriter json)
    {
        if (reader.IsNull)
        {
            json.WriteNullValue();
            return;
        }

        var column = reader.Column;
        switch (column.Kind)
        {
            case ColumnKind.Int8 or ColumnKind.Int16 or ColumnKind.Int32 or ColumnKind.Int64:
                json.WriteNumberValue(reader.Int64);
                break;
            case ColumnKind.UInt8 or ColumnKind.UInt16 or ColumnKind.UInt32 or ColumnKind.UInt64 or ColumnKind.Bit or ColumnKind.Year:
                json.WriteNumberValue(reader.UInt64);
                break;
            case ColumnKind.Float32:
                if (float.IsFinite(reader.Single))
                    json.WriteNumberValue(reader.Single);
                else
                    json.WriteStringValue(reader.Single.ToString(CultureInfo.InvariantCulture)); // JSON has no number for it
                break;
            case ColumnKind.Float64:
                if (double.IsFinite(reader.Double))
                    json.WriteNumberValue(reader.Double);
                else
                    json.WriteStringValue(reader.Double.ToString(CultureInfo.InvariantCulture));
                break;
            case ColumnKind.String or ColumnKind.Decimal:
                json.WriteStringValue(reader.Bytes);
                break;
            case ColumnKind.Binary:
                json.WriteBase64StringValue(reader.Bytes);
                break;
            case ColumnKind.Json:
                WriteDocument(reader.Bytes, json);
                break;
            case ColumnKind.Enum:
                json.WriteStringValue(ValueText.LabelOf(column, (int)reader.UInt64));
                break;
            case ColumnKind.Set:
                WriteMembers(column, reader.UInt64, json);
                break;
            default:
                WriteTemporal(ref reader, column, json);
                break;
        }
    }

    /// <summary>Writes all columns of a row as one object; those that are absent from it are left out.</summary>
    public static void WriteRow(ref RowReader reader, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        while (reader.Read())
        {
            if (reader.IsAbsent)
                continue;
            json.WritePropertyName(reader.Column.Name);
            Write(ref reader, json);
        }

        json.WriteEndObject();
    }

    private static void WriteTemporal(ref RowReader reader, Column column, Utf8JsonWriter json)
    {
        Span<byte> text = stackalloc byte[MostTemporalBytes];
        int length;
        switch (column.Kind)
        {
            case ColumnKind.Date:
                length = TemporalText.WriteDate((uint)reader.UInt64, text);
                break;
            case ColumnKind.Time:
                length = TemporalText.WriteTime(reader.Int64, column.Scale, text);
                break;
            case ColumnKind.DateTime:
                var packed = reader.UInt64;
                var separator = TemporalText.IsCalendarDay((uint)(packed >> 37)) ? (byte)'T' : (byte)' ';
                length = TemporalText.WriteDateTime(packed, column.Scale, separator, text);
                break;
            default:
                var zero = reader.Int64 == Temporal.ZeroTimestamp;
                length = TemporalText.WriteTimestamp(reader.Int64, column.Scale, zero ? (byte)' ' : (byte)'T', text);
                if (!zero)
                    text[length++] = (byte)'Z';
                break;
        }

        json.WriteStringValue(text[..length]);
    }

    private static void WriteMembers(Column column, ulong members, Utf8JsonWriter json)
    {
        json.WriteStartArray();
        for (var i = 0; i < column.Labels.Length; i++)
        {
            if ((members >> i & 1) != 0)
                json.WriteStringValue(column.Labels[i]);
        }

        json.WriteEndArray();
    }

    private static void WriteDocument(ReadOnlySpan<byte> text, Utf8JsonWriter json)
    {
        if (IsDocument(text))
            json.WriteRawValue(text, skipInputValidation: true);
        else
            json.WriteStringValue(text);
    }

    // A MariaDB JSON column may hold text that only MariaDB takes for JSON. A line break between its parts would break the line that the
    // document stands in, so such a document becomes a string too.
    private static bool IsDocument(ReadOnlySpan<byte> text)
    {
        if (text.ContainsAny((byte)'\n', (byte)'\r'))
            return false;
        try
        {
            var reader = new Utf8JsonReader(text);
            while (reader.Read())
            {
                // Reading to the end is the test.
            }

            return reader.BytesConsumed > 0;
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
