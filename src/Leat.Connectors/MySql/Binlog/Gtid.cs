using System.Globalization;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>MariaDB's name of a transaction: domain, server, sequence number; printed as <c>0-1-42</c>.</summary>
public readonly record struct Gtid(uint Domain, uint Server, ulong Sequence)
{
    /// <summary>The longest text: 10 + 1 + 10 + 1 + 20 characters.</summary>
    public const int MaxTextBytes = 42;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Domain}-{Server}-{Sequence}");

    /// <summary>Writes the text as ASCII and returns its length.</summary>
    public int Format(Span<byte> target)
    {
        Domain.TryFormat(target, out var at, default, CultureInfo.InvariantCulture);
        target[at++] = (byte)'-';
        Server.TryFormat(target[at..], out var written, default, CultureInfo.InvariantCulture);
        at += written;
        target[at++] = (byte)'-';
        Sequence.TryFormat(target[at..], out written, default, CultureInfo.InvariantCulture);
        return at + written;
    }

    /// <summary>Reads <c>0-1-42</c>.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Gtid gtid)
    {
        gtid = default;
        Span<Range> parts = stackalloc Range[4];
        if (text.Split(parts, '-') != 3
            || !uint.TryParse(text[parts[0]], NumberStyles.None, CultureInfo.InvariantCulture, out var domain)
            || !uint.TryParse(text[parts[1]], NumberStyles.None, CultureInfo.InvariantCulture, out var server)
            || !ulong.TryParse(text[parts[2]], NumberStyles.None, CultureInfo.InvariantCulture, out var sequence))
            return false;
        gtid = new(domain, server, sequence);
        return true;
    }
}
