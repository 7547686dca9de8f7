using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>The clauses of ALTER TABLE.</summary>
internal sealed class AlterParser(TokenReader tokens, ColumnParser columns, SqlDialect dialect, string database)
{
    private readonly ImmutableArray<TableChange>.Builder _changes = ImmutableArray.CreateBuilder<TableChange>();

    /// <summary>All clauses up to the end.</summary>
    public ImmutableArray<TableChange> Clauses()
    {
        // ALTER TABLE t WAIT 5 ADD …
        if (tokens.Try("WAIT"))
            tokens.Number();
        tokens.Try("NOWAIT");
        while (!tokens.IsAtEnd)
        {
            Clause();

            // Options of the table, and what is done to partitions, may follow without a comma.
            tokens.TrySymbol(',');
        }

        return _changes.ToImmutable();
    }

    private void Clause()
    {
        if (tokens.Try("ADD"))
            Add();
        else if (tokens.Try("DROP"))
            Drop();
        else if (tokens.Try("MODIFY"))
            Modify();
        else if (tokens.Try("CHANGE"))
            Change();
        else if (tokens.Try("RENAME"))
            Rename();
        else if (tokens.Try("CONVERT"))
            Convert();
        else if (tokens.Try("ALTER"))
            tokens.SkipElement(); // defaults, visibility, enforcement
        else if (tokens.Try("ORDER", "BY"))
            tokens.SkipRest();
        else if (!TryPartitions())
            Option();
    }

    private void Add()
    {
        if (tokens.Try("PARTITION"))
        {
            tokens.SkipRest();
            return;
        }

        if (TryVersioning(isKept: true))
            return;

        if (tokens.Current.Kind == TokenKind.Word && TryTableElement(tokens, columns, dialect, database, _changes))
            return;
        tokens.Try("COLUMN");
        var ifNotExists = tokens.Try("IF", "NOT", "EXISTS");
        if (!tokens.TrySymbol('('))
        {
            var column = columns.Definition();
            _changes.Add(new AddColumn(column, columns.Place(), ifNotExists));
            return;
        }

        do
        {
            if (!TryTableElement(tokens, columns, dialect, database, _changes))
                _changes.Add(new AddColumn(columns.Definition(), default, ifNotExists));
        }
        while (tokens.TrySymbol(','));
        tokens.ExpectSymbol(')');
    }

    // A period alone changes nothing: of system time it comes with versioning, of application time it is a rule.
    private bool TryVersioning(bool isKept)
    {
        if (tokens.Try("SYSTEM", "VERSIONING"))
            _changes.Add(new SetVersioning(isKept));
        else if (!tokens.Try("PERIOD", "FOR"))
            return false;
        tokens.SkipElement();
        return true;
    }

    /// <summary>A key, index, foreign key or check; false when a column's name comes next.</summary>
    internal static bool TryTableElement(
        TokenReader tokens, ColumnParser columns, SqlDialect dialect, string database, ImmutableArray<TableChange>.Builder changes)
    {
        if (tokens.Try("CONSTRAINT"))
        {
            tokens.Try("IF", "NOT", "EXISTS");
            if (!(tokens.Current.Is("PRIMARY") || tokens.Current.Is("UNIQUE") || tokens.Current.Is("FOREIGN") || tokens.Current.Is("CHECK")))
                tokens.Name();
            if (!TryTableElement(tokens, columns, dialect, database, changes))
                throw tokens.Unexpected("a constraint");
            return true;
        }

        if (tokens.Try("PRIMARY", "KEY"))
        {
            changes.Add(new AddKey(KeyColumns(tokens)));
        }
        else if (tokens.Try("FOREIGN", "KEY"))
        {
            while (!tokens.IsAtEnd && !tokens.Current.IsSymbol('('))
                tokens.Take(); // IF NOT EXISTS, a name
            tokens.SkipParentheses();
            tokens.Expect("REFERENCES");
            var parent = DdlParser.TableOf(tokens, dialect, database);
            if (columns.ReferenceActions() is { Length: > 0 } actions)
                changes.Add(new AddForeignKey(parent, actions));
        }
        else if (!tokens.TryAny("UNIQUE", "FULLTEXT", "SPATIAL", "INDEX", "KEY", "CHECK") && !tokens.Try("VECTOR", "INDEX") && !tokens.Try("VECTOR", "KEY"))
        {
            return false;
        }

        tokens.SkipElement();
        return true;
    }

    private static ImmutableArray<string> KeyColumns(TokenReader tokens)
    {
        while (!tokens.IsAtEnd && !tokens.Current.IsSymbol('('))
            tokens.Take(); // IF NOT EXISTS, a name, USING BTREE
        tokens.ExpectSymbol('(');
        var key = ImmutableArray.CreateBuilder<string>();
        do
        {
            if (tokens.Try("PERIOD") || tokens.Current.IsSymbol('('))
                throw new DdlUnclearException("a primary key over something else than columns");
            key.Add(tokens.Name());
            tokens.SkipElement(); // prefix length, ASC, DESC, WITHOUT OVERLAPS
        }
        while (tokens.TrySymbol(','));
        tokens.ExpectSymbol(')');
        return key.ToImmutable();
    }

    private void Drop()
    {
        if (tokens.Try("PRIMARY", "KEY"))
        {
            _changes.Add(new DropKey());
            return;
        }

        if (tokens.Try("PARTITION"))
        {
            _changes.Add(new MoveRows("DROP PARTITION"));
            tokens.SkipElementList();
            return;
        }

        if (TryVersioning(isKept: false))
            return;

        if (tokens.Try("FOREIGN", "KEY") || tokens.TryAny("INDEX", "KEY", "CHECK") || tokens.Try("CONSTRAINT"))
        {
            tokens.Try("IF", "EXISTS");
            NoteDroppedPrimary();
            tokens.SkipElement();
            return;
        }

        tokens.Try("COLUMN");
        var ifExists = tokens.Try("IF", "EXISTS");
        _changes.Add(new DropColumn(tokens.Name(), ifExists));
        tokens.TryAny("RESTRICT", "CASCADE");
    }

    // DROP INDEX `PRIMARY` drops the key.
    private void NoteDroppedPrimary()
    {
        if (tokens.Current.IsName && string.Equals(tokens.Current.Text, "PRIMARY", StringComparison.OrdinalIgnoreCase))
            _changes.Add(new DropKey());
    }

    private void Modify()
    {
        tokens.Try("COLUMN");
        var ifExists = tokens.Try("IF", "EXISTS");
        var parenthesised = tokens.TrySymbol('(');
        do
        {
            var column = columns.Definition();
            _changes.Add(new ChangeColumn(column.Name, column, columns.Place(), ifExists));
        }
        while (parenthesised && tokens.TrySymbol(','));
        if (parenthesised)
            tokens.ExpectSymbol(')');
    }

    private void Change()
    {
        tokens.Try("COLUMN");
        var ifExists = tokens.Try("IF", "EXISTS");
        var old = tokens.Name();
        var column = columns.Definition();
        _changes.Add(new ChangeColumn(old, column, columns.Place(), ifExists));
    }

    private void Rename()
    {
        if (tokens.Try("COLUMN"))
        {
            var ifExists = tokens.Try("IF", "EXISTS");
            var old = tokens.Name();
            tokens.Expect("TO");
            _changes.Add(new RenameColumn(old, tokens.Name(), ifExists));
            return;
        }

        if ((tokens.Current.Is("INDEX") || tokens.Current.Is("KEY")) && tokens.Peek().IsName)
        {
            tokens.SkipElement();
            return;
        }

        if (!tokens.TryAny("TO", "AS"))
            tokens.TrySymbol('=');
        _changes.Add(new RenameTo(DdlParser.TableOf(tokens, dialect, database)));
    }

    private void Convert()
    {
        if (tokens.Try("PARTITION") || tokens.Try("TABLE"))
        {
            _changes.Add(new MoveRows("CONVERT between partition and table"));
            tokens.SkipRest();
            return;
        }

        tokens.Expect("TO");
        var charset = default(CharsetClause);
        if (!columns.TryCharset(ref charset))
            throw tokens.Unexpected("a character set");
        if (tokens.Current.Is("COLLATE"))
            columns.TryCharset(ref charset);
        _changes.Add(new ConvertCharset(charset));
    }

    private bool TryPartitions()
    {
        if (tokens.Try("TRUNCATE", "PARTITION"))
            return Moves("TRUNCATE PARTITION");
        if (tokens.Try("EXCHANGE", "PARTITION"))
            return Moves("EXCHANGE PARTITION");
        if (tokens.TryAny("DISCARD", "IMPORT"))
            return Moves("DISCARD or IMPORT TABLESPACE");
        if (tokens.Try("PARTITION", "BY") || tokens.Try("REMOVE", "PARTITIONING"))
        {
            tokens.SkipRest();
            return true;
        }

        if (!tokens.TryAny("COALESCE", "REORGANIZE", "ANALYZE", "CHECK", "OPTIMIZE", "REBUILD", "REPAIR"))
            return false;
        tokens.Expect("PARTITION");
        tokens.SkipRest();
        return true;
    }

    private bool Moves(string what)
    {
        _changes.Add(new MoveRows(what));
        tokens.SkipRest();
        return true;
    }

    private void Option()
    {
        var charset = default(CharsetClause);
        if (columns.TryCharset(ref charset))
        {
            while (columns.TryCharset(ref charset))
            {
            }

            _changes.Add(new SetCharset(charset));
            return;
        }

        if (tokens.TryAny("ENGINE", "TYPE"))
            _changes.Add(new SetEngine(tokens.Value()));
        else
            TableOptions.Skip(tokens);
    }
}
