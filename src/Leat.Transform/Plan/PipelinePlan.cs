using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Plan;

/// <summary>What a pipeline makes of each table, by the numbers that its stream gives to table shapes. Used by one task at a time.</summary>
public sealed class PipelinePlan
{
    private readonly Dictionary<TableName, TableSelection> _selections;
    private readonly Dictionary<TableName, (uint Id, TablePlan Plan)> _current = [];

    // By schema number, which counts from 1 without gaps; null stands for tables that the pipeline does not take.
    private TablePlan?[] _plans = new TablePlan?[16];
    private bool[] _known = new bool[16];

    /// <summary>A plan that knows no table's shape yet.</summary>
    public PipelinePlan(ImmutableArray<TableSelection> selections) =>
        _selections = selections.ToDictionary(selection => selection.Table);

    /// <summary>The newest shape of every table seen so far, in no order.</summary>
    public IReadOnlyList<Shape> Shapes => [.. _current.Values.Select(current => current.Plan.Shape)];

    /// <summary>Whether the pipeline takes this table.</summary>
    public bool Takes(TableName table) => _selections.ContainsKey(table);

    /// <summary>Whether the shape behind this number is known.</summary>
    public bool Knows(uint schemaId) => schemaId < (uint)_known.Length && _known[schemaId];

    /// <summary>The plan for changes with this schema number; <see langword="null"/> when the pipeline does not take the table.</summary>
    public TablePlan? Find(uint schemaId) => _plans[schemaId];

    /// <summary>Takes in the shape behind a number. An older shape than the newest known gets a plan of its own and changes nothing else.</summary>
    /// <param name="schemaId">Its number; 0 for a shape that has none yet.</param>
    /// <param name="schema">The shape.</param>
    /// <returns>Whether the target has to be prepared for it: the newest shape of a taken table, not seen before.</returns>
    /// <exception cref="LeatException">The pipeline's rules do not fit the shape.</exception>
    public bool Learn(uint schemaId, TableSchema schema)
    {
        Reserve(schemaId);
        if (!_selections.TryGetValue(schema.Table, out var selection))
        {
            _known[schemaId] = true;
            return false;
        }

        var current = _current.GetValueOrDefault(schema.Table);
        var known = current.Plan is not null && current.Plan.Shape.Schema.Equals(schema);
        var plan = known ? current.Plan! : TablePlan.Compile(selection, schema); // not null: known says so
        _plans[schemaId] = plan;
        _known[schemaId] = schemaId > 0;
        if (schema.IsPartial)
        {
            // Its rows go where the whole ones go: the target is prepared for those.
            schema = schema.As(partial: false);
            known = current.Plan is not null && current.Plan.Shape.Schema.Equals(schema);
            plan = known ? current.Plan! : TablePlan.Compile(selection, schema); // not null: known says so
        }

        if (current.Plan is not null && schemaId < current.Id)
            return false;
        _current[schema.Table] = (schemaId, plan);
        return !known;
    }

    private void Reserve(uint schemaId)
    {
        var size = _plans.Length;
        while (size <= schemaId)
            size *= 2;
        Array.Resize(ref _plans, size);
        Array.Resize(ref _known, size);
    }
}
