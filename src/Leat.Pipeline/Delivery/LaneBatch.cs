using Leat.Changes;

namespace Leat.Pipeline.Delivery;

/// <summary>The one request of a lane: its operations side by side, as sinks want them, and a slot for each answer. Used again and again.</summary>
internal sealed class LaneBatch
{
    private readonly int _maxOperations;
    private readonly int _maxBytes;
    private Pending[] _items;
    private Operation[] _operations;
    private Answer[] _answers;
    private int _bytes;

    public LaneBatch(SinkTraits traits)
    {
        // Two at least: a moved key's delete and index go together.
        _maxOperations = Math.Max(TablePlanOperations, traits.MaxBatchOperations);
        _maxBytes = traits.MaxBatchBytes;
        var first = Math.Min(_maxOperations, 64);
        _items = new Pending[first];
        _operations = new Operation[first];
        _answers = new Answer[first];
    }

    private const int TablePlanOperations = Leat.Transform.Plan.TablePlan.MaxOperations;

    public int Count { get; private set; }

    public ReadOnlyMemory<Operation> Operations => _operations.AsMemory(0, Count);

    public Memory<Answer> Answers => _answers.AsMemory(0, Count);

    public ref Pending this[int index] => ref _items[index];

    /// <summary>Whether so many more fit. An empty batch has room for anything.</summary>
    public bool HasRoom(int operations, int bytes) =>
        Count == 0 || (Count + operations <= _maxOperations && (long)_bytes + bytes <= _maxBytes);

    public void Add(in Pending item)
    {
        if (Count == _items.Length)
        {
            Array.Resize(ref _items, Count * 2);
            Array.Resize(ref _operations, Count * 2);
            Array.Resize(ref _answers, Count * 2);
        }

        _items[Count] = item;
        _operations[Count] = item.Operation;
        _bytes += item.Operation.Row.Length;
        Count++;
    }

    /// <summary>Keeps only what <paramref name="stays"/> says, in order.</summary>
    public void Keep(Func<int, bool> stays)
    {
        var kept = 0;
        for (var i = 0; i < Count; i++)
        {
            if (!stays(i))
                continue;
            _items[kept] = _items[i];
            _operations[kept] = _operations[i];
            kept++;
        }

        Trim(kept);
    }

    public void Clear() => Trim(0);

    private void Trim(int count)
    {
        // References to buffers and shapes must not outlive the request.
        Array.Clear(_items, count, Count - count);
        Array.Clear(_operations, count, Count - count);
        Array.Clear(_answers, 0, Count);
        Count = count;
        _bytes = 0;
        for (var i = 0; i < count; i++)
            _bytes += _operations[i].Row.Length;
    }
}
