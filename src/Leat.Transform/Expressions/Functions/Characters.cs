namespace Leat.Transform.Expressions.Functions;

/// <summary>Counts characters in UTF-8 without decoding: every byte begins one, but for those that continue one.</summary>
internal static class Characters
{
    public static int Count(ReadOnlySpan<byte> text)
    {
        var count = 0;
        foreach (var unit in text)
            count += (unit & 0xC0) != 0x80 ? 1 : 0;
        return count;
    }

    /// <summary>Bytes of the first so many characters; all when there are no more.</summary>
    public static int BytesOf(ReadOnlySpan<byte> text, long characters)
    {
        if (characters >= text.Length)
            return text.Length;
        var at = 0;
        for (; at < text.Length; at++)
        {
            if ((text[at] & 0xC0) != 0x80 && --characters < 0)
                break;
        }

        return at;
    }

    /// <summary>A part in characters; <paramref name="from"/> counts from 0.</summary>
    public static ReadOnlySpan<byte> Slice(ReadOnlySpan<byte> text, long from, long characters)
    {
        var rest = text[BytesOf(text, from)..];
        return rest[..BytesOf(rest, characters)];
    }
}
