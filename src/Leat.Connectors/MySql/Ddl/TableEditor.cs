using System.Collections.Immutable;
using Leat.Connectors.MySql.Binlog;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>Does to a definition what a statement does to the table.</summary>
/// <remarks>
/// The clauses of one ALTER work on the table as it was, not one after the other: columns that stay keep their places, changed ones take
/// theirs; then those that are new, or have a place given, are put in, in the statement's order. Source: both servers' manuals, "ALTER TABLE",
/// and the servers themselves, with which DdlDifferenceTests compares.
/// </remarks>
internal sealed class TableEditor
{
    private readonly TableDefinition _table;
    private readonly SqlDialect _dialect;
    private readonly List<ColumnFacts> _columns = [];
    private readonly List<(ColumnFacts Column, ColumnPlace Place)> _later = [];
    private readonly List<string> _key;
    private string _charset;
    private string? _converted;
    private string? _rowEnd;
    private bool _isVersioned;

    private TableEditor(TableDefinition table, SqlDialect dialect)
    {
        (_table, _dialect, _charset) = (table, dialect, table.Charset);
        _key = [.. table.Key];
        (_isVersioned, _rowEnd) = (table.Versioning != Versioning.None, table.RowEnd);
    }

    /// <summary>The table after ALTER.</summary>
    /// <exception cref="DdlUnclearException">The statement does not fit the table as it is known.</exception>
    public static TableDefinition Alter(TableDefinition table, ImmutableArray<TableChange> changes, SqlDialect dialect) => new TableEditor(table, dialect).Apply(changes);

    /// <summary>The table that CREATE makes.</summary>
    public static TableDefinition Create(CreateTable statement, string databaseCharset, SqlDialect dialect)
    {
        var charset = databaseCharset;
        foreach (var clause in statement.Changes.OfType<SetCharset>())
            charset = CharsetWords.Of(clause.Charset, charset, databaseCharset);
        var empty = new TableDefinition { Name = statement.Table, Columns = [], Charset = charset, DatabaseCharset = databaseCharset };
        var columns = statement.Columns.Select(column => (TableChange)new AddColumn(column, default, IfNotExists: false));
        return Alter(empty, [.. columns, .. statement.Changes.Where(change => change is not SetCharset)], dialect);
    }

    private TableDefinition Apply(ImmutableArray<TableChange> changes)
    {
        var engine = _table.Engine;
        foreach (var change in changes)
        {
            switch (change)
            {
                case SetCharset set:
                    _charset = CharsetWords.Of(set.Charset, _charset, _table.DatabaseCharset);
                    break;
                case ConvertCharset convert:
                    _converted = _charset = CharsetWords.Of(convert.Charset, _charset, _table.DatabaseCharset);
                    break;
                case SetEngine set:
                    engine = set.Engine;
                    break;
                case DropKey:
                    _key.Clear();
                    break;
                case SetVersioning set:
                    _isVersioned = set.IsKept;
                    break;
            }
        }

        KeepOld(changes);
        AddNew(changes);
        Convert();
        foreach (var key in changes.OfType<AddKey>())
            SetKey([.. key.Columns]);
        var keyNames = _key.Select(NameOf).ToImmutableArray();
        return _table with
        {
            Columns = [.. _columns.Select(column => keyNames.Contains(column.Name) ? column with { Nullable = false } : column)],
            Key = keyNames,
            Charset = _charset,
            Engine = engine,
            Versioning = !_isVersioned ? Versioning.None : _rowEnd is null ? Versioning.Implicit : Versioning.Explicit,
            RowEnd = _isVersioned ? _rowEnd : null,
        };
    }

    // The columns that were there: dropped, changed at their place, put aside for another place, or as they were.
    private void KeepOld(ImmutableArray<TableChange> changes)
    {
        foreach (var drop in changes.OfType<DropColumn>())
        {
            if (_table.Find(drop.Column) < 0 && !drop.IfExists)
                throw new DdlUnclearException($"column '{drop.Column}' is dropped, which is not known");
        }

        foreach (var column in _table.Columns)
        {
            if (changes.OfType<DropColumn>().Any(drop => TableDefinition.Same(drop.Column, column.Name)))
            {
                _key.RemoveAll(name => TableDefinition.Same(name, column.Name));
                continue;
            }

            if (changes.OfType<RenameColumn>().LastOrDefault(rename => TableDefinition.Same(rename.Column, column.Name)) is { } renamed)
            {
                RenameInKey(column.Name, renamed.Name);
                _columns.Add(column with { Name = renamed.Name });
            }
            else if (changes.OfType<ChangeColumn>().LastOrDefault(change => TableDefinition.Same(change.Column, column.Name)) is { } changed)
            {
                KeepChanged(column, changed);
            }
            else
            {
                _columns.Add(column);
            }
        }

        RequireKnown(changes);
    }

    private void KeepChanged(ColumnFacts column, ChangeColumn change)
    {
        RenameInKey(column.Name, change.Definition.Name);
        var made = Made(change.Definition);
        if (change.Definition.IsKey)
            SetKey([change.Definition.Name]);
        if (!change.Place.IsGiven)
            _columns.Add(made);
    }

    private void RequireKnown(ImmutableArray<TableChange> changes)
    {
        foreach (var change in changes)
        {
            var (name, isOptional) = change switch
            {
                RenameColumn rename => (rename.Column, rename.IfExists),
                ChangeColumn changed => (changed.Column, changed.IfExists),
                _ => ("", true),
            };
            if (!isOptional && _table.Find(name) < 0)
                throw new DdlUnclearException($"column '{name}' is changed, which is not known");
        }
    }

    private void AddNew(ImmutableArray<TableChange> changes)
    {
        foreach (var change in changes)
        {
            if (change is AddColumn add)
            {
                if (add.IfNotExists && _columns.Concat(_later.Select(later => later.Column)).Any(column => TableDefinition.Same(column.Name, add.Column.Name)))
                    continue;
                if (add.Column.IsKey)
                    SetKey([add.Column.Name]);
                _later.Add((Made(add.Column), add.Place));
            }
            else if (change is ChangeColumn { Place.IsGiven: true } moved && _table.Find(moved.Column) >= 0)
            {
                _later.Add((Made(moved.Definition), moved.Place));
            }
        }

        foreach (var (column, place) in _later)
        {
            if (_columns.Any(known => TableDefinition.Same(known.Name, column.Name)))
                throw new DdlUnclearException($"column '{column.Name}' is added, which is there already");
            _columns.Insert(IndexOf(place), column);
        }
    }

    // The row's end is an own column: what the server does with it in the key is undone where rows are read.
    private ColumnFacts Made(ColumnClause column)
    {
        if (column.IsRowEnd && column.Type == "bigint")
            throw new DdlUnclearException("history is kept by transaction numbers");
        _rowEnd = column.IsRowEnd ? column.Name : _rowEnd;
        return ColumnMaker.Make(column, _charset, _table.DatabaseCharset, _dialect);
    }

    private int IndexOf(ColumnPlace place)
    {
        if (!place.IsGiven)
            return _columns.Count;
        if (place.After is not { } after)
            return 0;
        var index = _columns.FindIndex(column => TableDefinition.Same(column.Name, after));
        return index < 0 ? throw new DdlUnclearException($"a column is put behind '{after}', which is not known") : index + 1;
    }

    // All texts of the table, also those that the same statement adds or defines.
    private void Convert()
    {
        if (_converted is null)
            return;
        for (var i = 0; i < _columns.Count; i++)
            _columns[i] = ColumnMaker.Convert(_columns[i], _converted);
    }

    private void RenameInKey(string from, string to)
    {
        var at = _key.FindIndex(name => TableDefinition.Same(name, from));
        if (at >= 0)
            _key[at] = to;
    }

    private void SetKey(string[] columns)
    {
        _key.Clear();
        _key.AddRange(columns);
    }

    private string NameOf(string keyColumn) =>
        _columns.Find(column => TableDefinition.Same(column.Name, keyColumn))?.Name ?? throw new DdlUnclearException($"the primary key has column '{keyColumn}', which is not known");
}
