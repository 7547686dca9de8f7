namespace Leat.Transform.Plan.Documents;

/// <summary>
/// Keys of rows that were taken away because the source said that it has them no more: it says so as of now, and the stream may be behind that, so that it still tells of
/// their end. The newest 4,096 of them.
/// </summary>
internal sealed class SweptKeys
{
    private const int Most = 4_096;

    private readonly Queue<long> _order = new();
    private readonly HashSet<long> _keys = [];

    /// <summary>All of them, in the order in which they were added.</summary>
    public IEnumerable<long> All => _order.Where(_keys.Contains);

    /// <summary>A row among those of all tables.</summary>
    public static long Of(Input input, uint keyHash) => (long)input.Ordinal << 32 | keyHash;

    /// <summary>Adds one.</summary>
    public void Add(long key)
    {
        if (!_keys.Add(key))
            return;
        _order.Enqueue(key);
        while (_order.Count > Most)
            _keys.Remove(_order.Dequeue());
    }

    /// <summary>Takes one out; false when it is not there.</summary>
    public bool Take(long key) => _keys.Count > 0 && _keys.Remove(key);
}
