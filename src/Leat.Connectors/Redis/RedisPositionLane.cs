using System.Text;
using Leat.Changes;
using Leat.Connectors.Redis.Wire;
using Leat.Connectors.Redis.Write;

namespace Leat.Connectors.Redis;

/// <summary>One lane's writing with its offset: a batch is one transaction of its rows and of the offset, all of it or nothing.</summary>
/// <remarks>
/// A transaction of Redis goes on behind a command that fails while it runs. So only structures are taken whose commands cannot (they replace whatever
/// stands under the key), and lists, of whose keys the type is looked at before.
/// </remarks>
internal sealed class RedisPositionLane : ISinkLane, IUnitTarget
{
    private static readonly byte[] Multi = [.. "*1\r\n$5\r\nMULTI\r\n"u8];
    private static readonly byte[] Exec = [.. "*1\r\n$4\r\nEXEC\r\n"u8];
    private static readonly byte[] Type = [.. "*2\r\n$4\r\nTYPE\r\n"u8];

    private readonly RedisConnection _connection;
    private readonly RedisSinkOptions _options;
    private readonly LaneIdentity _identity;
    private readonly RedisPositions _positions;
    private readonly Func<Shape, RedisTable> _tableOf;
    private readonly Dictionary<Shape, (RowCommands Commands, RedisTable Table)> _writers = new(ReferenceEqualityComparer.Instance);
    private readonly RespWriter _commands = new();
    private readonly TransactionReplies _replies = new();
    private readonly List<int> _owners = [];
    private Memory<Answer> _answers;
    private int _operation;
    private long _offset;
    private bool _broken;

    private RedisPositionLane(RedisConnection connection, RedisSinkOptions options, LaneIdentity identity, RedisPositions positions, long offset, Func<Shape, RedisTable> tableOf)
    {
        _connection = connection;
        _options = options;
        _identity = identity;
        _positions = positions;
        _offset = offset;
        _tableOf = tableOf;
        CommittedOffset = offset;
    }

    /// <inheritdoc/>
    public long? CommittedOffset { get; }

    /// <summary>Takes the lane.</summary>
    public static async ValueTask<RedisPositionLane> OpenAsync(
        RedisConnection connection, RedisSinkOptions options, LaneIdentity identity, Func<Shape, RedisTable> tableOf, CancellationToken cancellationToken)
    {
        var positions = new RedisPositions(connection, identity);
        var offset = await positions.ClaimAsync(cancellationToken);
        var lane = new RedisPositionLane(connection, options, identity, positions, offset, tableOf);

        // What an earlier connection wrote counts only when the replicas have that as well; taking the lane was written after it.
        if (options.WaitReplicas > 0)
        {
            lane.WriteWait();
            lane.Confirm((await connection.AskAsync(lane._commands, 1, cancellationToken))[0]);
        }

        return lane;
    }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
    {
        if (_broken)
            throw RedisErrors.Lost(_options.Address, "a request before was not answered", null);

        _broken = true; // until all is answered
        _answers = answers[..batch.Length];
        _answers.Span.Clear();
        await RefuseOtherTypesAsync(batch, cancellationToken);

        // The server discards a transaction with a command that it cannot take: then it is sent again without that one.
        while (!await TryWriteAsync(batch, cancellationToken))
        {
            // Each round refuses one operation at least.
        }

        foreach (ref var answer in _answers.Span)
        {
            if (answer.Kind == AnswerKind.None)
                answer = Answer.Applied;
        }

        _broken = false;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    /// <inheritdoc/>
    RespWriter IUnitTarget.Begin(ReadOnlySpan<byte> key, bool together) => _commands;

    /// <inheritdoc/>
    void IUnitTarget.End(int commands, UnitCheck check, int expected)
    {
        for (; commands > 0; commands--)
            _owners.Add(_operation);
    }

    /// <inheritdoc/>
    void IUnitTarget.Refuse(string reason, string cause) => _answers.Span[_operation] = Answer.Refused(reason, cause);

    private async ValueTask<bool> TryWriteAsync(ReadOnlyMemory<Operation> batch, CancellationToken cancellationToken)
    {
        var offset = Encode(batch.Span);
        await _connection.ExchangeAsync(_commands.Written, TakeReply, cancellationToken);
        _commands.Clear();
        var watched = await _connection.AskAsync(_commands, _options.WaitReplicas > 0 ? 3 : 2, cancellationToken);
        var refused = false;
        foreach (var (_, command, text) in _replies.Errors)
        {
            if (RedisErrors.Classify(_options.Address, text) is { } error)
                throw error;
            if (command < 0 || command >= _owners.Count)
                throw RedisErrors.NotPermitted(_options.Address, text);
            _answers.Span[_owners[command]] = Answer.Refused(RedisErrors.Unwrap(text), RedisErrors.CodeOf(text));
            refused = true;
        }

        foreach (var (_, text) in _replies.Aborted)
        {
            if (RedisErrors.Classify(_options.Address, text) is { } error)
                throw error;
            if (!refused)
                throw RedisErrors.TakenOver(_options.Address, _identity.Pipeline, _identity.Lane);
        }

        _positions.Confirm(watched[0], watched[1]);
        if (_replies.Aborted.Count > 0)
            return false;
        if (watched.Count > 2)
            Confirm(watched[2]);
        _offset = offset;
        return true;
    }

    private long Encode(ReadOnlySpan<Operation> batch)
    {
        _commands.Clear();
        _replies.Clear();
        _owners.Clear();
        _commands.WritePrepared(Multi);
        for (var i = 0; i < batch.Length; i++)
        {
            if (_answers.Span[i].Kind == AnswerKind.Refused)
                continue;
            _operation = i;
            WriterOf(batch[i].Shape).Commands.Write(batch[i], _identity.VersionOf(batch[i]), exact: true, this);
        }

        var offset = OffsetAfter(batch);
        _positions.Write(offset, _commands);
        _commands.WritePrepared(Exec);
        _replies.Expect(_owners.Count + 1);
        _positions.WriteWatch(_commands);
        if (_options.WaitReplicas > 0)
            WriteWait();
        return offset;
    }

    private void WriteWait()
    {
        _commands.BeginCommand(3);
        _commands.WritePart("WAIT"u8);
        _commands.WritePart(_options.WaitReplicas);
        _commands.WritePart((long)_options.WaitTimeout.TotalMilliseconds);
    }

    private void Confirm(RespReply waited)
    {
        if (waited.Kind == RespKind.Error)
            throw RedisErrors.Classify(_options.Address, waited.Text) ?? RedisErrors.SettingRefused(_options.Address, "wait", waited.Text);
        if (waited.Number < _options.WaitReplicas)
            throw RedisErrors.TooFewReplicas(_options.Address, waited.Number, _options.WaitReplicas, _options.WaitTimeout);
    }

    private bool TakeReply(in RespItem item)
    {
        _replies.Add(item);
        return _replies.IsDone;
    }

    private (RowCommands Commands, RedisTable Table) WriterOf(Shape shape)
    {
        if (_writers.TryGetValue(shape, out var writer))
            return writer;
        var table = _tableOf(shape);
        return _writers[shape] = (RowCommands.Create(table, _options), table);
    }

    private async ValueTask RefuseOtherTypesAsync(ReadOnlyMemory<Operation> batch, CancellationToken cancellationToken)
    {
        _commands.Clear();
        _owners.Clear();
        AskTypes(batch.Span);
        if (_owners.Count == 0)
            return;
        var types = await _connection.AskAsync(_commands, _owners.Count, cancellationToken);
        for (var i = 0; i < types.Count; i++)
        {
            if (types[i].Kind == RespKind.Error)
                throw RedisErrors.Classify(_options.Address, types[i].Text) ?? RedisErrors.NotPermitted(_options.Address, types[i].Text);
            if (types[i].Text is not ("none" or "list"))
                _answers.Span[_owners[i]] = Answer.Refused($"WRONGTYPE the key holds a {types[i].Text}", "WRONGTYPE");
        }
    }

    private void AskTypes(ReadOnlySpan<Operation> batch)
    {
        for (var i = 0; i < batch.Length; i++)
        {
            var table = WriterOf(batch[i].Shape).Table;
            if (table.Rule.Structure != RedisStructure.List || batch[i].Kind == OperationKind.Delete)
                continue;
            var row = new RowReader(batch[i].Shape.Schema, batch[i].Row.Span);
            table.KeyText.ResetWrittenCount();
            if (!table.Key.Write(ref row, table.KeyText))
                continue; // refused when it is written
            _commands.WritePrepared(Type);
            _commands.WritePart(table.KeyText.WrittenSpan);
            _owners.Add(i);
        }
    }

    // What a restart may skip. Not a refused operation, which becomes a dead letter only after this; not what may come in the next batch with the same
    // offset (the index of a moved key after its delete, more rows of a table that lost all of them); and one that came out of its turn says nothing of the log.
    private long OffsetAfter(ReadOnlySpan<Operation> batch)
    {
        var offset = _offset;
        for (var i = 0; i < batch.Length; i++)
        {
            ref readonly var operation = ref batch[i];
            if (_answers.Span[i].Kind == AnswerKind.Refused && !operation.IsUnpositioned)
                return Math.Max(_offset, Math.Min(offset, operation.Offset - 1));
            if (operation.IsUnpositioned)
                continue;
            var isPart = operation.Cause is ChangeKind.Truncate or ChangeKind.Sweep || (operation.Kind == OperationKind.Delete && operation.Cause == ChangeKind.Update);
            offset = isPart ? operation.Offset - 1 : operation.Offset;
        }

        return Math.Max(_offset, offset);
    }
}
