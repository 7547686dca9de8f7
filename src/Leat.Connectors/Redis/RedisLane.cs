using Leat.Changes;
using Leat.Connectors.Redis.Wire;
using Leat.Connectors.Redis.Write;

namespace Leat.Connectors.Redis;

/// <summary>One lane's writing: a batch is one pipeline to each node that owns some of its keys, and every reply is looked at.</summary>
/// <remarks>
/// Commands for one key go to one node in the stream's order, and a second request is made only after all replies to the first: so when some are
/// sent again, with all that follow for their keys, no older value can come after a newer one.
/// </remarks>
internal sealed class RedisLane(RedisNodes nodes, RedisSinkOptions options, LaneIdentity identity, Func<Shape, RedisTable> tableOf) : ISinkLane, IUnitTarget
{
    /// <summary>Requests of one batch: more are made only while a cluster sends us from node to node.</summary>
    private const int MostRequests = 10;

    private const int NoOperation = -1;

    private static readonly byte[] Asking = [.. "*1\r\n$6\r\nASKING\r\n"u8];
    private static readonly byte[] Multi = [.. "*1\r\n$5\r\nMULTI\r\n"u8];
    private static readonly byte[] Exec = [.. "*1\r\n$4\r\nEXEC\r\n"u8];
    private static readonly byte[] Wait = RespWriter.PreparePart("WAIT"u8);

    private readonly Dictionary<Shape, RowCommands> _writers = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<(int Slot, ulong KeyHash), RedisNode> _asked = [];
    private readonly Dictionary<ulong, int> _repairs = [];
    private readonly HashSet<int> _redirected = [];
    private readonly List<(int Operation, string Answer, RedisNode Node)> _redirects = [];
    private readonly List<int> _toSend = [];
    private Memory<Answer> _answers;
    private RedisNode _node = nodes.All[0];
    private CommandUnit _unit;
    private int _operation;
    private ulong _keyHash;
    private bool _broken;

    /// <inheritdoc/>
    public long? CommittedOffset => null;

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
    {
        if (_broken)
            throw RedisErrors.Lost(options.Address, "a request before was not answered", null);

        _broken = true; // until all is answered
        _answers = answers[..batch.Length];
        _answers.Span.Clear();
        _asked.Clear();
        _toSend.Clear();
        for (var i = 0; i < batch.Length; i++)
            _toSend.Add(i);
        for (var request = 1; _toSend.Count > 0; request++)
        {
            if (request > MostRequests)
                throw RedisErrors.Busy(options.Address, "TRYAGAIN the cluster's nodes do not agree on who owns a key");
            Encode(batch.Span, isExact: request > 1);
            await ExchangeAsync(cancellationToken);
            _asked.Clear();
            Settle(batch.Span);
            foreach (var (operation, answer, node) in _redirects)
                await FollowAsync(batch.Span[operation].OrderHash, RedisErrors.Unwrap(answer), node, cancellationToken);
        }

        foreach (ref var answer in _answers.Span)
        {
            if (answer.Kind == AnswerKind.None)
                answer = Answer.Applied;
        }

        _broken = false;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => nodes.DisposeAsync();

    /// <inheritdoc/>
    RespWriter IUnitTarget.Begin(ReadOnlySpan<byte> key, bool together)
    {
        var isAsking = _asked.Count > 0 && _asked.ContainsKey((KeySlot.Of(key), _keyHash));
        _node = isAsking ? _asked[(KeySlot.Of(key), _keyHash)] : nodes.NodeOf(key);
        _unit = new() { Operation = _operation, IsTransaction = together || isAsking, IsAsking = isAsking };
        if (isAsking)
            _node.Commands.WritePrepared(Asking);
        if (_unit.IsTransaction)
            _node.Commands.WritePrepared(Multi);
        return _node.Commands;
    }

    /// <inheritdoc/>
    void IUnitTarget.End(int commands, UnitCheck check, int expected)
    {
        _unit.Commands = commands;
        _unit.Check = check;
        _unit.Expected = expected;
        if (_unit.IsTransaction)
            _node.Commands.WritePrepared(Exec);
        _node.Replies.Expect(_unit);
    }

    /// <inheritdoc/>
    void IUnitTarget.Refuse(string reason, string cause) => _answers.Span[_operation] = Answer.Refused(reason, cause);

    private void Encode(ReadOnlySpan<Operation> batch, bool isExact)
    {
        foreach (var node in nodes.All)
        {
            node.Commands.Clear();
            node.Replies.Clear();
        }

        foreach (var i in _toSend)
        {
            ref readonly var operation = ref batch[i];
            (_operation, _keyHash) = (i, operation.OrderHash);
            if (!_writers.TryGetValue(operation.Shape, out var writer))
                _writers[operation.Shape] = writer = RowCommands.Create(tableOf(operation.Shape), options);
            writer.Write(operation, identity.VersionOf(operation), isExact, this);
        }

        if (options.WaitReplicas == 0)
            return;
        foreach (var node in nodes.All)
        {
            if (node.Commands.WrittenBytes == 0)
                continue;
            node.Commands.BeginCommand(3);
            node.Commands.WritePrepared(Wait);
            node.Commands.WritePart(options.WaitReplicas);
            node.Commands.WritePart((long)options.WaitTimeout.TotalMilliseconds);
            node.Replies.Expect(new() { Operation = NoOperation, Commands = 1, IsTransaction = false });
        }
    }

    private async ValueTask ExchangeAsync(CancellationToken cancellationToken)
    {
        List<Task>? others = null;
        RedisNode? first = null;
        foreach (var node in nodes.All)
        {
            if (node.Commands.WrittenBytes == 0)
                continue;
            if (first is null)
                first = node;
            else
                (others ??= []).Add(ExchangeAsync(node, cancellationToken).AsTask());
        }

        if (first is null)
            return;
        if (others is null)
            await ExchangeAsync(first, cancellationToken);
        else
            await Task.WhenAll([ExchangeAsync(first, cancellationToken).AsTask(), .. others]);
    }

    private static ValueTask ExchangeAsync(RedisNode node, CancellationToken cancellationToken)
    {
        var replies = node.Replies;
        return node.Connection.ExchangeAsync(
            node.Commands.Written,
            (in RespItem item) =>
            {
                replies.Add(item);
                return replies.IsDone;
            },
            cancellationToken);
    }

    // Answers what is answered, and leaves in _toSend what has to be sent again.
    private void Settle(ReadOnlySpan<Operation> batch)
    {
        _redirects.Clear();
        _redirected.Clear();
        _repairs.Clear();
        foreach (var node in nodes.All)
        {
            foreach (ref var unit in node.Replies.Units)
                Settle(unit, node, batch);
        }

        Keep(batch);
    }

    private void Settle(in CommandUnit unit, RedisNode node, ReadOnlySpan<Operation> batch)
    {
        if (unit.Operation == NoOperation)
        {
            if (unit.Error is { } refused)
                throw RedisErrors.Classify(node.Connection.Address, refused) ?? RedisErrors.SettingRefused(node.Connection.Address, "wait", refused);
            if (unit.Number < options.WaitReplicas)
                throw RedisErrors.TooFewReplicas(node.Connection.Address, unit.Number, options.WaitReplicas, options.WaitTimeout);
            return;
        }

        if (unit.Error is null)
        {
            if (unit.Check == UnitCheck.Count && unit.Number != unit.Expected)
                Repair(unit.Operation, batch);
            else if (unit.Check == UnitCheck.Newer && unit.Number == 0)
                _answers.Span[unit.Operation] = Answer.Stale;
            return;
        }

        switch (RedisErrors.CodeOf(unit.Error))
        {
            case "MOVED" or "ASK":
                _redirected.Add(unit.Operation);
                _redirects.Add((unit.Operation, unit.Error, node));
                break;
            case "NOSCRIPT": // the server was restarted, or told to forget: the next request brings the text
                _redirected.Add(unit.Operation);
                break;
            case "WRONGTYPE" when unit.Check == UnitCheck.Count:
                Repair(unit.Operation, batch);
                break;
            default:
                if (RedisErrors.IsOldId(unit.Error))
                    _answers.Span[unit.Operation] = Answer.Stale;
                else
                    _answers.Span[unit.Operation] = RedisErrors.Classify(node.Connection.Address, unit.Error) is { } error
                        ? throw error
                        : Answer.Refused(RedisErrors.Unwrap(unit.Error), RedisErrors.CodeOf(unit.Error));
                break;
        }
    }

    private void Repair(int operation, ReadOnlySpan<Operation> batch)
    {
        var key = batch[operation].OrderHash;
        if (!_repairs.TryGetValue(key, out var first) || operation < first)
            _repairs[key] = operation;
    }

    // What was written in its short form and is not alone under its key: it and all later ones of that key. What was sent away: it and everything after
    // it, for another node may have taken a later one of its key meanwhile; of lists, where nothing can be written twice, it alone.
    private void Keep(ReadOnlySpan<Operation> batch)
    {
        var first = _redirected.Count == 0 ? int.MaxValue : _redirected.Min();
        var kept = 0;
        for (var at = 0; at < _toSend.Count; at++)
        {
            var i = _toSend[at];
            var isAgain = _redirected.Contains(i)
                || (i >= first && _writers[batch[i].Shape].IsIdempotent)
                || (_repairs.TryGetValue(batch[i].OrderHash, out var from) && i >= from);
            if (!isAgain || _answers.Span[i].Kind == AnswerKind.Refused)
                continue;
            _answers.Span[i] = default;
            _toSend[kept++] = i;
        }

        _toSend.RemoveRange(kept, _toSend.Count - kept);
    }

    private async ValueTask FollowAsync(ulong keyHash, string answer, RedisNode from, CancellationToken cancellationToken)
    {
        if (!RedisNodes.TryReadRedirect(answer, from.Address, out var slot, out var address))
            throw RedisErrors.Busy(from.Connection.Address, answer);
        if (answer.StartsWith("ASK ", StringComparison.Ordinal))
            _asked[(slot, keyHash)] = await nodes.AtAsync(address, cancellationToken);
        else if (!nodes.Owns(address, slot))
            await nodes.MovedAsync(slot, address, cancellationToken);
    }
}
