namespace Leat.Connectors.MySql.Binlog;

/// <summary>The last transaction of every replication domain: where a MariaDB stream stands. Printed as <c>0-1-42,3-7-9</c>.</summary>
public sealed class MariaDbGtids : Gtids
{
    private Gtid[] _last = new Gtid[1];

    /// <summary>Number of domains.</summary>
    public int Count { get; private set; }

    /// <summary>The last transaction of each domain, by domain.</summary>
    public ReadOnlySpan<Gtid> Domains => _last.AsSpan(0, Count);

    /// <inheritdoc/>
    public override bool IsEmpty => Count == 0;

    /// <inheritdoc/>
    public override int MaxTextBytes => Count * (Gtid.MaxTextBytes + 1);

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

    /// <summary>The sequence number of a domain's last transaction; 0 when there is none.</summary>
    public ulong SequenceOf(uint domain)
    {
        foreach (var gtid in Domains)
        {
            if (gtid.Domain == domain)
                return gtid.Sequence;
        }

        return 0;
    }

    /// <inheritdoc/>
    /// <remarks>Sequence numbers grow within a domain, whichever server gives them.</remarks>
    public override bool HasReached(Gtids other)
    {
        if (other is not MariaDbGtids wanted)
            return false;
        foreach (var gtid in wanted.Domains)
        {
            if (gtid.Sequence > SequenceOf(gtid.Domain))
                return false;
        }

        return true;
    }

    /// <inheritdoc/>
    public override Gtids Copy() => new MariaDbGtids { _last = [.. _last], Count = Count };

    /// <inheritdoc/>
    public override int Format(Span<byte> target)
    {
        var at = 0;
        foreach (var gtid in Domains)
        {
            if (at > 0)
                target[at++] = (byte)',';
            at += gtid.Format(target[at..]);
        }

        return at;
    }

    /// <summary>Reads a comma-separated list; the empty text is the position before everything.</summary>
    public static bool TryParse(string text, out MariaDbGtids position)
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
}
