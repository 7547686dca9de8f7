using System.Buffers.Binary;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>The encoded rows of one chunk, one behind the other, each after its length; memory that is used again by the next chunk.</summary>
/// <param name="usualBytes">Size beyond which memory is given back once the chunk has been written.</param>
internal sealed class ChunkRows(int usualBytes)
{
    private const int FirstBytes = 256 * 1024;
    private const int LengthBytes = sizeof(int);

    private byte[] _bytes = [];
    private int _used;

    /// <summary>Number of rows.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of the rows with their lengths.</summary>
    public int SizeBytes => _used;

    /// <summary>Forgets all rows.</summary>
    public void Clear()
    {
        (_used, Count) = (0, 0);
        if (_bytes.Length > 2L * usualBytes + FirstBytes)
            _bytes = [];
    }

    /// <summary>Room for one more row; valid until <see cref="Add"/>.</summary>
    public Span<byte> Reserve(int maxBytes)
    {
        var needed = (long)_used + LengthBytes + maxBytes;
        if (needed > _bytes.Length)
        {
            var larger = GC.AllocateUninitializedArray<byte>((int)Math.Min(Array.MaxLength, Math.Max(needed, Math.Max(FirstBytes, _bytes.Length * 2L))));
            _bytes.AsSpan(0, _used).CopyTo(larger);
            _bytes = larger;
        }

        return _bytes.AsSpan(_used + LengthBytes, maxBytes);
    }

    /// <summary>Keeps the row written to the front of <see cref="Reserve"/>.</summary>
    public void Add(int length)
    {
        BinaryPrimitives.WriteInt32LittleEndian(_bytes.AsSpan(_used), length);
        _used += LengthBytes + length;
        Count++;
    }

    /// <summary>The row at a place, 0 for the first; moves the place to the next. False after the last.</summary>
    public bool TryRead(ref int at, out ReadOnlySpan<byte> row)
    {
        row = default;
        if (at >= _used)
            return false;
        var length = BinaryPrimitives.ReadInt32LittleEndian(_bytes.AsSpan(at));
        row = _bytes.AsSpan(at + LengthBytes, length);
        at += LengthBytes + length;
        return true;
    }
}
