using System.Buffers.Binary;
using System.Numerics;

namespace Leat.Transform.State;

/// <summary>Where the bytes of one row are, and how many. <c>default</c>: nowhere.</summary>
/// <param name="Bits">Bit 0: length in bytes, 31 bits; bit 31: offset in its chunk in units of 8 bytes, 17 bits; bit 48: number of the chunk.</param>
internal readonly record struct Cell(ulong Bits)
{
    public Cell(int chunk, int offset, int length)
        : this((ulong)(uint)chunk << 48 | (ulong)(uint)(offset >> 3) << 31 | (uint)length)
    {
    }

    public bool IsNone => Length == 0;

    public int Length => (int)(Bits & 0x7FFF_FFFF);

    public int Chunk => (int)(Bits >> 48);

    public int Offset => (int)(Bits >> 31 & 0x1_FFFF) << 3;
}

/// <summary>The memory that all tables of one document plan share: cells for rows, cut out of large chunks, and pages for what finds them. For one thread.</summary>
/// <remarks>
/// A cell's size is rounded up to one of 112 classes, at most an eighth more than asked for beyond 128 bytes. A freed cell waits for the next one of its class; when the
/// limit allows no new chunk, larger ones are cut up. When more bytes are free than in use, rows move out of the emptiest chunks. Rows of more than <see cref="LargestCell"/> bytes have a chunk of their own, which is given back.
/// </remarks>
/// <param name="limitBytes">Most bytes that are ever taken, to <see cref="MostBytes"/>.</param>
internal sealed partial class StateMemory(long limitBytes)
{
    /// <summary>The largest limit: 32 GiB, what chunks of 1 MiB can be numbered for with room to spare for large rows.</summary>
    public const long MostBytes = 32L << 30;

    /// <summary>Bytes of the largest row that shares a chunk.</summary>
    public const int LargestCell = 512 << 10;

    private const int LeastAsideBytes = 16 << 20;
    private const int ChunkBytes = 1 << 20;
    private const int FirstChunkBytes = 64 << 10;
    private const int MostChunks = 1 << 16;
    private const int Classes = 113;

    private readonly List<byte[]> _chunks = [];
    private readonly Stack<int> _freeChunks = new();
    private readonly ulong[] _free = new ulong[Classes];
    private int _open = -1;
    private int _openAt;

    /// <summary>Most bytes that are ever taken.</summary>
    public long LimitBytes { get; } = limitBytes is > 0 and <= MostBytes
        ? limitBytes
        : throw new ArgumentOutOfRangeException(nameof(limitBytes), limitBytes, "1 byte to 32 GiB");

    /// <summary>Bytes taken from the machine: chunks and pages, whether they are in use or not.</summary>
    public long Bytes { get; private set; }

    /// <summary>Bytes in use: pages, and cells with what rounding adds to them.</summary>
    public long UsedBytes { get; private set; }

    /// <summary>Bytes that are kept elsewhere for a while; <see cref="Bytes"/> does not count them.</summary>
    public long AsideBytes { get; private set; }

    /// <summary>Most of them: a quarter as much as for rows, at least 16 MiB.</summary>
    public long MostAsideBytes => Math.Max(LimitBytes / 4, LeastAsideBytes);

    /// <summary>Bytes that a cell for so many takes.</summary>
    public static int CellBytes(int length) => length > LargestCell ? (length + 0xFFF) & ~0xFFF : SizeOf(ClassOf(length));

    /// <summary>Takes a cell.</summary>
    /// <param name="length">Bytes of the row, at least 1.</param>
    /// <exception cref="Leat.Changes.PauseException">The limit is reached. Nothing was taken.</exception>
    public Cell Take(int length)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        if (length > LargestCell)
            return TakeLarge(length);

        return TryTake(length, out var cell) ? cell : throw StateErrors.LimitReached(LimitBytes, Bytes, CellBytes(length));
    }

    /// <summary>Gives a cell back.</summary>
    public void Free(Cell cell)
    {
        if (cell.Length > LargestCell)
        {
            UsedBytes -= _chunks[cell.Chunk].Length;
            _cellBytes -= _chunks[cell.Chunk].Length;
            LetGo(cell.Chunk);
            return;
        }

        var sizeClass = ClassOf(cell.Length);
        Count(cell.Chunk, -SizeOf(sizeClass));
        if (!_leaving[cell.Chunk])
            Link(cell.Chunk, cell.Offset, sizeClass);
        else if (_live[cell.Chunk] == 0)
            LetGo(cell.Chunk);
    }

    /// <summary>The bytes of a cell. Valid until it is freed.</summary>
    public Span<byte> Span(Cell cell) => _chunks[cell.Chunk].AsSpan(cell.Offset, cell.Length);

    /// <summary>The same cell for a row of another length of the same size class.</summary>
    public static Cell Resize(Cell cell, int length) => new(cell.Chunk, cell.Offset, length);

    /// <summary>Whether a row of another length fits into the cell without waste.</summary>
    public static bool Fits(Cell cell, int length) => CellBytes(cell.Length) == CellBytes(length);

    /// <summary>Takes a page of zeros.</summary>
    /// <exception cref="Leat.Changes.PauseException">The limit is reached. Nothing was taken.</exception>
    public byte[] TakePage(int bytes)
    {
        Hold(bytes);
        return GC.AllocateArray<byte>(bytes, pinned: true);
    }

    /// <summary>Counts bytes that somebody keeps elsewhere; less than 0: no longer.</summary>
    /// <exception cref="Leat.Changes.PauseException">The limit is reached. Nothing was counted.</exception>
    public void Hold(long bytes)
    {
        if (bytes > LimitBytes - Bytes)
            throw StateErrors.LimitReached(LimitBytes, Bytes, bytes);
        Bytes += bytes;
        UsedBytes += bytes;
    }

    /// <summary>Counts bytes that somebody keeps elsewhere for a while, beside what rows may take; less than 0: no longer.</summary>
    /// <exception cref="Leat.Changes.PauseException">The limit is reached. Nothing was counted.</exception>
    public void HoldAside(long bytes)
    {
        if (bytes > 0 && bytes > MostAsideBytes - AsideBytes)
            throw StateErrors.TransactionTooLarge(MostAsideBytes, LimitBytes);
        AsideBytes += bytes;
    }

    /// <summary>Makes room for more elements: a page more, or the first and only one twice as large.</summary>
    /// <returns>The elements that there is room for now.</returns>
    /// <exception cref="Leat.Changes.PauseException">The limit is reached. Nothing was changed.</exception>
    public int Grow(List<byte[]> pages, int room, int firstRoom, int pageRoom, int elementBytes)
    {
        if (room is 0 || room >= pageRoom)
        {
            var added = room == 0 ? firstRoom : pageRoom;
            pages.Add(TakePage(added * elementBytes));
            return room + added;
        }

        var larger = TakePage(2 * room * elementBytes);
        pages[0].CopyTo(larger, 0);
        FreePage(pages[0]);
        pages[0] = larger;
        return 2 * room;
    }

    /// <summary>Gives a page back.</summary>
    public void FreePage(byte[] page) => Hold(-page.Length);

    // 8 to 128 in steps of 8, then eight steps to each doubling.
    private static int ClassOf(int length)
    {
        if (length <= 128)
            return (length + 7) >> 3;
        var doubling = BitOperations.Log2((uint)length - 1);
        return 17 + ((doubling - 7) << 3) + ((length - 1) >> (doubling - 3) & 7);
    }

    private static int SizeOf(int sizeClass)
    {
        if (sizeClass <= 16)
            return sizeClass << 3;
        var (doubling, step) = Math.DivRem(sizeClass - 17, 8);
        return (9 + step) << (doubling + 4);
    }

    private Cell TakeLarge(int length)
    {
        var size = CellBytes(length);
        if (size > LimitBytes - Bytes || (_freeChunks.Count == 0 && _chunks.Count == MostChunks))
            throw StateErrors.LimitReached(LimitBytes, Bytes, size);
        UsedBytes += size;
        _cellBytes += size;
        var chunk = Keep(new byte[size]);
        _live[chunk] = OneRow;
        return new(chunk, 0, length);
    }

    private int Keep(byte[] chunk)
    {
        Bytes += chunk.Length;
        _chunkBytes += chunk.Length;
        if (_freeChunks.TryPop(out var number))
        {
            _chunks[number] = chunk;
            return number;
        }

        _chunks.Add(chunk);
        _live.Add(0);
        _leaving.Add(false);
        return _chunks.Count - 1;
    }

    private void LetGo(int chunk)
    {
        Bytes -= _chunks[chunk].Length;
        _chunkBytes -= _chunks[chunk].Length;
        _chunks[chunk] = [];
        _leaving[chunk] = false;
        _live[chunk] = 0;
        _freeChunks.Push(chunk);
    }

    private void Count(int chunk, int bytes)
    {
        _live[chunk] += bytes;
        _cellBytes += bytes;
        UsedBytes += bytes;
    }

    private bool TryTake(int length, out Cell cell)
    {
        var sizeClass = ClassOf(length);
        var size = SizeOf(sizeClass);
        if (_free[sizeClass] != 0)
        {
            cell = Unlink(sizeClass, length);
        }
        else if ((_open < 0 || _chunks[_open].Length - _openAt < size) && !TryOpenChunk(size))
        {
            if (!TryCutLarger(sizeClass, length, out cell))
                return false;
        }
        else
        {
            cell = new(_open, _openAt, length);
            _openAt += size;
        }

        Count(cell.Chunk, size);
        return true;
    }

    // Chunks grow with what is held, so that a small pipeline stays small; the last one before the limit takes what is left.
    private bool TryOpenChunk(int size)
    {
        var grown = (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(Bytes / 4, size));
        var wanted = Math.Min(Math.Clamp(grown, FirstChunkBytes, ChunkBytes), (LimitBytes - Bytes) & ~7L);
        if (wanted < size || (_freeChunks.Count == 0 && _chunks.Count == MostChunks))
            return false;

        if (_open >= 0)
            CutUp(_open, _openAt, _chunks[_open].Length - _openAt);
        _open = Keep(GC.AllocateUninitializedArray<byte>((int)wanted, pinned: true));
        _openAt = 0;
        return true;
    }

    // The smallest free cell that is larger, and what is left of it in pieces.
    private bool TryCutLarger(int sizeClass, int length, out Cell cell)
    {
        var size = SizeOf(sizeClass);
        for (var larger = sizeClass + 1; larger < Classes; larger++)
        {
            if (_free[larger] == 0)
                continue;
            cell = Unlink(larger, length);
            CutUp(cell.Chunk, cell.Offset + size, SizeOf(larger) - size);
            return true;
        }

        cell = default;
        return false;
    }

    private void CutUp(int chunk, int offset, int bytes)
    {
        while (bytes >= 8)
        {
            var sizeClass = ClassOf(Math.Min(bytes, LargestCell));
            if (SizeOf(sizeClass) > bytes)
                sizeClass--;
            Link(chunk, offset, sizeClass);
            offset += SizeOf(sizeClass);
            bytes -= SizeOf(sizeClass);
        }
    }

    // A free cell holds the place of the next one of its class in its first eight bytes; a length of 1 keeps a place from being 0.
    private void Link(int chunk, int offset, int sizeClass)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_chunks[chunk].AsSpan(offset), _free[sizeClass]);
        _free[sizeClass] = new Cell(chunk, offset, 1).Bits;
    }

    private Cell Unlink(int sizeClass, int length)
    {
        var cell = new Cell(_free[sizeClass]);
        _free[sizeClass] = BinaryPrimitives.ReadUInt64LittleEndian(_chunks[cell.Chunk].AsSpan(cell.Offset));
        return Resize(cell, length);
    }
}
