using Leat.Changes;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Delivery;

/// <summary>What became of one record.</summary>
internal enum Routed
{
    /// <summary>Filtered, or staged for its lanes.</summary>
    Done,

    /// <summary>A moved key whose delete is staged; its index, in another lane, waits for the delete's outcome.</summary>
    AwaitDelete,

    /// <summary>A table shape not seen before.</summary>
    NewShape,

    /// <summary>A change of a whole table: what the target loses by it has to be found out.</summary>
    WholeTable,
}

/// <summary>Plans changes and spreads their operations over the lanes. Used by the dispatcher alone; does not allocate per change.</summary>
internal sealed class Router(PipelinePlan plan, IReadOnlyList<Lane> lanes, SinkTraits traits)
{
    private const long MicrosPerSecond = 1_000_000;

    private readonly Stage[] _stages = [.. lanes.Select(_ => new Stage())];
    private readonly Operation[] _operations = new Operation[TablePlan.MaxOperations];
    private readonly Dictionary<string, ulong> _serial = traits.SerialAliases.ToDictionary(alias => alias, AliasHash);
    private Pending _deferred;
    private int _deferredLane;

    public long Changes { get; private set; }

    public long Filtered { get; private set; }

    public long Planned { get; private set; }

    public long Emitted { get; private set; }

    /// <summary>Commit time of the last change that was read, microseconds since 1970 UTC.</summary>
    public long LastCommitMicros { get; private set; }

    /// <summary>Lane whose delete a deferred index waits for.</summary>
    public int AwaitedLane { get; private set; }

    /// <summary>The table of the last <see cref="Routed.WholeTable"/>.</summary>
    public TablePlan? Whole { get; private set; }

    /// <summary>Plans one record of a block and stages what comes of it.</summary>
    public Routed Route(byte[] buffer, int start, int length, long offset, long timestampMs)
    {
        var change = new EncodedChange(buffer.AsSpan(start, length));
        if (change.Kind == ChangeKind.Position)
            return Routed.Done;
        var schemaId = change.SchemaId;
        if (!plan.Knows(schemaId))
            return Routed.NewShape;

        Changes++;
        LastCommitMicros = Estimate(change.CommittedAtMicros, timestampMs);
        if (change.Kind is ChangeKind.Truncate or ChangeKind.Sweep && plan.Find(schemaId) is { } table)
        {
            Planned++;
            Whole = table;
            return Routed.WholeTable;
        }

        var count = plan.Find(schemaId)?.Apply(buffer.AsMemory(start, length), offset, _operations) ?? 0;
        if (count == 0)
        {
            Filtered++;
            return Routed.Done;
        }

        Planned++;
        Emitted += count;
        var first = Make(_operations[0], buffer, start, length);
        var firstLane = LaneOf(first.OrderKey);
        _stages[firstLane].Add(first);
        if (count == 1)
            return Routed.Done;

        _deferred = Make(_operations[1], buffer, start, length);
        _deferredLane = LaneOf(_deferred.OrderKey);
        AwaitedLane = firstLane;
        if (_deferredLane != firstLane)
            return Routed.AwaitDelete;
        StageDeferred();
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
        var removal = Make(Whole!.Remove(record, offset) with { ReplayedEpoch = replayed }, record, 0, record.Length); // not null: Route found the table
        Emitted++;
        _stages[LaneOf(removal.OrderKey)].Add(removal);
    }

    /// <summary>Stages what the plan of today makes of a dead letter, as far as it is about the letter's key. False when that is nothing.</summary>
    /// <param name="record">The change.</param>
    /// <param name="letter">The letter.</param>
    /// <param name="nowMicros">Microseconds since 1970 UTC.</param>
    public bool StageReplay(byte[] record, Letters.Letter letter, long nowMicros)
    {
        var change = new EncodedChange(record);
        if (plan.Find(change.SchemaId) is not { } table)
            return false;
        var count = 1;
        if (change.Kind is ChangeKind.Truncate or ChangeKind.Sweep)
            _operations[0] = table.Remove(record, letter.Offset);
        else
            count = table.Apply(record, letter.Offset, _operations);

        // A moved key becomes two operations, which a key that only changes its letters' case shares.
        var same = _operations.Take(count).Where(operation => operation.KeyHash == letter.KeyHash).ToList();
        if (same.Count == 0)
            return false;
        var isDelete = letter.Operation == "delete";
        var chosen = same.Find(operation => operation.Kind == OperationKind.Delete == isDelete) is { Shape: not null } exact ? exact : same[^1];
        var replay = Make(chosen with { ReplayedEpoch = letter.Epoch }, record, 0, record.Length) with { CommitMicros = nowMicros };
        Emitted++;
        _stages[LaneOf(replay.OrderKey)].Add(replay);
        return true;
    }

    /// <summary>Stages the index of a moved key after its delete has its outcome.</summary>
    public void StageDeferred()
    {
        _stages[_deferredLane].Add(_deferred);
        _deferred = default;
    }

    /// <summary>Hands every staged operation to its lane, once the lane has room.</summary>
    /// <param name="lease">Of the block that they are parts of; <see langword="null"/> when they are of none.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async ValueTask PublishAsync(BlockLease? lease, CancellationToken cancellationToken)
    {
        for (var lane = 0; lane < _stages.Length; lane++)
        {
            var stage = _stages[lane];
            if (stage.Count == 0)
                continue;
            await lanes[lane].Queue.WhenRoomAsync(cancellationToken);
            lease?.AddUser();
            stage.Items[stage.Count - 1].Release = lease;
            lanes[lane].Queue.Publish(stage.Items.AsSpan(0, stage.Count));
            stage.Clear();
        }
    }

    // MySQL tells commit times in whole seconds. The change was captured when its record was stamped, and within the commit's
    // second the capture is the best estimate there is; later than that, the second's end.
    private static long Estimate(long committedAtMicros, long timestampMs) => committedAtMicros % MicrosPerSecond != 0
        ? committedAtMicros
        : Math.Clamp(timestampMs * 1000, committedAtMicros, committedAtMicros + MicrosPerSecond);

    private static ulong AliasHash(string alias)
    {
        var hash = 14695981039346656037UL; // FNV-1a, 64 bits: stable, and good enough for a few names
        foreach (var letter in alias)
            hash = (hash ^ letter) * 1099511628211UL;
        return hash;
    }

    private Pending Make(in Operation operation, byte[] buffer, int start, int length) => new()
    {
        Operation = operation,
        Buffer = buffer,
        RecordStart = start,
        RecordBytes = length,
        CommitMicros = LastCommitMicros,
        OrderKey = _serial.Count > 0 && _serial.TryGetValue(operation.Shape.Alias, out var alias) ? alias : operation.KeyHash,
    };

    private int LaneOf(ulong orderKey) => (int)(orderKey % (uint)_stages.Length);

    private sealed class Stage
    {
        public Pending[] Items = new Pending[64];

        public int Count;

        public void Add(in Pending item)
        {
            if (Count == Items.Length)
                Array.Resize(ref Items, Count * 2);
            Items[Count++] = item;
        }

        public void Clear()
        {
            Array.Clear(Items, 0, Count);
            Count = 0;
        }
    }
}
