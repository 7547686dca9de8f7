using Leat.Changes;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Delivery;

/// <summary>What became of one record.</summary>
internal enum Routed
{
    /// <summary>Filtered, or staged for its lanes.</summary>
    Done,

    /// <summary>An operation waits for the outcome of one in another lane: a moved key's index for its delete, or who takes a unique value for who frees it.</summary>
    Await,

    /// <summary>A table shape not seen before.</summary>
    NewShape,

    /// <summary>A change of a whole table: what the target loses by it has to be found out.</summary>
    WholeTable,
}

/// <summary>What a router counted: changes = filtered + planned; emitted operations went to a stage.</summary>
internal struct RouterCounts
{
    public long Changes;
    public long Filtered;
    public long Planned;
    public long Emitted;

    /// <summary>Commit time of the last change, microseconds since 1970 UTC.</summary>
    public long LastCommitMicros;
}

/// <summary>Plans changes and spreads their operations over the lanes. Used by the dispatcher alone; does not allocate per change.</summary>
internal sealed partial class Router
{
    private const long MicrosPerSecond = 1_000_000;

    // What lanes and blocks have room for beside, several times; a transaction larger than that is not held in memory.
    private const long MaxTransactionBytes = 64 * 1024 * 1024;

    private readonly string _pipeline;
    private readonly LaneControl _control;
    private readonly PipelinePlan _plan;
    private readonly IReadOnlyList<Lane> _lanes;
    private readonly Stage[] _stages;
    private readonly Operation[] _operations = new Operation[TablePlan.MaxOperations];
    private readonly Dictionary<string, ulong> _serial;
    private readonly UniqueValues _unique;
    private readonly bool _takesPartialRows;
    private readonly bool _whole;
    private RouterCounts _counts;
    private RouterCounts _countsAtEnd;
    private long _endOffset;
    private long _openBytes;
    private byte[] _buffer = [];
    private int _start;
    private int _length;
    private long _offset = -1;
    private int _count;
    private int _next;
    private int _firstLane;

    /// <summary>For the lanes of one session.</summary>
    /// <param name="pipeline">The pipeline's name.</param>
    /// <param name="plan">What becomes of changes.</param>
    /// <param name="shapes">What the target was prepared for.</param>
    /// <param name="lanes">The lanes.</param>
    /// <param name="traits">What the sink needs.</param>
    /// <param name="control">Is told how long lanes have no room.</param>
    /// <param name="from">Where the stream is read from.</param>
    public Router(string pipeline, PipelinePlan plan, IReadOnlyList<Shape> shapes, IReadOnlyList<Lane> lanes, SinkTraits traits, LaneControl control, long from)
    {
        _pipeline = pipeline;
        _control = control;
        _plan = plan;
        _lanes = lanes;
        _stages = [.. lanes.Select(_ => new Stage())];
        _serial = traits.SerialAliases.ToDictionary(alias => alias, AliasHash);
        _unique = new(traits, shapes, lanes.Count, lane => lanes[lane].Queue.LowestOffset);
        _takesPartialRows = traits.TakesPartialRows;
        _whole = traits.WholeTransactions;
        _endOffset = from;
    }

    /// <summary>What was counted of the changes that were handed to the lanes: with whole transactions up to the end of the last one.</summary>
    public RouterCounts Counts => _whole ? _countsAtEnd : _counts;

    /// <summary>Lane that is waited for; <see cref="UniqueValues.AllLanes"/> for all.</summary>
    public int AwaitedLane { get; private set; }

    /// <summary>Everything in that lane up to this offset has to have its outcome.</summary>
    public long AwaitedOffset { get; private set; }

    /// <summary>The table of the last <see cref="Routed.WholeTable"/>.</summary>
    public TablePlan? Whole { get; private set; }

    /// <summary>Plans one record of a block and stages what comes of it.</summary>
    /// <param name="arena">Where rows of the plan's own making live.</param>
    /// <param name="buffer">The block's bytes.</param>
    /// <param name="start">Where the record's value starts.</param>
    /// <param name="length">Bytes of the value.</param>
    /// <param name="offset">The record's offset.</param>
    /// <param name="timestampMs">When it was captured, milliseconds since 1970 UTC.</param>
    public Routed Route(RowArena arena, byte[] buffer, int start, int length, long offset, long timestampMs)
    {
        var change = new EncodedChange(buffer.AsSpan(start, length));
        if (change.Kind == ChangeKind.Position)
        {
            EndTransaction(offset);
            return Routed.Done;
        }

        var schemaId = change.SchemaId;
        if (!_plan.Knows(schemaId))
            return Routed.NewShape;

        var plan = _plan.Find(schemaId);
        _counts.Changes++;
        _counts.LastCommitMicros = Estimate(change.CommittedAtMicros, timestampMs);
        if (change.Kind is ChangeKind.Truncate or ChangeKind.Sweep && plan is { FollowsDeletes: true })
        {
            _counts.Planned++;
            Whole = plan;
            return Routed.WholeTable;
        }

        _count = plan?.Apply(buffer.AsMemory(start, length), offset, _operations, arena, _takesPartialRows) ?? 0;
        _next = 0;
        (_buffer, _start, _length, _offset) = (buffer, start, length, offset);
        if (_count == 0)
            _counts.Filtered++;
        else
            _counts.Planned++;
        var routed = Resume();
        if ((change.Marks & ChangeMarks.LastOfTransaction) != 0)
            EndTransaction(offset);
        return routed;
    }

    /// <summary>Goes on with a record after what it had to wait for.</summary>
    public Routed Resume()
    {
        for (; _next < _count; _next++)
        {
            ref readonly var operation = ref _operations[_next];
            var orderKey = OrderKeyOf(operation);
            var lane = LaneOf(orderKey);
            if (_next > 0 && lane != _firstLane && _unique.Map.IsUnderWay(_firstLane, _offset))
            {
                AwaitedLane = _firstLane;
                AwaitedOffset = _offset;
                return Routed.Await;
            }

            if (_unique.Any)
            {
                if (MustWait(operation, lane, out var other, out var offset))
                {
                    AwaitedLane = other;
                    AwaitedOffset = offset;
                    return Routed.Await;
                }

                _unique.Note(operation, lane);
            }

            _firstLane = _next == 0 ? lane : _firstLane;
            Add(lane, operation, orderKey, _counts.LastCommitMicros);
        }

        return Routed.Done;
    }

    /// <summary>Stages the delete of a row that the target loses by a change of the whole table.</summary>
    /// <param name="row">The row, of which the key counts.</param>
    /// <param name="mark">The change of the table.</param>
    /// <param name="offset">Its offset.</param>
    /// <param name="replayed">As <see cref="Operation.ReplayedEpoch"/>.</param>
    public void StageRemoval(ReadOnlySpan<byte> row, EncodedChange mark, long offset, uint replayed)
    {
        var record = new byte[EncodedChange.HeaderBytes + mark.TransactionId.Length + row.Length];
        var front = EncodedChange.WriteHeader(
            record, mark.Kind, ChangeMarks.HasBefore, mark.SchemaId, mark.CommittedAtMicros, mark.IndexInTransaction, row.Length, mark.TransactionId);
        row.CopyTo(record.AsSpan(front));
        var removal = Whole!.Remove(record, offset) with { ReplayedEpoch = replayed }; // not null: Route found the table
        (_buffer, _start, _length) = (record, 0, record.Length);
        var orderKey = OrderKeyOf(removal);
        Add(LaneOf(orderKey), removal, orderKey, _counts.LastCommitMicros);
    }

    /// <summary>Everything below this offset was handed to the lanes, when everything below <paramref name="dispatched"/> was staged and published.</summary>
    public long EndOf(long dispatched) => _whole ? Math.Min(_endOffset, dispatched) : dispatched;

    /// <summary>Whether no transaction is staged in part; always, unless they are delivered as a whole.</summary>
    public bool IsBetweenTransactions => !_whole || _stages[0].Count == 0;

    /// <summary>Stages what the plan of today makes of a dead letter, as far as it is about the letter's key. False when that is nothing.</summary>
    /// <param name="arena">Where rows of the plan's own making live.</param>
    /// <param name="record">The change.</param>
    /// <param name="letter">The letter.</param>
    /// <param name="nowMicros">Microseconds since 1970 UTC.</param>
    public bool StageReplay(RowArena arena, byte[] record, Letters.Letter letter, long nowMicros)
    {
        var change = new EncodedChange(record);
        if (_plan.Find(change.SchemaId) is not { } table)
            return false;
        var count = 1;
        if (change.Kind is ChangeKind.Truncate or ChangeKind.Sweep)
            _operations[0] = table.Remove(record, letter.Offset);
        else
            count = table.Apply(record, letter.Offset, _operations, arena, _takesPartialRows);

        // A moved key becomes two operations, which a key that only changes its letters' case shares.
        var same = _operations.Take(count).Where(operation => operation.KeyHash == letter.KeyHash).ToList();
        if (same.Count == 0)
            return false;
        var isDelete = letter.Operation == "delete";
        var chosen = same.Find(operation => operation.Kind == OperationKind.Delete == isDelete) is { Shape: not null } exact ? exact : same[^1];
        (_buffer, _start, _length) = (record, 0, record.Length);
        var orderKey = OrderKeyOf(chosen);
        Add(LaneOf(orderKey), chosen with { ReplayedEpoch = letter.Epoch }, orderKey, nowMicros);
        return true;
    }

    /// <summary>Says that a transaction of the source ends with the record at this offset.</summary>
    public void EndTransaction(long offset)
    {
        if (!_whole)
            return;
        _stages[0].End();
        _openBytes = 0;
        _countsAtEnd = _counts;
        _endOffset = offset + 1;
    }

    /// <summary>Hands every staged operation to its lane, once the lane has room; with whole transactions, those of the transactions that have ended.</summary>
    /// <param name="lease">Of the block that they are parts of, and of the rows made of it.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async ValueTask PublishAsync(BlockLease lease, CancellationToken cancellationToken)
    {
        lease.Count();
        for (var lane = 0; lane < _stages.Length; lane++)
        {
            var stage = _stages[lane];
            var count = _whole ? stage.Ended : stage.Count;
            if (count > 0)
            {
                var queue = _lanes[lane].Queue;
                await _control.WaitAsync(queue.WhenRoomAsync(cancellationToken));
                lease.AddUser();
                stage.Items[count - 1].Release = lease;
                queue.Publish(stage.Items.AsSpan(0, count));
            }

            stage.Remove(count);
        }

        _unique.Map.Published = _offset;
    }

    // MySQL tells commit times in whole seconds. The change was captured when its record was stamped, and within the commit's
    // second the capture is the best estimate there is; later than that, the second's end.
    internal static long Estimate(long committedAtMicros, long timestampMs) => committedAtMicros % MicrosPerSecond != 0
        ? committedAtMicros
        : Math.Clamp(timestampMs * 1000, committedAtMicros, committedAtMicros + MicrosPerSecond);

    private static ulong AliasHash(string alias)
    {
        var hash = 14695981039346656037UL; // FNV-1a, 64 bits: stable, and good enough for a few names
        foreach (var letter in alias)
            hash = (hash ^ letter) * 1099511628211UL;
        return hash;
    }

    // Two of one change that take one lane go there together: a target keeps one offset for both, so the first waits for what the second has to wait for.
    private bool MustWait(in Operation operation, int lane, out int other, out long offset)
    {
        if (_next == 0 && _count > 1 && LaneOf(OrderKeyOf(_operations[1])) == lane && _unique.MustWait(_operations[1], lane, out other, out offset))
            return true;
        return _unique.MustWait(operation, lane, out other, out offset);
    }

    private int LaneOf(ulong orderKey) => (int)(orderKey % (uint)_stages.Length);

    private ulong OrderKeyOf(in Operation operation) =>
        _serial.Count > 0 && _serial.TryGetValue(operation.Shape.Alias, out var alias) ? alias : operation.OrderHash;

    private void Add(int lane, in Operation operation, ulong orderKey, long commitMicros)
    {
        _counts.Emitted++;
        ref var item = ref _stages[lane].Add();
        item.Operation = operation;
        item.Buffer = _buffer;
        item.RecordStart = _start;
        item.RecordBytes = _length;
        item.CommitMicros = commitMicros;
        item.OrderKey = orderKey;
        _keys?.Add(lane, operation);
        if (!_whole)
            return;
        _openBytes += item.HeldBytes;
        if (_openBytes > MaxTransactionBytes)
        {
            var transaction = _length == 0 ? "" : System.Text.Encoding.ASCII.GetString(new EncodedChange(_buffer.AsSpan(_start, _length)).TransactionId);
            throw EngineErrors.TransactionTooLarge(_pipeline, transaction, operation.Offset, MaxTransactionBytes);
        }
    }

    // Operations on their way to one lane. Used again and again, so every field of an item is set, or cleared when it leaves.
    private sealed class Stage
    {
        private int _detached;

        public Pending[] Items { get; private set; } = new Pending[64];

        public int Count { get; private set; }

        /// <summary>Of those, how many belong to transactions that have ended.</summary>
        public int Ended { get; private set; }

        public ref Pending Add()
        {
            if (Count == Items.Length)
            {
                var larger = Items;
                Array.Resize(ref larger, Count * 2);
                Items = larger;
            }

            return ref Items[Count++];
        }

        public void End()
        {
            if (Count > Ended)
                Items[Count - 1].EndsTransaction = true;
            Ended = Count;
        }

        /// <summary>Takes the first out. What stays may outlive its block, so it gets bytes of its own.</summary>
        public void Remove(int count)
        {
            var left = Count - count;
            for (var i = Math.Max(count, _detached); i < Count; i++)
                Items[i] = Items[i].Detach();
            if (count > 0)
            {
                Array.Copy(Items, count, Items, 0, left);
                Array.Clear(Items, left, count);
            }

            Count = left;
            _detached = left;
            Ended = 0;
        }
    }
}
