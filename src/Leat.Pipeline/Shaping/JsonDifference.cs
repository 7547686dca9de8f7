using System.Collections.Immutable;
using System.Globalization;
using System.Numerics;
using System.Text.Json;
using Leat.Changes.Configuration;

namespace Leat.Pipeline.Shaping;

/// <summary>One field that is not as a test expects it.</summary>
/// <param name="Path">Where in the document, e.g. <c>items[1].qty</c>.</param>
/// <param name="Expected">JSON of what the test says; <see langword="null"/>: the field is not expected.</param>
/// <param name="Got">JSON of what the plan made; <see langword="null"/>: the field is not there.</param>
public readonly record struct ValueDifference(string Path, string? Expected, string? Got);

/// <summary>Compares a document that a test writes with one that a plan made: numbers by value, a decimal that is a JSON string with a number, 1 and 0 with true and false.</summary>
internal static class JsonDifference
{
    // 10^4096 and beyond are no values of a database; a test that writes one is answered by text.
    private const int MostExponent = 4096;

    /// <summary>All differences; none when equal.</summary>
    /// <param name="expected">What the test says.</param>
    /// <param name="got">What the plan made.</param>
    /// <param name="isWhole">Whether fields of the outermost object that the test does not name are differences.</param>
    public static ImmutableArray<ValueDifference> Of(ConfigMap expected, JsonElement got, bool isWhole)
    {
        var differences = ImmutableArray.CreateBuilder<ValueDifference>();
        CompareObject(expected, got, "", isWhole, differences);
        return differences.ToImmutable();
    }

    private static void Compare(ConfigNode expected, JsonElement got, string path, ImmutableArray<ValueDifference>.Builder differences)
    {
        switch (expected)
        {
            case ConfigMap map when got.ValueKind == JsonValueKind.Object:
                CompareObject(map, got, path, isWhole: true, differences);
                break;
            case ConfigList list when got.ValueKind == JsonValueKind.Array:
                CompareArray(list, got, path, differences);
                break;
            case ConfigScalar scalar when Equal(scalar, got):
                break;
            default:
                differences.Add(new(path, WrittenValue.TextOf(expected), got.GetRawText()));
                break;
        }
    }

    private static void CompareObject(ConfigMap expected, JsonElement got, string path, bool isWhole, ImmutableArray<ValueDifference>.Builder differences)
    {
        foreach (var entry in expected.Entries)
        {
            var inner = path.Length == 0 ? entry.Key : $"{path}.{entry.Key}";
            if (got.TryGetProperty(entry.Key, out var value))
                Compare(entry.Value, value, inner, differences);
            else
                differences.Add(new(inner, WrittenValue.TextOf(entry.Value), null));
        }

        if (!isWhole)
            return;
        foreach (var member in got.EnumerateObject().Where(member => expected.Entries.All(entry => entry.Key != member.Name)))
            differences.Add(new(path.Length == 0 ? member.Name : $"{path}.{member.Name}", null, member.Value.GetRawText()));
    }

    private static void CompareArray(ConfigList expected, JsonElement got, string path, ImmutableArray<ValueDifference>.Builder differences)
    {
        var length = got.GetArrayLength();
        for (var i = 0; i < Math.Max(expected.Items.Count, length); i++)
        {
            var inner = string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]");
            if (i >= length)
                differences.Add(new(inner, WrittenValue.TextOf(expected.Items[i]), null));
            else if (i >= expected.Items.Count)
                differences.Add(new(inner, null, got[i].GetRawText()));
            else
                Compare(expected.Items[i], got[i], inner, differences);
        }
    }

    private static bool Equal(ConfigScalar expected, JsonElement got) => got.ValueKind switch
    {
        JsonValueKind.Null => expected.Text is null,
        JsonValueKind.True => expected is { IsQuoted: false, Text: "true" },
        JsonValueKind.False => expected is { IsQuoted: false, Text: "false" },
        JsonValueKind.Number => expected is { IsQuoted: false, Text: { } text } && SameNumber(text switch { "true" => "1", "false" => "0", _ => text }, got.GetRawText()),
        JsonValueKind.String => expected.Text is { } text && (got.GetString() == text || (!expected.IsQuoted && WrittenValue.IsNumber(text) && SameNumber(text, got.GetString() ?? ""))),
        _ => false,
    };

    private static bool SameNumber(string one, string other) =>
        TryNumber(one, out var first) && TryNumber(other, out var second) ? first == second : one == other;

    // digits * 10^exponent, without trailing zeros in the digits: the same number has one form.
    private static bool TryNumber(string text, out (BigInteger Digits, int Exponent) number)
    {
        number = default;
        var mantissa = text.AsSpan();
        var exponent = 0;
        if (mantissa.IndexOfAny('e', 'E') is var mark and >= 0)
        {
            if (!int.TryParse(mantissa[(mark + 1)..], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent) || Math.Abs(exponent) > MostExponent)
                return false;
            mantissa = mantissa[..mark];
        }

        if (mantissa.IndexOf('.') is var point and >= 0)
            exponent -= mantissa.Length - point - 1;
        if (!BigInteger.TryParse(mantissa.ToString().Replace(".", "", StringComparison.Ordinal), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var digits))
            return false;
        while (!digits.IsZero && digits % 10 == 0)
        {
            digits /= 10;
            exponent++;
        }

        number = (digits, digits.IsZero ? 0 : exponent);
        return true;
    }
}
