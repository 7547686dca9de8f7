namespace Leat.Log;

/// <summary>Takes the last records out of a batch that is still being built.</summary>
public static class BatchTail
{
    /// <summary>Moves every record after the mark to the end of another batch; for a transaction that turns out to need batches of its own.</summary>
    /// <param name="from">The batch that the mark was made in, between two records.</param>
    /// <param name="mark">The first record to move stands here.</param>
    /// <param name="to">Gets the records with their times; its own time is that of the last one afterwards.</param>
    public static void Move(BatchBuilder from, BatchMark mark, BatchBuilder to)
    {
        ReadOnlySpan<byte> batch = from.Batch;
        var baseTime = from.BaseTimeMs;
        var at = Math.Max(mark.Bytes, BatchFormat.HeaderBytes);
        while (at < batch.Length)
        {
            var length = Read(batch, ref at);
            var end = at + (int)length;
            at++; // attributes
            to.TimestampMs = baseTime + Read(batch, ref at);
            Read(batch, ref at); // offset delta: given anew
            var keyBytes = (int)Read(batch, ref at);
            to.BeginRecord(batch.Slice(at, Math.Max(0, keyBytes)), keyBytes >= 0);
            at += Math.Max(0, keyBytes);
            var valueBytes = (int)Read(batch, ref at);
            if (valueBytes < 0)
            {
                to.EndRecordWithoutValue();
            }
            else
            {
                batch.Slice(at, valueBytes).CopyTo(to.GetSpan(valueBytes));
                to.Advance(valueBytes);
                to.EndRecord();
            }

            at = end;
        }

        from.RollbackTo(mark);
    }

    private static long Read(ReadOnlySpan<byte> batch, ref int at) =>
        Varint.TryRead(batch, ref at, out var value) ? value : throw new InvalidOperationException("The batch being built contradicts itself.");
}
