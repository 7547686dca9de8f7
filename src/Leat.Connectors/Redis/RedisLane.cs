using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis;

/// <summary>One connection's worth of writing: a batch is a pipeline of small transactions, and every reply is looked at.</summary>
internal sealed class RedisLane(RedisConnection connection, RedisSinkOptions options, Func<Shape, RedisKeys> keysOf) : ISinkLane
{
    /// <summary>Operations of one MULTI: few enough that the server serves others in between, enough that MULTI and EXEC cost little.</summary>
    internal const int OperationsPerTransaction = 50;

    private static readonly byte[] Multi = [.. "*1\r\n$5\r\nMULTI\r\n"u8];
    private static readonly byte[] Exec = [.. "*1\r\n$4\r\nEXEC\r\n"u8];

    private readonly RespWriter _commands = new();
    private readonly TransactionReplies _replies = new();
    private readonly Dictionary<Shape, RedisRowWriter> _writers = new(ReferenceEqualityComparer.Instance);
    private readonly List<int> _sent = [];
    private readonly List<int> _commandOwner = [];
    private readonly List<(int FirstCommand, int FirstSent)> _transactions = [];
    private bool _broken;

    /// <inheritdoc/>
    public long? CommittedOffset => null;

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
    {
        if (_broken)
            throw RedisErrors.Lost(options.Address, "a request before was not answered", null);

        _broken = true; // until all is answered
        answers.Span[..batch.Length].Clear();
        var perTransaction = OperationsPerTransaction;
        var from = 0;
        while (from >= 0)
        {
            Encode(batch.Span, answers.Span, from, perTransaction);
            if (_sent.Count == 0)
                break;
            await connection.ExchangeAsync(_commands.Written, TakeReply, cancellationToken);
            from = Settle(answers.Span, from, perTransaction);
            perTransaction = 1;
        }

        for (var i = 0; i < batch.Length; i++)
        {
            if (answers.Span[i].Kind == AnswerKind.None)
                answers.Span[i] = Answer.Applied;
        }

        _broken = false;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => connection.DisposeAsync();

    private void Encode(ReadOnlySpan<Operation> batch, ReadOnlySpan<Answer> answers, int from, int perTransaction)
    {
        _commands.Clear();
        _replies.Clear();
        _sent.Clear();
        _commandOwner.Clear();
        _transactions.Clear();
        for (var i = from; i < batch.Length; i++)
        {
            if (answers[i].Kind == AnswerKind.Refused)
                continue;
            if (_sent.Count % perTransaction == 0)
            {
                EndTransaction();
                _transactions.Add((_commandOwner.Count, _sent.Count));
                _commands.WritePrepared(Multi);
            }

            ref readonly var operation = ref batch[i];
            if (!_writers.TryGetValue(operation.Shape, out var writer))
                _writers[operation.Shape] = writer = new(operation.Shape, keysOf(operation.Shape));
            for (var commands = writer.Write(operation, _commands); commands > 0; commands--)
                _commandOwner.Add(i);
            _sent.Add(i);
        }

        EndTransaction();
    }

    private void EndTransaction()
    {
        if (_transactions.Count == 0)
            return;
        _commands.WritePrepared(Exec);
        _replies.Expect(_commandOwner.Count - _transactions[^1].FirstCommand);
    }

    private bool TakeReply(in RespItem item)
    {
        if (!_replies.IsDone)
            _replies.Add(item);
        return _replies.IsDone;
    }

    // Refuses what the server refused for good. Where it threw a whole transaction away, returns the operation to send again from,
    // with all that follow it: later ones of the same keys are in the target already, and have to come after it once more.
    private int Settle(Span<Answer> answers, int from, int perTransaction)
    {
        foreach (var (transaction, command, text) in _replies.Errors)
        {
            if (RedisErrors.Classify(options.Address, text) is { } error)
                throw error;
            if (command >= 0)
                answers[_commandOwner[_transactions[transaction].FirstCommand + command]] = Answer.Refused(text);
        }

        foreach (var (_, text) in _replies.Aborted)
        {
            if (RedisErrors.Classify(options.Address, text) is { } error)
                throw error;
        }

        var again = -1;
        foreach (var (transaction, text) in _replies.Aborted)
        {
            var firstSent = _transactions[transaction].FirstSent;
            if (perTransaction == 1)
            {
                var operation = _sent[firstSent];
                if (answers[operation].Kind != AnswerKind.Refused)
                    answers[operation] = Answer.Refused(text);
            }
            else if (again < 0)
            {
                again = Math.Max(from, _sent[firstSent]);
            }
        }

        return again;
    }
}
