namespace Leat.Connectors.MySql.Charsets;

/// <summary>The characters of one character set by their bytes, as code points of Unicode's first plane.</summary>
/// <remarks>
/// <code>
/// from       entries   index
/// 0          256       the first byte; 0xFFFF: the character is longer
/// 256        32,768    (first - 128) * 256 + second
/// 33,024     32,768    (second - 128) * 256 + third, of three bytes behind 0x8F (ujis, eucjpms)
///            50,400    or of four bytes whose second is a digit, counted up from 81308130 (gb18030)
/// </code>
/// An entry of 0 for two bytes: they are two characters that do not exist. A character set of one byte ends after 256 entries, one of two bytes after 33,024.
/// </remarks>
internal sealed class CharsetTable
{
    /// <summary>Entries for first bytes.</summary>
    public const int Singles = 256;

    /// <summary>Entries for two bytes.</summary>
    public const int Pairs = 128 * 256;

    /// <summary>Entries for the four bytes of gb18030 that stand for the first plane: 4 * 10 * 126 * 10.</summary>
    public const int Quads = 50_400;

    /// <summary>The first byte of three.</summary>
    public const byte TripleLead = 0x8F;

    private const ushort IsLonger = 0xFFFF;
    private const int AreTwo = 0;
    private const int Unknown = '?';

    private readonly ushort[] _points;
    private readonly bool _isAscii;

    /// <summary>A table of 256, 33,024, 65,792 or 83,424 entries.</summary>
    public CharsetTable(ushort[] points)
    {
        _points = points;
        _isAscii = true;
        for (var one = 0; one < 0x80; one++)
            _isAscii &= points[one] == one;
    }

    /// <summary>Writes the UTF-8 form and returns its length.</summary>
    public int ToUtf8(ReadOnlySpan<byte> text, Span<byte> target)
    {
        var put = 0;
        for (var at = 0; at < text.Length;)
        {
            var one = text[at];
            if (_isAscii && one < 0x80)
            {
                var run = text[at..];
                var length = run.IndexOfAnyExceptInRange((byte)0, (byte)0x7F);
                run = length < 0 ? run : run[..length];
                run.CopyTo(target[put..]);
                put += run.Length;
                at += run.Length;
                continue;
            }

            at++;
            int point = _points[one];
            if (point == IsLonger)
            {
                point = Longer(one, text, ref at);
                if (point == AreTwo)
                    put += Charset.Put(point = Unknown, target[put..]);
            }

            put += Charset.Put(point, target[put..]);
        }

        return put;
    }

    /// <summary>The index of a four-byte character, its first byte counted from <paramref name="firstLead"/>.</summary>
    public static int QuadIndex(byte firstLead, byte first, byte second, byte third, byte fourth) =>
        (((first - firstLead) * 10 + second - '0') * 126 + third - 0x81) * 10 + fourth - '0';

    private int Longer(byte first, ReadOnlySpan<byte> text, ref int at)
    {
        if (first < 0x80 || at >= text.Length || _points.Length < Singles + Pairs)
            return Unknown;
        var second = text[at++];
        switch (_points.Length)
        {
            case Singles + Pairs + Pairs when first == TripleLead:
                if (second < 0x80 || at >= text.Length)
                    return Unknown;
                return _points[Singles + Pairs + (second - 0x80) * 256 + text[at++]];
            case Singles + Pairs + Quads when second is >= (byte)'0' and <= (byte)'9':
                return Quad(first, second, text, ref at);
            default:
                return _points[Singles + (first - 0x80) * 256 + second];
        }
    }

    // The first plane stands in the table; the others follow each other from 90308130 on.
    private int Quad(byte first, byte second, ReadOnlySpan<byte> text, ref int at)
    {
        const byte FirstLead = 0x81;
        const byte OtherPlanesLead = 0x90;
        const int OtherPlanes = 0x10_0000;
        if (text.Length - at < 2)
        {
            at = text.Length;
            return Unknown;
        }

        var (third, fourth) = (text[at], text[at + 1]);
        at += 2;
        if (third is < 0x81 or > 0xFE || fourth is < (byte)'0' or > (byte)'9' || first < FirstLead)
            return Unknown;
        var index = QuadIndex(FirstLead, first, second, third, fourth);
        if (index < Quads)
            return _points[Singles + Pairs + index];
        var other = QuadIndex(OtherPlanesLead, first, second, third, fourth);
        return other is >= 0 and < OtherPlanes ? 0x1_0000 + other : Unknown;
    }
}
