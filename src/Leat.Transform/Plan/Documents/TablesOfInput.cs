using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Plan.Documents;

/// <summary>The tables of one entry of the pipeline, mostly one, with their shapes as the pipeline follows them.</summary>
internal sealed class TablesOfInput
{
    // Room for database and table of any server.
    private const int ShardLength = 129;

    private readonly TableMatch _match;
    private readonly ImmutableSortedDictionary<string, (TableSchema Schema, uint Id)> _tables;

    private TablesOfInput(TableSelection selection, TableMatch match, ImmutableSortedDictionary<string, (TableSchema Schema, uint Id)> tables) =>
        (Selection, _match, _tables) = (selection, match, tables);

    /// <summary>Of an entry, without tables yet.</summary>
    public TablesOfInput(TableSelection selection)
        : this(selection, new(selection), ImmutableSortedDictionary<string, (TableSchema, uint)>.Empty.WithComparers(StringComparer.Ordinal))
    {
    }

    /// <summary>The entry.</summary>
    public TableSelection Selection { get; }

    /// <summary>The tables, with the numbers of the shapes that the source told last; 0: it has none yet.</summary>
    public IEnumerable<(TableName Table, uint Id)> Known => _tables.Values.Select(table => (table.Schema.Table, table.Id));

    /// <summary>Whether rows tell which of several tables they are of.</summary>
    public bool TellsTable => Selection.Pattern is not { ShardColumn: null };

    /// <summary>Whether the entry takes a table.</summary>
    public bool Takes(TableName table) => _match.Takes(table);

    /// <summary>The shape of a table; <see langword="null"/> before it is told.</summary>
    public (TableSchema Schema, uint Id)? Find(TableName table) => _tables.TryGetValue(table.ToString(), out var known) ? known : null;

    /// <summary>The same with the shape of a table.</summary>
    public TablesOfInput With(TableSchema schema, uint id) => new(Selection, _match, _tables.SetItem(schema.Table.ToString(), (schema, id)));

    /// <summary>The shape that all rows are seen in; <see langword="null"/> before there is a table.</summary>
    /// <exception cref="PauseException">Tables that shall be one do not go together.</exception>
    public TableSchema? View()
    {
        var all = default(TableSchema);
        foreach (var (schema, _) in _tables.Values)
        {
            if (Selection.Pattern is not { } pattern)
                return schema;
            if (pattern.ShardColumn is { } shard && schema.Find(shard) >= 0)
                throw PlanErrors.ShardColumnExists(Selection, schema.Table, shard);
            all ??= new(new(schema.Table.Database, Selection.Alias), schema.Columns, schema.Key) { IsKeyless = schema.IsKeyless };
            all = ShapeUnion.Widen(all, schema, out var problem);
            if (problem is not null)
                throw PlanErrors.NotOneTable(Selection, problem, "Leave the table out of the pattern, or give it a type or key that goes with the others'.");
        }

        if (all is null || Selection.Pattern?.ShardColumn is not { } name)
            return all;
        var column = new Column { Name = name, Kind = ColumnKind.String, Nullable = false, Length = ShardLength };
        return new(all.Table, [column, .. all.Columns], [0, .. all.Key.Select(ordinal => ordinal + 1)]) { IsKeyless = all.IsKeyless };
    }

    /// <summary>Whether a row is of a table, not of another that is one with it. Only where <see cref="TellsTable"/>.</summary>
    public bool IsOf(TableName table, TableSchema held, ReadOnlySpan<byte> row)
    {
        if (_match.ShardValueOf(table) is not { } shard)
            return true;
        var reader = new RowReader(held, row);
        return reader.Seek(held.Find(shard.Column)) && reader.Bytes.SequenceEqual(shard.Value);
    }

    /// <summary>What is done with rows of a table in one of its shapes.</summary>
    /// <exception cref="PauseException">The entry's rules do not fit.</exception>
    public RowMap MapOf(TableSchema schema)
    {
        var view = Selection.Pattern is null ? Find(schema.Table)?.Schema ?? schema : View()!; // not null: the table is one of them
        return RowMap.Compile(Selection with { Table = schema.Table }, schema, view.As(schema.IsPartial), _match.ShardValueOf(schema.Table));
    }

    /// <summary>The shape of a table as the pipeline follows it: what <see cref="TableSelection.OnSchemaChange"/> says.</summary>
    /// <exception cref="PauseException">A person has to decide.</exception>
    public TableSchema Follow(TableSchema whole) =>
        Find(whole.Table) is { } known ? SchemaChanges.Follows(Selection, known.Schema, whole, isNewest: true) : whole;
}
