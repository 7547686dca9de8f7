using System.Buffers.Binary;

namespace Leat.Log;

/// <summary>The aborted transactions whose marker stands in one closed segment: <c>.txnindex</c>, 34 bytes an entry, as in Kafka; no file when there are none.</summary>
/// <remarks>
/// An entry: version i16 = 0, producer id i64 (the incarnation), first offset i64, last offset i64 (that of the abort marker), last stable offset
/// i64 (the next one: transactions of a partition never overlap); all big-endian. For tools: readers here know aborted ranges from the manifest.
/// </remarks>
internal static class TransactionIndex
{
    public const int EntryBytes = 34;

    /// <summary>The file's bytes; empty when no marker of an aborted transaction stands in the segment.</summary>
    public static byte[] Build(IEnumerable<AbortedRange> aborted, SegmentWindow window, Func<long, long> incarnationOf)
    {
        var inside = aborted.Where(range => range.Marker >= window.BaseOffset && range.Marker < window.EndOffset).ToList();
        var entries = new byte[inside.Count * EntryBytes];
        for (var i = 0; i < inside.Count; i++)
        {
            var entry = entries.AsSpan(i * EntryBytes);
            BinaryPrimitives.WriteInt64BigEndian(entry[2..], incarnationOf(inside[i].Marker));
            BinaryPrimitives.WriteInt64BigEndian(entry[10..], inside[i].First);
            BinaryPrimitives.WriteInt64BigEndian(entry[18..], inside[i].Marker);
            BinaryPrimitives.WriteInt64BigEndian(entry[26..], inside[i].Marker + 1);
        }

        return entries;
    }
}
