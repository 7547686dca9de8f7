using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Changes.Formats;

namespace Leat.Pipeline.Shaping;

/// <summary>Values as a test writes them: which column would hold them, and what they are in one.</summary>
internal static class WrittenValue
{
    private const int MostDigits = 65;
    private const int MostScale = 38;

    /// <summary>The column that would hold the value; <see langword="null"/> for nothing, which any column holds.</summary>
    public static Column? ColumnOf(string name, ConfigNode value) => value switch
    {
        ConfigScalar { Text: null } => null,
        ConfigScalar scalar when scalar.IsQuoted => Make(name, ColumnKind.String, "text"),
        ConfigScalar { Text: "true" or "false" } => Make(name, ColumnKind.Int8, "boolean"),
        ConfigScalar { Text: var text } when long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _) => Make(name, ColumnKind.Int64, "bigint"),
        ConfigScalar { Text: var text } when ScaleOf(text) is { } scale =>
            Make(name, ColumnKind.Decimal, $"decimal({MostDigits},{scale})") with { Precision = MostDigits, Scale = scale },
        ConfigScalar { Text: var text } when IsFloat(text) => Make(name, ColumnKind.Float64, "double"),
        ConfigScalar => Make(name, ColumnKind.String, "text"),
        _ => Make(name, ColumnKind.Json, "json"),
    };

    /// <summary>A column of a type without a length.</summary>
    public static Column Make(string name, ColumnKind kind, string type) => new() { Name = name, Kind = kind, SourceType = type };

    /// <summary>A column that holds what either of two holds.</summary>
    public static Column Wider(Column one, Column other) => (one.Kind, other.Kind) switch
    {
        var (a, b) when a == b && a != ColumnKind.Decimal => one,
        var (a, b) when !IsNumber(a) || !IsNumber(b) => a == ColumnKind.Json || b == ColumnKind.Json
            ? Make(one.Name, ColumnKind.Json, "json")
            : Make(one.Name, ColumnKind.String, "text"),
        (ColumnKind.Float64, _) => one,
        (_, ColumnKind.Float64) => other,
        (ColumnKind.Decimal, ColumnKind.Decimal) => one.Scale >= other.Scale ? one : other,
        (ColumnKind.Decimal, _) => one,
        (_, ColumnKind.Decimal) => other,
        _ => Make(one.Name, ColumnKind.Int64, "bigint"),
    };

    /// <summary>Writes the value as one of the column; false, with nothing written, when it is none.</summary>
    public static bool TryWrite(Column column, ConfigNode value, ref RowWriter writer)
    {
        if (value is not ConfigScalar scalar)
            return column.Kind is ColumnKind.Json or ColumnKind.String && Write(JsonOf(value), ref writer);
        if (scalar.Text is not { } text)
        {
            writer.WriteNull();
            return true;
        }

        return column.Kind switch
        {
            ColumnKind.Json => Write(JsonOf(scalar), ref writer),
            ColumnKind.Decimal => ScaleOf(text) is { } scale && scale <= column.Scale && ValueParser.TryWrite(column, Padded(text, scale, column.Scale), ref writer),
            >= ColumnKind.Int8 and <= ColumnKind.UInt64 => ValueParser.TryWrite(column, text switch { "true" => "1", "false" => "0", _ => text }, ref writer),
            _ => ValueParser.TryWrite(column, text, ref writer),
        };
    }

    /// <summary>Most bytes that the value takes in an encoded row.</summary>
    public static int MostBytes(ConfigNode value) => value is ConfigScalar scalar ? 64 + Encoding.UTF8.GetMaxByteCount(scalar.Text?.Length ?? 0) : 64 + JsonOf(value).Length;

    /// <summary>The value as JSON; what is not quoted and looks like a number or a truth value is one.</summary>
    public static byte[] JsonOf(ConfigNode value)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            Write(value, json);
        return bytes.ToArray();
    }

    /// <summary>As <see cref="JsonOf"/>, as text.</summary>
    public static string TextOf(ConfigNode value) => Encoding.UTF8.GetString(JsonOf(value));

    /// <summary>Whether a text is a number in JSON's form.</summary>
    public static bool IsNumber(string text) =>
        text.Length > 0 && (char.IsAsciiDigit(text[^1]) || text[^1] == '.') && (ScaleOf(text) is not null || IsFloat(text));

    private static void Write(ConfigNode value, Utf8JsonWriter json)
    {
        switch (value)
        {
            case ConfigMap map:
                json.WriteStartObject();
                foreach (var entry in map.Entries)
                {
                    json.WritePropertyName(entry.Key);
                    Write(entry.Value, json);
                }

                json.WriteEndObject();
                break;
            case ConfigList list:
                json.WriteStartArray();
                foreach (var item in list.Items)
                    Write(item, json);
                json.WriteEndArray();
                break;
            case ConfigScalar { Text: null }:
                json.WriteNullValue();
                break;
            case ConfigScalar { IsQuoted: false, Text: "true" or "false" } truth:
                json.WriteBooleanValue(truth.Text == "true");
                break;
            case ConfigScalar { IsQuoted: false, Text: { } number } when IsJsonNumber(number):
                json.WriteRawValue(number);
                break;
            case ConfigScalar text:
                json.WriteStringValue(text.Text);
                break;
        }
    }

    // 007 and 1. are numbers to people, not to JSON.
    private static bool IsJsonNumber(string text)
    {
        if (!IsNumber(text))
            return false;
        try
        {
            var reader = new Utf8JsonReader(Encoding.UTF8.GetBytes(text));
            return reader.Read() && reader.TokenType == JsonTokenType.Number;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static bool IsNumber(ColumnKind kind) => kind is >= ColumnKind.Int8 and <= ColumnKind.Decimal;

    // Digits after the point of a number without exponent; null when it is none.
    private static int? ScaleOf(string text)
    {
        var digits = text.AsSpan(text.StartsWith('-') ? 1 : 0);
        var point = digits.IndexOf('.');
        var whole = point < 0 ? digits : digits[..point];
        var fraction = point < 0 ? default : digits[(point + 1)..];
        return whole.IsEmpty || whole.ContainsAnyExceptInRange('0', '9') || fraction.ContainsAnyExceptInRange('0', '9') || (point >= 0 && fraction.IsEmpty)
            || fraction.Length > MostScale || whole.Length + fraction.Length > MostDigits ? null : fraction.Length;
    }

    private static bool IsFloat(string text) =>
        char.IsAsciiDigit(text[^1]) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number);

    private static string Padded(string text, int scale, int wanted) =>
        scale == wanted ? text : (scale == 0 ? text + "." : text) + new string('0', wanted - scale);

    private static bool Write(ReadOnlySpan<byte> value, ref RowWriter writer)
    {
        writer.WriteBytes(value);
        return true;
    }
}
