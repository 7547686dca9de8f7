using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>CREATE TABLE from behind the table's name.</summary>
internal sealed class CreateParser(TokenReader tokens, ColumnParser columns, SqlDialect dialect, TableName table)
{
    private readonly ImmutableArray<ColumnClause>.Builder _columns = ImmutableArray.CreateBuilder<ColumnClause>();
    private readonly ImmutableArray<TableChange>.Builder _changes = ImmutableArray.CreateBuilder<TableChange>();

    /// <summary>The statement.</summary>
    public DdlStatement Read(bool ifNotExists)
    {
        if (tokens.Try("LIKE"))
            return Like(ifNotExists);
        if (!tokens.TrySymbol('('))
            throw new DdlUnclearException("the columns come from a SELECT");
        if (tokens.Try("LIKE"))
            return Like(ifNotExists);
        Elements();
        Options();
        return new CreateTable(table, _columns.ToImmutable(), _changes.ToImmutable(), ifNotExists);
    }

    private CreateTableLike Like(bool ifNotExists) => new(table, DdlParser.TableOf(tokens, dialect, table.Database), ifNotExists);

    private void Elements()
    {
        do
        {
            if (tokens.Try("PERIOD", "FOR"))
            {
                tokens.SkipElement();
                continue;
            }

            if (AlterParser.TryTableElement(tokens, columns, dialect, table.Database, _changes))
                continue;
            var column = columns.Definition();
            _columns.Add(column);
        }
        while (tokens.TrySymbol(','));
        tokens.ExpectSymbol(')');
        if (_columns.Count == 0)
            throw new DdlUnclearException("the columns come from a SELECT");
    }

    private void Options()
    {
        while (!tokens.IsAtEnd)
        {
            var charset = default(CharsetClause);
            if (columns.TryCharset(ref charset))
                _changes.Add(new SetCharset(charset));
            else if (tokens.TryAny("ENGINE", "TYPE"))
                _changes.Add(new SetEngine(tokens.Value()));
            else if (tokens.Try("PARTITION", "BY"))
                SkipPartitions();
            else if (tokens.Try("WITH", "SYSTEM", "VERSIONING"))
                _changes.Add(new SetVersioning(IsKept: true));
            else if (tokens.Current.Is("SELECT") || tokens.Current.Is("AS") || tokens.Current.Is("IGNORE") || tokens.Current.Is("REPLACE")
                || tokens.Current.Is("WITH") || tokens.Current.Is("VALUES") || tokens.Current.IsSymbol('('))
                throw new DdlUnclearException("the columns come from a SELECT");
            else if (!tokens.TrySymbol(','))
                TableOptions.Skip(tokens);
        }
    }

    // A SELECT behind them would begin outside all parentheses.
    private void SkipPartitions()
    {
        for (; !tokens.IsAtEnd; Step())
        {
            if (tokens.Current.Is("SELECT"))
                throw new DdlUnclearException("the columns come from a SELECT");
        }
    }

    private void Step()
    {
        if (tokens.Current.IsSymbol('('))
            tokens.SkipParentheses();
        else
            tokens.Take();
    }
}
