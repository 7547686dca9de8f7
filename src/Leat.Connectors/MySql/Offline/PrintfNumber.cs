using System.Buffers;
using System.Globalization;
using System.Text;

namespace Leat.Connectors.MySql.Offline;

/// <summary>Prints floating-point numbers as C's <c>%g</c> does: so many significant digits, without zeros at the end, with an exponent when it is small or large.</summary>
internal static class PrintfNumber
{
    /// <summary>Prints a number.</summary>
    /// <param name="value">The number; a single widened to a double.</param>
    /// <param name="digits">Significant digits, 1 to 20.</param>
    /// <param name="width">Least characters; blanks follow a shorter number.</param>
    /// <param name="output">Where to.</param>
    public static void Write(double value, int digits, int width, IBufferWriter<byte> output)
    {
        var text = Format(value, digits);
        output.Write(Encoding.ASCII.GetBytes(text.PadRight(width)));
    }

    /// <summary>The number as text.</summary>
    public static string Format(double value, int digits)
    {
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";

        // The exponent decides after rounding, so the rounded form is asked for first: d.ddddE+xxx.
        var scientific = value.ToString($"E{digits - 1}", CultureInfo.InvariantCulture);
        var mark = scientific.IndexOf('E', StringComparison.Ordinal);
        var exponent = int.Parse(scientific.AsSpan(mark + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        if (exponent >= -4 && exponent < digits)
            return WithoutZeros(value.ToString($"F{digits - 1 - exponent}", CultureInfo.InvariantCulture));
        var sign = exponent < 0 ? '-' : '+';
        return string.Create(CultureInfo.InvariantCulture, $"{WithoutZeros(scientific[..mark])}e{sign}{Math.Abs(exponent):D2}");
    }

    private static string WithoutZeros(string text) => text.Contains('.', StringComparison.Ordinal) ? text.TrimEnd('0').TrimEnd('.') : text;
}
