using System.Text.Json;

namespace Leat.Changes.Formats.Envelopes;

/// <summary>Values as Maxwell's daemon prints them.</summary>
internal static class MaxwellValue
{
    private const int MostTemporalBytes = 40;

    /// <summary>Writes the current value, NULL included.</summary>
    public static void Write(ref RowReader reader, Utf8JsonWriter json)
    {
        var column = reader.Column;
        switch (column.Kind)
        {
            case var _ when reader.IsNull:
                json.WriteNullValue();
                break;
            case ColumnKind.Decimal:
                json.WriteRawValue(reader.Bytes, skipInputValidation: true); // a number with all its digits
                break;
            case ColumnKind.Enum when reader.UInt64 == 0:
                json.WriteNullValue();
                break;
            case ColumnKind.Binary when ColumnTypeText.IsGeometry(column) && WellKnownText.Of(reader.Bytes) is { } text:
                json.WriteStringValue(text);
                break;
            case ColumnKind.DateTime or ColumnKind.Timestamp:
                WriteMoment(ref reader, column, json);
                break;
            default:
                ValueJson.Write(ref reader, json); // numbers, text, labels in arrays, documents, bytes in base64: the same
                break;
        }
    }

    private static void WriteMoment(ref RowReader reader, Column column, Utf8JsonWriter json)
    {
        Span<byte> text = stackalloc byte[MostTemporalBytes];
        var length = column.Kind == ColumnKind.DateTime
            ? TemporalText.WriteDateTime(reader.UInt64, column.Scale, (byte)' ', text)
            : TemporalText.WriteTimestamp(reader.Int64, column.Scale, (byte)' ', text);
        json.WriteStringValue(text[..length]);
    }
}
