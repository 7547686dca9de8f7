using System.Collections.Immutable;
using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Delivery;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;

namespace Leat.Pipeline.Shaping;

/// <summary>A change of a row, for a plan that runs without a source.</summary>
/// <param name="Table">Its table.</param>
/// <param name="Kind">What happened.</param>
/// <param name="Before">The row before; empty when there was none.</param>
/// <param name="After">The row after; empty when there is none.</param>
public readonly record struct RowChange(TableName Table, ChangeKind Kind, byte[] Before, byte[] After)
{
    /// <summary>Truncate: the rows that the table had.</summary>
    public IReadOnlyList<byte[]> Rows { get; init; } = [];
}

/// <summary>A pipeline's plan over rows in memory, without a source, a log and a target: what <c>leat test</c> and <c>leat preview</c> show.</summary>
public sealed class ShapingRun : IDisposable
{
    private readonly Dictionary<TableName, uint> _ids = [];
    private readonly IShapingPlan _plan;

    private ShapingRun(IShapingPlan plan) => _plan = plan;

    /// <summary>Compiles the plan of a pipeline for tables of these shapes.</summary>
    /// <exception cref="LeatException">The pipeline's rules do not fit the tables.</exception>
    public static ShapingRun Open(PipelineDefinition pipeline, IReadOnlyCollection<TableSchema> tables)
    {
        ImmutableArray<TableSelection> selections = [.. pipeline.Tables.Select(rule => rule.ToSelection())];
        IShapingPlan plan = pipeline.Document is { } document ? new DocumentShaping(document, selections, tables) : new TableShaping(selections);
        var run = new ShapingRun(plan) { Rule = pipeline.Document is { } made ? DocumentRuleText.HashOf(made, selections) : null };
        try
        {
            foreach (var schema in tables)
            {
                var id = (uint)run._ids.Count + 1;
                run._ids.Add(schema.Table, id);
                plan.Learn(id, schema);
            }

            return run;
        }
        catch
        {
            run.Dispose();
            throw;
        }
    }

    /// <summary>What the target is made for.</summary>
    public IReadOnlyList<Shape> Shapes => _plan.Shapes;

    /// <summary>What the plan of documents does and keeps; <see langword="null"/> when each table is delivered by itself.</summary>
    public PlanDescription? Description => _plan.Description;

    /// <summary>Takes a row that is there before anything happens.</summary>
    public void Load(TableName table, ReadOnlySpan<byte> row) => _plan.Load(ChangeRecords.Make(ChangeKind.Read, _ids[table], [], row));

    /// <summary>What the rows that are held for documents depend on: another one means that they have to be read again. <see langword="null"/> when none are held.</summary>
    public string? Fingerprint => _plan.Fingerprint;

    /// <summary>What documents made of those rows depend on: another one means that all are written anew. <see langword="null"/> when none are made.</summary>
    public string? Rule { get; private init; }

    /// <summary>Bytes of memory that rows held for documents take; 0 when none are held.</summary>
    public long StateBytes => _plan.StateBytes;

    /// <summary>All that is to be there has been loaded. Returns what the target holds then; computed as it is read.</summary>
    public IEnumerable<ShapedRow> Loaded() => _plan.Loaded();

    /// <summary>Takes a transaction of the source.</summary>
    /// <returns>What the target gets, in order.</returns>
    public IReadOnlyList<ShapedRow> Apply(IReadOnlyList<RowChange> transaction)
    {
        var rows = new List<ShapedRow>();
        for (var at = 0; at < transaction.Count; at++)
        {
            var change = transaction[at];
            var id = _ids[change.Table];
            if (change.Kind == ChangeKind.Truncate)
                _plan.Truncate(change.Table, [.. change.Rows.Select(row => (ReadOnlyMemory<byte>)ChangeRecords.Make(ChangeKind.Delete, id, row, []))], rows);
            else
                _plan.Apply(ChangeRecords.Make(change.Kind, id, change.Before, change.After, at == transaction.Count - 1), rows);
        }

        _plan.EndTransaction(rows);
        return rows;
    }

    /// <inheritdoc/>
    public void Dispose() => _plan.Dispose();
}

/// <summary>What becomes of rows, be it by table or by document.</summary>
internal interface IShapingPlan : IDisposable
{
    /// <summary>What the target is made for.</summary>
    IReadOnlyList<Shape> Shapes { get; }

    /// <summary>What a plan of documents does and keeps.</summary>
    PlanDescription? Description { get; }

    /// <summary>What rows held for documents depend on.</summary>
    string? Fingerprint { get; }

    /// <summary>Bytes of memory that they take.</summary>
    long StateBytes { get; }

    /// <summary>Takes in a table's shape.</summary>
    void Learn(uint schemaId, TableSchema schema);

    /// <summary>Takes a row that is there from the beginning.</summary>
    void Load(ReadOnlyMemory<byte> record);

    /// <summary>What the target holds of what was loaded.</summary>
    IEnumerable<ShapedRow> Loaded();

    /// <summary>Takes a change, and adds what the target gets at once.</summary>
    void Apply(ReadOnlyMemory<byte> record, List<ShapedRow> rows);

    /// <summary>Takes all rows of a table out, which are told as deletes, and adds what the target gets at once.</summary>
    void Truncate(TableName table, IReadOnlyList<ReadOnlyMemory<byte>> deletes, List<ShapedRow> rows);

    /// <summary>Ends a transaction, and adds what the target gets then.</summary>
    void EndTransaction(List<ShapedRow> rows);
}

/// <summary>Tables that are delivered row by row.</summary>
internal sealed class TableShaping(ImmutableArray<TableSelection> tables) : IShapingPlan
{
    private readonly PipelinePlan _plan = new(tables);
    private readonly List<ReadOnlyMemory<byte>> _loaded = [];
    private readonly Operation[] _operations = new Operation[TablePlan.MaxOperations];
    private long _offset;

    public IReadOnlyList<Shape> Shapes => _plan.Shapes;

    public PlanDescription? Description => null;

    public string? Fingerprint => null;

    public long StateBytes => 0;

    public void Learn(uint schemaId, TableSchema schema) => _plan.Learn(schemaId, schema);

    public void Load(ReadOnlyMemory<byte> record) => _loaded.Add(record);

    public IEnumerable<ShapedRow> Loaded()
    {
        var rows = new List<ShapedRow>();
        foreach (var record in _loaded)
            Apply(record, rows);
        return rows;
    }

    public void Truncate(TableName table, IReadOnlyList<ReadOnlyMemory<byte>> deletes, List<ShapedRow> rows)
    {
        foreach (var record in deletes)
            Apply(record, rows);
    }

    public void Apply(ReadOnlyMemory<byte> record, List<ShapedRow> rows)
    {
        if (_plan.Find(new EncodedChange(record.Span).SchemaId) is not { } plan)
            return;
        using var arena = new RowArena();
        var made = plan.Apply(record, _offset++, _operations, arena);
        for (var i = 0; i < made; i++)
            rows.Add(ShapedRow.Of(_operations[i]));
    }

    public void EndTransaction(List<ShapedRow> rows)
    {
        // Rows are delivered one by one.
    }

    public void Dispose()
    {
        // Nothing is held.
    }
}
