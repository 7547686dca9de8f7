namespace Leat.Pipeline.Delivery;

/// <summary>Operations that wait because their target asked for a repeat, and all that came after them for the same key. Other keys go on.</summary>
internal sealed class HeldKeys(TimeProvider time)
{
    /// <summary>Above this the lane takes no new operations until some of the held ones are through.</summary>
    public const int MaxOperations = 10_000;

    /// <summary>And so above these bytes: what is held is memory.</summary>
    public const long MaxBytes = 8 * 1024 * 1024;

    private readonly Dictionary<ulong, Key> _keys = [];

    public int Count { get; private set; }

    /// <summary>Bytes of the records that are held.</summary>
    public long Bytes { get; private set; }

    /// <summary>Whether any key is held; one whose only operation is being sent counts.</summary>
    public bool Any => _keys.Count > 0;

    public bool IsFull => Count >= MaxOperations || Bytes >= MaxBytes;

    public bool Contains(ulong orderKey) => _keys.ContainsKey(orderKey);

    /// <summary>Lowest offset that is held, with its commit time; both <see cref="long.MaxValue"/> when there is none.</summary>
    public (long Offset, long CommitMicros) Lowest
    {
        get
        {
            var lowest = (Offset: long.MaxValue, CommitMicros: long.MaxValue);
            foreach (var key in _keys.Values)
            {
                // A key whose only operation is being sent is covered by the note that the queue took before.
                if (key.Items.Count == 0)
                    continue;
                var first = key.First;
                if (first.Operation.Offset < lowest.Offset)
                    lowest = (first.Operation.Offset, first.CommitMicros);
            }

            return lowest;
        }
    }

    /// <summary>How long until the first key may be tried again; <see langword="null"/> when nothing is held.</summary>
    public TimeSpan? NextDue
    {
        get
        {
            if (_keys.Count == 0)
                return null;
            var now = time.GetTimestamp();
            var soonest = _keys.Values.Min(key => key.DueIn(now, time));
            return soonest > TimeSpan.Zero ? soonest : TimeSpan.Zero;
        }
    }

    /// <summary>Puts an operation behind those of its key that wait already.</summary>
    public void Follow(in Pending item)
    {
        _keys[item.OrderKey].Items.Enqueue(item.Detach());
        Count++;
        Bytes += item.HeldBytes;
    }

    /// <summary>Puts operations of one key back to be repeated, before those that wait already; for a key that is not held, holds it.</summary>
    /// <param name="orderKey">The key.</param>
    /// <param name="items">In stream order, detached.</param>
    public void Repeat(ulong orderKey, List<Pending> items)
    {
        if (!_keys.TryGetValue(orderKey, out var key))
            _keys[orderKey] = key = new(new Backoff(orderKey));
        Count += items.Count;
        foreach (ref var item in System.Runtime.InteropServices.CollectionsMarshal.AsSpan(items))
        {
            item.Resent = false;
            Bytes += item.HeldBytes;
        }

        items.AddRange(key.Items);
        key.Items = new(items);
        key.FailedAt = time.GetTimestamp();
        key.Wait = key.Backoff.Next();
        key.Sent = false;
    }

    /// <summary>Moves the first operation of each key that is due into the batch, as far as it has room.</summary>
    public void TakeDue(LaneBatch batch)
    {
        if (_keys.Count == 0)
            return;
        var now = time.GetTimestamp();
        foreach (var key in _keys.Values.Where(key => key.DueIn(now, time) <= TimeSpan.Zero).OrderBy(key => key.First.Operation.Offset).ToList())
        {
            if (!batch.HasRoom(1, key.First.Operation.Row.Length))
                return;
            var item = key.Items.Dequeue();
            item.Resent = true;
            batch.Add(item);
            key.Sent = true;
            Count--;
            Bytes -= item.HeldBytes;
        }
    }

    /// <summary>The repeated operation of this key is through: the next may go, or the key is free.</summary>
    public void Through(ulong orderKey)
    {
        if (!_keys.TryGetValue(orderKey, out var key))
            return;
        if (key.Items.Count == 0)
        {
            _keys.Remove(orderKey);
            return;
        }

        key.Backoff.Reset();
        key.Wait = TimeSpan.Zero;
        key.Sent = false;
    }

    private sealed class Key(Backoff backoff)
    {
        public Backoff Backoff { get; } = backoff;

        public Queue<Pending> Items = [];

        public long FailedAt;

        public TimeSpan Wait;

        public bool Sent;

        public Pending First => Items.Peek();

        public TimeSpan DueIn(long now, TimeProvider time) => Sent ? TimeSpan.MaxValue : Wait - time.GetElapsedTime(FailedAt, now);
    }
}
