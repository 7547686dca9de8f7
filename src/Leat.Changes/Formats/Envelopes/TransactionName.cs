using System.Globalization;
using System.Text;

namespace Leat.Changes.Formats.Envelopes;

/// <summary>What the name of a transaction tells: MariaDB's <c>0-1-42</c>, MySQL's <c>uuid:42</c> or <c>uuid:tag:42</c>, or <c>file:offset</c> of a server without GTIDs.</summary>
/// <param name="Text">The name.</param>
/// <param name="IsGtid">Whether it is a GTID of either product.</param>
/// <param name="IsMariaDb">Whether it is one of MariaDB's.</param>
/// <param name="Server">The server that committed it, which only MariaDB's tells.</param>
/// <param name="Number">Its last number: the GTID's sequence number, or the offset.</param>
/// <param name="File">The binlog file of a <c>file:offset</c>; otherwise empty.</param>
internal readonly record struct TransactionName(string Text, bool IsGtid, bool IsMariaDb, long? Server, long? Number, string File)
{
    private const int UuidLength = 36;

    /// <summary>Reads a change's transaction id.</summary>
    public static TransactionName Read(ReadOnlySpan<byte> transactionId)
    {
        var text = Encoding.ASCII.GetString(transactionId);
        var dashed = text.Split('-');
        if (dashed.Length == 3 && NumberOf(dashed[0]) is not null && NumberOf(dashed[1]) is { } server && NumberOf(dashed[2]) is { } sequence)
            return new(text, IsGtid: true, IsMariaDb: true, server, sequence, "");
        var colon = text.LastIndexOf(':');
        if (colon < 0 || NumberOf(text[(colon + 1)..]) is not { } number)
            return new(text, IsGtid: false, IsMariaDb: false, null, null, "");
        var isUuid = text.Length > UuidLength && text[UuidLength] == ':' && Guid.TryParseExact(text.AsSpan(0, UuidLength), "D", out _);
        return isUuid ? new(text, IsGtid: true, IsMariaDb: false, null, number, "") : new(text, IsGtid: false, IsMariaDb: false, null, number, text[..colon]);
    }

    /// <summary>The place in a file: the name's own, otherwise what the reader knows.</summary>
    public ChangePlace PlaceOr(in ChangePlace known) => File.Length > 0 && Number is { } offset ? new(File, offset) : known;

    private static long? NumberOf(string text) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
}
