using System.Buffers;
using Leat.Log.Codecs;

namespace Leat.Log;

/// <summary>Gathers the hashes of the keys in a segment and makes its <see cref="KeyFilter"/>.</summary>
/// <remarks>
/// Up to 65,536 different keys are counted exactly. Beyond that the filter is made for as many as the rest of the segment will bring at
/// this rate, and takes them as they come; its size has a limit, above which it only gets less sharp.
/// </remarks>
internal sealed class KeyCollector(IRecordKeys? keysOf, long segmentBytes) : IDisposable
{
    private const int MostHashes = 1 << 16;
    private const int MostFilterBytes = 16 * 1024 * 1024;
    private const int MostHashesOfRecord = 4;

    private ulong[] _hashes = ArrayPool<ulong>.Shared.Rent(4096);
    private int _count;
    private byte[]? _filter;
    private long _added;

    /// <summary>Adds the keys of all records of a batch as the file has it; markers have none.</summary>
    public void Add(ReadOnlySpan<byte> batch, long position)
    {
        var view = new BatchView(batch);
        if (view.IsControl)
            return;
        if (view.Compression == Compression.None)
        {
            AddRecords(batch, view.BaseOffset, position);
            return;
        }

        var plain = CompressedBatch.Inflate(batch, out var bytes) ?? throw LogErrors.MalformedRecord(view.BaseOffset);
        AddRecords(plain.AsSpan(0, bytes), view.BaseOffset, position);
        ArrayPool<byte>.Shared.Return(plain);
    }

    /// <summary>The filter's bytes.</summary>
    public byte[] Close(SegmentWindow window)
    {
        if (_filter is null)
        {
            Distinct();
            StartFilter(_count);
        }

        var filter = _filter ?? [];
        KeyFilter.Seal(filter, _added, window, KeyFilter.RuleOf(keysOf));
        return filter;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<ulong>.Shared.Return(_hashes);
        _hashes = [];
    }

    private void AddRecords(ReadOnlySpan<byte> batch, long baseOffset, long position)
    {
        Span<ulong> hashes = stackalloc ulong[MostHashesOfRecord];
        for (var at = BatchFormat.HeaderBytes; at < batch.Length;)
        {
            if (!RecordFields.TryRead(batch, ref at, out var record))
                throw LogErrors.MalformedRecord(baseOffset);
            var count = 0;
            var key = batch.Slice(record.KeyStart, Math.Max(0, record.KeyLength));
            if (keysOf is not null)
                count = keysOf.Hash(key, batch.Slice(record.ValueStart, Math.Max(0, record.ValueLength)), hashes);
            else if (record.KeyLength >= 0)
                hashes[count++] = KeyHash.Of(key);
            foreach (var hash in hashes[..count])
                Take(hash, position);
        }
    }

    private void Take(ulong hash, long position)
    {
        if (_filter is not null)
        {
            KeyFilter.Add(_filter, hash);
            _added++;
            return;
        }

        if (_count == _hashes.Length)
            MakeRoom(position);
        if (_filter is null)
            _hashes[_count++] = hash;
        else
            Take(hash, position);
    }

    private void MakeRoom(long position)
    {
        Distinct();
        if (_count < _hashes.Length / 2)
            return;
        if (_hashes.Length < MostHashes)
        {
            var larger = ArrayPool<ulong>.Shared.Rent(_hashes.Length * 2);
            _hashes.AsSpan(0, _count).CopyTo(larger);
            ArrayPool<ulong>.Shared.Return(_hashes);
            _hashes = larger;
        }
        else
        {
            StartFilter((long)(_count * ((double)segmentBytes / Math.Max(1, position))));
        }
    }

    private void StartFilter(long keys)
    {
        _filter = KeyFilter.Create(keys, MostFilterBytes);
        for (var i = 0; i < _count; i++)
            KeyFilter.Add(_filter, _hashes[i]);
        _added = _count;
    }

    private void Distinct()
    {
        Array.Sort(_hashes, 0, _count);
        var kept = 0;
        for (var i = 0; i < _count; i++)
        {
            if (kept == 0 || _hashes[i] != _hashes[kept - 1])
                _hashes[kept++] = _hashes[i];
        }

        _count = kept;
    }
}
