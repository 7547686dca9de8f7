using Leat.Changes;
using Leat.Connectors.PostgreSql.Apply;
using Leat.Connectors.PostgreSql.Tables;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Leat.Connectors.PostgreSql;

/// <summary>What the lanes of one sink share.</summary>
internal sealed record PostgreSqlLaneContext(
    string Owner, PostgreSqlSinkOptions Options, LanePositions Positions, TargetTables Tables, bool DefersConstraints, TimeProvider Time, ILogger Log);

/// <summary>One connection's worth of writing: a batch is one transaction of its rows and the lane's offset, sent in one request.</summary>
internal sealed class PostgreSqlLane : ISinkLane
{
    // A deadlock with another lane is over when one of the two gives way: worth a few tries at once.
    private const int DeadlockTries = 5;

    private const string RowMissing = "row_missing";

    // Longer than any lock is waited for (PostgreSqlSinkOptions.LockTimeout); a server that says nothing for so long hangs.
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromMinutes(2);

    private readonly NpgsqlConnection _connection;
    private readonly LaneIdentity _identity;
    private readonly PostgreSqlLaneContext _context;
    private readonly Dictionary<Shape, ShapeTarget> _targets = new(ReferenceEqualityComparer.Instance);
    private readonly ApplyPlan _plan;
    private readonly ApplyWriter _writer;
    private readonly Guid _claim;
    private readonly long _until;
    private long _offset;
    private bool _broken;

    public PostgreSqlLane(NpgsqlConnection connection, LaneIdentity identity, LaneClaim claim, PostgreSqlLaneContext context)
    {
        _connection = connection;
        _identity = identity;
        _context = context;
        _claim = claim.Claim;
        _until = claim.Until;
        _offset = claim.Offset;
        CommittedOffset = claim.Offset;
        _plan = new(_targets);
        _writer = new(context.Options.ZeroDatesAreNull);
    }

    /// <inheritdoc/>
    public long? CommittedOffset { get; }

    /// <inheritdoc/>
    public async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
    {
        if (_broken)
            throw PostgreSqlErrors.GivenUp(_context.Owner, _context.Options);

        _broken = true; // until the server has answered for everything
        using var limit = new CancellationTokenSource(AnswerTimeout, _context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            await KnowShapesAsync(batch, either.Token);
            await ApplyAsync(batch, answers, either.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw PostgreSqlErrors.NoAnswer(_context.Owner, _context.Options, AnswerTimeout);
        }
        catch (BatchRefusedException)
        {
            _broken = false; // rolled back, and the connection is as before
            throw;
        }
        catch (Exception problem) when (PostgreSqlErrors.Known(_context.Owner, _context.Options, problem) is { } known)
        {
            if (known is PauseException)
                _context.Tables.Forget(); // perhaps a table is not what it was
            throw known;
        }

        _broken = false;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    // What is written after something was taken out of a row that several tables write must not come before.
    private static bool TakesParts(ReadOnlySpan<Operation> batch)
    {
        foreach (ref readonly var operation in batch)
        {
            if (operation is { Kind: OperationKind.Delete, Shape.IsPart: true })
                return true;
        }

        return false;
    }

    private async ValueTask KnowShapesAsync(ReadOnlyMemory<Operation> batch, CancellationToken cancellationToken)
    {
        for (var i = 0; i < batch.Length; i++)
        {
            var shape = batch.Span[i].Shape;
            if ((i == 0 || !ReferenceEquals(shape, batch.Span[i - 1].Shape)) && !_targets.ContainsKey(shape))
                _targets[shape] = await _context.Tables.OfAsync(shape, batch.Span[i].Offset, cancellationToken);
        }
    }

    // Grouped first; where rows got into each other's way, once more in the source's own order, and if need be with room made for what is delivered again.
    private async ValueTask ApplyAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
    {
        var order = TakesParts(batch.Span) ? ApplyOrder.Sequential : ApplyOrder.Grouped;
        for (var attempt = 1; ; attempt++)
        {
            if (order == ApplyOrder.Grouped)
                _plan.BuildGrouped(batch.Span);
            else
                _plan.BuildSequential(batch.Span);
            try
            {
                await ExecuteAsync(batch, evicts: order == ApplyOrder.Evicting, cancellationToken);
                Answer(answers.Span);
                return;
            }
            catch (PostgresException refused) when (PostgreSqlErrors.IsOrder(refused.SqlState) && After(order, refused.SqlState, batch.Span) is { } next)
            {
                _context.Log.Repeated(_identity.Pipeline, _identity.Lane, next, PostgreSqlErrors.Reason(refused));
                order = next;
            }
            catch (PostgresException refused) when (PostgreSqlErrors.IsPoison(refused.SqlState))
            {
                if (batch.Length == 1 && PostgreSqlErrors.IsOrder(refused.SqlState))
                    await ProveTableAsync(batch.Span[0].Shape, cancellationToken);
                throw new BatchRefusedException(PostgreSqlErrors.Reason(refused), refused.SqlState);
            }
            catch (PostgresException refused) when (PostgreSqlErrors.IsDeadlock(refused.SqlState) && attempt < DeadlockTries)
            {
                continue;
            }
        }
    }

    // Other rows may be in the way because the pipeline does not know of an index or a foreign key that the table has got meanwhile.
    private async ValueTask ProveTableAsync(Shape shape, CancellationToken cancellationToken)
    {
        var table = _context.Tables.TableOf(shape);
        if (await TargetTable.ReadAsync(_connection, table, cancellationToken) is { } found && found.Constraints == _targets[shape].Found.Constraints)
            return;
        _context.Tables.Forget();
        throw PostgreSqlErrors.TableChanged(_context.Owner, table);
    }

    // What may succeed where this order did not; null: nothing.
    private ApplyOrder? After(ApplyOrder order, string state, ReadOnlySpan<Operation> batch)
    {
        if (order == ApplyOrder.Grouped && batch.Length > 1)
            return ApplyOrder.Sequential;
        if (order == ApplyOrder.Evicting || state != PostgresErrorCodes.UniqueViolation)
            return null;
        foreach (ref readonly var operation in batch)
        {
            if (ApplyWriter.IsAgain(operation, _until) && !_targets[operation.Shape].Evictions.IsEmpty)
                return ApplyOrder.Evicting;
        }

        return null;
    }

    // One request, which the server takes as one transaction: it commits when it reaches the end of the request, and only then.
    private async ValueTask ExecuteAsync(ReadOnlyMemory<Operation> batch, bool evicts, CancellationToken cancellationToken)
    {
        var offset = OffsetAfter(batch.Span);
        await using var request = new NpgsqlBatch(_connection);
        var position = _context.Positions.Set(_identity, _claim, offset);
        request.BatchCommands.Add(position);
        if (_context.DefersConstraints)
            request.BatchCommands.Add(new("SET CONSTRAINTS ALL DEFERRED")); // not first: servers warn of it outside of a transaction
        _writer.Clear();
        var updates = new List<NpgsqlBatchCommand>(0);
        foreach (var group in _plan.Groups)
        {
            foreach (var eviction in evicts ? _writer.WriteEvictions(group, batch, _until) : [])
                request.BatchCommands.Add(eviction);
            var command = _writer.Write(group, batch.Span);
            request.BatchCommands.Add(command);
            if (group.Mode == ApplyMode.Update)
                updates.Add(command);
        }

        try
        {
            await request.ExecuteNonQueryAsync(cancellationToken);
        }
        catch (PostgresException zero) when (zero.SqlState == PostgresErrorCodes.DivisionByZero && ReferenceEquals(zero.BatchCommand, position))
        {
            throw PostgreSqlErrors.TakenOver(_context.Owner, _context.Positions.Table, _identity.Pipeline, _identity.Lane, zero);
        }
        catch (PostgresException zero) when (zero.SqlState == PostgresErrorCodes.DivisionByZero && zero.BatchCommand is NpgsqlBatchCommand failed && updates.Contains(failed))
        {
            throw new BatchRefusedException("The target has no row with this key; the change tells some of its columns only.", RowMissing);
        }

        _offset = offset;
    }

    private void Answer(Span<Answer> answers)
    {
        for (var i = 0; i < answers.Length; i++)
            answers[i] = _plan.IsSuperseded(i) ? Changes.Answer.Coalesced : Changes.Answer.Applied;
    }

    // What a restart may skip: not what came out of its turn; and not what may come in the next batch with the
    // same offset: the index of a changed key after its delete, more rows of a table that lost all of them.
    private long OffsetAfter(ReadOnlySpan<Operation> batch)
    {
        for (var i = batch.Length - 1; i >= 0; i--)
        {
            ref readonly var last = ref batch[i];
            if (last.IsUnpositioned)
                continue;
            var isPart = last.Cause is ChangeKind.Truncate or ChangeKind.Sweep || (last.Kind == OperationKind.Delete && last.Cause == ChangeKind.Update);
            return Math.Max(_offset, isPart ? last.Offset - 1 : last.Offset);
        }

        return _offset;
    }
}
