using System.Buffers.Binary;

namespace Leat.Transform.State;

/// <summary>Byte strings in order, each with how often it is there: blocks of about a kilobyte, found by their first one. For one thread.</summary>
/// <remarks><code>entry   length, varint | times u32 | bytes</code></remarks>
/// <param name="memory">What counts the blocks; <see langword="null"/>: nobody does.</param>
internal sealed class ValueBag(StateMemory? memory)
{
    private const int FirstBytes = 32;
    private const int FullBytes = 1024;
    private const int ObjectBytes = 64;
    private const int TimesBytes = sizeof(uint);

    private readonly List<Block> _blocks = [];

    /// <summary>Different values.</summary>
    public long Distinct { get; private set; }

    /// <summary>Bytes that it takes.</summary>
    public long HeldBytes { get; private set; }

    /// <summary>The least value. Only when there is one.</summary>
    public ReadOnlySpan<byte> Least => new Entry(_blocks[0].Bytes, 0).Value;

    /// <summary>The greatest value. Only when there is one.</summary>
    public ReadOnlySpan<byte> Greatest
    {
        get
        {
            var block = _blocks[^1];
            var entry = new Entry(block.Bytes, 0);
            while (entry.End < block.Used)
                entry = new(block.Bytes, entry.End);
            return entry.Value;
        }
    }

    /// <summary>Adds a value once.</summary>
    /// <exception cref="Leat.Changes.PauseException">The limit is reached. Nothing was changed.</exception>
    public void Add(ReadOnlySpan<byte> value)
    {
        var number = BlockOf(value);
        if (number < 0)
        {
            _blocks.Add(NewBlock(Entry.SizeOf(value)));
            number = 0;
        }

        var block = _blocks[number];
        if (Seek(block, value, out var at))
        {
            var times = new Entry(block.Bytes, at).TimesSpan;
            BinaryPrimitives.WriteUInt32LittleEndian(times, BinaryPrimitives.ReadUInt32LittleEndian(times) + 1);
            return;
        }

        var size = Entry.SizeOf(value);
        if (block.Used + size > FullBytes && block.Used > FullBytes / 2)
            block = Part(number, size, ref at);

        Reserve(block, block.Used + size);
        block.Bytes.AsSpan(at, block.Used - at).CopyTo(block.Bytes.AsSpan(at + size));
        block.Used += size;
        Entry.Write(block.Bytes.AsSpan(at), value);
        Distinct++;
    }

    /// <summary>Takes a value out once; false when it is not there.</summary>
    public bool Remove(ReadOnlySpan<byte> value)
    {
        var number = BlockOf(value);
        if (number < 0 || !Seek(_blocks[number], value, out var at))
            return false;

        var block = _blocks[number];
        var entry = new Entry(block.Bytes, at);
        var times = BinaryPrimitives.ReadUInt32LittleEndian(entry.TimesSpan);
        if (times > 1)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(entry.TimesSpan, times - 1);
            return true;
        }

        block.Bytes.AsSpan(entry.End, block.Used - entry.End).CopyTo(block.Bytes.AsSpan(at));
        block.Used -= entry.End - at;
        Distinct--;
        Join(number);
        return true;
    }

    /// <summary>Takes all values out.</summary>
    public void Clear()
    {
        Distinct = 0;
        if (memory is null && _blocks.Count > 0)
        {
            // Nobody counts: the first block serves again.
            _blocks.RemoveRange(1, _blocks.Count - 1);
            _blocks[0].Used = 0;
            return;
        }

        foreach (var block in _blocks)
            Count(-ObjectBytes - block.Bytes.Length);
        _blocks.Clear();
    }

    /// <summary>The values in order.</summary>
    public Walk GetEnumerator() => new(_blocks);

    // The last block that begins at or before the value; the first one when none does; -1 without blocks.
    private int BlockOf(ReadOnlySpan<byte> value)
    {
        var (low, high) = (0, _blocks.Count - 1);
        while (low < high)
        {
            var middle = (low + high + 1) >> 1;
            if (new Entry(_blocks[middle].Bytes, 0).Value.SequenceCompareTo(value) <= 0)
                low = middle;
            else
                high = middle - 1;
        }

        return _blocks.Count == 0 ? -1 : low;
    }

    // Where the value stands, or would.
    private static bool Seek(Block block, ReadOnlySpan<byte> value, out int at)
    {
        at = 0;
        while (at < block.Used)
        {
            var entry = new Entry(block.Bytes, at);
            var order = entry.Value.SequenceCompareTo(value);
            if (order >= 0)
                return order == 0;
            at = entry.End;
        }

        return false;
    }

    private Block NewBlock(int bytes)
    {
        var size = Math.Max(FirstBytes, bytes);
        Count(ObjectBytes + size);
        return new(new byte[size]);
    }

    private void Reserve(Block block, int bytes)
    {
        if (block.Bytes.Length >= bytes)
            return;
        var size = Math.Max(bytes, Math.Min(2 * block.Bytes.Length, FullBytes));
        Count(size - block.Bytes.Length);
        Array.Resize(ref block.Bytes, size);
    }

    // Cuts a full block in two, or puts an empty one beside a single large value. Returns the one to insert into, and where in it.
    private Block Part(int number, int size, ref int at)
    {
        var block = _blocks[number];
        var last = 0;
        var half = new Entry(block.Bytes, 0).End;
        while (half < block.Used / 2)
            (last, half) = (half, new Entry(block.Bytes, half).End);
        if (half == block.Used)
            half = last;
        if (half == 0)
        {
            var beside = NewBlock(size);
            _blocks.Insert(at == 0 ? number : number + 1, beside);
            at = 0;
            return beside;
        }

        var second = NewBlock(block.Used - half);
        second.Used = block.Used - half;
        block.Bytes.AsSpan(half, second.Used).CopyTo(second.Bytes);
        block.Used = half;
        _blocks.Insert(number + 1, second);
        if (at < half)
            return block;
        at -= half;
        return second;
    }

    // An empty block goes; two that became small are one again.
    private void Join(int number)
    {
        if (_blocks[number].Used == 0)
        {
            if (_blocks.Count > 1 || memory is not null)
                Drop(number);
            return;
        }

        if (number + 1 == _blocks.Count || _blocks[number].Used + _blocks[number + 1].Used > FullBytes / 4)
            return;
        var (block, next) = (_blocks[number], _blocks[number + 1]);
        if (block.Bytes.Length < block.Used + next.Used)
            return;
        next.Bytes.AsSpan(0, next.Used).CopyTo(block.Bytes.AsSpan(block.Used));
        block.Used += next.Used;
        Drop(number + 1);
    }

    private void Drop(int number)
    {
        Count(-ObjectBytes - _blocks[number].Bytes.Length);
        _blocks.RemoveAt(number);
    }

    private void Count(int bytes)
    {
        memory?.Hold(bytes);
        HeldBytes += bytes;
    }

    /// <summary>Walks the values in order.</summary>
    public ref struct Walk(List<Block> blocks)
    {
        private int _block;
        private int _at = -1;

        /// <summary>The current value and how often it is there.</summary>
        public readonly Entry Current => new(blocks[_block].Bytes, _at);

        /// <summary>Moves to the next value; false after the last.</summary>
        public bool MoveNext()
        {
            if (_block >= blocks.Count)
                return false;
            _at = _at < 0 ? 0 : Current.End;
            if (_at >= blocks[_block].Used)
                (_block, _at) = (_block + 1, 0);
            return _block < blocks.Count && blocks[_block].Used > 0;
        }
    }

    /// <summary>One value.</summary>
    public readonly ref struct Entry
    {
        public Entry(byte[] block, int at)
        {
            var length = 0;
            for (var shift = 0; ; shift += 7)
            {
                var part = block[at++];
                length |= (part & 0x7F) << shift;
                if (part < 0x80)
                    break;
            }

            TimesSpan = block.AsSpan(at, TimesBytes);
            Value = block.AsSpan(at + TimesBytes, length);
            End = at + TimesBytes + length;
        }

        /// <summary>The value.</summary>
        public ReadOnlySpan<byte> Value { get; }

        /// <summary>How often it is there.</summary>
        public uint Times => BinaryPrimitives.ReadUInt32LittleEndian(TimesSpan);

        internal Span<byte> TimesSpan { get; }

        internal int End { get; }

        public static int SizeOf(ReadOnlySpan<byte> value)
        {
            var lengthBytes = 1;
            for (var rest = value.Length >> 7; rest > 0; rest >>= 7)
                lengthBytes++;
            return lengthBytes + TimesBytes + value.Length;
        }

        public static void Write(Span<byte> target, ReadOnlySpan<byte> value)
        {
            var at = 0;
            for (var rest = (uint)value.Length; ; rest >>= 7)
            {
                target[at++] = (byte)(rest < 0x80 ? rest : rest | 0x80);
                if (rest < 0x80)
                    break;
            }

            BinaryPrimitives.WriteUInt32LittleEndian(target[at..], 1);
            value.CopyTo(target[(at + TimesBytes)..]);
        }
    }

    /// <summary>Some values that follow each other.</summary>
    public sealed class Block(byte[] bytes)
    {
        internal byte[] Bytes = bytes;

        internal int Used { get; set; }
    }
}
