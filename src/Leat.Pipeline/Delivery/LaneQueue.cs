using Leat.Changes;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Delivery;

/// <summary>What one moment of a lane looked like; all parts were true together.</summary>
/// <param name="Emitted">Operations that ever came in.</param>
/// <param name="Outcomes">Those with an outcome.</param>
/// <param name="InFlight">Those counted where they are: waiting, sent or held.</param>
/// <param name="LowestOffset">Lowest offset without an outcome; <see cref="long.MaxValue"/> when there is none.</param>
/// <param name="OldestCommitMicros">Commit time of that one; <see cref="long.MaxValue"/> when there is none.</param>
/// <param name="LastOffset">Highest offset that the target acknowledged, nothing of the same request before it being refused; -1 before the first.</param>
internal readonly record struct LaneSnapshot(
    long Emitted, Tally Outcomes, int InFlight, long LowestOffset, long OldestCommitMicros, long LastOffset);

/// <summary>The bounded queue in front of one lane, and the lane's accounting: operations are counted here when they come and when they end.</summary>
/// <param name="maxOperations">As many make it full.</param>
/// <param name="maxBytes">So many bytes of encoded rows make it full.</param>
/// <param name="wholeTransactions">Whether only whole transactions of the source leave it.</param>
internal sealed class LaneQueue(int maxOperations, long maxBytes, bool wholeTransactions = false)
{
    private readonly Lock _gate = new();
    private readonly Signal _arrived = new();
    private readonly Signal _settled = new();
    private Pending[] _ring = new Pending[64];
    private int _head;
    private int _count;
    private long _bytes;
    private long _emitted;
    private Tally _outcomes;
    private int _taken;
    private long _lowestTaken = long.MaxValue;
    private long _oldestTaken = long.MaxValue;
    private long _lastOffset = -1;
    private bool _complete;

    /// <summary>Whether no more operations come and none wait.</summary>
    public bool IsDrained
    {
        get
        {
            lock (_gate)
                return _complete && _count == 0;
        }
    }

    /// <summary>Lowest offset without an outcome; <see cref="long.MaxValue"/> when there is none.</summary>
    public long LowestOffset
    {
        get
        {
            lock (_gate)
                return Math.Min(_lowestTaken, _count == 0 ? long.MaxValue : _ring[_head].Operation.Offset);
        }
    }

    /// <summary>Puts operations in, in stream order.</summary>
    public void Publish(ReadOnlySpan<Pending> operations)
    {
        lock (_gate)
        {
            Grow(_count + operations.Length);
            foreach (ref readonly var operation in operations)
            {
                _ring[(_head + _count++) & (_ring.Length - 1)] = operation;
                _bytes += operation.Operation.Row.Length;
            }

            _emitted += operations.Length;
        }

        _arrived.Set();
    }

    /// <summary>Says that no more come.</summary>
    public void Complete()
    {
        lock (_gate)
            _complete = true;
        _arrived.Set();
    }

    /// <summary>Completes while there is room for more.</summary>
    public async ValueTask WhenRoomAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            lock (_gate)
            {
                if (_count < maxOperations && _bytes < maxBytes)
                    return;
            }

            await _settled.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Completes when every operation up to and with the offset has its outcome.</summary>
    public async ValueTask WhenSettledAsync(long offset, CancellationToken cancellationToken)
    {
        while (LowestOffset <= offset)
            await _settled.WaitAsync(cancellationToken);
    }

    /// <summary>Completes when something came, or after a time.</summary>
    public Task WhenArrivedAsync(TimeSpan? atMost, TimeProvider time, CancellationToken cancellationToken) =>
        atMost is { } limit ? _arrived.WaitAsync(limit, time, cancellationToken) : _arrived.WaitAsync(cancellationToken);

    /// <summary>Moves operations into <paramref name="batch"/> up to its limits. What belongs together is never parted.</summary>
    public void Take(LaneBatch batch)
    {
        lock (_gate)
        {
            while (_count > 0)
            {
                var (operations, bytes) = Together();
                if (!batch.HasRoom(operations, bytes))
                    break;
                for (; operations > 0; operations--)
                    TakeOne(batch);
            }
        }

        _settled.Set();
    }

    /// <summary>Counts outcomes, and takes note of what the lane still has in its hands.</summary>
    /// <param name="outcomes">Of the operations that left the lane.</param>
    /// <param name="held">Operations that the lane holds back.</param>
    /// <param name="lowestHeld">Lowest offset of those; <see cref="long.MaxValue"/> when there is none.</param>
    /// <param name="oldestHeld">Commit time of that one.</param>
    /// <param name="lastOffset">Highest offset acknowledged before anything refused; -1 for none.</param>
    public void Settle(in Tally outcomes, int held, long lowestHeld, long oldestHeld, long lastOffset)
    {
        lock (_gate)
        {
            _outcomes.Add(outcomes);
            _taken = held;
            _lowestTaken = lowestHeld;
            _oldestTaken = oldestHeld;
            _lastOffset = Math.Max(_lastOffset, lastOffset);
        }

        _settled.Set();
    }

    /// <summary>All counts of one moment.</summary>
    public LaneSnapshot Snapshot()
    {
        lock (_gate)
        {
            var lowest = _lowestTaken;
            var oldest = _oldestTaken;
            if (_count > 0 && _ring[_head].Operation.Offset < lowest)
            {
                lowest = _ring[_head].Operation.Offset;
                oldest = _ring[_head].CommitMicros;
            }

            return new(_emitted, _outcomes, _count + _taken, lowest, oldest, _lastOffset);
        }
    }

    // The first operations that are taken together: those of one change, for which a target keeps one offset, or a whole transaction.
    private (int Operations, int Bytes) Together()
    {
        ref var first = ref _ring[_head];
        var bytes = first.Operation.Row.Length;
        for (var operations = 1; ; operations++)
        {
            if (operations == _count)
                return (operations, bytes);
            ref var next = ref _ring[(_head + operations) & (_ring.Length - 1)];
            if (wholeTransactions ? _ring[(_head + operations - 1) & (_ring.Length - 1)].EndsTransaction : operations == TablePlan.MaxOperations || next.Operation.Offset != first.Operation.Offset)
                return (operations, bytes);
            bytes += next.Operation.Row.Length;
        }
    }

    private void TakeOne(LaneBatch batch)
    {
        ref var item = ref _ring[_head];
        if (item.Operation.Offset < _lowestTaken)
        {
            _lowestTaken = item.Operation.Offset;
            _oldestTaken = item.CommitMicros;
        }

        batch.Add(item);
        _bytes -= item.Operation.Row.Length;
        item = default;
        _head = (_head + 1) & (_ring.Length - 1);
        _count--;
        _taken++;
    }

    private void Grow(int needed)
    {
        if (needed <= _ring.Length)
            return;
        var larger = new Pending[System.Numerics.BitOperations.RoundUpToPowerOf2((uint)needed)];
        for (var i = 0; i < _count; i++)
            larger[i] = _ring[(_head + i) & (_ring.Length - 1)];
        _ring = larger;
        _head = 0;
    }
}
