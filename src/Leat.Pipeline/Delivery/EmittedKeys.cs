using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Pipeline.Delivery;

/// <summary>Which documents were handed to the lanes and may have no outcome yet. A restart emits them again. Used by the dispatcher alone.</summary>
/// <remarks>
/// In a lane offsets never fall, so that what stands below the lowest one without an outcome is done with. What is kept for a document is its offset and its key,
/// in arrays that are used again and again.
/// </remarks>
/// <param name="lanes">How many lanes there are.</param>
/// <param name="lowestOf">Tells the lowest offset without an outcome of a lane.</param>
internal sealed class EmittedKeys(int lanes, Func<int, long> lowestOf)
{
    private const int PruneAfter = 4_096;

    private readonly Lane[] _lanes = [.. Enumerable.Range(0, lanes).Select(_ => new Lane())];
    private readonly RowBuilder _key = new();

    /// <summary>Takes note of an operation that goes to a lane.</summary>
    public void Add(int lane, in Operation operation)
    {
        var keys = _lanes[lane];
        if (keys.Count >= PruneAfter && keys.Count >= 2 * keys.CountAfterPruning)
            keys.Prune(lowestOf(lane));
        DocumentKey.Write(operation.Shape, operation.Row.Span, _key);
        keys.Add(operation.Offset, _key.Row);
    }

    /// <summary>The keys of those without an outcome, each once, as <see cref="DocumentKey"/> writes them.</summary>
    public ImmutableArray<byte[]> Outstanding()
    {
        var found = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        for (var lane = 0; lane < _lanes.Length; lane++)
        {
            _lanes[lane].Prune(lowestOf(lane));
            foreach (var key in _lanes[lane].Keys())
                found.TryAdd(Convert.ToHexString(key), key);
        }

        return [.. found.Values];
    }

    // A queue of offsets and keys.
    private sealed class Lane
    {
        private (long Offset, int End)[] _entries = new (long, int)[64];
        private byte[] _bytes = new byte[1024];
        private int _first;
        private int _end;

        public int Count => _end - _first;

        public int CountAfterPruning { get; private set; }

        public void Add(long offset, ReadOnlySpan<byte> key)
        {
            var start = _end == 0 ? 0 : _entries[_end - 1].End;
            if (_end == _entries.Length || start + key.Length > _bytes.Length)
                start = MakeRoom(key.Length);
            key.CopyTo(_bytes.AsSpan(start));
            _entries[_end++] = (offset, start + key.Length);
        }

        /// <summary>Forgets what has its outcome.</summary>
        public void Prune(long lowest)
        {
            while (_first < _end && _entries[_first].Offset < lowest)
                _first++;
            CountAfterPruning = Count;
        }

        public IEnumerable<byte[]> Keys()
        {
            for (var i = _first; i < _end; i++)
                yield return _bytes[StartOf(i).._entries[i].End];
        }

        private int StartOf(int entry) => entry == 0 ? 0 : _entries[entry - 1].End;

        // What is left moves to the front, of larger arrays where it fills half of them.
        private int MakeRoom(int keyBytes)
        {
            var start = _first == _end ? 0 : StartOf(_first);
            var used = _first == _end ? 0 : _entries[_end - 1].End - start;
            var count = Count;
            var entries = count * 2 > _entries.Length ? new (long, int)[_entries.Length * 2] : _entries;
            var bytes = (used + keyBytes) * 2L > _bytes.Length ? new byte[Math.Max(_bytes.Length * 2, (used + keyBytes) * 2)] : _bytes;
            Buffer.BlockCopy(_bytes, start, bytes, 0, used);
            for (var i = 0; i < count; i++)
                entries[i] = (_entries[_first + i].Offset, _entries[_first + i].End - start);
            (_entries, _bytes, _first, _end) = (entries, bytes, 0, count);
            return used;
        }
    }
}
