namespace Leat.Log.Compaction;

/// <summary>Writes the records that compaction keeps into files <c>.cleaned</c>, which take the places of segments when they are complete.</summary>
/// <remarks>Plain batches of ordinary form, with offsets left out between records. Described in docs/formats/log-segment.md.</remarks>
internal sealed class CompactedFiles : IDisposable
{
    private const int BatchBytes = 256 * 1024;

    // Positions in an index have 31 bits. Reached only when what was compressed is written plain.
    private const long MostBytes = 1L << 30;

    private readonly StreamPartition _stream;

    private readonly List<SealedSegment> _segments = [];
    private readonly List<OffsetIndex> _indexes = [];
    private IDiskFile _file;
    private long _base;
    private BatchBuilder? _batch;
    private long _firstOffset;
    private long _nextOffset;
    private long _bytes;
    private long _latestTime = Manifest.UnknownTime;

    /// <param name="stream">The stream that is compacted.</param>
    /// <param name="baseOffset">The first file stands for all offsets from here on, whether or not a record of them is kept.</param>
    public CompactedFiles(StreamPartition stream, long baseOffset)
    {
        _stream = stream;
        _file = Begin(baseOffset);
    }

    /// <summary>About the size of the file that is being written, when what is collected is in it.</summary>
    public long Bytes => _bytes + (_batch?.SizeBytes ?? 0);

    /// <summary>Keeps the record that the enumerator is at.</summary>
    public void Add(in RecordEnumerator record, byte[] buffer)
    {
        if (_batch is not null && (_batch.SizeBytes >= BatchBytes || record.Offset - _firstOffset > int.MaxValue - 1))
            WriteBatch();
        if (_bytes >= MostBytes || record.Offset - _base > int.MaxValue - 1)
        {
            WriteBatch();
            Complete();
            _file = Begin(record.Offset);
        }

        if (_batch is null)
        {
            _batch = _stream.NewBatch();
            _firstOffset = _nextOffset = record.Offset;
        }

        _batch.SkippedOffsets += (int)(record.Offset - _nextOffset);
        _nextOffset = record.Offset + 1;
        _batch.TimestampMs = record.TimestampMs;
        _batch.BeginRecord(buffer.AsSpan(record.KeyStart, Math.Max(0, record.KeyLength)), record.KeyLength >= 0);
        if (record.ValueLength < 0)
        {
            _batch.EndRecordWithoutValue();
            return;
        }

        buffer.AsSpan(record.ValueStart, record.ValueLength).CopyTo(_batch.GetSpan(record.ValueLength));
        _batch.Advance(record.ValueLength);
        _batch.EndRecord();
    }

    /// <summary>Makes all of it durable; returns the segments that the files hold.</summary>
    public IReadOnlyList<SealedSegment> Finish()
    {
        WriteBatch();
        Complete();
        _stream.Folder.Disk.SyncDirectory(_stream.Folder.Path);
        return _segments;
    }

    /// <summary>The files are in place: writes their indexes.</summary>
    public void WriteIndexes()
    {
        for (var i = 0; i < _segments.Count; i++)
            _stream.Folder.WriteIndex(_segments[i].BaseOffset, _indexes[i].Bytes);
    }

    /// <summary>Removes files that are not in place, so that a full disk is less full.</summary>
    public void Discard()
    {
        Dispose();
        foreach (var segment in _segments)
            _stream.Folder.Disk.Delete(_stream.Folder.CleanedPath(segment.BaseOffset));
        if (_segments.Count < _indexes.Count)
            _stream.Folder.Disk.Delete(_stream.Folder.CleanedPath(_base));
    }

    /// <summary>Closes what is open. A file that is not put in place stays behind until the next one of its name, or the next start.</summary>
    public void Dispose()
    {
        _batch?.Dispose();
        _file.Dispose();
    }

    private IDiskFile Begin(long baseOffset)
    {
        _base = baseOffset;
        _bytes = 0;
        _latestTime = Manifest.UnknownTime;
        _indexes.Add(new(baseOffset));
        return _stream.Folder.Disk.Open(_stream.Folder.CleanedPath(baseOffset), DiskOpen.Replace);
    }

    private void WriteBatch()
    {
        if (_batch is null)
            return;
        _batch.Seal(new(
            _firstOffset, _stream.Epoch, Attributes: 0, _batch.RecordCount, _stream.IncarnationOf(_firstOffset), SyncedOffset: _nextOffset,
            _batch.SkippedOffsets), _stream.Options.Compression);
        var bytes = _batch.Stored;
        _file.Write(_bytes, bytes);
        _latestTime = Math.Max(_latestTime, new BatchView(bytes).LatestTime);
        _indexes[^1].Add(_nextOffset - 1, _bytes, bytes.Count);
        _bytes += bytes.Count;
        _batch.Dispose();
        _batch = null;
    }

    private void Complete()
    {
        _file.SyncData();
        _file.Dispose();
        _segments.Add(new(_base, _bytes, _latestTime, IsCompacted: true));
    }
}
