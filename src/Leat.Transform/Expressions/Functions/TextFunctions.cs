using System.Text;
using Leat.Transform.Expressions.Evaluation;
using Leat.Transform.Expressions.Language;
using Leat.Transform.Expressions.Typing;
using static Leat.Transform.Expressions.Functions.Takes;

namespace Leat.Transform.Expressions.Functions;

/// <summary>Functions on texts. Places and lengths count characters, from 1, as in MySQL.</summary>
internal static class TextFunctions
{
    public static KeyValuePair<string, Function>[] All { get; } =
    [
        TextOf("lower", "one text", 1, Lower, Text), TextOf("lcase", "one text", 1, Lower, Text),
        TextOf("upper", "one text", 1, Upper, Text), TextOf("ucase", "one text", 1, Upper, Text),
        NumberOf("length", "one text", 1, Length, Text), NumberOf("octet_length", "one text", 1, Length, Text),
        NumberOf("char_length", "one text", 1, CharLength, Text), NumberOf("character_length", "one text", 1, CharLength, Text),
        TextOf("concat", "one value or more", 1, Concat, repeats: true, AnyText),
        new("concat_ws", new("a separator and one value or more", [Text, AnyText], 2, (_, _, arguments) => new TextCall(TypeOf(arguments), arguments, ConcatWith)) { Repeats = true, TakesNull = true }),
        TextOf("substring", "a text, a place, and perhaps a length", 2, Substring, Text, Integer, Integer), TextOf("substr", "a text, a place, and perhaps a length", 2, Substring, Text, Integer, Integer),
        TextOf("mid", "a text, a place, and perhaps a length", 2, Substring, Text, Integer, Integer),
        TextOf("left", "a text and a length", 2, LeftOf, Text, Integer), TextOf("right", "a text and a length", 2, RightOf, Text, Integer),
        TextOf("trim", "a text, and perhaps what to take off", 1, Trim, Text, Text), TextOf("ltrim", "a text, and perhaps what to take off", 1, TrimStart, Text, Text),
        TextOf("rtrim", "a text, and perhaps what to take off", 1, TrimEnd, Text, Text),
        TextOf("replace", "three texts", 3, Replace, Text, Text, Text), TextOf("reverse", "one text", 1, Reverse, Text), TextOf("repeat", "a text and a number", 2, Repeat, Text, Integer),
        TextOf("lpad", "a text, a length, and perhaps a filling", 2, PadStart, Text, Integer, Text), TextOf("rpad", "a text, a length, and perhaps a filling", 2, PadEnd, Text, Integer, Text),
        TextOf("split_part", "a text, a separator and a number", 3, SplitPart, Text, Text, Integer),
        NumberOf("position", "two texts", 2, Position, Text, Text), NumberOf("locate", "two texts, and perhaps a place", 2, Locate, Text, Text, Integer),
        new("instr", new("two texts", [Text, Text], 2, (_, _, arguments) => new IntegerCall(StaticType.Integer, [arguments[1], arguments[0]], Position))),
        TruthOf("starts_with", StartsWith), TruthOf("ends_with", EndsWith),
    ];

    /// <summary>A text in lower case.</summary>
    public static Node Lowered(Node text) => new TextCall(text.Type, [text], Lower);

    /// <summary>The first characters of a text.</summary>
    public static Node Left(Node text, Node count) => new TextCall(text.Type, [text, count], LeftOf);

    // Of bytes come bytes.
    private static StaticType TypeOf(Node[] arguments) => Array.Exists(arguments, argument => argument.Type == StaticType.Bytes) ? StaticType.Bytes : StaticType.Text;

    private static KeyValuePair<string, Function> TextOf(string name, string usage, int required, TextBody body, params Takes[] parameters) => TextOf(name, usage, required, body, repeats: false, parameters);

    private static KeyValuePair<string, Function> TextOf(string name, string usage, int required, TextBody body, bool repeats, params Takes[] parameters) =>
        new(name, new(usage, [.. parameters], required, (_, _, arguments) => new TextCall(TypeOf(arguments), arguments, body)) { Repeats = repeats });

    private static KeyValuePair<string, Function> NumberOf(string name, string usage, int required, IntegerBody body, params Takes[] parameters) =>
        new(name, new(usage, [.. parameters], required, (_, _, arguments) => new IntegerCall(StaticType.Integer, arguments, body)));

    private static KeyValuePair<string, Function> TruthOf(string name, TruthBody body) =>
        new(name, new("two texts", [Text, Text], 2, (_, _, arguments) => new TruthCall(arguments, body)));

    private static bool Lower(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) => InCase(arguments[0], row, upper: false, out value);

    private static bool Upper(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) => InCase(arguments[0], row, upper: true, out value);

    private static bool InCase(Node argument, scoped in EvaluatedRow row, bool upper, out ReadOnlySpan<byte> value)
    {
        if (!argument.TryText(row, out value))
            return false;
        if (Ascii.IsValid(value))
        {
            var ascii = row.Scratch.Take(value.Length);
            _ = upper ? Ascii.ToUpper(value, ascii, out _) : Ascii.ToLower(value, ascii, out _);
            value = ascii;
            return true;
        }

        var characters = row.Scratch.Chars(value.Length * 2);
        var half = characters.Length / 2;
        var decoded = characters[..Encoding.UTF8.GetChars(value, characters[..half])];
        var cased = characters.Slice(half, decoded.Length);
        _ = upper ? decoded.ToUpperInvariant(cased) : decoded.ToLowerInvariant(cased);
        var target = row.Scratch.Take(Encoding.UTF8.GetMaxByteCount(cased.Length));
        value = target[..Encoding.UTF8.GetBytes(cased, target)];
        return true;
    }

    private static bool Length(Node[] arguments, scoped in EvaluatedRow row, out long value)
    {
        var there = arguments[0].TryText(row, out var text);
        value = text.Length;
        return there;
    }

    private static bool CharLength(Node[] arguments, scoped in EvaluatedRow row, out long value)
    {
        var there = arguments[0].TryText(row, out var text);
        value = Characters.Count(text);
        return there;
    }

    private static bool Concat(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        value = default;
        var writer = new ScratchWriter(row.Scratch);
        foreach (var argument in arguments)
        {
            if (!argument.TryText(row, out var part))
                return false;
            writer.Write(part);
        }

        return writer.TryEnd(out value);
    }

    private static bool ConcatWith(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        value = default;
        if (arguments[0] is NullNode || !arguments[0].TryText(row, out var separator))
            return false;
        var writer = new ScratchWriter(row.Scratch);
        var first = true;
        foreach (var argument in arguments.AsSpan(1))
        {
            if (argument is NullNode || !argument.TryText(row, out var part))
                continue;
            if (!first)
                writer.Write(separator);
            first = false;
            writer.Write(part);
        }

        return writer.TryEnd(out value);
    }

    // From the end when the place is negative; nothing for place 0.
    private static bool Substring(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        var count = long.MaxValue;
        if (!arguments[0].TryText(row, out value) || !arguments[1].TryInteger(row, out var from) || (arguments.Length > 2 && !arguments[2].TryInteger(row, out count)))
            return false;
        if (from < 0)
        {
            var length = Characters.Count(value);
            from = -from > length || from == long.MinValue ? 0 : length + from + 1;
        }

        value = from == 0 || count <= 0 ? [] : Characters.Slice(value, from - 1, count);
        return true;
    }

    private static bool LeftOf(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        if (!arguments[0].TryText(row, out value) || !arguments[1].TryInteger(row, out var count))
            return false;
        value = value[..Characters.BytesOf(value, Math.Max(0, count))];
        return true;
    }

    private static bool RightOf(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        if (!arguments[0].TryText(row, out value) || !arguments[1].TryInteger(row, out var count))
            return false;
        value = value[Characters.BytesOf(value, Math.Max(0, Characters.Count(value) - Math.Max(0, count)))..];
        return true;
    }

    private static bool Trim(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) => TrimSides(arguments, row, start: true, end: true, out value);

    private static bool TrimStart(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) => TrimSides(arguments, row, start: true, end: false, out value);

    private static bool TrimEnd(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) => TrimSides(arguments, row, start: false, end: true, out value);

    // What is taken off is taken off as a whole, as often as it stands there.
    private static bool TrimSides(Node[] arguments, scoped in EvaluatedRow row, bool start, bool end, out ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> part = " "u8;
        if (!arguments[0].TryText(row, out value) || (arguments.Length > 1 && !arguments[1].TryText(row, out part)))
            return false;
        while (start && !part.IsEmpty && value.StartsWith(part))
            value = value[part.Length..];
        while (end && !part.IsEmpty && value.EndsWith(part))
            value = value[..^part.Length];
        return true;
    }

    private static bool Replace(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        if (!arguments[0].TryText(row, out value) || !arguments[1].TryText(row, out var from) || !arguments[2].TryText(row, out var to))
            return false;
        if (from.IsEmpty || value.IndexOf(from) < 0)
            return true;
        var writer = new ScratchWriter(row.Scratch);
        var rest = value;
        while (rest.IndexOf(from) is var at and >= 0)
        {
            writer.Write(rest[..at]);
            writer.Write(to);
            rest = rest[(at + from.Length)..];
        }

        writer.Write(rest);
        return writer.TryEnd(out value);
    }

    private static bool Reverse(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        if (!arguments[0].TryText(row, out value))
            return false;
        var target = row.Scratch.Take(value.Length);
        var to = target.Length;
        for (int at = 0, next; at < value.Length; at = next)
        {
            next = at + 1;
            while (next < value.Length && (value[next] & 0xC0) == 0x80)
                next++;
            to -= next - at;
            value[at..next].CopyTo(target[to..]);
        }

        value = target;
        return true;
    }

    private static bool Repeat(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        if (!arguments[0].TryText(row, out value) || !arguments[1].TryInteger(row, out var times))
            return false;
        if (times <= 0 || value.IsEmpty)
        {
            value = [];
            return true;
        }

        if (times > Scratch.MaxTextBytes / value.Length)
            return false;
        var target = row.Scratch.Take((int)(times * value.Length));
        for (var at = 0; at < target.Length; at += value.Length)
            value.CopyTo(target[at..]);
        value = target;
        return true;
    }

    private static bool PadStart(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) => Pad(arguments, row, atStart: true, out value);

    private static bool PadEnd(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value) => Pad(arguments, row, atStart: false, out value);

    private static bool Pad(Node[] arguments, scoped in EvaluatedRow row, bool atStart, out ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> filling = " "u8;
        if (!arguments[0].TryText(row, out value) || !arguments[1].TryInteger(row, out var length) || (arguments.Length > 2 && !arguments[2].TryText(row, out filling)) || length < 0)
            return false;
        var missing = length - Characters.Count(value);
        if (missing <= 0)
        {
            value = value[..Characters.BytesOf(value, length)];
            return true;
        }

        if (filling.IsEmpty || length > Scratch.MaxTextBytes)
            return false;
        var writer = new ScratchWriter(row.Scratch);
        if (!atStart)
            writer.Write(value);
        for (var each = Characters.Count(filling); missing > 0; missing -= each)
            writer.Write(missing >= each ? filling : filling[..Characters.BytesOf(filling, missing)]);
        if (atStart)
            writer.Write(value);
        return writer.TryEnd(out value);
    }

    // The part of that number, from 1, or from the end when negative; nothing when there is none.
    private static bool SplitPart(Node[] arguments, scoped in EvaluatedRow row, out ReadOnlySpan<byte> value)
    {
        if (!arguments[0].TryText(row, out value) || !arguments[1].TryText(row, out var separator) || !arguments[2].TryInteger(row, out var number) || number == 0)
            return false;
        if (separator.IsEmpty)
        {
            value = number is 1 or -1 ? value : [];
            return true;
        }

        while (true)
        {
            var at = number > 0 ? value.IndexOf(separator) : value.LastIndexOf(separator);
            if (number is 1 or -1)
            {
                value = at < 0 ? value : number > 0 ? value[..at] : value[(at + separator.Length)..];
                return true;
            }

            if (at < 0)
            {
                value = [];
                return true;
            }

            value = number > 0 ? value[(at + separator.Length)..] : value[..at];
            number -= Math.Sign(number);
        }
    }

    private static bool Position(Node[] arguments, scoped in EvaluatedRow row, out long value)
    {
        value = 0;
        if (!arguments[0].TryText(row, out var part) || !arguments[1].TryText(row, out var whole))
            return false;
        var at = whole.IndexOf(part);
        value = at < 0 ? 0 : Characters.Count(whole[..at]) + 1;
        return true;
    }

    private static bool Locate(Node[] arguments, scoped in EvaluatedRow row, out long value)
    {
        value = 0;
        long from = 1;
        if (!arguments[0].TryText(row, out var part) || !arguments[1].TryText(row, out var whole) || (arguments.Length > 2 && !arguments[2].TryInteger(row, out from)))
            return false;
        if (from < 1 || from > Characters.Count(whole) + 1L)
            return true;
        var skipped = Characters.BytesOf(whole, from - 1);
        var at = whole[skipped..].IndexOf(part);
        value = at < 0 ? 0 : Characters.Count(whole[..(skipped + at)]) + 1;
        return true;
    }

    private static Truth StartsWith(Node[] arguments, scoped in EvaluatedRow row) =>
        arguments[0].TryText(row, out var whole) && arguments[1].TryText(row, out var part) ? whole.StartsWith(part) ? Truth.True : Truth.False : Truth.Unknown;

    private static Truth EndsWith(Node[] arguments, scoped in EvaluatedRow row) =>
        arguments[0].TryText(row, out var whole) && arguments[1].TryText(row, out var part) ? whole.EndsWith(part) ? Truth.True : Truth.False : Truth.Unknown;
}
