using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Tests.Pipeline;

/// <summary>A target in memory that can be told to misbehave. Notes every write, and fails when a key's acknowledged order goes back.</summary>
internal sealed class ScriptedSink : ISink
{
    private readonly ConcurrentDictionary<string, long> _acknowledged = [];

    public ConcurrentDictionary<string, byte[]> Target { get; } = [];

    public ConcurrentQueue<string> Violations { get; } = [];

    public ConcurrentQueue<(OperationKind Kind, int Id, long Offset)> Writes { get; } = [];

    public ConcurrentQueue<int> BatchSizes { get; } = [];

    public ConcurrentQueue<LaneIdentity> Opened { get; } = [];

    public ConcurrentQueue<IReadOnlyList<Shape>> Prepared { get; } = [];

    public SinkTraits Traits { get; set; } = new();

    public IReadOnlyList<Finding> Warnings { get; set; } = [];

    /// <summary>Decides an operation's answer before it is applied; null applies it.</summary>
    public Func<Operation, Answer?>? Decide { get; set; }

    /// <summary>Called before a batch is looked at; may throw or wait.</summary>
    public Func<ReadOnlyMemory<Operation>, CancellationToken, Task>? Before { get; set; }

    /// <summary>Called after a batch was applied and before it is answered; may throw.</summary>
    public Action<ReadOnlyMemory<Operation>>? After { get; set; }

    /// <summary>Called when the target is prepared; may throw.</summary>
    public Action? OnPrepare { get; set; }

    /// <summary>What a lane says that its target holds.</summary>
    public Func<int, long?>? Committed { get; set; }

    /// <summary>Keeps each lane's offset with the data, as SQL targets do; every write is then one transaction.</summary>
    public LaneLedger? Ledger { get; set; }

    /// <summary>Whether it keeps markers; <see cref="Markers"/> are those that it has.</summary>
    public bool KeepsMarker { get; set; }

    /// <summary>The markers by pipeline.</summary>
    public ConcurrentDictionary<string, TargetMarker> Markers { get; } = [];

    /// <summary>Every marker that was written.</summary>
    public ConcurrentQueue<TargetMarker> MarkersWritten { get; } = [];

    /// <summary>Called before a marker is read; may throw.</summary>
    public Action? OnMarkerRead { get; set; }

    /// <summary>Called before a marker is written; may throw.</summary>
    public Action<TargetMarker>? OnMarker { get; set; }

    /// <summary>Forgets what was acknowledged: after a restart everything since the checkpoint comes again.</summary>
    public void Restart() => _acknowledged.Clear();

    public ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) => new([]);

    public ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        OnPrepare?.Invoke();
        Prepared.Enqueue(shapes);
        return new(Traits);
    }

    public ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken)
    {
        Opened.Enqueue(identity);
        var committed = Ledger?.Claim(identity, Violations) ?? Committed?.Invoke(identity.Lane);
        return new(new LaneOf(this, identity.Lane, committed));
    }

    public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(shape.Schema, row);
        var fields = new List<KeyValuePair<string, string?>>();
        foreach (var column in shape.Columns)
        {
            reader.Seek(column.Ordinal);
            fields.Add(new(column.Name, ValueText.Of(ref reader)));
        }

        return new(TestTable.IdOf(row).ToString(CultureInfo.InvariantCulture), [.. fields]);
    }

    public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var row in Target.Values)
            yield return Expect(shape, row);
    }

    public ValueTask<TargetMarker?> ReadMarkerAsync(string pipeline, CancellationToken cancellationToken)
    {
        OnMarkerRead?.Invoke();
        return new(Markers.GetValueOrDefault(pipeline));
    }

    public ValueTask WriteMarkerAsync(string pipeline, TargetMarker marker, CancellationToken cancellationToken)
    {
        OnMarker?.Invoke(marker);
        MarkersWritten.Enqueue(marker);
        Markers[pipeline] = marker;
        return default;
    }

    public ValueTask DisposeAsync() => default;

    private static string KeyOf(in Operation operation) => $"{operation.Shape.Alias}:{IdOf(operation)}";

    // A row that may lack columns has one more bitmap before it.
    private static int IdOf(in Operation operation) => TestTable.IdOf(operation.Row.Span[(operation.Shape.Schema.IsPartial ? 1 : 0)..]);

    // A whole row, of what an operation tells and what was there.
    private static byte[] Merged(in Operation operation, byte[] old)
    {
        var told = new RowReader(operation.Shape.Schema, operation.Row.Span);
        var kept = new RowReader(TestTable.Schema, old);
        var row = new RowBuilder();
        row.Begin(TestTable.Schema.Columns.Length);
        for (var column = 0; column < TestTable.Schema.Columns.Length; column++)
        {
            told.Seek(column);
            kept.Seek(column);
            if (told.IsAbsent)
                row.Copy(ref kept);
            else
                row.Copy(ref told);
        }

        return row.Row.ToArray();
    }

    private async ValueTask WriteAsync(int lane, ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
    {
        if (Before is { } before)
            await before(batch, cancellationToken);
        BatchSizes.Enqueue(batch.Length);
        var waiting = new HashSet<string>();
        for (var i = 0; i < batch.Length; i++)
        {
            var operation = batch.Span[i];
            var key = KeyOf(operation);
            var answer = waiting.Contains(key) ? Answer.Retry("behind another") : Decide?.Invoke(operation) ?? Answer.Applied;
            answers.Span[i] = answer;
            if (answer.Kind == AnswerKind.Retry)
                waiting.Add(key);
            if (answer.Kind == AnswerKind.Applied)
                Apply(operation, key);
        }

        // As SQL targets do: what may come in the next batch with the same offset is not to be skipped after a restart.
        var last = batch.Span[^1];
        Ledger?.Set(lane, last.Cause is ChangeKind.Truncate or ChangeKind.Sweep ? last.Offset - 1 : last.Offset);
        After?.Invoke(batch);
        for (var i = 0; i < batch.Length; i++)
        {
            var operation = batch.Span[i];
            if (answers.Span[i].Kind is not AnswerKind.Retry)
                Acknowledge(KeyOf(operation), operation.Offset);
        }
    }

    private void Apply(in Operation operation, string key)
    {
        Writes.Enqueue((operation.Kind, IdOf(operation), operation.Offset));
        if (operation.Kind != OperationKind.Delete)
            Target[key] = operation.Shape.Schema.IsPartial ? Merged(operation, Target.GetValueOrDefault(key, TestTable.Row(0, 0))) : operation.Row.ToArray();
        else
            Target.TryRemove(key, out _);
        if (_acknowledged.TryGetValue(key, out var last) && operation.Offset < last)
            Violations.Enqueue($"{key} went back from {last} to {operation.Offset}");
    }

    private void Acknowledge(string key, long offset) => _acknowledged[key] = offset;

    /// <summary>The table of lane offsets that an SQL target keeps.</summary>
    internal sealed class LaneLedger
    {
        private readonly Lock _gate = new();
        private long[] _offsets = [];

        public long Claim(LaneIdentity identity, ConcurrentQueue<string> violations)
        {
            lock (_gate)
            {
                if (_offsets.Length != identity.Lanes)
                {
                    var lowest = _offsets.Length == 0 ? -1 : _offsets.Min();
                    _offsets = [.. Enumerable.Repeat(lowest, identity.Lanes)];
                }
                else if (_offsets[identity.Lane] + 1 < identity.LaneOffset)
                {
                    violations.Enqueue($"lane {identity.Lane} stands at {_offsets[identity.Lane]} and is said to stand at {identity.LaneOffset}");
                }

                return _offsets[identity.Lane];
            }
        }

        public void Set(int lane, long offset)
        {
            lock (_gate)
                _offsets[lane] = offset;
        }
    }

    private sealed class LaneOf(ScriptedSink sink, int lane, long? committed) : ISinkLane
    {
        public long? CommittedOffset => committed;

        public ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken) =>
            sink.WriteAsync(lane, batch, answers, cancellationToken);

        public ValueTask DisposeAsync() => default;
    }
}
