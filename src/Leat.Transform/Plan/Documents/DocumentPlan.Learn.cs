using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.State;

namespace Leat.Transform.Plan.Documents;

// Shapes of tables, and what changes with them.
public sealed partial class DocumentPlan
{
    /// <summary>The tables that documents need, with the numbers of the shapes that the plan was last made for; 0: the one that it was compiled with.</summary>
    public ImmutableArray<(TableName Table, uint SchemaId)> InForce =>
        [.. _tables.Where(tables => InputOf(tables) is not null).SelectMany(tables => tables.Known).Distinct()];

    /// <summary>Whether the shape behind a number is known.</summary>
    public bool Knows(uint schemaId) => _readers.ContainsKey(schemaId);

    /// <summary>The present shape of a table; <see langword="null"/> when documents do not need it.</summary>
    public TableSchema? SchemaOf(TableName table) => InputsOf(table).Select(pair => pair.Tables.Find(table)?.Schema).FirstOrDefault();

    /// <summary>
    /// Takes in the shape behind a number. A newer shape than the one in force may make the plan anew: rows held are converted, and every document is put into the
    /// background. Only between transactions, when all that was touched is emitted.
    /// </summary>
    /// <param name="schemaId">Its number.</param>
    /// <param name="schema">The shape.</param>
    /// <exception cref="PauseException">The rule does not fit it, or a person has to decide; the plan stays as it was.</exception>
    public LearnResult Learn(uint schemaId, TableSchema schema)
    {
        if (_readers.ContainsKey(schemaId) || !Takes(schema.Table))
        {
            _readers.TryAdd(schemaId, []);
            return LearnResult.Same;
        }

        var whole = schema.As(partial: false);
        var tables = _tables.Select(known => Followed(known, whole, schemaId)).ToImmutableArray();
        if (tables.Zip(_tables, (now, old) => ReferenceEquals(now, old)).All(same => same))
        {
            _readers[schemaId] = ReadersOf(_plan, _tables, schema);
            return LearnResult.Same;
        }

        return Adopt(schemaId, schema, tables);
    }

    private static TablesOfInput Followed(TablesOfInput tables, TableSchema whole, uint id)
    {
        if (!tables.Takes(whole.Table) || (tables.Find(whole.Table) is { } known && known.Id > id))
            return tables;
        return tables.With(tables.Follow(whole), id);
    }

    private Input? InputOf(TablesOfInput tables) => _plan.Inputs.FirstOrDefault(input => input.Selection.Alias == tables.Selection.Alias);

    private static InputReader[] ReadersOf(CompiledDocument plan, ImmutableArray<TablesOfInput> tables, TableSchema schema) =>
    [
        .. plan.Inputs.Select(input => (Input: input, Tables: tables.First(one => one.Selection.Alias == input.Selection.Alias)))
            .Where(pair => pair.Tables.Takes(schema.Table)).Select(pair => new InputReader(pair.Input, pair.Tables, schema)),
    ];

    private LearnResult Adopt(uint schemaId, TableSchema schema, ImmutableArray<TablesOfInput> tables)
    {
        var plan = DocumentCompiler.Compile(_rule, tables, _memory, _plan.Inputs);
        var shapeChanged = !IsSame(plan.Shape, _plan.Shape);
        var converted = plan.Inputs.Where((input, at) => !ReferenceEquals(_plan.Inputs[at].Rows, input.Rows)).ToList();
        var isOther = shapeChanged || converted.Count > 0;
        if (!isOther)
            plan = _plan;
        else if (_touched.Count > 0)
            throw new InvalidOperationException("a shape is learnt between transactions");

        var readers = _readers.ToDictionary(known => known.Key, known => known.Value.Length == 0 ? [] : ReadersOf(plan, tables, known.Value[0].Schema));
        readers[schemaId] = ReadersOf(plan, tables, schema);
        var untold = Untold(schema, converted);
        foreach (var input in converted)
            Convert(_plan.Inputs[input.Ordinal], input);
        if (!shapeChanged)
            plan.Shape = _plan.Shape;
        if (isOther)
            _plan.Groups?.Clear();
        (_plan, _tables) = (plan, tables);
        foreach (var (id, known) in readers)
            _readers[id] = known;
        if (!isOther)
            return LearnResult.Same;

        _areGroupsStale = true;
        if (converted.Count > 0)
            SetAllDirty();
        if (!_isLoading)
            EmitAll();
        return new() { ShapeChanged = shapeChanged, RowsChanged = converted.Count > 0, Untold = untold };
    }

    // Columns that are held from now on, and that the table got after rows of it were taken in.
    private ImmutableArray<(TableName Table, string Column)> Untold(TableSchema schema, List<Input> converted)
    {
        if (SchemaOf(schema.Table) is not { } before)
            return [];
        return
        [
            .. converted.Where(input => _plan.Inputs[input.Ordinal].Rows.Count > 0)
                .SelectMany(input => input.Held.Columns.Where(column => _plan.Inputs[input.Ordinal].Held.Find(column.Name) < 0))
                .Where(column => schema.Find(column.Name) >= 0 && before.Find(column.Name) < 0).Select(column => (schema.Table, column.Name)).Distinct(),
        ];
    }

    // What has no value of the new type is NULL, as in a row that is told anew.
    private static void Convert(Input old, Input now)
    {
        var projection = RowProjection.Between(old.Held, now.Held);
        var row = new RowBuilder();
        for (var slot = old.Rows.After(-1); slot >= 0; slot = old.Rows.After(slot))
        {
            if (projection is null)
            {
                row.Begin(now.Held.Columns.Length);
                row.CopyAll(old.Rows.Row(slot), now.Held);
            }
            else
            {
                projection.Map(old.Rows.Row(slot), row);
            }

            var marks = (RowMarks)old.Rows.Marks(slot);
            old.Rows.Remove(slot);
            now.Mark(now.Rows.Put(row.Row), marks & RowMarks.Present);
        }
    }

    private void SetAllDirty()
    {
        foreach (var input in _plan.Inputs)
        {
            for (var slot = input.Rows.After(-1); slot >= 0; slot = input.Rows.After(slot))
                SetDirty(input, slot);
        }
    }

    private static bool IsSame(Shape left, Shape right) =>
        left.Columns.SequenceEqual(right.Columns) && left.Key.SequenceEqual(right.Key) && left.Schema.Columns.SequenceEqual(right.Schema.Columns);
}
