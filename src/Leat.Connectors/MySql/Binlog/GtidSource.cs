using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Who numbers transactions at MySQL: a server's UUID, and since 8.3 a tag that a session may set. Printed as <c>uuid</c> or <c>uuid:tag</c>.</summary>
internal sealed class GtidSource : IComparable<GtidSource>
{
    /// <summary>Bytes of a UUID.</summary>
    public const int UuidBytes = 16;

    /// <summary>Most characters of a tag. Source: MySQL reference manual, "GTID Format and Storage".</summary>
    public const int MaxTagBytes = 32;

    /// <summary>The longest text of one transaction: UUID, colon, tag, colon, number.</summary>
    public const int MaxTransactionTextBytes = 36 + 1 + MaxTagBytes + 1 + 20;

    private readonly UInt128 _uuid;
    private readonly byte[] _tag;

    /// <summary>A source of 16 bytes and a tag, empty for none.</summary>
    public GtidSource(ReadOnlySpan<byte> uuid, ReadOnlySpan<byte> tag)
    {
        _uuid = BinaryPrimitives.ReadUInt128BigEndian(uuid);
        _tag = tag.ToArray();
        Uuid = Dashed(Convert.ToHexStringLower(uuid));
        Tag = Encoding.ASCII.GetString(tag);
        Text = Encoding.ASCII.GetBytes(Tag.Length == 0 ? Uuid : $"{Uuid}:{Tag}");
    }

    /// <summary>The server, in the usual form with dashes.</summary>
    public string Uuid { get; }

    /// <summary>The tag; empty for none.</summary>
    public string Tag { get; }

    /// <summary>UUID and tag as ASCII.</summary>
    public byte[] Text { get; }

    /// <summary>Whether it is of these bytes.</summary>
    public bool Is(ReadOnlySpan<byte> uuid, ReadOnlySpan<byte> tag) =>
        BinaryPrimitives.ReadUInt128BigEndian(uuid) == _uuid && tag.SequenceEqual(_tag);

    /// <summary>Writes the UUID's 16 bytes.</summary>
    public void WriteUuid(Span<byte> target) => BinaryPrimitives.WriteUInt128BigEndian(target, _uuid);

    /// <summary>Writes the name of one of its transactions and returns the length.</summary>
    public int Format(Span<byte> target, long number)
    {
        Text.CopyTo(target);
        target[Text.Length] = (byte)':';
        number.TryFormat(target[(Text.Length + 1)..], out var written, default, CultureInfo.InvariantCulture);
        return Text.Length + 1 + written;
    }

    /// <summary>By UUID, then tag: the order in which the server prints a set.</summary>
    public int CompareTo(GtidSource? other)
    {
        if (other is null)
            return 1;
        var byUuid = _uuid.CompareTo(other._uuid);
        return byUuid != 0 ? byUuid : string.CompareOrdinal(Tag, other.Tag);
    }

    /// <summary>Reads a UUID with or without dashes, in either case.</summary>
    public static bool TryParseUuid(string text, Span<byte> uuid)
    {
        var isUuid = Guid.TryParseExact(text, text.Contains('-', StringComparison.Ordinal) ? "D" : "N", out var value);
        return isUuid && value.TryWriteBytes(uuid, bigEndian: true, out _);
    }

    /// <summary>Whether a text can be a tag: a letter or underscore, then those and digits. The server keeps them in lower case.</summary>
    public static bool IsTag(ReadOnlySpan<char> text)
    {
        if (text.Length is 0 or > MaxTagBytes || char.IsAsciiDigit(text[0]))
            return false;
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c != '_')
                return false;
        }

        return true;
    }

    private static string Dashed(string digits) => $"{digits[..8]}-{digits[8..12]}-{digits[12..16]}-{digits[16..20]}-{digits[20..]}";
}
