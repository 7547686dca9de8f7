namespace Leat.Log.Codecs;

/// <summary>One compression of Kafka's record batches: everything after the batch header. Used by several threads at once.</summary>
internal interface ICodec
{
    /// <summary>Room that <see cref="Compress"/> wants for so many bytes.</summary>
    int RoomFor(int sourceBytes);

    /// <summary>Compresses all of the source; returns the bytes written, or -1 when the codec could not.</summary>
    int Compress(ReadOnlySpan<byte> source, Span<byte> target);

    /// <summary>How large the source says that it is when decompressed; -1: it does not say. Not to be trusted.</summary>
    long ClaimedBytes(ReadOnlySpan<byte> source);

    /// <summary>Decompresses until the target is full or the source has ended; never writes beyond the target.</summary>
    /// <param name="source">The whole compressed part of a batch.</param>
    /// <param name="target">Where to.</param>
    /// <param name="written">Bytes of the target that are filled.</param>
    /// <returns>Whether the source ended there, or how it is malformed.</returns>
    DecodeEnd Decompress(ReadOnlySpan<byte> source, Span<byte> target, out int written);
}

/// <summary>How a decompression ended.</summary>
internal enum DecodeEnd
{
    /// <summary>The source contradicts itself, is cut off, or has bytes after its end.</summary>
    Malformed,

    /// <summary>The target is full, and there is more.</summary>
    TargetFull,

    /// <summary>That was all of it.</summary>
    Ended,
}
