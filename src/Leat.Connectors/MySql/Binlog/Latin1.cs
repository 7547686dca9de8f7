namespace Leat.Connectors.MySql.Binlog;

/// <summary>MySQL's <c>latin1</c> is Windows-1252, whose five unassigned bytes stand for the control characters of the same number.</summary>
internal static class Latin1
{
    // 0x80 to 0x9F; all other bytes are their own code point. Source: unicode.org, CP1252.TXT.
    private static ReadOnlySpan<ushort> High =>
    [
        0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8D, 0x017D, 0x8F,
        0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
    ];

    /// <summary>Bytes of the UTF-8 form; each byte takes one to three.</summary>
    public static int Utf8Length(ReadOnlySpan<byte> text)
    {
        var length = text.Length;
        foreach (var one in text)
        {
            if (one >= 0x80)
                length += CodePoint(one) < 0x800 ? 1 : 2;
        }

        return length;
    }

    /// <summary>Writes the UTF-8 form and returns its length.</summary>
    public static int ToUtf8(ReadOnlySpan<byte> text, Span<byte> target)
    {
        var at = 0;
        foreach (var one in text)
        {
            if (one < 0x80)
            {
                target[at++] = one;
                continue;
            }

            var point = CodePoint(one);
            if (point < 0x800)
            {
                target[at++] = (byte)(0xC0 | point >> 6);
            }
            else
            {
                target[at++] = (byte)(0xE0 | point >> 12);
                target[at++] = (byte)(0x80 | point >> 6 & 0x3F);
            }

            target[at++] = (byte)(0x80 | point & 0x3F);
        }

        return at;
    }

    /// <summary>The text.</summary>
    public static string ToText(ReadOnlySpan<byte> text)
    {
        var utf8 = new byte[Utf8Length(text)];
        ToUtf8(text, utf8);
        return System.Text.Encoding.UTF8.GetString(utf8);
    }

    private static int CodePoint(byte one) => one is >= 0x80 and < 0xA0 ? High[one - 0x80] : one;
}
