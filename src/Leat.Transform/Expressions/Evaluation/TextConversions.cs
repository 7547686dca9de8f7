using System.Buffers.Text;
using System.Globalization;
using System.Text.Unicode;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Transform.Expressions.Evaluation;

/// <summary>Any value as its canonical text (<see cref="ValueText"/>); a truth value as <c>1</c> or <c>0</c>.</summary>
internal sealed class TextOf(Node inner) : Node(StaticType.Text, inner.IsNullable)
{
    // The longest is a decimal of 65 digits with sign, point and leading zero; room for one of more digits on its way.
    private const int MostBytes = 96;

    public override bool TryText(scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (inner.Type.Family is Family.Text or Family.Json)
            return inner.TryText(row, out value);
        Span<byte> written = stackalloc byte[MostBytes];
        if (!TryWrite(inner, row, written, out var length))
            return false;
        var target = row.Scratch.Take(length);
        written[..length].CopyTo(target);
        value = target;
        return true;
    }

    /// <summary>Writes a value that is neither text nor JSON.</summary>
    public static bool TryWrite(Node node, scoped in EvaluatedRow row, Span<byte> target, out int written)
    {
        written = 0;
        switch (node.Type.Family)
        {
            case Family.Boolean:
                var truth = node.Test(row);
                target[0] = truth == Truth.True ? (byte)'1' : (byte)'0';
                written = 1;
                return truth != Truth.Unknown;
            case Family.Exact:
                if (!node.TryExact(row, out var exact))
                    return false;
                written = exact.WithScale(node.Type.Scale).Format(target);
                return true;
            case Family.Real:
                return node.TryReal(row, out var real) && real.TryFormat(target, out written, default, CultureInfo.InvariantCulture);
            case Family.Unsigned:
                return node.TryInteger(row, out var bits) && Utf8Formatter.TryFormat((ulong)bits, target, out written);
            case Family.Integer when node.Type.Kind == ColumnKind.Year:
                return node.TryInteger(row, out var year) && Utf8Formatter.TryFormat(year, target, out written, new('D', 4));
            case Family.Integer:
                return node.TryInteger(row, out var integer) && Utf8Formatter.TryFormat(integer, target, out written);
            case Family.Null:
                return false;
            default:
                if (!node.TryInteger(row, out var moment))
                    return false;
                written = WriteMoment(node.Type, moment, target, (byte)' ');
                return written > 0;
        }
    }

    /// <summary>Writes a date or time as its column would be; 0 when it has no text.</summary>
    public static int WriteMoment(StaticType type, long value, Span<byte> target, byte separator)
    {
        switch (type.Kind)
        {
            case ColumnKind.Date:
                return TemporalText.WriteDate(Moments.DateOf(value), target);
            case ColumnKind.DateTime:
                return TemporalText.WriteDateTime((ulong)value, type.Scale, separator, target);
            case ColumnKind.Time:
                const long MostMicros = 1000 * 3600 * Moments.PerSecond;
                return value is > -MostMicros and < MostMicros ? TemporalText.WriteTime(value, type.Scale, target) : 0;
            default:
                return Moments.TryCalendarOf(value, out var packed) ? TemporalText.WriteDateTime((ulong)packed, type.Scale, separator, target) : 0;
        }
    }
}

/// <summary>Bytes as a text; NULL when they are not UTF-8.</summary>
internal sealed class TextOfBytes(Node inner) : Node(StaticType.Text)
{
    public override bool TryText(scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) => inner.TryText(row, out value) && Utf8.IsValid(value);
}

/// <summary>A text (or a value inside JSON) read as a number, a date or a time; NULL when it is none. Space around it is passed over.</summary>
internal sealed class ParsedText(StaticType type, Node inner) : Node(type)
{
    public override Truth Test(scoped in EvaluatedRow row)
    {
        if (!TryRead(row, out var text) || text.Length > 5)
            return Truth.Unknown;
        Span<byte> lower = stackalloc byte[5];
        System.Text.Ascii.ToLower(text, lower, out var written);
        ReadOnlySpan<byte> word = lower[..written];
        if (word.SequenceEqual("true"u8) || word.SequenceEqual("t"u8) || word.SequenceEqual("yes"u8) || word.SequenceEqual("y"u8) || word.SequenceEqual("on"u8) || word.SequenceEqual("1"u8))
            return Truth.True;
        return word.SequenceEqual("false"u8) || word.SequenceEqual("f"u8) || word.SequenceEqual("no"u8) || word.SequenceEqual("n"u8) || word.SequenceEqual("off"u8) || word.SequenceEqual("0"u8)
            ? Truth.False
            : Truth.Unknown;
    }

    public override bool TryInteger(scoped in EvaluatedRow row, out long value)
    {
        value = 0;
        if (!TryRead(row, out var text))
            return false;
        switch (Type.Family)
        {
            case Family.Integer:
                if (Utf8Parser.TryParse(text, out value, out var used) && used == text.Length)
                    return true;
                return ExactNumber.TryParse(text, out var signed) && signed.TryInt64(out value);
            case Family.Unsigned:
                var fits = ExactNumber.TryParse(text, out var positive) & positive.TryUInt64(out var bits);
                value = (long)bits;
                return fits;
            case Family.Calendar:
                return MomentText.TryCalendar(text.EndsWith("Z"u8) ? text[..^1] : text, out value);
            case Family.Instant:
                return MomentText.TryInstant(text, out value);
            default:
                return MomentText.TryTime(text, out value);
        }
    }

    public override bool TryExact(scoped in EvaluatedRow row, out ExactNumber value)
    {
        value = default;
        if (!TryRead(row, out var text) || !ExactNumber.TryParse(text, out value))
            return false;
        value = value.WithScale(Type.Scale);
        return value.HasDigits(Type.Precision);
    }

    public override bool TryReal(scoped in EvaluatedRow row, out double value)
    {
        value = 0;
        return TryRead(row, out var text) && !text.IsEmpty && (char.IsAsciiDigit((char)text[^1]) || text[^1] == '.')
            && double.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out value)
            && double.IsFinite(value);
    }

    private bool TryRead(scoped in EvaluatedRow row, out ReadOnlySpan<byte> text)
    {
        if (!inner.TryText(row, out text))
            return false;
        if (inner.Type.Family == Family.Json && !Json.TryUnquote(text, row.Scratch, out text))
            return false;
        text = text.Trim(" \t\r\n"u8);
        return true;
    }
}
