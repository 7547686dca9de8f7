using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Plan.Parts;

namespace Leat.Transform.Plan;

/// <summary>What a pipeline makes of each table, by the numbers that its stream gives to table shapes. Used by one task at a time.</summary>
public sealed class PipelinePlan
{
    private readonly ImmutableArray<TableFamily> _families;
    private readonly Dictionary<TableName, TableFamily?> _byTable = [];

    // By schema number, which counts from 1 without gaps; null stands for tables that the pipeline does not take.
    private TablePlan?[] _plans = new TablePlan?[16];
    private bool[] _known = new bool[16];

    /// <summary>A plan that knows no table's shape yet.</summary>
    public PipelinePlan(ImmutableArray<TableSelection> selections) => _families = [.. selections.Select(selection => new TableFamily(selection))];

    /// <summary>What the target shall hold, one for each entry whose tables are known, in no order.</summary>
    public IReadOnlyList<Shape> Shapes => [.. _families.Where(family => family.Shape is not null).Select(family => family.Shape!)]; // not null: filtered

    /// <summary>The shape of each table that the target was prepared for, by its number: a restart is given it by <see cref="Hold"/>.</summary>
    public IEnumerable<KeyValuePair<TableName, uint>> Held => _families.SelectMany(family => family.Held);

    /// <summary>Whether the pipeline takes this table.</summary>
    public bool Takes(TableName table) => _families.Any(family => family.Takes(table));

    /// <summary>Whether the shape behind this number is known.</summary>
    public bool Knows(uint schemaId) => schemaId < (uint)_known.Length && _known[schemaId];

    /// <summary>The plan for changes with this schema number; <see langword="null"/> when the pipeline does not take the table.</summary>
    public TablePlan? Find(uint schemaId) => _plans[schemaId];

    /// <summary>The plans of all tables that are one under an alias, for their newest shapes.</summary>
    public IReadOnlyList<TablePlan> PartsOf(string alias) => _families.First(family => family.Selection.Alias == alias).Newest;

    /// <summary>Says for which shape of a table the target was prepared by an earlier run. Before the table is learnt.</summary>
    /// <param name="schemaId">Its number.</param>
    /// <param name="schema">The shape.</param>
    public void Hold(uint schemaId, TableSchema schema) => FamilyOf(schema.Table)?.Hold(schemaId, schema);

    /// <summary>Says that the target is prepared for <see cref="Shapes"/>.</summary>
    public void Prepared()
    {
        foreach (var family in _families)
            family.Prepared();
    }

    /// <summary>Takes in the newest shape of a table ahead of its first change. Where a person has to decide, the one counts for now that the target was prepared for.</summary>
    /// <exception cref="LeatException">The pipeline's rules do not fit the shape.</exception>
    public void LearnAhead(uint schemaId, TableSchema schema)
    {
        if (FamilyOf(schema.Table) is { } family && !family.Follows(schema))
            (schemaId, schema) = family.HeldOf(schema.Table);
        Learn(schemaId, schema);
    }

    /// <summary>Takes in the shape behind a number. An older shape than the newest known gets a plan of its own and changes nothing else.</summary>
    /// <param name="schemaId">Its number; 0 for a shape that has none yet.</param>
    /// <param name="schema">The shape.</param>
    /// <returns>Whether the target has to be prepared: what it shall hold is not as it was.</returns>
    /// <exception cref="LeatException">The pipeline's rules do not fit the shape, or a person has to decide.</exception>
    public bool Learn(uint schemaId, TableSchema schema)
    {
        Reserve(schemaId);
        if (FamilyOf(schema.Table) is not { } family)
        {
            _known[schemaId] = true;
            return false;
        }

        var isNew = family.Learn(schemaId, schema);
        Take(family);
        _known[schemaId] = schemaId > 0;
        FieldGroups.Check(_families.SelectMany(known => known.Newest));
        return isNew;
    }

    /// <summary>Columns that have changed since the target was prepared, of entries that do without what it cannot follow.</summary>
    public IReadOnlyList<ColumnChange> Changes() =>
        [.. _families.SelectMany(family => family.Changes().Select(change => new ColumnChange(family.Selection.Alias, change.Table, change.Column)))];

    /// <summary>Leaves changes of columns out, or takes them in: see <see cref="SchemaChange.TryEvolve"/>.</summary>
    /// <param name="changes">Which.</param>
    /// <param name="leave">Whether to leave them out.</param>
    public void LeaveOut(IEnumerable<ColumnChange> changes, bool leave)
    {
        foreach (var table in changes.GroupBy(change => (change.Alias, change.Table)))
        {
            var family = _families.First(known => known.Selection.Alias == table.Key.Alias);
            family.LeaveOut(table.Key.Table, table.Select(change => change.Column), leave);
            Take(family);
        }
    }

    private void Take(TableFamily family)
    {
        foreach (var (id, plan) in family.Plans)
            _plans[id] = plan;
    }

    private TableFamily? FamilyOf(TableName table)
    {
        if (_byTable.TryGetValue(table, out var known))
            return known;
        var takers = _families.Where(family => family.Takes(table)).ToList();
        if (takers.Count > 1)
        {
            throw PlanErrors.NotOneTable(
                takers[^1].Selection, $"table {table} is taken by '{takers[0].Selection.Alias}', too.", "Change the pattern so that only one entry of the pipeline takes it.");
        }

        return _byTable[table] = takers.Count == 0 ? null : takers[0];
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

/// <summary>A column of a table that has changed.</summary>
/// <param name="Alias">Name of the table in the pipeline.</param>
/// <param name="Table">The table.</param>
/// <param name="Column">The column.</param>
public readonly record struct ColumnChange(string Alias, TableName Table, string Column);
