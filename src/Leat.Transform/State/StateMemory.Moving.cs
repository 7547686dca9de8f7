using System.Buffers.Binary;

namespace Leat.Transform.State;

// Freed cells are never joined: where rows grow, cells of the sizes that they had are left over. So rows move out of chunks that are mostly empty, and those are given back.
internal sealed partial class StateMemory
{
    // Less than this is not worth a walk over all rows.
    private const long LeastWaste = 4 << 20;

    // Of the chunk of one large row, which goes with it.
    private const int OneRow = -1;

    private readonly List<int> _live = []; // bytes of the cells in use, by chunk
    private readonly List<bool> _leaving = [];
    private long _chunkBytes;
    private long _cellBytes;
    private long _wasteLeft;

    /// <summary>Whether more bytes of chunks are free than in use, so that <see cref="BeginMoving"/> is worth its while.</summary>
    public bool IsWasteful => Waste > LeastWaste && Waste > _cellBytes && Waste > _wasteLeft + LeastWaste;

    private long Waste => _chunkBytes - _cellBytes;

    /// <summary>Chooses the chunks of which less than half is in use: they take no rows any more, and each is given back with its last one.</summary>
    public void BeginMoving()
    {
        for (var chunk = 0; chunk < _chunks.Count; chunk++)
            _leaving[chunk] |= chunk != _open && _live[chunk] != OneRow && _live[chunk] < _chunks[chunk].Length / 2;
        for (var sizeClass = 0; sizeClass < Classes; sizeClass++)
            DropLeaving(sizeClass);
        for (var chunk = 0; chunk < _chunks.Count; chunk++)
        {
            if (_leaving[chunk] && _live[chunk] == 0)
                LetGo(chunk);
        }
    }

    /// <summary>Ends it: whoever could move has moved.</summary>
    public void EndMoving() => _wasteLeft = Waste;

    /// <summary>Whether a row has to move.</summary>
    public bool HasToMove(Cell cell) => _leaving[cell.Chunk];

    /// <summary>Moves a row; false when there is no room for it elsewhere.</summary>
    public bool TryMove(Cell cell, out Cell moved)
    {
        if (!TryTake(cell.Length, out moved))
            return false;
        Span(cell).CopyTo(Span(moved));
        Free(cell);
        return true;
    }

    private void DropLeaving(int sizeClass)
    {
        var (next, kept) = (_free[sizeClass], 0UL);
        while (next != 0)
        {
            var cell = new Cell(next);
            var place = _chunks[cell.Chunk].AsSpan(cell.Offset);
            next = BinaryPrimitives.ReadUInt64LittleEndian(place);
            if (_leaving[cell.Chunk])
                continue;
            BinaryPrimitives.WriteUInt64LittleEndian(place, kept);
            kept = cell.Bits;
        }

        _free[sizeClass] = kept;
    }
}
