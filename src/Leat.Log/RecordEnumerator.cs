using System.Runtime.InteropServices;

namespace Leat.Log;

/// <summary>Walks the records of a <see cref="LogBlock"/> without allocating; passes over markers and aborted transactions.</summary>
[StructLayout(LayoutKind.Auto)]
public struct RecordEnumerator
{
    private readonly LogBlock _block;
    private readonly byte[] _buffer;
    private int _at;
    private int _batchEnd;
    private long _baseOffset;
    private long _baseTime;

    internal RecordEnumerator(LogBlock block)
    {
        _block = block;
        _buffer = block.Buffer;
        _at = _batchEnd = block.Start;
    }

    /// <summary>The record's offset.</summary>
    public long Offset { get; private set; }

    /// <summary>The record's time, milliseconds since 1970 UTC.</summary>
    public long TimestampMs { get; private set; }

    /// <summary>Where the key starts in the block's buffer.</summary>
    public int KeyStart { get; private set; }

    /// <summary>Bytes of the key; -1: the record has none.</summary>
    public int KeyLength { get; private set; }

    /// <summary>Where the value starts in the block's buffer.</summary>
    public int ValueStart { get; private set; }

    /// <summary>Bytes of the value; -1: the record has none.</summary>
    public int ValueLength { get; private set; }

    /// <summary>Moves to the next record; false at the end.</summary>
    /// <exception cref="LogException">The record contradicts itself, although its batch's checksum agrees.</exception>
    public bool MoveNext()
    {
        while (true)
        {
            while (_at < _batchEnd)
            {
                ReadRecord();
                if (Offset >= _block.From)
                    return true;
            }

            if (!NextBatch())
                return false;
        }
    }

    private bool NextBatch()
    {
        var end = _block.Start + _block.Length;
        while (_batchEnd < end)
        {
            var view = new BatchView(_buffer.AsSpan(_batchEnd, end - _batchEnd));
            var start = _batchEnd;
            _batchEnd += (int)view.SizeBytes;
            if (view.IsControl || view.NextOffset <= _block.From || (view.IsTransactional && _block.IsAborted(view.BaseOffset)))
                continue;
            _at = start + BatchFormat.HeaderBytes;
            _baseOffset = view.BaseOffset;
            _baseTime = view.BaseTime;
            return true;
        }

        _at = _batchEnd;
        return false;
    }

    private void ReadRecord()
    {
        var batch = _buffer.AsSpan(0, _batchEnd);
        if (!Varint.TryRead(batch, ref _at, out var length) || length < 0 || length > _batchEnd - _at)
            throw LogErrors.MalformedRecord(_baseOffset);

        var record = _buffer.AsSpan(0, _at + (int)length);
        var end = record.Length;
        var at = _at + 1; // attributes
        if (!Varint.TryRead(record, ref at, out var timeDelta) || !Varint.TryRead(record, ref at, out var offsetDelta)
            || !TryReadField(record, ref at, out var keyStart, out var keyLength)
            || !TryReadField(record, ref at, out var valueStart, out var valueLength))
            throw LogErrors.MalformedRecord(_baseOffset);

        Offset = _baseOffset + offsetDelta;
        TimestampMs = _baseTime + timeDelta;
        (KeyStart, KeyLength, ValueStart, ValueLength) = (keyStart, keyLength, valueStart, valueLength);
        _at = end;
    }

    private static bool TryReadField(ReadOnlySpan<byte> record, ref int at, out int start, out int length)
    {
        start = length = 0;
        if (!Varint.TryRead(record, ref at, out var bytes) || bytes < -1 || bytes > record.Length - at)
            return false;
        start = at;
        length = (int)bytes;
        at += Math.Max(0, length);
        return true;
    }
}
