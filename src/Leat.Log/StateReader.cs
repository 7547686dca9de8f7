namespace Leat.Log;

/// <summary>Takes in keyed state while it is loaded. Spans are valid during the call alone.</summary>
public interface IStateHandler
{
    /// <summary>The key has this value; a later call for the same key replaces it.</summary>
    void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value);

    /// <summary>The key is gone, whether or not it was put before.</summary>
    void Delete(ReadOnlySpan<byte> key);
}

/// <summary>Loads keyed state as it was when its last set was closed.</summary>
public static class StateReader
{
    private const int ReadBytes = 1024 * 1024;

    /// <summary>Hands over all keys up to the last marker, in the order in which they were written; null, and nothing is called, for a new stream.</summary>
    /// <param name="stream">What a <see cref="StateWriter"/> wrote, before anything is put into it again.</param>
    /// <param name="handler">Gets the keys; in a stream that is not wholly compacted some more than once.</param>
    /// <param name="cancellationToken">Stops between two reads.</param>
    /// <returns>The last marker.</returns>
    /// <exception cref="LogException">The stream is damaged, or does not hold keyed state.</exception>
    public static StateMarker? Load(StreamPartition stream, IStateHandler handler, CancellationToken cancellationToken)
    {
        if (Last(stream) is not { } marker)
            return null;

        using var reader = stream.NewReader(stream.StartOffset);
        while (reader.NextOffset <= marker.Offset && reader.Read(ReadBytes) is { } block)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using (block)
                Hand(block, handler);
        }

        return marker;
    }

    /// <summary>The last marker alone; null for a new stream.</summary>
    /// <param name="stream">What a <see cref="StateWriter"/> wrote, before anything is put into it again.</param>
    /// <exception cref="LogException">The stream is damaged, or does not hold keyed state.</exception>
    public static StateMarker? Last(StreamPartition stream)
    {
        using var last = stream.ReadLastCommittedBatch();
        if (last is null)
            return null;
        StateMarker? marker = null;
        var records = last.Records();
        while (records.MoveNext())
            marker = StateMarker.Is(records, last.Buffer) ? StateMarker.Read(stream.Name, records, last.Buffer) : null;
        return marker ?? throw LogErrors.NotState(stream.Name);
    }

    private static void Hand(LogBlock block, IStateHandler handler)
    {
        var records = block.Records();
        while (records.MoveNext())
        {
            if (records.KeyLength < 0)
                continue; // a marker, of this set or an earlier one
            var key = block.Buffer.AsSpan(records.KeyStart, records.KeyLength);
            if (records.ValueLength < 0)
                handler.Delete(key);
            else
                handler.Put(key, block.Buffer.AsSpan(records.ValueStart, records.ValueLength));
        }
    }
}
