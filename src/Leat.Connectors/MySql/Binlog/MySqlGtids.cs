using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>A set of MySQL's transactions: for each source the intervals of its numbers. Printed as <c>uuid:1-42:44,uuid:tag:1-7</c>.</summary>
public sealed class MySqlGtids : Gtids
{
    private const int NumberTextBytes = 20;
    private readonly List<Numbers> _sources = []; // in order
    private Numbers? _last;

    /// <inheritdoc/>
    public override bool IsEmpty => _sources.Count == 0;

    /// <inheritdoc/>
    public override int MaxTextBytes
    {
        get
        {
            var bytes = 0;
            foreach (var source in _sources)
                bytes += source.Source.Text.Length + 1 + source.Intervals.Count * 2 * (NumberTextBytes + 1);
            return bytes;
        }
    }

    /// <summary>Notes that a transaction has been passed. Allocates nothing while each source's numbers come in order.</summary>
    internal void Add(GtidSource source, long number) => Find(source).Add(number, number);

    /// <inheritdoc/>
    public override bool HasReached(Gtids other)
    {
        if (other is not MySqlGtids wanted)
            return false;
        foreach (var source in wanted._sources)
        {
            var ours = Known(source.Source);
            foreach (var (start, end) in source.Intervals)
            {
                if (ours?.Contains(start, end) != true)
                    return false;
            }
        }

        return true;
    }

    /// <summary>What is in this set and not in <paramref name="other"/>.</summary>
    public MySqlGtids Except(MySqlGtids other)
    {
        var rest = new MySqlGtids();
        foreach (var source in _sources)
        {
            var without = other.Known(source.Source);
            foreach (var (start, end) in source.Intervals)
            {
                var from = start;
                foreach (var (otherStart, otherEnd) in without?.Intervals ?? [])
                {
                    if (otherEnd < from)
                        continue;
                    if (otherStart > end)
                        break;
                    if (otherStart > from)
                        rest.Find(source.Source).Add(from, otherStart - 1);
                    from = otherEnd + 1;
                }

                if (from <= end)
                    rest.Find(source.Source).Add(from, end);
            }
        }

        return rest;
    }

    /// <inheritdoc/>
    public override Gtids Copy()
    {
        var copy = new MySqlGtids();
        foreach (var source in _sources)
        {
            var own = new Numbers(source.Source);
            own.Intervals.AddRange(source.Intervals);
            copy._sources.Add(own);
        }

        return copy;
    }

    /// <inheritdoc/>
    public override int Format(Span<byte> target)
    {
        var at = 0;
        foreach (var source in _sources)
        {
            if (at > 0)
                target[at++] = (byte)',';
            source.Source.Text.CopyTo(target[at..]);
            at += source.Source.Text.Length;
            foreach (var (start, end) in source.Intervals)
            {
                target[at++] = (byte)':';
                start.TryFormat(target[at..], out var written, default, CultureInfo.InvariantCulture);
                at += written;
                if (end == start)
                    continue;
                target[at++] = (byte)'-';
                end.TryFormat(target[at..], out written, default, CultureInfo.InvariantCulture);
                at += written;
            }
        }

        return at;
    }

    /// <summary>The set as COM_BINLOG_DUMP_GTID takes it: in the form that every version reads, unless a source has a tag.</summary>
    /// <remarks>
    /// Count of sources (8 bytes), then for each its UUID (16), count of intervals (8), and for each interval first and last + 1 (8 each).
    /// With tags (MySQL 8.3 and later) the count is <c>1 &lt;&lt; 56 | count &lt;&lt; 8 | 1</c>, and a tag stands behind each UUID: its length doubled, in one byte, and its letters.
    /// Source: MySQL server, sql/rpl_gtid_set.cc, Gtid_set::encode.
    /// </remarks>
    public byte[] Encode()
    {
        var tagged = _sources.Exists(source => source.Source.Tag.Length > 0);
        var target = new byte[8 + _sources.Sum(source => GtidSource.UuidBytes + (tagged ? 1 + source.Source.Tag.Length : 0) + 8 + source.Intervals.Count * 16)];
        var count = (ulong)_sources.Count;
        BinaryPrimitives.WriteUInt64LittleEndian(target, tagged ? 1UL << 56 | count << 8 | 1 : count);
        var at = 8;
        foreach (var source in _sources)
        {
            source.Source.WriteUuid(target.AsSpan(at));
            at += GtidSource.UuidBytes;
            if (tagged)
            {
                target[at++] = (byte)(source.Source.Tag.Length << 1);
                at += Encoding.ASCII.GetBytes(source.Source.Tag, target.AsSpan(at));
            }

            BinaryPrimitives.WriteInt64LittleEndian(target.AsSpan(at), source.Intervals.Count);
            at += 8;
            foreach (var (start, end) in source.Intervals)
            {
                BinaryPrimitives.WriteInt64LittleEndian(target.AsSpan(at), start);
                BinaryPrimitives.WriteInt64LittleEndian(target.AsSpan(at + 8), end + 1);
                at += 16;
            }
        }

        return target;
    }

    /// <summary>Reads what <see cref="Encode"/> writes, which is also the body of a PREVIOUS_GTIDS event.</summary>
    /// <exception cref="MySqlFormatException">Malformed.</exception>
    public static MySqlGtids Decode(ReadOnlySpan<byte> bytes)
    {
        const ulong FormatMask = 0xFFUL << 56;
        var fields = new WireReader(bytes);
        var head = fields.ReadUInt64();
        var tagged = (head & FormatMask) == 1UL << 56;
        if (!tagged && (head & FormatMask) != 0)
            throw MySqlFormatException.Unexpected("form of a GTID set", "0 or 1", (long)(head >> 56));
        var gtids = new MySqlGtids();
        for (var left = tagged ? (head & ~FormatMask) >> 8 : head; left > 0; left--)
        {
            var uuid = fields.ReadBytes(GtidSource.UuidBytes);
            var numbers = gtids.Find(new(uuid, tagged ? fields.ReadBytes((int)SerializedFields.ReadUnsigned(ref fields)) : default));
            for (var intervals = fields.ReadUInt64(); intervals > 0; intervals--)
            {
                var (start, end) = ((long)fields.ReadUInt64(), (long)fields.ReadUInt64());
                if (start < 1 || end <= start)
                    throw MySqlFormatException.Unexpected("end of a GTID interval", $"more than {start}", end);
                numbers.Add(start, end - 1);
            }
        }

        return gtids;
    }

    /// <summary>Reads the text of a set, with or without white space; the empty text is the empty set.</summary>
    public static bool TryParse(string text, out MySqlGtids gtids)
    {
        gtids = new();
        Span<byte> uuid = stackalloc byte[GtidSource.UuidBytes];
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var words = part.Split(':', StringSplitOptions.TrimEntries);
            if (words.Length < 2 || !GtidSource.TryParseUuid(words[0], uuid))
                return false;
            var source = new GtidSource(uuid, default);
            var hasNumbers = false;
            foreach (var word in words.AsSpan(1))
            {
                if (TryParseInterval(word, out var start, out var end))
                {
                    gtids.Find(source).Add(start, end);
                    hasNumbers = true;
                    continue;
                }

                if (!GtidSource.IsTag(word))
                    return false;
                source = new(uuid, Encoding.ASCII.GetBytes(word.ToLowerInvariant()));
                hasNumbers = false;
            }

            if (!hasNumbers)
                return false;
        }

        return true;
    }

    private static bool TryParseInterval(string text, out long start, out long end)
    {
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        end = 0;
        return long.TryParse(dash < 0 ? text : text[..dash], NumberStyles.None, CultureInfo.InvariantCulture, out start)
            && long.TryParse(dash < 0 ? text : text[(dash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out end)
            && start > 0 && end >= start && end < long.MaxValue;
    }

    private Numbers? Known(GtidSource source)
    {
        foreach (var numbers in _sources)
        {
            if (ReferenceEquals(numbers.Source, source) || numbers.Source.CompareTo(source) == 0)
                return numbers;
        }

        return null;
    }

    private Numbers Find(GtidSource source)
    {
        if (_last is not null && ReferenceEquals(_last.Source, source))
            return _last;
        var at = 0;
        var order = -1;
        while (at < _sources.Count && (order = _sources[at].Source.CompareTo(source)) < 0)
            at++;
        if (at == _sources.Count || order != 0)
            _sources.Insert(at, new(source));
        return _last = _sources[at];
    }

    // The intervals of one source, apart and in order; both ends are in.
    private sealed class Numbers(GtidSource source)
    {
        public GtidSource Source { get; } = source;

        public List<(long Start, long End)> Intervals { get; } = [];

        public void Add(long start, long end)
        {
            if (Intervals.Count > 0 && start >= Intervals[^1].Start)
            {
                var newest = Intervals[^1];
                if (start <= newest.End + 1)
                    Intervals[^1] = (newest.Start, Math.Max(newest.End, end));
                else
                    Intervals.Add((start, end));
                return;
            }

            var at = 0;
            while (at < Intervals.Count && Intervals[at].End + 1 < start)
                at++;
            while (at < Intervals.Count && Intervals[at].Start <= end + 1)
            {
                (start, end) = (Math.Min(start, Intervals[at].Start), Math.Max(end, Intervals[at].End));
                Intervals.RemoveAt(at);
            }

            Intervals.Insert(at, (start, end));
        }

        public bool Contains(long start, long end)
        {
            foreach (var interval in Intervals)
            {
                if (interval.Start <= start && end <= interval.End)
                    return true;
            }

            return false;
        }
    }
}
