using System.Buffers.Text;
using System.Globalization;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>MariaDB's UUID, INET4 and INET6 as the text that the server shows.</summary>
/// <remarks>In the binlog their bytes stand in the order of the text, also those of a UUID, which tables store in another one.</remarks>
internal static class AddressText
{
    /// <summary>Bytes of a UUID and of an INET6.</summary>
    public const ushort WideBytes = 16;

    /// <summary>Bytes of an INET4.</summary>
    public const ushort Inet4Bytes = 4;

    /// <summary>Characters of a UUID.</summary>
    public const int UuidBytes = 36;

    /// <summary>Most characters of an INET4.</summary>
    public const int MostInet4Bytes = 15;

    /// <summary>Most characters of an INET6: eight groups of four digits; or six, and an INET4.</summary>
    public const int MostInet6Bytes = 45;

    /// <summary>Writes the text and returns its length.</summary>
    public static int Write(ValueForm form, ReadOnlySpan<byte> value, Span<byte> target) => form switch
    {
        ValueForm.Uuid => WriteUuid(value, target),
        ValueForm.Inet4 => WriteInet4(value, target),
        _ => WriteInet6(value, target),
    };

    private static int WriteUuid(ReadOnlySpan<byte> value, Span<byte> target)
    {
        Utf8Formatter.TryFormat(new Guid(value, bigEndian: true), target, out var written);
        return written;
    }

    private static int WriteInet4(ReadOnlySpan<byte> value, Span<byte> target)
    {
        var at = 0;
        for (var i = 0; i < Inet4Bytes; i++)
        {
            if (i > 0)
                target[at++] = (byte)'.';
            Utf8Formatter.TryFormat(value[i], target[at..], out var written);
            at += written;
        }

        return at;
    }

    // The longest run of zero groups, even of one, becomes "::"; an address that holds one of version 4 ends in that.
    private static int WriteInet6(ReadOnlySpan<byte> value, Span<byte> target)
    {
        Span<ushort> groups = stackalloc ushort[WideBytes / 2];
        for (var i = 0; i < groups.Length; i++)
            groups[i] = (ushort)(value[2 * i] << 8 | value[2 * i + 1]);
        var (gap, gapLength) = LongestGap(groups);
        var at = 0;
        for (var i = 0; i < groups.Length; i++)
        {
            if (i == gap)
            {
                if (i == 0)
                    target[at++] = (byte)':';
                target[at++] = (byte)':';
                i += gapLength - 1;
                continue;
            }

            if (i == 6 && gap == 0 && (gapLength == 6 || (gapLength == 5 && groups[5] == 0xFFFF)))
                return at + WriteInet4(value[12..], target[at..]);
            groups[i].TryFormat(target[at..], out var written, "x", CultureInfo.InvariantCulture);
            at += written;
            if (i < groups.Length - 1)
                target[at++] = (byte)':';
        }

        return at;
    }

    private static (int Start, int Length) LongestGap(ReadOnlySpan<ushort> groups)
    {
        var (start, length) = (-1, 0);
        for (var i = 0; i < groups.Length; i++)
        {
            var end = i;
            while (end < groups.Length && groups[end] == 0)
                end++;
            if (end - i > length)
                (start, length) = (i, end - i);
            i = Math.Max(i, end);
        }

        return (start, length);
    }
}
