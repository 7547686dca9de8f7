using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Leat.Changes;
using Leat.Log;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Status;
using Leat.Transform.Plan.Documents;

namespace Leat.Pipeline.Delivery;

/// <summary>What became of a record of the stream.</summary>
internal enum Taken
{
    /// <summary>It is in the state.</summary>
    Done,

    /// <summary>A table shape not seen before: nothing was done.</summary>
    NewShape,

    /// <summary>A table was emptied: its rows are still in the state.</summary>
    Truncate,

    /// <summary>A table was read again as a whole, or one of several that are one was emptied: what the state holds beyond it has to be found out.</summary>
    Sweep,
}

/// <summary>What was counted of the changes whose transactions have ended.</summary>
internal record struct DocumentCounts(long Changes, long Filtered, long Folded, long Planned);

/// <summary>The documents of a pipeline: their plan, how far the stream is in it, and how that outlives a restart. Used by the dispatcher; <see cref="Status"/> and <see cref="Durable"/> from any thread.</summary>
/// <param name="definition">The pipeline.</param>
/// <param name="input">What it reads from.</param>
internal sealed class DocumentState(PipelineDefinition definition, PipelineInput input) : IStateHandler, IDisposable
{
    /// <summary>Rows that are saved between two looks at whether the stream takes more.</summary>
    public const int RowsPerSave = 8_192;

    // Documents in the background that a marker names; of more it says that there are some.
    private const int MostWaiting = 16_384;

    private readonly StateStore _store = new(definition.Name, input.Log);
    private DocumentPlan? _plan;
    private bool?[] _takes = new bool?[16]; // by schema number; null: not known
    private DocumentCounts _counts;
    private DocumentCounts _countsAtStart;
    private StateNote? _marked;
    private long _markedAt = -1;
    private bool _markedBacklog;
    private long _rowsBefore;
    private long _failedAt = -1;

    /// <summary>The plan.</summary>
    public DocumentPlan Plan => _plan ?? throw new InvalidOperationException("the documents are not open");

    /// <summary>Whether the plan is there, with the rows of the stream up to <see cref="Next"/>.</summary>
    public bool IsOpen => _plan is not null;

    /// <summary>Every record of the stream below is in the state.</summary>
    public long Next { get; private set; }

    /// <summary>Every transaction below has ended, and its documents were emitted.</summary>
    public long End { get; private set; }

    /// <summary>Whether no transaction is in the state in part.</summary>
    public bool IsBetweenTransactions => Next == End;

    /// <summary>
    /// Whether what was kept has to be loaded again: operations were taken out of the plan that no lane has yet, or something broke off in the middle of a change, so that rows are in the
    /// plan that belong to no offset.
    /// </summary>
    public bool MustLoad { get; set; }

    /// <summary>What the stream cannot be taken in for, although the rows were loaded again: only a person can change that, and nothing is loaded meanwhile. <see langword="null"/>: it can.</summary>
    public PauseException? Standstill { get; private set; }

    /// <summary>Of the rule by which documents are made.</summary>
    public string Rule { get; } = definition.Document is null ? "" : DocumentRuleText.HashOf(definition.Document, [.. definition.Tables.Select(rule => rule.ToSelection())]);

    /// <summary>Number of the state.</summary>
    public int Number { get; private set; }

    /// <summary>Whether every document is to be emitted before anything else, once the tables are loaded.</summary>
    public bool EmitsAll { get; set; }

    /// <summary>Key rows of documents that are to be emitted first, because a run before this one may not have.</summary>
    public ImmutableArray<byte[]> Again { get; set; } = [];

    /// <summary>Tables that the source is to be asked to read again.</summary>
    public List<TableName> Reread { get; } = [];

    /// <summary>What was counted, up to the end of the last transaction.</summary>
    public DocumentCounts Counts { get; private set; }

    /// <summary>What the state may be resumed at after a power cut; -1 when there is nothing.</summary>
    public long Durable => _store.Durable;

    /// <summary>What is known for people.</summary>
    public DocumentStatus? Status { get => Volatile.Read(ref field); private set => Volatile.Write(ref field, value); }

    /// <summary>The last marker of the state, with its note; <see langword="null"/> for a new one.</summary>
    /// <exception cref="LogException">The stream is damaged.</exception>
    /// <exception cref="PauseException">It is no state of documents.</exception>
    public async ValueTask<(long Offset, StateNote Note)?> PeekAsync(CancellationToken cancellationToken)
    {
        // Rows can be read when they are synced; the marker always.
        await _store.SyncAsync(cancellationToken);
        if (_store.Peek() is not { } marker)
            return null;
        try
        {
            return (marker.SourceOffset, StateNote.FromJson(marker.Note.Span));
        }
        catch (InvalidDataException cause)
        {
            throw EngineErrors.StateUnreadable(definition.Name, _store.Name, cause);
        }
    }

    /// <summary>Begins with a plan that holds nothing, at an offset of the stream.</summary>
    public void Begin(DocumentPlan plan, long offset, int number, IEnumerable<(uint Id, TableSchema Schema)> shapes)
    {
        Close();
        _plan = plan;
        MustLoad = true; // until all of it is there
        plan.IsLoading = true;
        (Next, End, Number) = (offset, offset, number);
        foreach (var (id, schema) in shapes.Where(shape => shape.Id > 0))
            Learn(id, schema);
        Tell();
    }

    /// <summary>Takes in what was kept, of which <see cref="PeekAsync"/> told.</summary>
    /// <exception cref="PauseException">It does not fit into its memory.</exception>
    public void Load(long offset, StateNote note, CancellationToken cancellationToken)
    {
        try
        {
            _store.Load(this, cancellationToken);
        }
        catch (PauseException failure)
        {
            Standstill = failure;
            throw;
        }

        (Next, End) = (offset, offset);
        Plan.IsLoading = note.IsLoading;
        _rowsBefore = note.Retractions;
        Plan.RememberSwept(note.Swept);
        EmitsAll |= note.HasBacklog;
        if (note.HasBacklog)
            Plan.AssumePresent();
        Again = note.Keys;
        Reread.AddRange(note.Reread);
        Tell();
    }

    /// <summary>Lets go of the plan: it is to be opened again.</summary>
    public void Close()
    {
        _plan?.Dispose();
        _plan = null;
        _store.LetGo();
        Array.Clear(_takes);
        Reread.Clear();
        _counts = Counts;
        (MustLoad, EmitsAll, Again, _marked, _markedAt, _rowsBefore) = (false, false, [], null, -1, 0);
    }

    /// <summary>A person has given an order: what failed before is tried again.</summary>
    public void TryAgain() => (Standstill, _failedAt) = (null, -1);

    /// <summary>Gives up what was kept. The next state begins with a marker of its own.</summary>
    public async Task DropAsync(long offset, int number, CancellationToken cancellationToken)
    {
        Close();
        _store.Drop();
        _store.Close(offset, NoteAt(offset, number, fingerprint: "") with { IsLoading = true });
        await _store.SyncAsync(cancellationToken);
    }

    /// <summary>What was counted since the last call.</summary>
    public DocumentCounts CountsOfSession() => new(
        Counts.Changes - _countsAtStart.Changes, Counts.Filtered - _countsAtStart.Filtered, Counts.Folded - _countsAtStart.Folded, Counts.Planned - _countsAtStart.Planned);

    /// <summary>A session begins, which counts from here on.</summary>
    public void Enter() => _countsAtStart = Counts;

    /// <summary>Takes in the shape behind a number.</summary>
    /// <exception cref="PauseException">It cannot be.</exception>
    public LearnResult Learn(uint id, TableSchema schema)
    {
        LearnResult learned;
        try
        {
            learned = Plan.Learn(id, IsKnown(schema, out var known) ? schema with { Origin = known.Origin } : schema); // puts all documents into the background where they differ
        }
        catch (PauseException failure)
        {
            Fail(failure);
            throw;
        }

        while (id >= (uint)_takes.Length)
            Array.Resize(ref _takes, _takes.Length * 2);
        _takes[id] = Plan.Takes(schema.Table);
        Reread.AddRange(learned.Untold.Select(one => one.Table).Distinct().Where(table => !Reread.Contains(table)));
        return learned;
    }

    /// <summary>Whether a shape is that which the plan has of its table, whatever the source notes of it for itself.</summary>
    public bool IsKnown(TableSchema schema, [NotNullWhen(true)] out TableSchema? known) =>
        (known = Plan.SchemaOf(schema.Table)) is not null && known.IsKeyless == schema.IsKeyless && known.Columns.SequenceEqual(schema.Columns) && known.Key.SequenceEqual(schema.Key);

    /// <summary>Takes in a record of the stream.</summary>
    /// <exception cref="PauseException">It cannot be, and <see cref="MustLoad"/>.</exception>
    public Taken Take(ReadOnlySpan<byte> record, long offset, out bool endsTransaction)
    {
        var change = new EncodedChange(record);
        endsTransaction = change.Kind == ChangeKind.Position;
        if (!endsTransaction)
        {
            var takes = change.SchemaId < (uint)_takes.Length ? _takes[change.SchemaId] : null;
            if (takes is null)
                return Taken.NewShape;
            endsTransaction = (change.Marks & ChangeMarks.LastOfTransaction) != 0;
            if (takes.Value && change.Kind is (ChangeKind.Sweep or ChangeKind.Truncate))
                return change.Kind == ChangeKind.Truncate && Plan.TellsRowsOf(TableOf(change.SchemaId)) ? Taken.Truncate : Taken.Sweep;
            Count(takes.Value ? Apply(record, offset) : ApplyResult.Filtered);
        }

        Next = offset + 1;
        return Taken.Done;
    }

    /// <summary>Takes rows of an emptied table away; true when none are left.</summary>
    /// <exception cref="PauseException">The memory is full, and <see cref="MustLoad"/>.</exception>
    public bool Truncate(TableName table, long offset, long committedAtMicros, int most, ref ApplyResult result)
    {
        MustLoad = true;
        try
        {
            var now = Plan.Truncate(table, offset, committedAtMicros, most, out var isWhole);
            result = now > result ? now : result;
            return isWhole;
        }
        catch (PauseException failure)
        {
            Fail(failure);
            throw;
        }
    }

    /// <summary>Ends a transaction of the source in the plan.</summary>
    /// <exception cref="PauseException">The memory is full, and <see cref="MustLoad"/>.</exception>
    public void EndTransaction()
    {
        try
        {
            Plan.EndTransaction();
        }
        catch (PauseException failure)
        {
            Fail(failure);
            throw;
        }
    }

    /// <summary>Puts every document into the background.</summary>
    /// <exception cref="PauseException">The memory is full, and <see cref="MustLoad"/>.</exception>
    public void EmitAll()
    {
        try
        {
            Plan.EmitAll();
        }
        catch (PauseException failure)
        {
            Fail(failure);
            throw;
        }

        EmitsAll = false;
    }

    /// <summary>Counts a record that <see cref="Take"/> left to others.</summary>
    public void Pass(long offset, ApplyResult result)
    {
        Count(result);
        Next = offset + 1;
    }

    /// <summary>A transaction has ended, and its documents are emitted: everything below an offset is done with.</summary>
    public void EndAt(long offset)
    {
        (Next, End) = (offset, offset);
        Counts = _counts;
    }

    /// <summary>Saves rows that changed, when they are many; the set stays open.</summary>
    public async ValueTask SaveSomeAsync(CancellationToken cancellationToken)
    {
        if (Plan.Unsaved < RowsPerSave || !IsBetweenTransactions)
            return;
        Plan.Save(_store, RowsPerSave);
        await _store.WhenRoomAsync(cancellationToken);
    }

    /// <summary>Whether a marker would say anything new. Between transactions.</summary>
    public bool IsMarkDue(EmittedKeys keys) => _markedAt != End || _marked is not { } marked
        || _markedBacklog != Plan.HasBacklog || marked.IsLoading != Plan.IsLoading || (marked.Keys.Length > 0 && keys.Outstanding().Length == 0);

    /// <summary>Writes a marker: the state belongs to <see cref="End"/>. Between transactions, when all operations are published.</summary>
    public async ValueTask MarkAsync(EmittedKeys? keys, bool sync, CancellationToken cancellationToken)
    {
        while (Plan.Save(_store, RowsPerSave) > 0)
            await _store.WhenRoomAsync(cancellationToken);
        var waiting = EmitsAll ? null : Plan.Waiting(MostWaiting);
        var note = NoteAt(End, Number, Plan.Fingerprint) with
        {
            Rule = Rule,
            IsLoading = Plan.IsLoading,
            HasBacklog = waiting is null,
            Retractions = RetractionsMissed,
            Swept = Plan.Swept,
            Shapes = Plan.InForce.Where(shape => shape.SchemaId > 0).ToImmutableDictionary(shape => shape.Table, shape => shape.SchemaId),
            Reread = [.. Reread],
            Keys = [.. keys?.Outstanding() ?? Again, .. KeysOf(waiting ?? [])],
        };
        _store.Close(End, note);
        (_marked, _markedAt, _markedBacklog) = (note, End, Plan.HasBacklog);
        Tell();
        if (sync)
            await _store.SyncAsync(cancellationToken);
    }

    /// <summary>Brings <see cref="Status"/> up to date.</summary>
    public void Tell() => Status = new()
    {
        Phase = Plan.IsLoading ? "loading" : "live",
        StateBytes = Plan.StateBytes,
        StateLimitBytes = Plan.StateLimitBytes,
        StateRows = Plan.StateRows,
        BacklogDocuments = Plan.Backlog + Again.Length + (EmitsAll ? Math.Max(1, Plan.Roots) : 0),
        RetractionsMissedTotal = RetractionsMissed,
        Suspect = RetractionsMissed > 0 || Plan.IsSuspect,
    };

    /// <inheritdoc/>
    public void Dispose()
    {
        _plan?.Dispose();
        _store.Dispose();
    }

    void IStateHandler.Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Plan.Put(key, value);

    void IStateHandler.Delete(ReadOnlySpan<byte> key) => Plan.Delete(key);

    private long RetractionsMissed => _rowsBefore + Plan.Retractions;

    private IEnumerable<byte[]> KeysOf(ImmutableArray<byte[]> rows)
    {
        var key = new RowBuilder();
        foreach (var row in rows)
        {
            DocumentKey.Write(Plan.Shape, row, key);
            yield return key.Row.ToArray();
        }
    }

    private StateNote NoteAt(long offset, int number, string fingerprint) =>
        new(number, fingerprint, input.Stream.Epoch, offset == 0 ? 0 : input.Stream.IncarnationOf(offset - 1));

    private ApplyResult Apply(ReadOnlySpan<byte> record, long offset)
    {
        try
        {
            return Plan.Apply(record, offset);
        }
        catch (PauseException failure)
        {
            Fail(failure);
            throw;
        }
    }

    // Rows loaded again take less room than those that were changed for a long time, so a second try is worth its while; a third is not.
    private void Fail(PauseException failure)
    {
        MustLoad = true;
        if (_failedAt == Next)
            Standstill = failure;
        _failedAt = Next;
    }

    private TableName TableOf(uint id) => input.Schemas.Find(id)?.Table ?? throw new InvalidOperationException("a shape that was known is gone");

    private void Count(ApplyResult result) => _counts = _counts with
    {
        Changes = _counts.Changes + 1,
        Filtered = _counts.Filtered + (result == ApplyResult.Filtered ? 1 : 0),
        Folded = _counts.Folded + (result == ApplyResult.Folded ? 1 : 0),
        Planned = _counts.Planned + (result == ApplyResult.Planned ? 1 : 0),
    };
}
