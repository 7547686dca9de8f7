using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Language;

namespace Leat.Transform.Expressions.Typing;

/// <summary>Values that are written out.</summary>
internal static class Literals
{
    private const int MostExponentDigits = 3;

    public static Node Number(NumberSyntax number)
    {
        var digits = number.Digits;
        if (digits.AsSpan().IndexOfAny('e', 'E') is var exponent and >= 0)
        {
            return digits.Length - exponent <= MostExponentDigits + 2 && double.Parse(digits, NumberStyles.Float, CultureInfo.InvariantCulture) is var real && double.IsFinite(real)
                ? new RealConstant(real)
                : throw ExpressionErrors.NumberTooLong(number.At);
        }

        if (long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var integer))
            return new IntegerConstant(StaticType.Integer with { Precision = digits.TrimStart('0').Length is var length and > 0 ? length : 1 }, integer);
        if (ulong.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var unsigned))
            return new IntegerConstant(StaticType.Unsigned, (long)unsigned);
        var point = digits.IndexOf('.', StringComparison.Ordinal);
        var scale = point < 0 ? 0 : digits.Length - point - 1;
        var whole = point < 0 ? digits.Length : point;
        return new ExactConstant(StaticType.Exact(whole, scale), ExactNumber.Parse(Encoding.ASCII.GetBytes(digits)));
    }

    /// <summary><c>DATE '…'</c>, <c>TIME '…'</c>, <c>TIMESTAMP '…'</c>.</summary>
    public static Node Moment(TemporalSyntax literal)
    {
        var text = Encoding.UTF8.GetBytes(literal.Value);
        return Moment(literal.At, text, literal.Word == "TIME" && literal.Value.Contains(':', StringComparison.Ordinal) ? Family.Time : Family.Calendar) is var node
            && literal.Word == "TIMESTAMP" && node.Type.Kind == ColumnKind.Date
                ? new Retyped(StaticType.DateTime(0), node)
                : node;
    }

    /// <summary>A text beside a date or time, read as one.</summary>
    /// <exception cref="ExpressionException">It is none.</exception>
    public static Node Moment(Place at, ReadOnlySpan<byte> text, Family family)
    {
        var point = text.IndexOf((byte)'.');
        var scale = point < 0 ? 0 : text.Length - point - 1 - (text.EndsWith("Z"u8) ? 1 : 0);
        var shown = Encoding.UTF8.GetString(text);
        return family switch
        {
            Family.Calendar when MomentText.TryCalendar(text, out var packed) =>
                new IntegerConstant(text.ContainsAny((byte)' ', (byte)'T') ? StaticType.DateTime(scale) : StaticType.Date, packed),
            Family.Calendar => throw ExpressionErrors.BadTemporal(at, shown, "a date, or a date and time"),
            Family.Instant => MomentText.TryInstant(text, out var micros)
                ? new IntegerConstant(StaticType.Timestamp(scale), micros)
                : throw ExpressionErrors.BadTemporal(at, shown, "a date and time in UTC"),
            _ => MomentText.TryTime(text, out var time) ? new IntegerConstant(StaticType.Time(scale), time) : throw ExpressionErrors.BadTemporal(at, shown, "a time"),
        };
    }
}
