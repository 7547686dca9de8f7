using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;

namespace Leat.Pipeline.Delivery;

// Where the documents of a pipeline go on, and how they end.
internal sealed partial class PipelineRunner
{
    private string? _raiseFor;
    private bool _emitAll;

    // What changes below it made may be at the target already.
    private long _sweepsAgainBelow;

    // What files may hold at most without losing what was acknowledged: in a lane, what is below the lowest offset under way, and maybe some of that one.
    private long DocumentCheckpoint
    {
        get
        {
            var lowest = Lanes.Select(lane => lane.Queue.LowestOffset).DefaultIfEmpty(long.MaxValue).Min();
            return lowest == long.MaxValue ? Dispatched : Math.Min(Dispatched, lowest + 1);
        }
    }

    /// <summary>Whether rows that the source does not have are still to be looked for in the target.</summary>
    internal bool Sweeps => Volatile.Read(ref _sweep);

    /// <summary>Whether all documents are still to be emitted once more.</summary>
    internal bool EmitsAll => Volatile.Read(ref _emitAll);

    private async Task OpenDocumentsAsync(DocumentState documents, CancellationToken stopping)
    {
        if (documents is { IsOpen: true, MustLoad: false })
            return;
        documents.Close();
        if (documents.Standstill is { } failure)
            throw failure;
        var found = await documents.PeekAsync(stopping);
        if (found is { } old && old.Note.State < _loaded.State)
        {
            // An order has given it up; it says itself where the next begins.
            await documents.DropAsync(_loaded.Offset, _loaded.State, stopping);
            found = await documents.PeekAsync(stopping);
        }

        var (plan, shapes) = await CompileDocumentsAsync(found?.Note, stopping);
        if (WhyNot(found, plan) is { } reason)
        {
            plan.Dispose();
            await RebuildAsync(documents, reason, stopping);
            found = await documents.PeekAsync(stopping);
            (plan, shapes) = await CompileDocumentsAsync(note: null, stopping);
        }

        documents.Begin(plan, found?.Offset ?? 0, _loaded.State, shapes);
        if (found is { Note: { Fingerprint.Length: > 0 } note } marker)
        {
            documents.Load(marker.Offset, note, stopping);
            if (note.Rule != documents.Rule && !note.IsLoading)
            {
                // Of the same rows other documents are made, in the place of those that there are.
                documents.EmitsAll = true;
                _raiseFor = "its documents are made by another rule";
                _sweep |= _sink.KeepsMarker;
            }

            _log.StateLoaded(_definition.Name, plan.StateRows, plan.StateBytes, marker.Offset, documents.Again.Length);
        }

        // Rows that are sent and gone again would be forgotten by who begins with nothing.
        _sweep |= found is null && _loaded.Marker is not null;
        documents.EmitsAll |= _emitAll;
        documents.MustLoad = false;
        documents.Tell();
        _loadedAt = -1;
        _sweepsAgainBelow = !_sink.KeepsMarker ? 0 : Started ? _input.Stream.EndOffset : _endAtOpen;
        Volatile.Write(ref _dispatched, documents.End);
    }

    // Why the state that was found cannot be gone on with; null: it can.
    private string? WhyNot((long Offset, StateNote Note)? found, DocumentPlan plan)
    {
        var stream = _input.Stream;
        if (found is not { } marker)
            return stream.StartOffset == 0 && _loaded.Offset == 0 ? null : "none of their rows are held";
        var note = marker.Note;
        if (note.State != _loaded.State)
            return "what is held is newer than the log";
        var isThere = marker.Offset <= stream.EndOffset && marker.Offset >= stream.StartOffset && note.Epoch <= stream.Epoch
            && (marker.Offset == 0 || (note.Incarnation != 0 && stream.EndOfIncarnation(note.Incarnation) >= marker.Offset));
        if (!isThere)
            return "the stream does not hold the changes that their rows are made of";
        return note.Fingerprint.Length > 0 && note.Fingerprint != plan.Fingerprint ? "they are made of other tables or columns now" : null;
    }

    // As the order of a person does it: of the stream when it is whole, else of the tables.
    private async Task RebuildAsync(DocumentState documents, string reason, CancellationToken stopping)
    {
        var checkpoint = Redeliveries.Reset(_store, _input.Stream, reread: false, _sink.KeepsMarker, rebuild: true);
        await AdoptAsync(checkpoint, stopping);
        await documents.DropAsync(checkpoint.Offset, checkpoint.State, stopping);
        _log.DocumentsRebuilt(_definition.Name, reason, checkpoint.Offset, checkpoint.Reread);
    }

    // It made documents, and delivers its tables as they are from now on: rows that did not change since were never sent as such. The rows that were held go last, so that whoever is killed
    // on the way does it once more.
    private async Task LeaveDocumentsAsync(CancellationToken stopping)
    {
        if (_store.Peek() is not null)
        {
            var checkpoint = Redeliveries.Reset(_store, _input.Stream, reread: false, _sink.KeepsMarker, rebuild: null);
            await AdoptAsync(checkpoint, stopping);
            _log.DocumentsLeft(_definition.Name, checkpoint.Offset, checkpoint.Reread);
        }

        _input.Log.DeleteStream(StateStore.NameOf(_definition.Name));
    }

    // With the shapes that the state knew, or the newest.
    private async ValueTask<(DocumentPlan Plan, IReadOnlyList<(uint Id, TableSchema Schema)> Shapes)> CompileDocumentsAsync(StateNote? note, CancellationToken stopping)
    {
        var known = new Dictionary<TableName, (uint Id, TableSchema Schema)>();
        foreach (var table in _definition.Tables.SelectMany(TablesOf))
        {
            var id = note?.Shapes.GetValueOrDefault(table) is { } noted and > 0 ? noted : _input.Schemas.NewestOf(table);
            if (id > 0 && _input.Schemas.Find(id) is { } schema)
                known[table] = (id, schema);
        }

        var selections = _definition.Tables.Select(rule => rule.ToSelection()).ToImmutableArray();
        var matches = selections.Select(selection => (selection, Match: new TableMatch(selection))).ToList();
        if (matches.Exists(one => !known.Keys.Any(one.Match.Takes)))
        {
            await using var source = _input.Ask();
            foreach (var table in await source.TablesAsync(stopping))
                known.TryAdd(table.Table, (0, table));
        }

        var missing = matches.Where(one => !known.Keys.Any(one.Match.Takes)).Select(one => one.selection.Pattern?.Expression ?? one.selection.Table.ToString()).ToList();
        if (missing.Count > 0)
            throw EngineErrors.TablesNotThere(_definition.Name, _definition.From, missing);
        var plan = DocumentPlan.Compile(_definition.Document!, selections, known.Values.Select(one => one.Schema)); // has documents
        return (plan, [.. known.Values.Where(one => plan.Takes(one.Schema.Table))]);
    }

    // After an orderly stop nothing has to be read again. What was not published in time is: the last marker stays.
    private async Task EndDocumentsAsync(DocumentState documents)
    {
        if (_session is { } session && documents is { IsOpen: true, MustLoad: false, IsBetweenTransactions: true })
            await documents.MarkAsync(documents.Again.IsEmpty ? session.Router.Keys : null, sync: true, CancellationToken.None); // what is to be sent once more may not have been
        documents.Dispose();
    }
}
