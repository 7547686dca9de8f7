using System.Diagnostics.CodeAnalysis;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Ddl;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql.Shapes;

/// <summary>The shapes of captured tables at the place where the stream stands: from the binlog's own metadata, or followed statement by statement.</summary>
/// <remarks>
/// Every shape is a record of the stream <c>source.schemas</c> before a position that relies on it, so that a restart finds each table as it
/// was there: the newest shape whose number is not above the position's. The server's information_schema, which tells what is now, is
/// believed only of tables of which nothing is known, or when nothing has happened since this place. What fits no TABLE_MAP is never used.
/// </remarks>
internal sealed class ShapeHistory : ITableShapes
{
    private readonly string _source;
    private readonly MySqlSourceOptions _options;
    private readonly MySqlCatalog _catalog;
    private readonly IChangeWriter _writer;
    private readonly ILogger _log;
    private readonly Dictionary<TableName, Entry> _tables = [];
    private readonly Dictionary<TableName, uint> _told = [];
    private readonly Dictionary<TableName, Reading> _readings = [];
    private readonly Dictionary<TableName, string> _doubts = [];
    private readonly HashSet<TableName> _names = [];
    private readonly StatementEffects _statements;
    private IReadOnlyList<UnverifiedTable> _unverified = [];

    /// <summary>A history without a table: <see cref="Begin"/> or <see cref="Restore"/> comes first.</summary>
    public ShapeHistory(string source, MySqlSourceOptions options, MySqlCatalog catalog, IChangeWriter writer, CatalogDefaults defaults, SqlDialect server, ILogger log)
    {
        (_source, _options, _catalog, _writer, Defaults, _log) = (source, options, catalog, writer, defaults, log);
        _statements = new(this, source, options, server, log);
    }

    /// <inheritdoc/>
    public uint Newest { get; private set; }

    /// <inheritdoc/>
    public IReadOnlyCollection<TableName> Known => _names;

    /// <summary>Default character sets of tables and databases as the server has them now.</summary>
    public CatalogDefaults Defaults { get; }

    /// <summary>Captured tables whose columns are not certain, with the reason, by name. From any thread.</summary>
    public IReadOnlyList<UnverifiedTable> Unverified => Volatile.Read(ref _unverified);

    /// <inheritdoc/>
    /// <remarks>Also the heartbeat table, whose rows are read and not told.</remarks>
    public bool IsCaptured(TableName table) => _options.IsCaptured(table) || table == _options.HeartbeatTable;

    /// <summary>How many statements concerned captured tables as such, so that rows read before belong to another table than those after.</summary>
    public long Alterations { get; private set; }

    /// <summary>Number of the shape that a table has here when it has these columns and this key; 0 when it has not.</summary>
    public uint NumberLike(TableSchema schema) =>
        _tables.GetValueOrDefault(schema.Table) is { } known && known.Table.Schema is var here && here.Columns.SequenceEqual(schema.Columns) && here.Key.SequenceEqual(schema.Key)
            ? known.Id
            : 0;

    /// <inheritdoc/>
    public string? CharsetOf(uint collation) => _catalog.CharsetOf(collation);

    /// <summary>The stream begins where the catalog was read: its tables are the first of their history.</summary>
    public void Begin()
    {
        foreach (var table in _catalog.Tables)
            Keep(TableDefinition.Of(table, Defaults.OfTable(table.Name), Defaults.OfDatabase(table.Name.Database)), table);
    }

    /// <summary>The stream goes on: tables are as they were when the number was the newest.</summary>
    /// <param name="newest">The position's number; 0 when it has none, as those of older versions.</param>
    /// <exception cref="PauseException">The shapes up to that number are not there any more.</exception>
    public void Restore(uint newest)
    {
        var shapes = _writer.Shapes;
        var last = shapes.Count == 0 ? 0 : shapes[^1].Key;
        if (newest > last && shapes.Count > 0)
            throw MySqlErrors.ShapesLost(_source, newest, last);
        Newest = newest;
        _names.UnionWith(_catalog.Tables.Select(table => table.Name));
        foreach (var (id, shape) in shapes)
        {
            _told[shape.Table] = id;
            if ((newest == 0 || id <= newest) && !shape.IsPartial && ShapeOrigin.Read(shape) is { } definition)
                Remember(definition, definition.ToTable().AsWanted(_options).WithOrigin(shape.Origin), id);
        }

        TellUnverified();
    }

    /// <summary>Tells tables from here on as the file wants them: with their history, or not any more.</summary>
    /// <returns>Those that were told otherwise before, so that they have to be read again.</returns>
    public IReadOnlyList<TableName> TellAsWanted()
    {
        var others = _tables.Values.Where(known => IsCaptured(known.Definition.Name) && known.Table.TellsHistory != known.Definition.TellsHistory).ToList();
        foreach (var other in others)
            Keep(other.Definition, other.Table);
        return [.. others.Select(other => other.Definition.Name)];
    }

    /// <summary>What is known of a table; <see langword="null"/> when nothing is.</summary>
    public TableDefinition? Find(TableName table) => _tables.GetValueOrDefault(table)?.Definition;

    /// <summary>Number of a shape that names a table: the one under which its rows were told last, or that which the server has; 0 when there is neither.</summary>
    public uint IdOf(TableName table)
    {
        if (_tables.TryGetValue(table, out var known))
            return known.Id;
        if (_told.TryGetValue(table, out var told))
            return told;
        return _catalog.Find(table) is { } now ? _writer.Define(now.Schema) : 0;
    }

    /// <summary>A table is like this from here on.</summary>
    public void Set(TableDefinition definition)
    {
        _readings.Remove(definition.Name);
        _doubts.Remove(definition.Name);
        Keep(definition, definition.ToTable());
    }

    /// <summary>A table's columns are not certain from here on.</summary>
    public void Doubt(TableName table, string reason)
    {
        _readings.Remove(table);
        _log.Unverified(_source, table.ToString(), reason);
        MySqlMetrics.Unverified(_source);
        if (_tables.TryGetValue(table, out var known))
            Keep(known.Definition with { Unverified = reason, State = TableState.Live }, known.Table);
        else
            _doubts[table] = reason;
        TellUnverified();
    }

    private void TellUnverified()
    {
        var known = _tables.Values.Select(one => (one.Definition.Name, one.Definition.Unverified));
        var all = known.Concat(_doubts.Select(doubt => (doubt.Key, (string?)doubt.Value))).Where(one => one.Item2 is not null && IsCaptured(one.Item1));
        Volatile.Write(ref _unverified, [.. all.Select(one => new UnverifiedTable(one.Item1, one.Item2 ?? "")).OrderBy(one => one.Table.ToString(), StringComparer.Ordinal)]);
    }

    /// <summary>Takes what the server says of a table now.</summary>
    /// <param name="table">The table.</param>
    /// <param name="isNow">Whether nothing that could have changed it has happened between the stream's place and the reading.</param>
    public void Read(TableName table, bool isNow) => _readings[table] = new(_catalog.Find(table), isNow);

    /// <inheritdoc/>
    public StatementEffect Apply(string sql, string database, ulong sqlMode, string transaction)
    {
        var effect = _statements.Apply(sql, database, sqlMode, transaction);
        if (effect.TouchesShapes || effect.Emptied.Count > 0 || effect.ReadAgain.Count > 0)
            Alterations++;
        return effect;
    }

    /// <inheritdoc/>
    public bool TryResolve(TableMap map, [NotNullWhen(true)] out MySqlTable? table)
    {
        var known = _tables.GetValueOrDefault(map.Table);
        var doubt = known is null ? _doubts.GetValueOrDefault(map.Table) : DoubtOf(known.Definition) ?? Difference(known.Table, map);
        if (known is not null && doubt is null)
        {
            table = WithNulls(known, map);
            return true;
        }

        table = null;
        if (!_readings.TryGetValue(map.Table, out var reading) && (known is null || map.Names is null))
            return false; // what the binlog does not tell (that a text is JSON, say) the server does
        table = map.Names is not null ? FromMetadata(map, known?.Table ?? reading?.Table)
            : doubt is null ? Believed(map, reading?.Table)
            : Cleared(map, reading, doubt);
        table = Verified(table, known);
        return true;
    }

    private static string? DoubtOf(TableDefinition definition) =>
        definition.Unverified ?? (definition.State == TableState.Live ? null : "it was dropped or renamed, and no statement that made it anew was seen");

    private string? Difference(MySqlTable table, TableMap map) => table.DifferenceTo(VersionedTable.Told(map, table), CharsetOf);

    private MySqlTable FromMetadata(TableMap map, MySqlTable? hints) => MySqlTable.FromMetadata(VersionedTable.Told(map, hints), hints, CharsetOf);

    // Nothing is known: the server's word holds when the rows agree with it.
    private MySqlTable Believed(TableMap map, MySqlTable? now)
    {
        if (now is null)
            throw MySqlErrors.ShapeDiffers(_source, map.Table, "it does not exist any more");
        return Difference(now, map) is { } difference ? throw MySqlErrors.ShapeDiffers(_source, map.Table, difference) : now;
    }

    // In doubt the server's word holds only when it is the word of this place.
    private MySqlTable Cleared(TableMap map, Reading? reading, string doubt)
    {
        var isCertain = reading is { IsNow: true, Table: not null } && Difference(reading.Table, map) is null;
        _readings.Remove(map.Table);
        return isCertain && reading?.Table is { } now ? now : throw MySqlErrors.ShapeUnverified(_source, map.Table, doubt);
    }

    // From the metadata of the binlog, or from the server: certain.
    private MySqlTable Verified(MySqlTable table, Entry? before)
    {
        _readings.Remove(table.Name);
        if (_doubts.Remove(table.Name) || before?.Definition.Unverified is not null)
            _log.VerifiedAgain(_source, table.Name.ToString());
        var charset = before?.Definition.Charset ?? Defaults.OfTable(table.Name);
        var database = before?.Definition.DatabaseCharset ?? Defaults.OfDatabase(table.Name.Database);
        return Keep(TableDefinition.Of(table, charset, database), table);
    }

    // TABLE_MAP always says which columns may be NULL; statements leave that to the server's modes.
    private MySqlTable WithNulls(Entry known, TableMap map)
    {
        var columns = known.Definition.Columns;
        for (var i = 0; i < columns.Length; i++)
        {
            if (columns[i].Nullable != map.IsNullable(i))
                columns = columns.SetItem(i, columns[i] with { Nullable = map.IsNullable(i) });
        }

        if (columns == known.Definition.Columns)
            return known.Table;
        var definition = known.Definition with { Columns = columns };
        return Keep(definition, definition.ToTable());
    }

    private MySqlTable Keep(TableDefinition definition, MySqlTable table)
    {
        var wanted = table.AsWanted(_options);
        definition = definition with { TellsHistory = wanted.TellsHistory, IsKeyless = wanted.Schema.IsKeyless };
        var kept = wanted.WithOrigin(ShapeOrigin.Write(definition));
        var id = _writer.Renew(kept.Schema);
        Newest = Math.Max(Newest, id);
        Remember(definition, kept, id);
        if (_unverified.Count > 0)
            TellUnverified();
        return kept;
    }

    private void Remember(TableDefinition definition, MySqlTable table, uint id)
    {
        _names.Add(definition.Name);
        _tables[definition.Name] = new(definition, table, id);
    }

    private sealed record Entry(TableDefinition Definition, MySqlTable Table, uint Id);

    private sealed record Reading(MySqlTable? Table, bool IsNow);
}
