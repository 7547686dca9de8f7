using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>Understands statements that concern tables. What it does not know for certain it refuses, rather than guess.</summary>
/// <remarks>Source: MySQL reference manual, "Data Definition Statements"; MariaDB knowledge base, the same.</remarks>
internal sealed class DdlParser
{
    private readonly TokenReader _tokens;
    private readonly SqlDialect _dialect;
    private readonly string _database;
    private readonly ColumnParser _columns;

    private DdlParser(List<Token> tokens, SqlDialect dialect, string database)
    {
        (_tokens, _dialect, _database) = (new(tokens), dialect, database);
        _columns = new(_tokens, dialect, database);
    }

    /// <summary>Parses a statement; those of tables that are not wanted are not looked into.</summary>
    /// <param name="sql">Its text.</param>
    /// <param name="dialect">How the server reads it.</param>
    /// <param name="database">The default database, for names without one.</param>
    /// <param name="isWanted">Whether a table matters.</param>
    /// <exception cref="DdlUnclearException">Not understood.</exception>
    public static DdlStatement Parse(string sql, SqlDialect dialect, string database, Predicate<TableName> isWanted) =>
        new DdlParser(SqlTokenizer.Read(sql, dialect), dialect, database).Statement(isWanted);

    private DdlStatement Statement(Predicate<TableName> isWanted)
    {
        // MariaDB's SET STATEMENT x = 1, y = 2 FOR ALTER …
        if (_tokens.Try("SET", "STATEMENT"))
        {
            while (!_tokens.IsAtEnd && !_tokens.Try("FOR"))
                _tokens.Take();
        }

        if (_tokens.Try("ALTER"))
            return Alter(isWanted);
        if (_tokens.Try("CREATE"))
            return Create(isWanted);
        if (_tokens.Try("DROP"))
            return Drop();
        if (_tokens.Try("RENAME"))
            return _tokens.TryAny("TABLE", "TABLES") ? Rename() : Unrelated.Statement;
        if (!_tokens.Try("TRUNCATE"))
            return Unrelated.Statement;
        _tokens.Try("TABLE");
        return new TruncateTable(Table());
    }

    private DdlStatement Alter(Predicate<TableName> isWanted)
    {
        _tokens.Try("ONLINE");
        _tokens.Try("IGNORE");
        if (_tokens.TryAny("DATABASE", "SCHEMA"))
            return DatabaseCharset(_tokens.Current.IsName && !StartsDatabaseOption() ? _tokens.Name() : _database);
        if (!_tokens.Try("TABLE"))
            return Unrelated.Statement; // views, users, events, servers, sequences, …
        _tokens.Try("IF", "EXISTS");
        var table = Table();
        return isWanted(table)
            ? new AlterTable(table, new AlterParser(_tokens, _columns, _dialect, table.Database).Clauses())
            : Moved(table);
    }

    // Of a table that is not wanted only its new name matters: it may become one that is.
    private DdlStatement Moved(TableName table)
    {
        for (; !_tokens.IsAtEnd; _tokens.Take())
        {
            if (!_tokens.Try("RENAME"))
                continue;
            if (_tokens.Current.Is("COLUMN") || _tokens.Current.Is("INDEX") || _tokens.Current.Is("KEY"))
                continue;
            if (!_tokens.TryAny("TO", "AS"))
                _tokens.TrySymbol('=');
            return new RenameTables([(table, Table(table.Database))]);
        }

        return Unrelated.Statement;
    }

    private bool StartsDatabaseOption() =>
        _tokens.Current.Kind == TokenKind.Word
        && (_tokens.Current.Is("DEFAULT") || _tokens.Current.Is("COLLATE") || _tokens.Current.Is("CHARSET") || _tokens.Current.Is("COMMENT")
            || (_tokens.Current.Is("CHARACTER") && _tokens.Peek().Is("SET")) || _tokens.Current.Is("READ") || _tokens.Current.Is("ENCRYPTION"));

    private DdlStatement DatabaseCharset(string database)
    {
        var charset = default(CharsetClause);
        while (!_tokens.IsAtEnd)
        {
            if (!_columns.TryCharset(ref charset))
                _tokens.Take();
        }

        return charset.IsEmpty ? Unrelated.Statement : new SetDatabaseCharset(database, charset);
    }

    private DdlStatement Create(Predicate<TableName> isWanted)
    {
        _tokens.Try("OR", "REPLACE");
        if (_tokens.TryAny("DATABASE", "SCHEMA"))
        {
            _tokens.Try("IF", "NOT", "EXISTS");
            return DatabaseCharset(_tokens.Name());
        }

        if (!_tokens.Try("TABLE"))
            return Unrelated.Statement; // also TEMPORARY: what belongs to one session is in no row event
        var ifNotExists = _tokens.Try("IF", "NOT", "EXISTS");
        var table = Table();
        return isWanted(table) ? new CreateParser(_tokens, _columns, _dialect, table).Read(ifNotExists) : Unrelated.Statement;
    }

    private DdlStatement Drop()
    {
        if (_tokens.TryAny("DATABASE", "SCHEMA"))
        {
            _tokens.Try("IF", "EXISTS");
            return new DropDatabase(_tokens.Name());
        }

        if (!_tokens.TryAny("TABLE", "TABLES"))
            return Unrelated.Statement;
        _tokens.Try("IF", "EXISTS");
        var tables = ImmutableArray.CreateBuilder<TableName>();
        do
        {
            tables.Add(Table());
        }
        while (_tokens.TrySymbol(','));
        return new DropTables(tables.ToImmutable());
    }

    private RenameTables Rename()
    {
        _tokens.Try("IF", "EXISTS");
        var pairs = ImmutableArray.CreateBuilder<(TableName, TableName)>();
        do
        {
            var from = Table();
            if (_tokens.Try("WAIT"))
                _tokens.Number();
            _tokens.Try("NOWAIT");
            _tokens.Expect("TO");
            pairs.Add((from, Table()));
        }
        while (_tokens.TrySymbol(','));
        if (!_tokens.IsAtEnd)
            throw _tokens.Unexpected("the end");
        return new(pairs.ToImmutable());
    }

    private TableName Table(string? database = null) => TableOf(_tokens, _dialect, database ?? _database);

    /// <summary>A table's name with or without its database.</summary>
    internal static TableName TableOf(TokenReader tokens, SqlDialect dialect, string database)
    {
        var first = tokens.Name();
        var (owner, name) = tokens.TrySymbol('.') ? (first, tokens.Name()) : (database, first);
        return dialect.LowerCaseTables ? new(owner.ToLowerInvariant(), name.ToLowerInvariant()) : new(owner, name);
    }
}
