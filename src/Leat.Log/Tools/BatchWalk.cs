using System.Buffers;

namespace Leat.Log.Tools;

/// <summary>Walks a segment and does not stop at damage: each step is a whole batch, or a range of bytes that holds none.</summary>
/// <remarks>
/// For those who look at a log and do not serve from it. Recovery and readers stop at the first byte that is not right; this goes on
/// to the next batch that can only be one of this segment: whole, of the right incarnation, with a higher offset.
/// </remarks>
internal sealed class BatchWalk : IDisposable
{
    private const int ChunkBytes = 1024 * 1024;
    private const int BlockBytes = 4096;

    private readonly IDiskFile _file;
    private readonly long _end;
    private readonly WalkRules _rules;
    private readonly HashSet<long> _seen = [];
    private byte[] _chunk = ArrayPool<byte>.Shared.Rent(ChunkBytes);
    private long _chunkAt;
    private int _chunkBytes;
    private bool _unreadable;
    private long _next;
    private long? _expected;

    /// <param name="file">The segment.</param>
    /// <param name="end">Bytes of it that count.</param>
    /// <param name="rules">What its batches must be.</param>
    /// <param name="offset">Offset of the first batch; null: whatever stands there.</param>
    /// <param name="position">Where it stands.</param>
    public BatchWalk(IDiskFile file, long end, WalkRules rules, long? offset, long position = 0) =>
        (_file, _end, _rules, _expected, _next) = (file, end, rules, offset, position);

    /// <summary>Whether the first range without a batch is the last step, and takes in everything up to the end.</summary>
    public bool StopsAtDamage { get; init; }

    /// <summary>Whether this step is a batch, checked; else it is a range without one.</summary>
    public bool IsWhole { get; private set; }

    /// <summary>Why the range is none, as the end of a sentence: <c>fails its checksum</c>.</summary>
    public string Reason { get; private set; } = "";

    /// <summary>Where this step starts.</summary>
    public long Position { get; private set; }

    /// <summary>Its bytes.</summary>
    public long Bytes { get; private set; }

    /// <summary>Offset of the batch, or the first that the range should hold.</summary>
    public long FirstOffset { get; private set; }

    /// <summary>Offset after the batch, or of the batch after the range; -1 when there is none after the range.</summary>
    public long NextOffset { get; private set; }

    /// <summary>The bytes of a whole batch, until the next step.</summary>
    public ReadOnlySpan<byte> Batch => _chunk.AsSpan((int)(Position - _chunkAt), (int)Bytes);

    /// <summary>Moves on; false at the end.</summary>
    /// <exception cref="DiskException">The file cannot be read at all. A bad sector is a range like any other.</exception>
    public bool MoveNext()
    {
        var position = _next;
        if (position >= _end)
            return false;
        _unreadable = false;
        var reason = Check(position, _expected, mustFollow: true);
        IsWhole = reason is null;
        Position = position;
        if (IsWhole)
        {
            TakeBatch();
            return true;
        }

        Reason = _unreadable ? "cannot be read from the disk" : reason ?? "";
        var next = StopsAtDamage ? null : Hunt(position + 1);
        FirstOffset = _expected ?? -1;
        Bytes = (next ?? _end) - position;
        NextOffset = next is null ? -1 : new BatchView(Chunk(next.Value)).BaseOffset;
        (_next, _expected) = (next ?? _end, next is null ? _expected : NextOffset);
        return true;
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_chunk);
        _chunk = [];
    }

    private void TakeBatch()
    {
        var view = new BatchView(Chunk(Position));
        (Bytes, FirstOffset, NextOffset) = (view.SizeBytes, view.BaseOffset, view.NextOffset);
        _seen.Add(view.Incarnation);
        (_next, _expected) = (Position + Bytes, NextOffset);
    }

    private ReadOnlySpan<byte> Chunk(long position) => _chunk.AsSpan((int)(position - _chunkAt), (int)(_chunkAt + _chunkBytes - position));

    // Null when a whole batch of this segment stands there and is in the chunk; else why not.
    private string? Check(long position, long? expected, bool mustFollow)
    {
        if (_end - position <= BatchFormat.HeaderBytes || !TryChunk(position, BatchFormat.HeaderBytes))
            return "is cut off";
        var view = new BatchView(Chunk(position));
        var offset = view.BaseOffset;
        var inPlace = expected is null || offset == expected || (offset > expected && (_rules.IsCompacted || !mustFollow));
        if (!inPlace || view.NextOffset > _rules.EndOffset || !_rules.Fits(view) || (_rules.IncarnationOf is null && !mustFollow && IsStrange(view)))
            return "has an impossible header";
        if (view.SizeBytes > _end - position || !TryChunk(position, (int)view.SizeBytes))
            return "is cut off";
        return new BatchView(Chunk(position)).IsWhole() ? null : "fails its checksum";
    }

    // Without a manifest, what a hunt finds must be of an incarnation that the segment is known to have.
    private bool IsStrange(in BatchView view) => _seen.Count > 0 && !_seen.Contains(view.Incarnation);

    // The position of the next batch, whole and in the chunk; null when there is none. A header has its version, 2, at a fixed place.
    private long? Hunt(long from)
    {
        var window = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            for (var windowAt = from; _end - windowAt > BatchFormat.HeaderBytes; windowAt += ChunkBytes - BatchFormat.HeaderBytes)
            {
                var bytes = window.AsSpan(0, (int)Math.Min(ChunkBytes, _end - windowAt));
                ReadAround(windowAt, bytes);
                if (HuntIn(bytes, windowAt) is { } found)
                    return found;
            }

            return null;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(window);
        }
    }

    private long? HuntIn(ReadOnlySpan<byte> bytes, long windowAt)
    {
        for (var at = 0; at + BatchFormat.HeaderBytes <= bytes.Length; at++)
        {
            var hit = bytes[(at + BatchFormat.MagicAt)..].IndexOf(BatchFormat.Magic);
            if (hit < 0 || at + hit + BatchFormat.HeaderBytes > bytes.Length)
                return null;
            at += hit;
            var view = new BatchView(bytes[at..]);
            if (view.BaseSequence == BatchFormat.SequenceOf(view.BaseOffset) && Check(windowAt + at, _expected ?? 0, mustFollow: false) is null)
                return windowAt + at;
        }

        return null;
    }

    private bool TryChunk(long position, int needed)
    {
        if (position < _chunkAt || position + needed > _chunkAt + _chunkBytes)
        {
            if (needed > _chunk.Length)
            {
                ArrayPool<byte>.Shared.Return(_chunk);
                _chunk = ArrayPool<byte>.Shared.Rent(needed);
            }

            _chunkAt = position;
            _chunkBytes = (int)Math.Min(Math.Max(needed, ChunkBytes), _end - position);
            ReadAround(position, _chunk.AsSpan(0, _chunkBytes));
        }

        return position + needed <= _chunkAt + _chunkBytes;
    }

    // A sector that cannot be read costs its block, not the whole file: zeros stand in, which pass for nothing.
    private void ReadAround(long position, Span<byte> bytes)
    {
        try
        {
            bytes[_file.Read(position, bytes)..].Clear();
        }
        catch (DiskException error) when (error.Kind == DiskFailure.Other)
        {
            for (var at = 0; at < bytes.Length; at += BlockBytes)
                ReadBlock(position + at, bytes.Slice(at, Math.Min(BlockBytes, bytes.Length - at)));
        }
    }

    private void ReadBlock(long position, Span<byte> block)
    {
        try
        {
            block[_file.Read(position, block)..].Clear();
        }
        catch (DiskException error) when (error.Kind == DiskFailure.Other)
        {
            block.Clear();
            _unreadable = true;
        }
    }
}

/// <summary>What the batches of a segment must be.</summary>
/// <param name="IncarnationOf">What a batch of an offset carries; null when no manifest tells.</param>
/// <param name="IsCompacted">Whether offsets between batches, and between their records, may be missing.</param>
/// <param name="EndOffset">No batch goes beyond this offset.</param>
internal sealed record WalkRules(Func<long, long>? IncarnationOf, bool IsCompacted, long EndOffset = long.MaxValue)
{
    /// <summary>Whether a header can belong to a batch here, whatever its body.</summary>
    public bool Fits(in BatchView view)
    {
        var incarnation = IncarnationOf?.Invoke(view.BaseOffset) ?? view.Incarnation;
        return IsCompacted ? view.IsPlausibleCompacted(view.BaseOffset, incarnation) : view.IsPlausible(view.BaseOffset, incarnation);
    }
}
