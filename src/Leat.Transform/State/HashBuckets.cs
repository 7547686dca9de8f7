using System.Numerics;
using System.Runtime.InteropServices;

namespace Leat.Transform.State;

/// <summary>
/// Numbers by a hash. Its table grows by one bucket for each five numbers (linear hashing), so that no insert ever waits for a rehash of all; a bucket is a line of the processor's cache, and
/// holds the hashes, so that a look at it is mostly all that a search costs.
/// </summary>
/// <remarks>
/// <code>
/// bucket   7 × { hash u32 | number u32 } | bucket that goes on, its number + 1, i32 | entries in use i32
/// </code>
/// Only the last of the buckets that go on has room.
/// </remarks>
internal sealed class HashBuckets(StateMemory memory)
{
    private const int BucketBytes = 64;
    private const int BucketEntries = 7;
    private const int Load = 5;
    private const int PageShift = 12;
    private const int PageBuckets = 1 << PageShift;
    private const int FirstBuckets = 16;

    private readonly List<byte[]> _pages = [];
    private readonly RecordPages _more = new(memory, BucketBytes);
    private ulong[] _moving = new ulong[2 * BucketEntries];
    private int _buckets;
    private int _room;
    private int _count;

    /// <summary>Makes sure that the next <see cref="Add"/> finds room.</summary>
    /// <exception cref="Leat.Changes.PauseException">The limit is reached.</exception>
    public void Prepare()
    {
        _more.Prepare();
        if (_buckets == _room && _count >= _buckets * Load)
            _room = memory.Grow(_pages, _room, FirstBuckets, PageBuckets, BucketBytes);
    }

    /// <summary>The numbers of a hash. Nothing may be added or removed meanwhile.</summary>
    public Probe Of(uint hash) => new(this, _buckets == 0 ? default : Bucket(BucketOf(hash)), hash);

    /// <summary>Adds a number.</summary>
    public void Add(uint hash, int number)
    {
        if (_count >= _buckets * Load)
            Grow();
        _count++;
        Push(Bucket(BucketOf(hash)), (ulong)(uint)number << 32 | hash);
    }

    /// <summary>Takes a number out. It must be there.</summary>
    public void Remove(uint hash, int number)
    {
        var bucket = Bucket(BucketOf(hash));
        var last = bucket;
        var before = -1;
        while (MoreOf(last) > 0)
        {
            before++;
            last = _more[MoreOf(last) - 1];
        }

        // The last entry of the last bucket takes its place.
        var entry = EntryOf(hash, number);
        while (!Entries(bucket).Contains(entry))
            bucket = _more[MoreOf(bucket) - 1];
        var left = CountOf(last) - 1;
        Slots(bucket)[Entries(bucket).IndexOf(entry)] = Slots(last)[left];
        CountOf(last) = left;
        _count--;
        if (left > 0 || before < 0)
            return;

        // The last one is empty: the one before it does not go on any more.
        last = Bucket(BucketOf(hash));
        for (; before > 0; before--)
            last = _more[MoreOf(last) - 1];
        _more.Free(MoreOf(last) - 1);
        MoreOf(last) = 0;
    }

    /// <summary>Forgets all numbers, and gives the pages back.</summary>
    public void Clear()
    {
        foreach (var page in _pages)
            memory.FreePage(page);
        _pages.Clear();
        _more.Clear();
        (_buckets, _room, _count) = (0, 0, 0);
    }

    private static ulong EntryOf(uint hash, int number) => (ulong)(uint)number << 32 | hash;

    private static Span<ulong> Slots(Span<byte> bucket) => MemoryMarshal.Cast<byte, ulong>(bucket)[..BucketEntries];

    private static Span<ulong> Entries(Span<byte> bucket) => Slots(bucket)[..CountOf(bucket)];

    private static ref int MoreOf(Span<byte> bucket) => ref MemoryMarshal.Cast<byte, int>(bucket)[^2];

    private static ref int CountOf(Span<byte> bucket) => ref MemoryMarshal.Cast<byte, int>(bucket)[^1];

    // Buckets below the last power of two that have been split already are told by one bit more of the hash.
    private int BucketOf(uint hash)
    {
        var wide = (int)(hash & (BitOperations.RoundUpToPowerOf2((uint)_buckets) - 1));
        return wide < _buckets ? wide : wide ^ (1 << BitOperations.Log2((uint)wide));
    }

    private Span<byte> Bucket(int bucket) => _pages[bucket >> PageShift].AsSpan((bucket & (PageBuckets - 1)) * BucketBytes, BucketBytes);

    private void Push(Span<byte> bucket, ulong entry)
    {
        _more.Prepare();
        while (MoreOf(bucket) > 0)
            bucket = _more[MoreOf(bucket) - 1];
        if (CountOf(bucket) == BucketEntries)
        {
            var added = _more.Take();
            MoreOf(bucket) = added + 1;
            bucket = _more[added];
            bucket.Clear();
        }

        Slots(bucket)[CountOf(bucket)++] = entry;
    }

    // The new last bucket takes what belongs to it from the one that it splits.
    private void Grow()
    {
        Prepare();
        var added = _buckets++;
        if (added == 0)
            return;
        var source = Bucket(added ^ (1 << BitOperations.Log2((uint)added)));
        var count = Empty(source);
        foreach (var entry in _moving.AsSpan(0, count))
            Push(BucketOf((uint)entry) == added ? Bucket(added) : source, entry);
    }

    private int Empty(Span<byte> bucket)
    {
        var count = 0;
        for (var more = 0; ; bucket = _more[more - 1])
        {
            if (_moving.Length < count + BucketEntries)
                Array.Resize(ref _moving, 2 * _moving.Length);
            Entries(bucket).CopyTo(_moving.AsSpan(count));
            count += CountOf(bucket);
            var next = MoreOf(bucket);
            (CountOf(bucket), MoreOf(bucket)) = (0, 0);
            if (more > 0)
                _more.Free(more - 1);
            more = next;
            if (more == 0)
                return count;
        }
    }

    /// <summary>Walks the numbers of one hash.</summary>
    public ref struct Probe(HashBuckets buckets, Span<byte> bucket, uint hash)
    {
        private Span<byte> _bucket = bucket;
        private int _at = -1;

        /// <summary>The current number.</summary>
        public readonly int Current => (int)(Slots(_bucket)[_at] >> 32);

        /// <summary>Moves to the next number; false after the last.</summary>
        public bool MoveNext()
        {
            while (!_bucket.IsEmpty)
            {
                var entries = Entries(_bucket);
                while (++_at < entries.Length)
                {
                    if ((uint)entries[_at] == hash)
                        return true;
                }

                var more = MoreOf(_bucket);
                _bucket = more == 0 ? default : buckets._more[more - 1];
                _at = -1;
            }

            return false;
        }
    }
}
