using Leat.Log;

namespace Leat.Pipeline.Status;

/// <summary>When the first record that a stream keeps, or the first from an offset on, was captured. Read once for each such offset.</summary>
internal sealed class OldestRecord
{
    // Batches at the start without any record: what was aborted there.
    private const int MostBlocks = 64;

    private readonly Lock _gate = new();
    private long _start = -1;
    private DateTimeOffset? _at;

    /// <summary>The time, or <see langword="null"/> while there is no record, or it cannot be read: whoever needs it tells why.</summary>
    public DateTimeOffset? Of(StreamPartition stream) => Of(stream, stream.StartOffset);

    /// <summary>The same of the first record at or after an offset.</summary>
    public DateTimeOffset? Of(StreamPartition stream, long start)
    {
        lock (_gate)
        {
            if (_start != start && stream.ReadableOffset > start)
                (_start, _at) = (start, Read(stream, start));
            return _at;
        }
    }

    private static DateTimeOffset? Read(StreamPartition stream, long start)
    {
        try
        {
            using var reader = stream.NewReader(start);
            for (var blocks = 0; blocks < MostBlocks; blocks++)
            {
                using var block = reader.Read(maxBytes: 1);
                if (block is null)
                    return null;
                var records = block.Records();
                while (records.MoveNext())
                {
                    if (records.Offset < start)
                        continue; // a batch is read whole
                    return DateTimeOffset.FromUnixTimeMilliseconds(Math.Clamp(records.TimestampMs, 0, 253_402_300_799_000));
                }
            }

            return null;
        }
        catch (LogException)
        {
            // Damaged, or deleted in this very moment: an age is not worth more than being unknown.
            return null;
        }
    }
}
