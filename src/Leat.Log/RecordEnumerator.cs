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
    private int _lastDelta;

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
            _lastDelta = view.LastOffsetDelta;
            return true;
        }

        _at = _batchEnd;
        return false;
    }

    private void ReadRecord()
    {
        if (!RecordFields.TryRead(_buffer.AsSpan(0, _batchEnd), ref _at, out var fields) || (ulong)fields.OffsetDelta > (ulong)_lastDelta)
            throw LogErrors.MalformedRecord(_baseOffset);

        Offset = _baseOffset + fields.OffsetDelta;
        TimestampMs = _baseTime + fields.TimeDelta;
        (KeyStart, KeyLength, ValueStart, ValueLength) = (fields.KeyStart, fields.KeyLength, fields.ValueStart, fields.ValueLength);
    }
}
