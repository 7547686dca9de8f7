using System.Buffers;
using System.Buffers.Binary;

namespace Leat.Connectors.PostgreSql.Wire;

/// <summary>A one-dimensional array in the server's binary form, made value by value in one buffer that is used again and again.</summary>
/// <remarks>
/// <code>
/// offset  0            4             8          12          16            20
///         +------------+-------------+----------+-----------+-------------+----------------------------+
///         | dimensions | has NULLs   | element  | number of | lower bound | each: i32 length, or -1    |
///         | i32: 1     | i32: 0 or 1 | type u32 | values i32| i32: 1      | for NULL, then its bytes   |
///         +------------+-------------+----------+-----------+-------------+----------------------------+
/// </code>
/// All integers big-endian. Source: PostgreSQL, <c>array_recv</c> in <c>arrayfuncs.c</c>.
/// </remarks>
internal sealed class PgArray : IBufferWriter<byte>
{
    private const int HeaderBytes = 20;
    private const int LengthBytes = 4;

    // A buffer that one huge row made grow is not kept for ever.
    private const int MostKeptBytes = 4 * 1024 * 1024;

    private byte[] _bytes = new byte[4096];
    private int _length = HeaderBytes;
    private int _valueStart;
    private int _count;
    private bool _hasNulls;

    /// <summary>The whole array. Valid until <see cref="Clear"/>.</summary>
    public ReadOnlyMemory<byte> Finish(PgType element)
    {
        var header = _bytes.AsSpan(0, HeaderBytes);
        BinaryPrimitives.WriteInt32BigEndian(header, 1);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], _hasNulls ? 1 : 0);
        BinaryPrimitives.WriteUInt32BigEndian(header[8..], (uint)element);
        BinaryPrimitives.WriteInt32BigEndian(header[12..], _count);
        BinaryPrimitives.WriteInt32BigEndian(header[16..], 1);
        return _bytes.AsMemory(0, _length);
    }

    /// <summary>Forgets all values.</summary>
    public void Clear()
    {
        if (_bytes.Length > MostKeptBytes)
            _bytes = new byte[4096];
        _length = HeaderBytes;
        _count = 0;
        _hasNulls = false;
    }

    /// <summary>Adds NULL.</summary>
    public void AddNull()
    {
        BinaryPrimitives.WriteInt32BigEndian(Take(LengthBytes), -1);
        _hasNulls = true;
        _count++;
    }

    /// <summary>Adds a value of two bytes.</summary>
    public void AddInt16(short value) => BinaryPrimitives.WriteInt16BigEndian(AddFixed(sizeof(short)), value);

    /// <summary>Adds a value of four bytes.</summary>
    public void AddInt32(int value) => BinaryPrimitives.WriteInt32BigEndian(AddFixed(sizeof(int)), value);

    /// <summary>Adds a value of eight bytes.</summary>
    public void AddInt64(long value) => BinaryPrimitives.WriteInt64BigEndian(AddFixed(sizeof(long)), value);

    /// <summary>Adds a single.</summary>
    public void AddSingle(float value) => BinaryPrimitives.WriteSingleBigEndian(AddFixed(sizeof(float)), value);

    /// <summary>Adds a double.</summary>
    public void AddDouble(double value) => BinaryPrimitives.WriteDoubleBigEndian(AddFixed(sizeof(double)), value);

    /// <summary>Adds a value by its bytes.</summary>
    public void AddBytes(ReadOnlySpan<byte> value) => value.CopyTo(AddFixed(value.Length));

    /// <summary>Adds a value of that many bytes, which the caller fills.</summary>
    public Span<byte> AddFixed(int bytes)
    {
        var room = Take(LengthBytes + bytes);
        BinaryPrimitives.WriteInt32BigEndian(room, bytes);
        _count++;
        return room[LengthBytes..];
    }

    /// <summary>Begins a value whose length is not known yet; written through <see cref="IBufferWriter{T}"/>, ended by <see cref="EndValue"/>.</summary>
    public void BeginValue()
    {
        Take(LengthBytes);
        _valueStart = _length;
    }

    /// <summary>Ends it.</summary>
    public void EndValue()
    {
        BinaryPrimitives.WriteInt32BigEndian(_bytes.AsSpan(_valueStart - LengthBytes), _length - _valueStart);
        _count++;
    }

    /// <inheritdoc/>
    public void Advance(int count) => _length += count;

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(Math.Max(sizeHint, 1));
        return _bytes.AsMemory(_length);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0) => GetMemory(sizeHint).Span;

    private Span<byte> Take(int bytes)
    {
        Reserve(bytes);
        var room = _bytes.AsSpan(_length, bytes);
        _length += bytes;
        return room;
    }

    private void Reserve(int bytes)
    {
        if (_bytes.Length - _length < bytes)
            Array.Resize(ref _bytes, Math.Max(_bytes.Length * 2, _length + bytes));
    }
}
