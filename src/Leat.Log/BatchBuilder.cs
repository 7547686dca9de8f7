using System.Buffers;
using System.Buffers.Binary;
using Leat.Log.Codecs;

namespace Leat.Log;

/// <summary>A place in a batch to go back to; see <see cref="BatchBuilder.Mark"/>.</summary>
public readonly record struct BatchMark
{
    internal int Records { get; init; }
    internal int Bytes { get; init; }
    internal long MaxTime { get; init; }
    internal int LastValueAt { get; init; }
    internal int LastValueBytes { get; init; }
}

/// <summary>Builds one record batch in place, in a pooled buffer. Used by one thread; <see cref="StreamPartition.Append"/> takes it over.</summary>
/// <remarks>
/// A record's two lengths are variable-length integers that stand before the value, whose size is not known yet: room is left
/// as the last record needed it, and the value is moved by a byte or two when that was wrong, so that every integer is minimal.
/// </remarks>
public sealed class BatchBuilder : IDisposable
{
    private byte[] _buffer;
    private ArraySegment<byte> _compressed;
    private int _bytes = BatchFormat.HeaderBytes;
    private long _baseTime;
    private long _maxTime;
    private int _syncedAt;
    private int _recordAt = -1;
    private int _bodyAt;
    private int _valueAt;
    private int _lengthWidth = 2;
    private int _valueWidth = 2;
    private int _lastValueAt = -1;
    private int _lastValueBytes;

    /// <summary>An empty batch.</summary>
    /// <param name="firstBytes">Size of the first buffer; it grows as needed.</param>
    /// <param name="nowMs">First value of <see cref="TimestampMs"/>.</param>
    internal BatchBuilder(int firstBytes, long nowMs)
    {
        _buffer = ArrayPool<byte>.Shared.Rent(Math.Max(firstBytes, BatchFormat.HeaderBytes));
        TimestampMs = nowMs;
    }

    /// <summary>Finished records in the batch.</summary>
    public int RecordCount { get; private set; }

    /// <summary>Bytes of the batch so far, its header included; without a record that is begun and not ended.</summary>
    public int SizeBytes => _recordAt >= 0 ? _recordAt : _bytes;

    /// <summary>Time of the records begun from now on, milliseconds since 1970 UTC. At first the time at which the builder was taken.</summary>
    public long TimestampMs { get; set; }

    /// <summary>Offsets that were left out so far, in a compacted batch: the next record's offset is the base offset, the records and these.</summary>
    internal int SkippedOffsets { get; set; }

    /// <summary>Time of the first record, milliseconds since 1970 UTC.</summary>
    internal long BaseTimeMs => _baseTime;

    /// <summary>Memory that the builder holds, whatever is in it.</summary>
    internal int BufferBytes => _buffer.Length;

    /// <summary>The finished batch, not compressed.</summary>
    internal ArraySegment<byte> Batch => new(_buffer, 0, _bytes);

    /// <summary>The sealed batch as it is written: <see cref="Batch"/> itself, or its compressed form.</summary>
    internal ArraySegment<byte> Stored => _compressed.Count > 0 ? _compressed : Batch;

    /// <summary>Begins a record; its value follows through <see cref="GetSpan"/> and <see cref="Advance"/>.</summary>
    /// <param name="key">The key's bytes.</param>
    /// <param name="hasKey">False for a record without a key, which is not the same as an empty one.</param>
    public void BeginRecord(ReadOnlySpan<byte> key, bool hasKey)
    {
        if (_recordAt >= 0)
            throw new InvalidOperationException("A record is begun and not ended.");
        if (RecordCount == 0)
            _baseTime = _maxTime = TimestampMs;

        const int mostBeforeKey = 3 * Varint.MaxBytes32 + Varint.MaxBytes64 + 1;
        Reserve(mostBeforeKey + key.Length + Varint.MaxBytes32);
        _recordAt = _bytes;
        var at = _bodyAt = _bytes + _lengthWidth;
        _buffer[at++] = 0; // attributes: none are defined
        at += Varint.Write(_buffer.AsSpan(at), TimestampMs - _baseTime);
        at += Varint.Write(_buffer.AsSpan(at), RecordCount + SkippedOffsets);
        at += Varint.Write(_buffer.AsSpan(at), hasKey ? key.Length : -1);
        if (hasKey)
        {
            key.CopyTo(_buffer.AsSpan(at));
            at += key.Length;
        }

        _valueAt = _bytes = at + _valueWidth;
    }

    /// <summary>Room for at least <paramref name="minBytes"/> more bytes of the value; valid until the next call on the builder.</summary>
    public Span<byte> GetSpan(int minBytes)
    {
        Reserve(minBytes);
        return _buffer.AsSpan(_bytes);
    }

    /// <summary>Takes <paramref name="bytes"/> bytes, written into the last span, into the value.</summary>
    public void Advance(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, _buffer.Length - _bytes);
        _bytes += bytes;
    }

    /// <summary>Ends the record.</summary>
    public void EndRecord() => EndRecord(hasValue: true);

    /// <summary>Ends a record without a value, which is not the same as an empty one: in a compacted stream it says that the key is gone.</summary>
    public void EndRecordWithoutValue()
    {
        if (_recordAt >= 0 && _bytes != _valueAt)
            throw new InvalidOperationException("The record has a value.");
        EndRecord(hasValue: false);
    }

    /// <summary>Drops a record that was begun and not ended; nothing happens when there is none.</summary>
    public void CancelRecord()
    {
        if (_recordAt < 0)
            return;
        _bytes = _recordAt;
        _recordAt = -1;
    }

    /// <summary>Changes one byte of the last finished record's value.</summary>
    /// <param name="offset">From the value's start.</param>
    /// <param name="value">The new byte.</param>
    public void PatchLastValue(int offset, byte value)
    {
        if (_recordAt >= 0 || _lastValueAt < 0)
            throw new InvalidOperationException("There is no finished last record to change.");
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)offset, (uint)_lastValueBytes);
        _buffer[_lastValueAt + offset] = value;
    }

    /// <summary>Remembers this place, between two records.</summary>
    public BatchMark Mark() => _recordAt >= 0
        ? throw new InvalidOperationException("A record is begun and not ended.")
        : new() { Records = RecordCount, Bytes = _bytes, MaxTime = _maxTime, LastValueAt = _lastValueAt, LastValueBytes = _lastValueBytes };

    /// <summary>Drops every record after the mark, a begun one included. A fresh mark of an empty batch empties it.</summary>
    public void RollbackTo(BatchMark mark)
    {
        CancelRecord();
        if (mark.Records > RecordCount || mark.Bytes > _bytes)
            throw new InvalidOperationException("The mark is of another batch, or of a place that was rolled back already.");
        RecordCount = mark.Records;
        _bytes = Math.Max(mark.Bytes, BatchFormat.HeaderBytes); // the default mark is that of an empty batch
        _maxTime = mark.MaxTime;
        _lastValueAt = mark.Records == 0 ? -1 : mark.LastValueAt;
        _lastValueBytes = mark.LastValueBytes;
    }

    /// <summary>Lets the buffer of an unused batch go. Nothing happens after <see cref="StreamPartition.Append"/>, which took it over.</summary>
    public void Dispose()
    {
        if (!IsTaken)
            Release();
    }

    /// <summary>Whether it is no longer its user's: appended, or disposed.</summary>
    internal bool IsTaken { get; set; }

    /// <summary>Returns the buffer to the pool; the builder must not be used again.</summary>
    internal void Release()
    {
        IsTaken = true;
        if (_compressed.Array is { } compressed)
            ArrayPool<byte>.Shared.Return(compressed);
        if (_buffer.Length > 0)
            ArrayPool<byte>.Shared.Return(_buffer);
        _compressed = default;
        _buffer = [];
    }

    /// <summary>Gives the buffer with <see cref="Batch"/> away; the builder has only to be released afterwards.</summary>
    internal byte[] TakeBuffer()
    {
        var taken = _buffer;
        _buffer = [];
        return taken;
    }

    /// <summary>Fills an empty builder with the one record of a marker.</summary>
    internal void BecomeMarker(bool commit, uint epoch)
    {
        Span<byte> key = [0, 0, 0, commit ? (byte)1 : (byte)0]; // version 0, type
        BeginRecord(key, hasKey: true);
        var value = GetSpan(6);
        BinaryPrimitives.WriteInt16BigEndian(value, 0); // version
        BinaryPrimitives.WriteInt32BigEndian(value[2..], (int)epoch);
        Advance(6);
        EndRecord();
    }

    /// <summary>Completes the header and compresses; afterwards <see cref="Batch"/> and <see cref="Stored"/> are final.</summary>
    /// <param name="head">What the header says.</param>
    /// <param name="compression">Left out when the batch would not be smaller, and for markers.</param>
    internal void Seal(in BatchHead head, Compression compression)
    {
        BinaryPrimitives.WriteInt64BigEndian(_buffer.AsSpan(BatchFormat.BaseTimeAt), _baseTime);
        BinaryPrimitives.WriteInt64BigEndian(_buffer.AsSpan(BatchFormat.MaxTimeAt), _maxTime);
        var batch = _buffer.AsSpan(0, _bytes);
        BatchFormat.WriteHead(batch, _syncedAt, head);
        if (compression != Compression.None && (head.Attributes & BatchFormat.Control) == 0)
            _compressed = CompressedBatch.Deflate(batch, compression);
        if (_compressed.Count == 0)
            BatchFormat.WriteCrc(batch);
    }

    private void EndRecord(bool hasValue)
    {
        if (_recordAt < 0)
            throw new InvalidOperationException("No record is begun.");

        var valueBytes = _bytes - _valueAt;
        var valueLength = hasValue ? valueBytes : -1;
        var valueWidth = Varint.Size(valueLength);
        var headBytes = _valueAt - _valueWidth - _bodyAt;
        var headerBytes = RecordCount == 0 ? BatchFormat.SyncedHeaderBytes : 1;
        var recordBytes = headBytes + valueWidth + valueBytes + headerBytes;
        var lengthWidth = Varint.Size(recordBytes);
        Reserve(headerBytes + 2 * Varint.MaxBytes32);
        Move(headBytes, valueBytes, lengthWidth, valueWidth);

        Varint.Write(_buffer.AsSpan(_recordAt), recordBytes);
        Varint.Write(_buffer.AsSpan(_valueAt - valueWidth), valueLength);
        WriteHeaders();
        _lastValueAt = _valueAt;
        _lastValueBytes = valueBytes;
        _maxTime = Math.Max(_maxTime, TimestampMs);
        _recordAt = -1;
        RecordCount++;
    }

    // Brings key and value to where the minimal lengths put them. Normally both widths are as predicted and nothing moves.
    private void Move(int headBytes, int valueBytes, int lengthWidth, int valueWidth)
    {
        if (lengthWidth == _lengthWidth && valueWidth == _valueWidth)
            return;
        var bodyAt = _recordAt + lengthWidth;
        var valueAt = bodyAt + headBytes + valueWidth;
        if (bodyAt > _bodyAt)
        {
            // Both move back or the value stays: the later bytes first.
            Shift(_valueAt, valueAt, valueBytes);
            Shift(_bodyAt, bodyAt, headBytes);
        }
        else
        {
            Shift(_bodyAt, bodyAt, headBytes);
            Shift(_valueAt, valueAt, valueBytes);
        }

        _valueAt = valueAt;
        _bytes = valueAt + valueBytes;
        _lengthWidth = lengthWidth;
        _valueWidth = valueWidth;
    }

    private void Shift(int from, int to, int bytes) => _buffer.AsSpan(from, bytes).CopyTo(_buffer.AsSpan(to));

    private void WriteHeaders()
    {
        if (RecordCount > 0)
        {
            _buffer[_bytes++] = 0;
            return;
        }

        BatchFormat.SyncedHeader.CopyTo(_buffer.AsSpan(_bytes));
        _syncedAt = _bytes + BatchFormat.SyncedHeader.Length;
        _bytes += BatchFormat.SyncedHeaderBytes;
    }

    private void Reserve(int bytes)
    {
        if (_buffer.Length - _bytes >= bytes)
            return;
        var needed = (long)_bytes + bytes;
        if (needed > BatchFormat.MaxBatchBytes)
            throw LogErrors.BatchTooLarge(needed);
        ReplaceBuffer((int)Math.Min(Math.Max(needed, _buffer.Length * 2L), BatchFormat.MaxBatchBytes), keep: _bytes);
    }

    private void ReplaceBuffer(int bytes, int keep)
    {
        var larger = ArrayPool<byte>.Shared.Rent(bytes);
        _buffer.AsSpan(0, keep).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }
}
