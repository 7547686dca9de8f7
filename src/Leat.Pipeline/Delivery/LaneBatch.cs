using Leat.Changes;

namespace Leat.Pipeline.Delivery;

/// <summary>The one request of a lane: its operations side by side, as sinks want them, and a slot for each answer. Used again and again.</summary>
internal sealed class LaneBatch
{
    private readonly BatchLimit _limit;
    private Pending[] _items;
    private Operation[] _operations;
    private Answer[] _answers;

    public LaneBatch(SinkTraits traits, BatchLimit limit)
    {
        _limit = limit;
        var first = Math.Clamp(traits.MaxBatchOperations, 1, 64);
        _items = new Pending[first];
        _operations = new Operation[first];
        _answers = new Answer[first];
    }

    public int Count { get; private set; }

    /// <summary>Bytes of encoded rows.</summary>
    public int Bytes { get; private set; }

    public ReadOnlyMemory<Operation> Operations => _operations.AsMemory(0, Count);

    public Memory<Answer> Answers => _answers.AsMemory(0, Count);

    public ref Pending this[int index] => ref _items[index];

    /// <summary>Whether so many more fit. An empty batch has room for anything.</summary>
    public bool HasRoom(int operations, int bytes) =>
        Count == 0 || (Count + operations <= _limit.Operations && (long)Bytes + bytes <= _limit.Bytes);

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
        Bytes += item.Operation.Row.Length;
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

    /// <summary>Takes the second half out, in order, so that both are sent on their own; <see langword="null"/> when what is there cannot be parted.</summary>
    /// <param name="keepsOffset">Whether the target keeps one offset for all operations of a change: those are not parted then.</param>
    /// <param name="partsTransactions">Whether a whole transaction of the source that is left alone may be parted.</param>
    public Pending[]? TakeHalf(bool keepsOffset, bool partsTransactions)
    {
        var at = Cut(static (batch, at) => batch._items[at - 1].EndsTransaction);
        if (at == 0 && (partsTransactions || (Count > 0 && !_items[Count - 1].EndsTransaction)))
            at = Cut(keepsOffset ? static (batch, at) => !IsOneChange(batch._operations[at - 1], batch._operations[at]) : static (_, _) => true);
        if (at == 0)
            return null;
        var half = _items[at..Count];
        Trim(at);
        return half;
    }

    /// <summary>Takes everything out.</summary>
    public Pending[] TakeAll()
    {
        var all = _items[..Count];
        Trim(0);
        return all;
    }

    // The place nearest to the middle that may be cut; 0 when there is none.
    private int Cut(Func<LaneBatch, int, bool> mayCut)
    {
        var middle = Count / 2;
        for (var distance = 0; distance <= middle; distance++)
        {
            if (middle - distance > 0 && mayCut(this, middle - distance))
                return middle - distance;
            if (middle + distance < Count && middle + distance > 0 && mayCut(this, middle + distance))
                return middle + distance;
        }

        return 0;
    }

    // What a whole table loses, and what comes out of its turn, moves no offset past itself.
    private static bool IsOneChange(in Operation first, in Operation second) =>
        first.Offset == second.Offset && !first.IsUnpositioned && first.Cause is not (ChangeKind.Truncate or ChangeKind.Sweep);

    private void Trim(int count)
    {
        // References to buffers and shapes must not outlive the request.
        Array.Clear(_items, count, Count - count);
        Array.Clear(_operations, count, Count - count);
        Array.Clear(_answers, 0, Count);
        Count = count;
        Bytes = 0;
        for (var i = 0; i < count; i++)
            Bytes += _operations[i].Row.Length;
    }
}
