namespace Leat.Log;

/// <summary>Where a batch stands on the disk.</summary>
internal readonly record struct BatchPlace(long SegmentBase, long Position, int Bytes);

/// <summary>A transaction without a marker yet: its first offset, and its latest batch.</summary>
internal readonly record struct OpenTransaction(long First, BatchPlace Latest);

/// <summary>What readers must know of transactions: which one is open, which were aborted, and which batch was committed last.</summary>
/// <remarks>Fed with every batch in order, by the writer once the batch is durable and by recovery.</remarks>
internal sealed class TransactionTracker
{
    private readonly List<AbortedRange> _aborted = [];

    /// <summary>The open transaction, or null.</summary>
    public OpenTransaction? Open { get; set; }

    /// <summary>The last committed batch that is not a marker, or null.</summary>
    public BatchPlace? LastCommitted { get; set; }

    /// <summary>First offset of the transaction that <see cref="LastCommitted"/> ends; null when it was committed before this start.</summary>
    public long? LastCommittedFirst { get; private set; }

    /// <summary>Aborted transactions, in order.</summary>
    public IReadOnlyList<AbortedRange> Aborted => _aborted;

    public void AddAborted(AbortedRange range) => _aborted.Add(range);

    /// <summary>Drops what ended before the first offset that is kept.</summary>
    public void ForgetAborted(long startOffset)
    {
        if (_aborted.Count > 0 && _aborted[0].Marker < startOffset)
            _aborted.RemoveAll(range => range.Marker < startOffset);
    }

    public void Apply(BatchKind kind, long baseOffset, BatchPlace place)
    {
        switch (kind)
        {
            case BatchKind.Plain:
                LastCommitted = place;
                LastCommittedFirst = baseOffset;
                break;
            case BatchKind.Transactional:
                Open = new(Open?.First ?? baseOffset, place);
                break;
            case BatchKind.CommitMarker:
                LastCommitted = Open?.Latest ?? LastCommitted;
                LastCommittedFirst = Open?.First ?? LastCommittedFirst;
                Open = null;
                break;
            default:
                if (Open is { } dropped)
                    _aborted.Add(new(dropped.First, baseOffset));
                Open = null;
                break;
        }
    }

    /// <summary>The aborted ranges that touch offsets from <paramref name="first"/> to before <paramref name="next"/>.</summary>
    public AbortedRange[] AbortedWithin(long first, long next)
    {
        if (_aborted.Count == 0 || _aborted[^1].Marker < first)
            return [];
        var from = _aborted.Count;
        while (from > 0 && _aborted[from - 1].Marker >= first)
            from--;
        var to = from;
        while (to < _aborted.Count && _aborted[to].First < next)
            to++;
        return to == from ? [] : _aborted.GetRange(from, to - from).ToArray();
    }

    /// <summary>What a batch's header says it is.</summary>
    public static BatchKind KindOf(in BatchView view) => (view.IsControl, view.IsTransactional) switch
    {
        (true, _) => view.Commits() == true ? BatchKind.CommitMarker : BatchKind.AbortMarker,
        (_, true) => BatchKind.Transactional,
        _ => BatchKind.Plain,
    };
}
