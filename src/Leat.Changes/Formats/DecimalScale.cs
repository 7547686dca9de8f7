namespace Leat.Changes.Formats;

/// <summary>The digits of a number as a column with another number of digits after the point shows them: for comparing what two columns hold.</summary>
public static class DecimalScale
{
    /// <summary>Adds or takes zeros at the end; digits that count are never taken.</summary>
    /// <param name="digits">E.g. <c>-1.50</c>; what is no number stays as it is.</param>
    /// <param name="scale">Digits after the point.</param>
    public static string Of(string digits, int scale)
    {
        if (digits.Length == 0 || !char.IsAsciiDigit(digits[^1]))
            return digits;
        var point = digits.IndexOf('.', StringComparison.Ordinal);
        var (whole, fraction) = point < 0 ? (digits, "") : (digits[..point], digits[(point + 1)..]);
        if (fraction.Length == scale)
            return digits;
        var length = fraction.Length;
        while (length > scale && fraction[length - 1] == '0')
            length--;
        fraction = fraction[..length].PadRight(scale, '0');
        return fraction.Length == 0 ? whole : $"{whole}.{fraction}";
    }
}
