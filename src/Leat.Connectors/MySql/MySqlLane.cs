using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql.Apply;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql;

/// <summary>What the lanes of one sink share.</summary>
/// <param name="Owner">How messages name the sink.</param>
/// <param name="Options">Its settings.</param>
/// <param name="Positions">The table of offsets.</param>
/// <param name="Server">What the server takes.</param>
/// <param name="Forms">What the target's tables are like, by alias; a lane that finds one changed says so here.</param>
/// <param name="SeenOffset">The highest offset that a lane had written when the target was prepared; -1 when none had.</param>
/// <param name="Time">The only clock.</param>
/// <param name="Log">Where it logs.</param>
internal sealed record MySqlLaneContext(
    string Owner, MySqlSinkOptions Options, LanePositions Positions, TargetServer Server, ConcurrentDictionary<string, TargetForm> Forms, long SeenOffset,
    TimeProvider Time, ILogger Log);

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
    private readonly Dictionary<string, TargetForm> _forms; // as they were when the lane was opened
    private readonly ApplyPlan _plan;
    private readonly ApplyWriter _writer;
    private readonly Dictionary<int, Refusal> _refused = [];
    private readonly HashSet<string> _proven = []; // aliases whose tables were looked at again for this batch
    private readonly List<long> _affected = [];
    private readonly ulong _claim;
    private long _offset;
    private bool _checksParents = true;
    private bool _broken;

    public MySqlLane(MySqlConnection connection, LaneIdentity identity, LaneClaim claim, MySqlLaneContext context)
    {
        _connection = connection;
        _identity = identity;
        _context = context;
        _claim = claim.Claim;
        _offset = claim.Offset;
        CommittedOffset = claim.Offset;
        _forms = new(context.Forms, StringComparer.Ordinal);
        _plan = new(_forms, context.SeenOffset);
        _writer = new(context.Options.Database, context.Server);
    }

    /// <inheritdoc/>
    public long? CommittedOffset { get; }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
    {
        if (_broken)
            throw MySqlSinkErrors.GivenUp(_context.Owner, _context.Options.Endpoint);

        _broken = true; // until the server has answered for everything
        _plan.Build(batch.Span);
        _refused.Clear();
        _proven.Clear();
        using var limit = new CancellationTokenSource(AnswerTimeout, _context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            await CheckParentsAsync(!HasEarlyChildren(batch.Span), either.Token);
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

    // Tables are read one after the other, whichever references which: a row that is read may come before its parent.
    private bool HasEarlyChildren(ReadOnlySpan<Operation> batch)
    {
        foreach (ref readonly var operation in batch)
        {
            if (operation.Cause is ChangeKind.Read or ChangeKind.ReadAgain && _forms.TryGetValue(operation.Shape.Alias, out var form) && form.HasParent)
                return true;
        }

        return false;
    }

    private async ValueTask CheckParentsAsync(bool shall, CancellationToken cancellationToken)
    {
        if (shall == _checksParents)
            return;
        await _connection.ExecuteAsync(shall ? "SET foreign_key_checks = 1" : "SET foreign_key_checks = 0", cancellationToken);
        _checksParents = shall;
    }

    // The whole transaction in one request. False, with nothing written, when a row is at fault or too large for that.
    private async ValueTask<bool> TryWholeAsync(ReadOnlyMemory<Operation> batch, CancellationToken cancellationToken)
    {
        var offset = OffsetAfter(batch.Span);
        _writer.Clear();
        _writer.Add("START TRANSACTION"u8);
        _writer.Add(Encoding.UTF8.GetBytes(_context.Positions.Set(_identity, _claim, offset)));
        foreach (var group in _plan.Groups)
            _writer.Add(group, CollectionsMarshal.AsSpan(group.Operations), batch.Span);
        var looks = _writer.Updates.Count > 0; // whether each found its row has to be known before the end
        if (!looks)
            _writer.Add("COMMIT"u8);
        if (_writer.Buffer.WrittenCount > _writer.LimitBytes)
            return false;

        for (var attempt = 1; ; attempt++)
        {
            try
            {
                _affected.Clear();
                await _connection.ExecuteAsync(_writer.Buffer.WrittenMemory, looks ? _affected : null, cancellationToken);
                if (looks && _writer.Updates.Any(statement => _affected[statement] == 0))
                {
                    await _connection.ExecuteAsync("ROLLBACK", cancellationToken);
                    return false;
                }

                if (looks)
                    await _connection.ExecuteAsync("COMMIT", cancellationToken);
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
        // Halves of a group would ask for a value before the other half has freed it. In the stream's order the source could do it, and so can the target.
        if (_plan.HasUnique && !_plan.IsInOrder)
            _plan.BuildInOrder(batch.Span);
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
        if (group.Mode == ApplyMode.Update && count > 1)
        {
            for (var i = 0; i < count; i++)
                await ApplyAsync(group, from + i, 1, batch, cancellationToken);
            return;
        }

        if (await TryApplyAsync(group, from, count, batch, cancellationToken) is not { } refusal)
            return;
        if (count == 1)
        {
            if (refusal.IsOfOthers)
                await ProveFormAsync(group.Shape, cancellationToken);
            _refused[group.Operations[from]] = refusal;
            return;
        }

        var half = count / 2;
        await ApplyAsync(group, from, half, batch, cancellationToken);
        await ApplyAsync(group, from + half, count - half, batch, cancellationToken);
    }

    // Other rows may be in the way because the pipeline does not know of an index or a foreign key that the table has got meanwhile. Looked at once a batch.
    private async ValueTask ProveFormAsync(Shape shape, CancellationToken cancellationToken)
    {
        if (!_proven.Add(shape.Alias))
            return;
        var table = new TableName(_context.Options.Database, shape.Alias);
        if (await TargetTable.ReadAsync(_connection, table, cancellationToken) is not { } found)
            return;
        var form = TargetForm.Of(shape, found, _context.Options.Apply == ApplyBy.Transactions);
        if (form.Seen == _forms.GetValueOrDefault(shape.Alias, TargetForm.Plain).Seen)
            return;
        _context.Forms[shape.Alias] = form;
        throw MySqlSinkErrors.TableChanged(_context.Owner, table);
    }

    // Null when written, else why not.
    private async ValueTask<Refusal?> TryApplyAsync(ApplyGroup group, int from, int count, ReadOnlyMemory<Operation> batch, CancellationToken cancellationToken)
    {
        _writer.Clear();
        _writer.Add(group, CollectionsMarshal.AsSpan(group.Operations).Slice(from, count), batch.Span);
        for (var i = 0; i < _writer.Count; i++)
        {
            if (_writer.Statement(i).Length > _writer.LimitBytes)
                return Refusal.TooLarge(_writer.Statement(i).Length, _context.Server.MaxPacketBytes);
        }

        var savepoint = _writer.Count > 1; // what an error does not undo by itself
        if (savepoint)
            await _connection.ExecuteAsync("SAVEPOINT leat", cancellationToken);
        try
        {
            for (var i = 0; i < _writer.Count; i++)
            {
                var done = await _connection.ExecuteAsync(_writer.Statement(i), cancellationToken);
                if (group.Mode == ApplyMode.Update && done.AffectedRows == 0)
                    return Refusal.NoRow;
            }

            return null;
        }
        catch (MySqlServerException refused) when (MySqlSinkErrors.IsPoison(refused.Code))
        {
            if (savepoint)
                await _connection.ExecuteAsync("ROLLBACK TO SAVEPOINT leat", cancellationToken);
            return Refusal.Of(refused);
        }
    }

    // Where the last operation of a key was refused, the one before it is what the target shall hold.
    private async ValueTask ApplySupersededAsync(ReadOnlyMemory<Operation> batch, CancellationToken cancellationToken)
    {
        for (var i = batch.Length - 1; i >= 0 && _refused.Count > 0; i--)
        {
            if (_plan.SupersededBy(i) <= i || !_refused.ContainsKey(_plan.SupersededBy(i)))
                continue;
            var operation = batch.Span[i];
            await ApplyAsync(new(operation.Shape, ApplyPlan.ModeOf(operation), [i]), 0, 1, batch, cancellationToken);
        }
    }

    private void Answer(ReadOnlySpan<Operation> batch, Span<Answer> answers)
    {
        for (var i = 0; i < batch.Length; i++)
        {
            var superseding = _plan.SupersededBy(i);
            answers[i] = _refused.TryGetValue(i, out var refusal) ? Changes.Answer.Refused(refusal.Reason, refusal.Cause)
                : superseding >= 0 && superseding < i ? Changes.Answer.Stale
                : superseding < 0 || _refused.ContainsKey(superseding) ? Changes.Answer.Applied
                : Changes.Answer.Coalesced;
        }

        if (_refused.Count > 0)
            _context.Log.Refused(_identity.Pipeline, _refused.Count, _refused.Values.First().Reason);
    }

    // What a restart may skip. Not a refused operation, which becomes a dead letter only after this; and not what may come in the next
    // batch with the same offset: the index of a changed key after its delete, more rows of a table that lost all of them. What came out of
    // its turn says nothing of the stream.
    private long OffsetAfter(ReadOnlySpan<Operation> batch)
    {
        var offset = _offset;
        for (var i = batch.Length - 1; i >= 0; i--)
        {
            ref readonly var last = ref batch[i];
            if (last.IsUnpositioned)
                continue;
            var isPart = last.Cause is ChangeKind.Truncate or ChangeKind.Sweep || (last.Kind == OperationKind.Delete && last.Cause == ChangeKind.Update);
            offset = isPart ? last.Offset - 1 : last.Offset;
            break;
        }

        foreach (var refused in _refused.Keys)
            offset = batch[refused].IsUnpositioned ? offset : Math.Min(offset, batch[refused].Offset - 1);
        return Math.Max(_offset, offset);
    }
}
