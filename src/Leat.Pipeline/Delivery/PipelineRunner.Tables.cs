using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Delivery;

// Which tables the pipeline takes, and what the target is prepared for.
internal sealed partial class PipelineRunner
{
    private ImmutableArray<uint> _shapes = [];

    // What an earlier run prepared the target for. The stream keeps every shape, so their numbers are enough.
    private void HoldShapes()
    {
        _shapes = _loaded.Shapes;
        foreach (var id in _shapes)
        {
            if (_input.Schemas.Find(id) is { } schema)
                _plan.Hold(id, schema);
        }
    }

    // The tables of an entry that the stream tells of.
    private IReadOnlyList<TableName> TablesOf(Definitions.TableRule rule)
    {
        if (rule.Pattern is null)
            return [rule.Table];
        var match = new TableMatch(rule.ToSelection());
        return [.. _input.Schemas.Tables.Where(match.Takes)];
    }

    // All tables that are one with a table; itself in the shape that a change of it has.
    private IReadOnlyList<TablePlan> PartsOf(TablePlan plan) =>
        [plan, .. _plan.PartsOf(plan.Selection.Alias).Where(part => part.Source.Table != plan.Source.Table)];

    // The newest shape of every table, from the stream, or before its first change from the source itself.
    private async Task LearnTablesAsync(CancellationToken stopping)
    {
        var isKnown = _definition.Tables.All(rule => TablesOf(rule).Any(table => _input.Schemas.NewestOf(table) > 0));
        var told = isKnown ? [] : await AskForShapesAsync(stopping);

        // The stream may have been told of a table meanwhile.
        foreach (var table in _definition.Tables.SelectMany(TablesOf).Concat(told.Select(one => one.Table).Where(_plan.Takes)).Distinct())
        {
            var id = _input.Schemas.NewestOf(table);
            if ((id > 0 ? _input.Schemas.Find(id) : told.FirstOrDefault(one => one.Table == table)) is { } schema)
                _plan.LearnAhead(id, schema);
        }

        var missing = _definition.Tables.Where(rule => rule.Group is not null && _plan.PartsOf(rule.Alias).Count == 0).Select(rule => rule.Table.ToString()).ToList();
        if (missing.Count > 0 && _loaded.Shapes.IsEmpty)
            throw EngineErrors.TablesNotThere(_definition.Name, _definition.From, missing);
    }

    private async Task<IReadOnlyList<TableSchema>> AskForShapesAsync(CancellationToken stopping)
    {
        try
        {
            await using var source = _input.Ask();
            return await source.TablesAsync(stopping);
        }
        catch (RetriableException failure) when (_definition.Tables.All(rule => rule.Group is null) || !_loaded.Shapes.IsEmpty)
        {
            // The source is away. Its stream will bring the shape before the first change, and then the target is prepared. A table whose rows come of several is
            // waited with instead: it is made with the columns of all.
            _log.TablesUnknown(_definition.From, failure.Message);
            return [];
        }
    }

    // After a stream that does not hold everything was to be delivered again.
    private async ValueTask AskForTablesAsync(CancellationToken stopping)
    {
        if (!_loaded.Reread)
            return;
        foreach (var table in _definition.Tables.SelectMany(TablesOf))
            await _input.ReadAgain(new([table], Where: null), stopping);
        _log.TablesAskedFor(_definition.Name, _definition.From);
        await KeepAsync(_loaded with { Reread = false }, stopping);
    }

    // What a target cannot follow is left out where the entry says so: without any change first, then each by itself.
    private async ValueTask<SinkTraits> PrepareTargetAsync(CancellationToken stopping)
    {
        if (_plan.Shapes.Count == 0)
            return new();
        var traits = default(SinkTraits);
        try
        {
            traits = await _sink.PrepareAsync(_plan.Shapes, stopping);
        }
        catch (PauseException) when (_plan.Changes() is { Count: > 0 } changes)
        {
            _plan.LeaveOut(changes, leave: true);
            traits = await _sink.PrepareAsync(_plan.Shapes, stopping);
            foreach (var change in changes)
                traits = await TryFollowAsync(change, stopping) ?? traits;
        }

        _plan.Prepared();
        NoteShapes();
        return traits;
    }

    // For checkpoints, which are made on other threads, too.
    private void NoteShapes()
    {
        ImmutableArray<uint> held = [.. _plan.Held.Select(shape => shape.Value)];
        lock (_gate)
            _shapes = held;
    }

    private async ValueTask<SinkTraits?> TryFollowAsync(ColumnChange change, CancellationToken stopping)
    {
        _plan.LeaveOut([change], leave: false);
        try
        {
            return await _sink.PrepareAsync(_plan.Shapes, stopping);
        }
        catch (PauseException reason)
        {
            _plan.LeaveOut([change], leave: true);
            _log.ColumnLeftOut(_definition.Name, change.Table.ToString(), change.Column, reason.Message);
            return await _sink.PrepareAsync(_plan.Shapes, stopping);
        }
    }

    // A source may be idle before it has told a single shape; what a table's rows look like has to be known to find those that are too many.
    private bool CanSweep() => _input.IsWhole() && _definition.Tables.All(rule => rule.Pattern is not null || _input.Schemas.NewestOf(rule.Table) != 0);

    // Once all is told: what a target has beside it was left there by another log, or by this one before its own was lost.
    // True when the target has to be prepared for a shape first.
    private async ValueTask<bool> SweepAsync(PipelineSession session, CancellationToken stopping)
    {
        var next = Dispatched;
        foreach (var rule in _definition.Tables)
        {
            // Tables that are one are swept as one, whichever of them is named.
            if (TablesOf(rule).Select(_input.Schemas.NewestOf).Where(id => id > 0).ToList() is not [var id, ..] ids)
                continue;
            foreach (var one in ids.Where(one => !_plan.Knows(one)))
            {
                if (Learn(SweepOf(one), next))
                    return true;
            }

            var record = SweepOf(id);
            var lease = new BlockLease(block: null, _budget);
            try
            {
                if (session.Router.Route(lease.Arena, record, 0, record.Length, next, timestampMs: 0) == Routed.WholeTable)
                    await RemoveAsync(session, record, lease, new(Math.Max(0, next - 1), next, Epoch), stopping);
            }
            finally
            {
                lease.Release();
            }
        }

        _sweep = false;
        Save();
        return false;
    }

    private static byte[] SweepOf(uint id)
    {
        var record = new byte[EncodedChange.HeaderBytes];
        EncodedChange.WriteHeader(record, ChangeKind.Sweep, ChangeMarks.None, id, committedAtMicros: 0, indexInTransaction: 0, beforeBytes: 0, transactionId: default);
        return record;
    }
}
