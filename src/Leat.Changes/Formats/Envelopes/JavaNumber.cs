using System.Globalization;

namespace Leat.Changes.Formats.Envelopes;

/// <summary>Prints floating-point numbers as Java's <c>Double.toString</c> and <c>Float.toString</c> do (since Java 19, when they became the shortest text that reads back).</summary>
/// <remarks>From 0.001 to below ten million as digits with a point and at least one digit behind it, otherwise with an exponent: <c>1.0E10</c>.</remarks>
internal static class JavaNumber
{
    private const int LeastPlainExponent = -3;
    private const int MostPlainExponent = 6;

    /// <summary>The text of a double.</summary>
    public static string Of(double value) => Special(value) ?? Arrange(Shortest(
        value.ToString("R", CultureInfo.InvariantCulture), value.ToString("E1", CultureInfo.InvariantCulture),
        text => double.Parse(text, CultureInfo.InvariantCulture) == value));

    /// <summary>The text of a single.</summary>
    public static string Of(float value) => Special(value) ?? Arrange(Shortest(
        value.ToString("R", CultureInfo.InvariantCulture), value.ToString("E1", CultureInfo.InvariantCulture),
        text => float.Parse(text, CultureInfo.InvariantCulture) == value));

    private static string? Special(double value)
    {
        if (value == 0)
            return double.IsNegative(value) ? "-0.0" : "0.0";
        return double.IsNaN(value) ? "NaN" : double.IsInfinity(value) ? (value > 0 ? "Infinity" : "-Infinity") : null;
    }

    // Java always shows two digits, and where one would do takes the two that are nearest: 4.9E-324, not 5E-324.
    private static string Shortest(string shortest, string twoDigits, Predicate<string> readsBack)
    {
        var mark = shortest.IndexOf('E', StringComparison.Ordinal);
        var isOneDigit = mark > 0 && shortest.AsSpan(0, mark).TrimStart('-').Length == 1;
        return isOneDigit && readsBack(twoDigits) ? twoDigits : shortest;
    }

    // The shortest text gives the digits, in whatever form; where their point stands is worked out from it.
    private static string Arrange(string shortest)
    {
        var sign = shortest[0] == '-' ? "-" : "";
        var mark = shortest.IndexOf('E', StringComparison.Ordinal);
        var mantissa = (mark < 0 ? shortest : shortest[..mark])[sign.Length..];
        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var exponent = (mark < 0 ? 0 : int.Parse(shortest.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture))
            + (point < 0 ? mantissa.Length : point) - 1;
        var all = mantissa.Replace(".", "", StringComparison.Ordinal);
        var digits = all.TrimStart('0');
        exponent -= all.Length - digits.Length;
        digits = digits.TrimEnd('0');
        if (digits.Length == 0)
            digits = "0";

        if (exponent is < LeastPlainExponent or > MostPlainExponent)
            return string.Create(CultureInfo.InvariantCulture, $"{sign}{digits[0]}.{OrZero(digits[1..])}E{exponent}");
        if (exponent < 0)
            return $"{sign}0.{new string('0', -exponent - 1)}{digits}";
        var whole = digits.PadRight(exponent + 1, '0');
        return $"{sign}{whole[..(exponent + 1)]}.{OrZero(whole[(exponent + 1)..])}";
    }

    private static string OrZero(string digits) => digits.Length == 0 ? "0" : digits;
}
