using Leat.Changes;
using Leat.Log;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Delivery;

/// <summary>One ordered queue to one sink: sends, asks again, sets aside what can never succeed, and answers for every operation.</summary>
internal sealed class Lane
{
    // A target that asks for more is asked again in between: it may have been restarted.
    private static readonly TimeSpan LongestAsked = TimeSpan.FromMinutes(5);

    private readonly LaneContext _context;
    private readonly LaneBatch _batch;
    private readonly HeldKeys _held;
    private readonly Refusals _refusals = new();
    private readonly Backoff _backoff;

    // What is sent before anything else, the next on top: halves of a request that was refused as a whole, and what a mended target gets once more.
    private readonly Stack<Pending[]> _parts = [];
    private readonly bool _retriesHoldAll;
    private readonly List<Operation> _concerned = [];
    private readonly List<(Pending Item, Answer Answer)> _behind = []; // found in the target, and yet to be replayed behind a letter of their row
    private ISinkLane? _connection;
    private long _committed = -1;
    private Tally _foundInTarget;
    private long _foundUpTo = -1;

    public Lane(int number, LaneContext context, SinkTraits traits)
    {
        Number = number;
        Queue = new(2 * traits.MaxBatchOperations, Math.Max(2L * traits.MaxBatchBytes, 1024 * 1024), traits.WholeTransactions);
        Health = new(context.Time);
        _context = context;
        Limit = new(traits);
        _batch = new(traits, Limit);
        _retriesHoldAll = !traits.UniqueKeys.IsEmpty;
        _held = new(context.Time);
        _backoff = new((ulong)context.Time.GetTimestamp() + (ulong)number);
    }

    public int Number { get; }

    public LaneQueue Queue { get; }

    public LaneHealth Health { get; }

    /// <summary>How much it sends at once now.</summary>
    public BatchLimit Limit { get; }

    /// <summary>Offset up to which the target said, when the lane was first opened, that it holds the lane's operations; -1 when it said nothing.</summary>
    public long? FoundCommitted { get; private set; }

    /// <summary>The same, as far as it is believed.</summary>
    public long TrustedCommitted => _committed;

    /// <summary>Whether the target keeps an offset for this lane.</summary>
    public bool KeepsOffset { get; private set; }

    /// <summary>Opens the lane's connection; every lane of a pipeline is opened before the first write.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        _connection = await _context.Sink.OpenLaneAsync(_context.Identity(Number), cancellationToken);
        KeepsOffset = _connection.CommittedOffset is not null;
        var committed = _connection.CommittedOffset ?? -1;
        FoundCommitted ??= committed;

        // Another offset than the first one found was written by this lane: a request whose answer was lost is not made a second time.
        _committed = _context.TrustTarget || committed != FoundCommitted ? committed : -1;
    }

    /// <summary>Runs until the queue is complete and drained, or stopping leaves only what cannot be sent now.</summary>
    /// <param name="stopping">Asks to finish: what waits for a retry is left for the next start.</param>
    /// <param name="abandon">Ends requests that are under way.</param>
    /// <exception cref="LogException">The log failed while a dead letter was kept.</exception>
    public async Task RunAsync(CancellationToken stopping, CancellationToken abandon)
    {
        try
        {
            while (await FillAsync(stopping, abandon))
            {
                await SendAsync(stopping, abandon);
                await SettleAsync(abandon);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested || abandon.IsCancellationRequested)
        {
            // What was not answered has no outcome: the checkpoint stays below it, and the next start sends it again.
        }
        finally
        {
            await CloseAsync();
        }
    }

    /// <summary>Closes the connection; failures while closing change nothing about what was acknowledged.</summary>
    public async Task CloseAsync()
    {
        var connection = _connection;
        _connection = null;
        if (connection is null)
            return;
        try
        {
            await connection.DisposeAsync();
        }
        catch (Exception cause) when (cause is not LogException)
        {
            // The connection is given up in any case, and everything it acknowledged is counted already.
            _context.Log.CloseFailed(cause, _context.Pipeline, Number);
        }
    }

    // Fills the batch: what is to be sent before anything else, or repeats that are due first, then what is new. False when nothing is left to do.
    private async ValueTask<bool> FillAsync(CancellationToken stopping, CancellationToken abandon)
    {
        while (true)
        {
            if (_parts.TryPop(out var part))
            {
                foreach (var item in part)
                    _batch.Add(item);
                FollowHeld(first: 0);
            }
            else
            {
                _held.TakeDue(_batch);
                if (!_held.IsFull && !(_retriesHoldAll && _held.Any))
                    TakeNew();
            }

            if (_batch.Count > 0)
                return true;
            if (_parts.Count > 0)
                continue;
            if (_refusals.Waiting > 0)
                await SetAsideWaitingAsync(abandon);
            else if (Queue.IsDrained && (_held.Count == 0 || stopping.IsCancellationRequested))
                return false;
            else
                await Queue.WhenArrivedAsync(_held.NextDue, _context.Time, Queue.IsDrained ? stopping : CancellationToken.None);
        }
    }

    private void TakeNew()
    {
        var first = _batch.Count;
        Queue.Take(_batch);
        FollowHeld(first);
    }

    private void FollowHeld(int first)
    {
        if (!_held.Any)
            return;

        var kept = 0;
        _batch.Keep(index =>
        {
            ref var item = ref _batch[index];
            if (index < first || item.Resent || !_held.Contains(item.OrderKey))
            {
                kept++;
                return true;
            }

            // What stays before it may be of the same block, and is still to be sent.
            _held.Follow(item);
            if (kept > 0 && _batch[kept - 1].Release is null)
                _batch[kept - 1].Release = item.Release;
            else
                item.Release?.Release();
            return false;
        });
    }

    private async Task SendAsync(CancellationToken stopping, CancellationToken abandon)
    {
        while (true)
        {
            LeatException failure;
            try
            {
                if (_connection is null)
                {
                    await _context.Prove(abandon);
                    await OpenAsync(abandon);
                }

                CountCommitted();
                if (_batch.Count == 0)
                    return;
                if (!await TryWriteAsync(abandon))
                    continue;
                if (_backoff.Attempts > 0)
                    _context.Log.LaneRecovered(_context.Pipeline, Number, _backoff.Attempts);
                _backoff.Reset();
                Health.Works();
                return;
            }
            catch (Exception cause) when (cause is not LogException && !(cause is OperationCanceledException && abandon.IsCancellationRequested))
            {
                // Everything that a sink can throw ends here; what it did not name is a fault that is reported as such.
                failure = cause as LeatException ?? EngineErrors.SinkFault(_context.Pipeline, cause);
            }

            _batch.Answers.Span.Clear();
            await CloseAsync();
            if (failure is RetriableException { IsBusy: true })
                SendLess();
            if (failure is RetriableException { TargetChanged: true })
                _context.PrepareAgain(failure);
            await PauseAsync(failure, stopping);
        }
    }

    private void SendLess()
    {
        Limit.Busy(_batch.Count, _batch.Bytes);
        _context.Control.MetBusy();
        if (_batch.TakeHalf(KeepsOffset, partsTransactions: false) is { } half)
            _parts.Push(half);
    }

    // False when the target refused the request as a whole, and half of it is to be sent.
    private async Task<bool> TryWriteAsync(CancellationToken abandon)
    {
        var isFull = _batch.Count * 2 >= Limit.Operations || _batch.Bytes * 2L >= Limit.Bytes;
        var since = _context.Time.GetTimestamp();
        try
        {
            await _connection!.WriteAsync(_batch.Operations, _batch.Answers, abandon); // opened by the caller
            CheckAnswers(_context.Time.GetElapsedTime(since), isFull);
        }
        catch (BatchRefusedException refusal)
        {
            _batch.Answers.Span.Clear();
            if (refusal.IsTooLarge && _batch.Count > 1)
                Limit.TooLarge(_batch.Bytes);
            if (_batch.TakeHalf(KeepsOffset, partsTransactions: true) is { } half)
            {
                _parts.Push(half);
                return false;
            }

            _batch.Answers.Span.Fill(Answer.Refused(refusal.Message, refusal.RefusedFor));
        }

        _refusals.Note(_batch.Answers.Span);
        if (_refusals.IsTarget)
            throw RefusedByTarget();
        return true;
    }

    // Everything that was refused is sent again, in order, once the target is mended.
    private PauseException RefusedByTarget()
    {
        var reason = _batch.Answers.Span[^1].Reason ?? "no reason given";
        List<Pending[]> again = [.. _refusals.TakeAll().Select(request => request.Items)];
        if (again.Count > 0)
        {
            again.Add(_batch.TakeAll());
            for (var i = again.Count - 1; i > 0; i--)
                _parts.Push(again[i]);
            foreach (var item in again[0])
                _batch.Add(item);
        }

        return EngineErrors.AllRefused(_context.Pipeline, _refusals.Requests, reason);
    }

    private async Task PauseAsync(LeatException failure, CancellationToken stopping)
    {
        var delay = _backoff.Next();
        if (failure is RetriableException retriable)
        {
            if (retriable.After is { } after && after > TimeSpan.Zero)
                delay = after < LongestAsked ? after : LongestAsked;
            _context.Log.LaneRetries(failure.Message, _context.Pipeline, Number, _backoff.Attempts, (long)delay.TotalMilliseconds);
        }
        else
        {
            delay = Backoff.Probe;
            _context.Log.LaneBlocked(failure, _context.Pipeline, Number, (long)delay.TotalSeconds);
        }

        Health.Failed(failure, _backoff.Attempts);
        await Task.Delay(delay, _context.Time, stopping);
    }

    // What the target says it holds needs no sending. Looked at before every attempt: an answer may have been lost after the commit.
    private void CountCommitted()
    {
        if (_batch.Count == 0 || _batch[0].Operation.Offset > _committed)
            return;

        // Such a target takes a request as a whole: what came before in it is there, too, also where it holds no place of its own.
        var last = _batch.Count - 1;
        while (last >= 0 && (_batch[last].Operation.IsUnpositioned || _batch[last].Operation.Offset > _committed))
            last--;
        if (last < 0)
            return;
        _foundUpTo = Math.Max(_foundUpTo, _batch[last].Operation.Offset);
        var outcomes = default(Tally);
        _batch.Keep(index =>
        {
            ref var item = ref _batch[index];
            if (item.Operation.IsReplay || index > last)
                return true;
            if (item.Operation.Kind == OperationKind.Update && _context.DeadLetters.IsBehind(item.Operation, replayed: null))
            {
                _behind.Add((item.Detach(), EngineErrors.BehindLetter));
                outcomes.DeadLettered++;
            }
            else
            {
                if (_context.DeadLetters.Concerns(item.Operation))
                    _concerned.Add(item.Operation);
                outcomes.Applied++;
            }

            item.Release?.Release();
            _held.Through(item.OrderKey);
            return false;
        });
        _foundInTarget.Add(outcomes);
    }

    private void CheckAnswers(TimeSpan took, bool isFull)
    {
        var unanswered = 0;
        var busy = false;
        foreach (ref readonly var answer in _batch.Answers.Span)
        {
            unanswered += answer.Kind == AnswerKind.None ? 1 : 0;
            busy |= answer.IsBusy;
        }

        if (unanswered > 0)
            throw EngineErrors.Unanswered(_context.Pipeline, Number, unanswered, _batch.Count);
        _context.Control.Answered(took, _batch.Count, isFull, busy);
        if (busy)
            Limit.Busy(_batch.Count, _batch.Bytes);
        else
            Limit.Answered();
    }

    private async Task SettleAsync(CancellationToken abandon)
    {
        var outcomes = _foundInTarget;
        _foundInTarget = default;

        // A target that keeps offsets may hold a higher one with the next write: there nothing that was refused can wait for that.
        if (_batch.Count > 0 && _refusals.Suspected && !KeepsOffset)
        {
            _refusals.Wait(_batch);
            Finish(outcomes, repeats: null, last: -1, unbroken: -1);
            return;
        }

        var repeats = Repeats();
        List<(Pending, Answer)>? refused = null;
        var last = -1;
        var unbroken = -1;
        var nowMicros = NowMicros();
        for (var i = 0; i < _batch.Count; i++)
        {
            ref var answer = ref _batch.Answers.Span[i];
            ref var item = ref _batch[i];
            if (item.Repeats)
                continue;
            if (answer.Kind != AnswerKind.Refused && UpdateOrder.IsBehindRefused(_batch, i, _refusals, _context.DeadLetters))
                answer = EngineErrors.BehindLetter;
            last = i;
            unbroken = unbroken == i - 1 && answer.Kind != AnswerKind.Refused ? i : unbroken;
            Health.Acknowledged(item, nowMicros);
            outcomes.Count(answer.Kind);
            if (answer.Kind == AnswerKind.Refused)
                (refused ??= []).Add((item, answer));
        }

        // Refused operations are durable in the dead-letter stream before they count as answered.
        outcomes.DeadLettered += await KeepRefusedAsync(refused, abandon);
        Finish(outcomes, repeats, last, unbroken);
    }

    // Nothing came that could tell more of what was refused last.
    private async Task SetAsideWaitingAsync(CancellationToken abandon)
    {
        var outcomes = default(Tally);
        outcomes.DeadLettered = await KeepRefusedAsync(refused: null, abandon);
        Finish(outcomes, repeats: null, last: -1, unbroken: -1);
    }

    // What waited for these answers was refused for its own sake. Returns how many operations waited.
    private async ValueTask<int> KeepRefusedAsync(List<(Pending Item, Answer Answer)>? refused, CancellationToken abandon)
    {
        var waited = _refusals.Waiting;
        if (waited > 0)
        {
            refused ??= [];
            List<(Pending, Answer)> before = [.. _refusals.TakeAll().SelectMany(request => request.Items.Zip(request.Answers))];
            refused.InsertRange(0, before);
        }

        if (_behind.Count > 0)
            (refused ??= []).InsertRange(0, _behind);
        _behind.Clear();
        FindConcerned(refused);
        if (refused is not null || _concerned.Count > 0)
            await _context.DeadLetters.KeepAsync(refused ?? [], _concerned, abandon);
        _concerned.Clear();
        return waited;
    }

    // Outcomes of keys that have dead letters, or get some now, are noted beside those.
    private void FindConcerned(List<(Pending Item, Answer Answer)>? refused)
    {
        if (refused is null && _context.DeadLetters.Open == 0)
            return;
        var keys = refused?.Select(one => one.Item.Operation.OrderHash).ToHashSet();
        for (var i = 0; i < _batch.Count; i++)
        {
            ref var item = ref _batch[i];
            if (!item.Repeats && _batch.Answers.Span[i].Kind != AnswerKind.Refused
                && (keys?.Contains(item.Operation.OrderHash) is true || _context.DeadLetters.Concerns(item.Operation)))
            {
                _concerned.Add(item.Operation);
            }
        }
    }

    // Per key, the operations from the first repeat on: what came after it was sent out of turn and goes again behind it.
    private Dictionary<ulong, List<Pending>>? Repeats()
    {
        Dictionary<ulong, List<Pending>>? repeats = null;
        for (var i = 0; i < _batch.Count; i++)
        {
            var kind = _batch.Answers.Span[i].Kind;
            ref var item = ref _batch[i];
            List<Pending>? followers = null;
            var follows = repeats is not null && repeats.TryGetValue(item.OrderKey, out followers);
            if (!follows && kind != AnswerKind.Retry)
                continue;
            if (followers is null)
                (repeats ??= [])[item.OrderKey] = followers = [];
            followers.Add(item.Detach());
            item.Repeats = true;
        }

        return repeats;
    }

    private void Finish(in Tally outcomes, Dictionary<ulong, List<Pending>>? repeats, int last, int unbroken)
    {
        if (last >= 0)
            Health.Settled(_batch[last].Operation, NowMicros());

        // What comes out of its turn moves no offset that the target keeps, so none is claimed for it. Nor need one be answered that was found there.
        var lastOffset = Math.Max(_foundUpTo, unbroken >= 0 && !_batch[unbroken].Operation.IsUnpositioned ? _batch[unbroken].Operation.Offset : -1);

        for (var i = 0; i < _batch.Count; i++)
        {
            ref var item = ref _batch[i];
            if (_held.Any && repeats?.ContainsKey(item.OrderKey) is not true)
                _held.Through(item.OrderKey);
            item.Release?.Release();
        }

        if (repeats is not null)
        {
            foreach (var (key, items) in repeats)
                _held.Repeat(key, items);
        }

        _batch.Clear();
        var hand = InHand();
        Queue.Settle(outcomes, hand.Count, hand.Offset, hand.CommitMicros, lastOffset);
    }

    // All that the lane took and has no outcome for, with the lowest offset in it.
    private (int Count, long Offset, long CommitMicros) InHand()
    {
        var lowest = _held.Lowest;
        if (_refusals.Lowest is var refused && refused.Offset < lowest.Offset)
            lowest = refused;
        var count = _held.Count + _refusals.Waiting;
        foreach (var item in _parts.SelectMany(part => part))
        {
            count++;
            if (item.Operation.Offset < lowest.Offset)
                lowest = (item.Operation.Offset, item.CommitMicros);
        }

        return (count, lowest.Offset, lowest.CommitMicros);
    }

    private long NowMicros() => (_context.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;
}
