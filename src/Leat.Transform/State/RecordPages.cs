namespace Leat.Transform.State;

/// <summary>Numbered records of a fixed size in pages; a removed number is given out again. Bytes 4 to 8 of a free record are its own.</summary>
/// <remarks>Only the first page is ever copied, as it doubles to its full size: a small table stays small.</remarks>
/// <param name="memory">What counts the pages.</param>
/// <param name="recordBytes">Size of a record, at least 8.</param>
internal sealed class RecordPages(StateMemory memory, int recordBytes)
{
    private const int PageShift = 13;
    private const int PageRecords = 1 << PageShift;
    private const int FirstRecords = 256;

    private readonly List<byte[]> _pages = [];
    private int _free = -1;
    private int _room;

    /// <summary>Numbers given out so far, those given back included: every live number is below.</summary>
    public int End { get; private set; }

    /// <summary>The record of a number.</summary>
    public Span<byte> this[int number] =>
        _pages[number >> PageShift].AsSpan((number & (PageRecords - 1)) * recordBytes, recordBytes);

    /// <summary>Makes sure that the next <see cref="Take"/> finds room.</summary>
    /// <exception cref="Leat.Changes.PauseException">The limit is reached.</exception>
    public void Prepare()
    {
        if (_free >= 0 || End < _room)
            return;
        _room = memory.Grow(_pages, _room, FirstRecords, PageRecords, recordBytes);
    }

    /// <summary>A number whose record's bytes are undefined.</summary>
    public int Take()
    {
        if (_free < 0)
        {
            Prepare();
            return End++;
        }

        var number = _free;
        _free = BitConverter.ToInt32(this[number][4..]);
        return number;
    }

    /// <summary>Gives a number back.</summary>
    public void Free(int number)
    {
        BitConverter.TryWriteBytes(this[number][4..], _free);
        _free = number;
    }

    /// <summary>Gives all of them back, and the pages.</summary>
    public void Clear()
    {
        foreach (var page in _pages)
            memory.FreePage(page);
        _pages.Clear();
        End = 0;
        _room = 0;
        _free = -1;
    }
}
