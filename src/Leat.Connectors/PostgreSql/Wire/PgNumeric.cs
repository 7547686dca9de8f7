using System.Buffers.Binary;

namespace Leat.Connectors.PostgreSql.Wire;

/// <summary>Exact decimals in the server's binary form: digits to the base of ten thousand, aligned at the decimal point.</summary>
/// <remarks>
/// <code>
/// i16 number of digits | i16 weight of the first (in digits before the point, less one) | u16 sign: 0 or 0x4000 | u16 decimal places | i16 each digit
/// </code>
/// All integers big-endian. Source: PostgreSQL, <c>numeric_recv</c> in <c>numeric.c</c>.
/// </remarks>
internal static class PgNumeric
{
    private const int HeaderBytes = 8;
    private const int DigitsAGroup = 4;
    private const ushort Negative = 0x4000;

    /// <summary>Adds a decimal given as text: optional '-', digits, and after a '.' its decimal places.</summary>
    public static void Add(ReadOnlySpan<byte> text, PgArray target)
    {
        var isNegative = text.Length > 0 && text[0] == '-';
        if (isNegative)
            text = text[1..];
        var point = text.IndexOf((byte)'.');
        var whole = (point < 0 ? text : text[..point]).TrimStart((byte)'0');
        var fraction = point < 0 ? default : text[(point + 1)..];
        var wholeGroups = (whole.Length + DigitsAGroup - 1) / DigitsAGroup;
        var fractionGroups = (fraction.Length + DigitsAGroup - 1) / DigitsAGroup;
        Span<short> groups = stackalloc short[wholeGroups + fractionGroups];
        for (var i = 0; i < wholeGroups; i++)
        {
            var end = whole.Length - ((wholeGroups - 1 - i) * DigitsAGroup);
            groups[i] = Group(whole[Math.Max(0, end - DigitsAGroup)..end]);
        }

        for (var i = 0; i < fractionGroups; i++)
        {
            var part = fraction[(i * DigitsAGroup)..Math.Min(fraction.Length, (i + 1) * DigitsAGroup)];
            groups[wholeGroups + i] = (short)(Group(part) * PowerOfTen(DigitsAGroup - part.Length));
        }

        Write(groups, wholeGroups - 1, isNegative, fraction.Length, target);
    }

    private static void Write(ReadOnlySpan<short> groups, int weight, bool isNegative, int places, PgArray target)
    {
        var first = groups.IndexOfAnyExcept((short)0);
        var kept = first < 0 ? default : groups[first..(groups.LastIndexOfAnyExcept((short)0) + 1)];
        var room = target.AddFixed(HeaderBytes + (kept.Length * sizeof(short)));
        BinaryPrimitives.WriteInt16BigEndian(room, (short)kept.Length);
        BinaryPrimitives.WriteInt16BigEndian(room[2..], (short)(first < 0 ? 0 : weight - first));
        BinaryPrimitives.WriteUInt16BigEndian(room[4..], isNegative && kept.Length > 0 ? Negative : (ushort)0);
        BinaryPrimitives.WriteUInt16BigEndian(room[6..], (ushort)places);
        for (var i = 0; i < kept.Length; i++)
            BinaryPrimitives.WriteInt16BigEndian(room[(HeaderBytes + (i * sizeof(short)))..], kept[i]);
    }

    private static short Group(ReadOnlySpan<byte> digits)
    {
        var value = 0;
        foreach (var digit in digits)
            value = (value * 10) + (digit - '0');
        return (short)value;
    }

    private static int PowerOfTen(int exponent) => exponent switch
    {
        0 => 1,
        1 => 10,
        2 => 100,
        _ => 1000,
    };
}
