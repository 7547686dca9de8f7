using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Documents;
using Leat.Transform.Plan.Rules;

namespace Leat.Pipeline.Shaping;

/// <summary>Tables that become documents.</summary>
internal sealed class DocumentShaping : IShapingPlan
{
    private const int ChunkOperations = 256;

    private readonly DocumentPlan _plan;
    private readonly Operation[] _operations = new Operation[ChunkOperations];
    private long _offset;

    public DocumentShaping(DocumentRule rule, ImmutableArray<TableSelection> tables, IReadOnlyCollection<TableSchema> schemas)
    {
        _plan = DocumentPlan.Compile(rule, tables, schemas);
        _plan.IsLoading = true;
    }

    public IReadOnlyList<Shape> Shapes => [_plan.Shape];

    public PlanDescription? Description => _plan.Describe();

    public string? Fingerprint => _plan.Fingerprint;

    public long StateBytes => _plan.StateBytes;

    public void Learn(uint schemaId, TableSchema schema) => _plan.Learn(schemaId, schema);

    public void Load(ReadOnlyMemory<byte> record) => _plan.Apply(record.Span, _offset++);

    public IEnumerable<ShapedRow> Loaded()
    {
        if (_plan.IsLoading)
        {
            _plan.EndTransaction();
            _plan.IsLoading = false;
        }

        _plan.EmitAll();
        while (_plan.HasBacklog)
        {
            foreach (var row in Backlog())
                yield return row;
        }
    }

    public void Apply(ReadOnlyMemory<byte> record, List<ShapedRow> rows) => _plan.Apply(record.Span, _offset++);

    public void Truncate(TableName table, IReadOnlyList<ReadOnlyMemory<byte>> deletes, List<ShapedRow> rows) => _plan.Truncate(table, _offset++, committedAtMicros: 0);

    public void EndTransaction(List<ShapedRow> rows)
    {
        _plan.EndTransaction();
        while (_plan.HasTouched)
        {
            using var arena = new RowArena();
            var made = _plan.Emit(arena, _operations);
            if (made == 0)
                break;
            rows.AddRange(_operations.AsSpan(0, made).ToArray().Select(operation => ShapedRow.Of(operation)));
        }

        // One row may be part of more documents than are emitted at once: a target gets those a little later.
        while (_plan.HasBacklog)
            rows.AddRange(Backlog());
    }

    public void Dispose() => _plan.Dispose();

    private List<ShapedRow> Backlog()
    {
        using var arena = new RowArena();
        var made = _plan.EmitBacklog(arena, _operations, _offset, committedAtMicros: 0);
        return [.. _operations.AsSpan(0, made).ToArray().Select(operation => ShapedRow.Of(operation))];
    }
}
