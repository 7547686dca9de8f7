using System.Runtime.InteropServices;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql.Apply;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql;

/// <summary>What the lanes of one sink share.</summary>
internal sealed record MySqlLaneContext(
    string Owner, MySqlSinkOptions Options, LanePositions Positions, IReadOnlySet<string> Replaced, int MaxPacketBytes, TimeProvider Time, ILogger Log);

/// <summary>One connection's worth of writing: a batch is one transaction of its rows and the lane's offset.</summary>
internal sealed class MySqlLane : ISinkLane
{
    // A deadlock with another lane is over when one of the two gives way: worth a few tries at once.
    private const int DeadlockTries = 5;
    private const int Deadlock = 1213;
    private const int CannotBeNull = 1048;

    // Longer than any lock is waited for (50 s by default); a server that says nothing for so long hangs.
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromMinutes(2);

    private readonly MySqlConnection _connection;
    private readonly LaneIdentity _identity;
    private readonly MySqlLaneContext _context;
    private readonly ApplyPlan _plan = new();
    private readonly ApplyWriter _writer;
    private readonly Dictionary<int, string> _refused = [];
    private readonly ulong _claim;
    private long _offset;
    private bool _broken;

    public MySqlLane(MySqlConnection connection, LaneIdentity identity, LaneClaim claim, MySqlLaneContext context)
    {
        _connection = connection;
        _identity = identity;
        _context = context;
        _claim = claim.Claim;
        _offset = claim.Offset;
        CommittedOffset = claim.Offset;
        _writer = new(context.Options.Database, context.MaxPacketBytes);
    }

    /// <inheritdoc/>
    public long? CommittedOffset { get; }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
    {
        if (_broken)
            throw MySqlSinkErrors.GivenUp(_context.Owner, _context.Options.Endpoint);

        _broken = true; // until the server has answered for everything
        _plan.Build(batch.Span, _context.Replaced);
        _refused.Clear();
        using var limit = new CancellationTokenSource(AnswerTimeout, _context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            if (!await TryWholeAsync(batch, either.Token))
                await WriteInPartsAsync(batch, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw MySqlSinkErrors.NoAnswer(_context.Owner, _context.Options.Endpoint, AnswerTimeout);
        }
        catch (MySqlServerException refused)
        {
            throw MySqlSinkErrors.Statement(_context.Owner, _context.Options.Endpoint, _context.Options.Database, refused);
        }
        catch (Exception problem) when (MySqlErrors.Connection(_context.Owner, _context.Options.Endpoint, problem) is { } known)
        {
            throw known;
        }

        Answer(batch.Span, answers.Span);
        _broken = false;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    // The whole transaction in one request. False, with nothing written, when a row is at fault or too large for that.
    private async ValueTask<bool> TryWholeAsync(ReadOnlyMemory<Operation> batch, CancellationToken cancellationToken)
    {
        var offset = OffsetAfter(batch.Span);
        _writer.Clear();
        _writer.Add("START TRANSACTION"u8);
        _writer.Add(Encoding.UTF8.GetBytes(_context.Positions.Set(_identity, _claim, offset)));
        foreach (var group in _plan.Groups)
            _writer.Add(group, CollectionsMarshal.AsSpan(group.Operations), batch.Span);
        _writer.Add("COMMIT"u8);
        if (_writer.Buffer.WrittenCount > _writer.LimitBytes)
            return false;

        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await _connection.ExecuteAsync(_writer.Buffer.WrittenMemory, cancellationToken);
                _offset = offset;
                return true;
            }
            catch (MySqlServerException refused)
            {
                await _connection.ExecuteAsync("ROLLBACK", cancellationToken);
                if (MySqlSinkErrors.IsPoison(refused.Code))
                    return false;
                if (refused.Code != Deadlock || attempt == DeadlockTries)
                    throw;
            }
        }
    }

    // Statement by statement in one transaction. An error of a row undoes its statement only; halves of it follow until the row stands alone.
    private async ValueTask WriteInPartsAsync(ReadOnlyMemory<Operation> batch, CancellationToken cancellationToken)
    {
        try
        {
            await _connection.ExecuteAsync("START TRANSACTION", cancellationToken);
            await SetOffsetAsync(_offset, cancellationToken);
            foreach (var group in _plan.Groups)
                await ApplyAsync(group, 0, group.Operations.Count, batch, cancellationToken);
            await ApplySupersededAsync(batch, cancellationToken);
            var offset = OffsetAfter(batch.Span);
            await SetOffsetAsync(offset, cancellationToken);
            await _connection.ExecuteAsync("COMMIT", cancellationToken);
            _offset = offset;
        }
        catch (MySqlServerException) when (_connection.IsUsable)
        {
            await _connection.ExecuteAsync("ROLLBACK", cancellationToken);
            throw;
        }
    }

    private async ValueTask SetOffsetAsync(long offset, CancellationToken cancellationToken)
    {
        try
        {
            await _connection.ExecuteAsync(_context.Positions.Set(_identity, _claim, offset), cancellationToken);
        }
        catch (MySqlServerException taken) when (taken.Code == CannotBeNull)
        {
            throw MySqlSinkErrors.TakenOver(_context.Owner, _context.Positions.Table, _identity.Pipeline, _identity.Lane, taken);
        }
    }

    private async ValueTask ApplyAsync(ApplyGroup group, int from, int count, ReadOnlyMemory<Operation> batch, CancellationToken cancellationToken)
    {
        if (await TryApplyAsync(group, from, count, batch, cancellationToken) is not { } reason)
            return;
        if (count == 1)
        {
            _refused[group.Operations[from]] = reason;
            return;
        }

        var half = count / 2;
        await ApplyAsync(group, from, half, batch, cancellationToken);
        await ApplyAsync(group, from + half, count - half, batch, cancellationToken);
    }

    // Null when written, else the server's words.
    private async ValueTask<string?> TryApplyAsync(ApplyGroup group, int from, int count, ReadOnlyMemory<Operation> batch, CancellationToken cancellationToken)
    {
        _writer.Clear();
        if (group.Mode == ApplyMode.Replace)
            _writer.Add("SAVEPOINT leat"u8);
        _writer.Add(group, CollectionsMarshal.AsSpan(group.Operations).Slice(from, count), batch.Span);
        for (var i = 0; i < _writer.Count; i++)
        {
            if (_writer.Statement(i).Length > _writer.LimitBytes)
                return $"The statement takes {_writer.Statement(i).Length} bytes; the server's max_allowed_packet is {_context.MaxPacketBytes}.";
        }

        try
        {
            for (var i = 0; i < _writer.Count; i++)
                await _connection.ExecuteAsync(_writer.Statement(i), cancellationToken);
            return null;
        }
        catch (MySqlServerException refused) when (MySqlSinkErrors.IsPoison(refused.Code))
        {
            if (group.Mode == ApplyMode.Replace)
                await _connection.ExecuteAsync("ROLLBACK TO SAVEPOINT leat", cancellationToken);
            return FormattableString.Invariant($"{refused.Code} ({refused.SqlState}): {refused.Message}");
        }
    }

    // Where the last operation of a key was refused, the one before it is what the target shall hold.
    private async ValueTask ApplySupersededAsync(ReadOnlyMemory<Operation> batch, CancellationToken cancellationToken)
    {
        for (var i = batch.Length - 1; i >= 0 && _refused.Count > 0; i--)
        {
            if (_plan.SupersededBy(i) < 0 || !_refused.ContainsKey(_plan.SupersededBy(i)))
                continue;
            var operation = batch.Span[i];
            var mode = _context.Replaced.Contains(operation.Shape.Alias) ? ApplyMode.Replace
                : operation.Kind == OperationKind.Delete ? ApplyMode.Delete : ApplyMode.Upsert;
            await ApplyAsync(new(operation.Shape, mode, [i]), 0, 1, batch, cancellationToken);
        }
    }

    private void Answer(ReadOnlySpan<Operation> batch, Span<Answer> answers)
    {
        for (var i = 0; i < batch.Length; i++)
        {
            var superseding = _plan.SupersededBy(i);
            answers[i] = _refused.TryGetValue(i, out var reason) ? Changes.Answer.Refused(reason)
                : superseding >= 0 && !_refused.ContainsKey(superseding) ? Changes.Answer.Coalesced
                : Changes.Answer.Applied;
        }

        if (_refused.Count > 0)
            _context.Log.Refused(_identity.Pipeline, _refused.Count, _refused.Values.First());
    }

    // What a restart may skip. Not a refused operation, which becomes a dead letter only after this; and not what may come in the next
    // batch with the same offset: the index of a changed key after its delete, more rows of a table that lost all of them.
    private long OffsetAfter(ReadOnlySpan<Operation> batch)
    {
        ref readonly var last = ref batch[^1];
        var offset = last.Kind == OperationKind.Delete && last.Cause is ChangeKind.Update or ChangeKind.Truncate or ChangeKind.Sweep ? last.Offset - 1 : last.Offset;
        foreach (var refused in _refused.Keys)
            offset = Math.Min(offset, batch[refused].Offset - 1);
        return Math.Max(_offset, offset);
    }
}
