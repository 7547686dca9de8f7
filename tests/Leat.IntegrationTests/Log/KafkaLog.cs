using System.Buffers.Binary;
using System.Globalization;

namespace Leat.IntegrationTests.Log;

/// <summary>A partition's folder as a Kafka broker would look at it: segments by their names, batches by their headers, nothing else.</summary>
internal sealed class KafkaLog
{
    private const int HeaderBytes = 61, TransactionEntryBytes = 34;

    private readonly List<(long BaseOffset, string Path, byte[] Bytes)> _segments = [];
    private readonly List<(long Producer, long First, long Last)> _aborted = [];

    public KafkaLog(string folder)
    {
        foreach (var path in Directory.GetFiles(folder, "*.log").Order(StringComparer.Ordinal))
            _segments.Add((long.Parse(Path.GetFileNameWithoutExtension(path), CultureInfo.InvariantCulture), path, File.ReadAllBytes(path)));
        foreach (var path in Directory.GetFiles(folder, "*.txnindex").Order(StringComparer.Ordinal))
            ReadTransactions(File.ReadAllBytes(path));
        ReadManifest(Path.Combine(folder, "manifest"));
        EndOffset = Batches().Select(batch => batch.Next).DefaultIfEmpty(_segments[^1].BaseOffset).Last();
        LastStableOffset = EndOffset;
    }

    public long StartOffset => _segments[0].BaseOffset;

    public long EndOffset { get; }

    public long LastStableOffset { get; }

    public int Segments => _segments.Count;

    /// <summary>Codec numbers of all batches, each once.</summary>
    public IReadOnlyList<int> Codecs => [.. Batches().Select(batch => batch.Codec).Distinct().Order()];

    /// <summary>Whether offsets are missing within each batch: only compaction leaves such.</summary>
    public IReadOnlyList<bool> GapsWithin => [.. Batches().Select(batch => batch.HasGaps)];

    /// <summary>Bytes of a segment from the batch on that holds the offset; at least one batch, whole ones only below the end.</summary>
    public byte[] Read(long offset, long end, int most)
    {
        foreach (var (_, _, bytes) in _segments)
        {
            var from = -1;
            var to = 0;
            foreach (var (at, size, next, _, _) in BatchesOf(bytes))
            {
                if (next <= offset)
                    continue;
                from = from < 0 ? at : from;
                if (next > end || (to > 0 && at + size - from > most))
                    break;
                to = at + size;
            }

            if (from >= 0)
                return to > from ? bytes[from..to] : [];
        }

        return [];
    }

    public IReadOnlyList<(long Producer, long First)> AbortedWithin(long from, long end) =>
        [.. _aborted.Where(range => range.Last >= from && range.First < end).Select(range => (range.Producer, range.First))];

    private IEnumerable<(int At, int Size, long Next, int Codec, bool HasGaps)> Batches() => _segments.SelectMany(segment => BatchesOf(segment.Bytes));

    // Batches until the first that is none: the segment that is written to may have old bytes after its last batch.
    private static IEnumerable<(int At, int Size, long Next, int Codec, bool HasGaps)> BatchesOf(byte[] segment)
    {
        var expected = -1L;
        for (var at = 0; segment.Length - at > HeaderBytes;)
        {
            var offset = BinaryPrimitives.ReadInt64BigEndian(segment.AsSpan(at));
            var size = BinaryPrimitives.ReadInt32BigEndian(segment.AsSpan(at + 8)) + 12;
            if (offset < expected || size <= HeaderBytes || size > segment.Length - at)
                yield break;
            expected = offset + BinaryPrimitives.ReadInt32BigEndian(segment.AsSpan(at + 23)) + 1;
            var hasGaps = BinaryPrimitives.ReadInt32BigEndian(segment.AsSpan(at + 57)) != expected - offset;
            yield return (at, size, expected, segment[at + 22] & 7, hasGaps);
            at += size;
        }
    }

    // The index is that of closed segments: what was aborted in the last one stands in the manifest alone.
    private void ReadManifest(string path)
    {
        var active = _segments[^1].BaseOffset;
        foreach (var words in File.ReadLines(path).Select(line => line.Split(' ')).Where(words => words[0] == "aborted"))
        {
            var (first, last) = (long.Parse(words[1], CultureInfo.InvariantCulture), long.Parse(words[2], CultureInfo.InvariantCulture));
            if (last >= active)
                _aborted.Add((BinaryPrimitives.ReadInt64BigEndian(_segments[^1].Bytes.AsSpan(43)), first, last));
        }
    }

    private void ReadTransactions(byte[] entries)
    {
        for (var at = 0; at + TransactionEntryBytes <= entries.Length; at += TransactionEntryBytes)
        {
            var entry = entries.AsSpan(at);
            _aborted.Add((
                BinaryPrimitives.ReadInt64BigEndian(entry[2..]), BinaryPrimitives.ReadInt64BigEndian(entry[10..]), BinaryPrimitives.ReadInt64BigEndian(entry[18..])));
        }
    }
}
