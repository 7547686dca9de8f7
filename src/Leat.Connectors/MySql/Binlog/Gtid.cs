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

/// <summary>The last transaction of every replication domain: where a MariaDB stream stands. Printed as <c>0-1-42,3-7-9</c>.</summary>
public sealed class GtidPosition
{
    private Gtid[] _last = new Gtid[1];

    /// <summary>Number of domains.</summary>
    public int Count { get; private set; }

    /// <summary>The last transaction of each domain, by domain.</summary>
    public ReadOnlySpan<Gtid> Domains => _last.AsSpan(0, Count);

    /// <summary>Notes that a transaction has been passed.</summary>
    public void Set(Gtid gtid)
    {
        var at = 0;
        while (at < Count && _last[at].Domain < gtid.Domain)
            at++;
        if (at == Count || _last[at].Domain != gtid.Domain)
        {
            if (Count == _last.Length)
                Array.Resize(ref _last, Count * 2);
            Array.Copy(_last, at, _last, at + 1, Count++ - at);
        }

        _last[at] = gtid;
    }

    /// <summary>Whether every transaction up to <paramref name="other"/> has been passed. Sequence numbers grow within a domain.</summary>
    public bool HasReached(GtidPosition other)
    {
        foreach (var wanted in other.Domains)
        {
            if (wanted.Sequence > SequenceOf(wanted.Domain))
                return false;
        }

        return true;
    }

    /// <summary>A copy that does not change with this one.</summary>
    public GtidPosition Copy() => new() { _last = [.. _last], Count = Count };

    /// <inheritdoc/>
    public override string ToString() => string.Join(',', Domains.ToArray());

    /// <summary>Reads a comma-separated list; the empty text is the position before everything.</summary>
    public static bool TryParse(string text, out GtidPosition position)
    {
        position = new();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (!Gtid.TryParse(part, out var gtid))
                return false;
            position.Set(gtid);
        }

        return true;
    }

    private ulong SequenceOf(uint domain)
    {
        foreach (var gtid in Domains)
        {
            if (gtid.Domain == domain)
                return gtid.Sequence;
        }

        return 0;
    }
}
