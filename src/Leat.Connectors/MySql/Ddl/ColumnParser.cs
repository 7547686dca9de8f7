using System.Collections.Immutable;

namespace Leat.Connectors.MySql.Ddl;

/// <summary>Column definitions: name, type, attributes.</summary>
internal sealed class ColumnParser(TokenReader tokens, SqlDialect dialect, string database)
{
    /// <summary>A whole definition.</summary>
    public ColumnClause Definition()
    {
        var name = tokens.Name();
        var column = Type(name);
        while (!tokens.IsAtEnd && !tokens.Current.IsSymbol(',') && !tokens.Current.IsSymbol(')') && !IsPlace())
            column = Attribute(column);
        return column;
    }

    /// <summary>FIRST or AFTER, behind a definition.</summary>
    public ColumnPlace Place()
    {
        if (tokens.Try("FIRST"))
            return new(IsFirst: true, After: null);
        return tokens.Try("AFTER") ? new(IsFirst: false, After: tokens.Name()) : default;
    }

    /// <summary>[DEFAULT] CHARACTER SET x, CHARSET x, COLLATE x.</summary>
    public bool TryCharset(ref CharsetClause clause)
    {
        var skipped = tokens.Current.Is("DEFAULT") && (tokens.Peek().Is("CHARACTER") || tokens.Peek().Is("CHARSET") || tokens.Peek().Is("CHAR") || tokens.Peek().Is("COLLATE"));
        if (skipped)
            tokens.Take();
        if (tokens.Try("CHARACTER", "SET") || tokens.Try("CHAR", "SET") || tokens.Try("CHARSET"))
            clause = clause with { Charset = tokens.Value() };
        else if (tokens.Try("COLLATE"))
            clause = clause with { Collation = tokens.Value() };
        else
            return skipped ? throw tokens.Unexpected("a character set") : false;
        return true;
    }

    /// <summary>Passes over the words behind REFERENCES, and tells what deletes and updates of the parent do: empty when nothing unseen.</summary>
    public string ReferenceActions()
    {
        if (tokens.Current.IsSymbol('('))
            tokens.SkipParentheses();
        if (tokens.Try("MATCH"))
            tokens.Take();
        var actions = new List<string>();
        while (tokens.Current.Is("ON") && (tokens.Peek().Is("DELETE") || tokens.Peek().Is("UPDATE")))
        {
            tokens.Take();
            var when = tokens.Take().Text.ToUpperInvariant();
            if (tokens.Try("CASCADE"))
                actions.Add($"ON {when} CASCADE");
            else if (tokens.Try("SET", "NULL"))
                actions.Add($"ON {when} SET NULL");
            else if (!(tokens.Try("RESTRICT") || tokens.Try("NO", "ACTION") || tokens.Try("SET", "DEFAULT")))
                throw tokens.Unexpected("what a reference does");
        }

        return string.Join(' ', actions);
    }

    /// <summary>The value behind DEFAULT or ON UPDATE: a literal, a function, or something in parentheses.</summary>
    public void SkipExpression()
    {
        while (tokens.TrySymbol('-') || tokens.TrySymbol('+') || tokens.TrySymbol('~') || tokens.TrySymbol('!'))
        {
        }

        if (tokens.Try("NEXT", "VALUE", "FOR") || tokens.Try("PREVIOUS", "VALUE", "FOR"))
        {
            SkipQualified();
            return;
        }

        switch (tokens.Current.Kind)
        {
            case TokenKind.Text:
                tokens.Text();
                break;
            case TokenKind.Number:
                tokens.Take();
                break;
            case TokenKind.Word or TokenKind.Name:
                SkipWord();
                break;
            case TokenKind.Symbol when tokens.Current.IsSymbol('('):
                tokens.SkipParentheses();
                break;
            default:
                throw tokens.Unexpected("a value");
        }
    }

    private bool IsPlace() => tokens.Current.Is("FIRST") || (tokens.Current.Is("AFTER") && tokens.Peek().IsName);

    // _utf8'x', X'00', N'x', NULL, NOW(), CURRENT_TIMESTAMP, lib.f(1)
    private void SkipWord()
    {
        SkipQualified();
        if (tokens.Current.Kind == TokenKind.Text)
            tokens.Text();
        else if (tokens.Current.IsSymbol('('))
            tokens.SkipParentheses();
    }

    private void SkipQualified()
    {
        tokens.Name();
        while (tokens.TrySymbol('.'))
            tokens.Name();
    }

    private ColumnClause Type(string name)
    {
        if (dialect.IsOracle)
            throw new DdlUnclearException("sql_mode is ORACLE, whose types are not parsed");
        var start = tokens.Current;
        if (start.Kind != TokenKind.Word)
            throw tokens.Unexpected("a type");
        var column = TypeWords.Read(tokens, name, dialect);
        if (column.Type is "enum" or "set")
            return column with { Labels = ReadLabels() };
        if (!tokens.Current.IsSymbol('('))
            return column;
        tokens.Take();
        var arguments = ImmutableArray.CreateBuilder<int>();
        do
        {
            arguments.Add(tokens.Number());
        }
        while (tokens.TrySymbol(','));
        tokens.ExpectSymbol(')');
        return TypeWords.WithArguments(column, arguments.ToImmutable());
    }

    private ImmutableArray<string> ReadLabels()
    {
        var labels = ImmutableArray.CreateBuilder<string>();
        tokens.ExpectSymbol('(');
        do
        {
            // The server removes trailing spaces of labels.
            labels.Add(tokens.Text().TrimEnd(' '));
        }
        while (tokens.TrySymbol(','));
        tokens.ExpectSymbol(')');
        return labels.ToImmutable();
    }

    private ColumnClause Attribute(ColumnClause column)
    {
        var charset = column.Charset;
        if (TryCharset(ref charset))
            return column with { Charset = charset };
        if (tokens.Try("NOT", "NULL"))
            return column with { NotNull = true };
        if (tokens.Try("NULL"))
            return column with { Null = true };
        if (tokens.Try("UNSIGNED"))
            return column with { Unsigned = true };
        if (tokens.Try("ZEROFILL"))
            return column with { Unsigned = true, Zerofill = true };
        if (tokens.Try("SIGNED"))
            return column;
        if (tokens.Try("PRIMARY", "KEY") || tokens.Try("KEY") || tokens.Try("PRIMARY"))
            return column with { IsKey = true, NotNull = true };
        if (tokens.Try("ASCII"))
            return column with { Charset = new("latin1", null) };
        if (tokens.Try("UNICODE"))
            return column with { Charset = new("ucs2", null) };
        if (tokens.Try("BYTE"))
            return column with { Type = TypeWords.AsBytes(column.Type), Charset = default };
        if (tokens.Try("BINARY"))
            return column; // the charset's binary collation: the same bytes
        if (tokens.Try("COMPRESSED"))
        {
            if (tokens.TrySymbol('='))
                tokens.Take();
            return column with { IsCompressed = true };
        }

        return tokens.Try("CONSTRAINT") ? Constraint(column) : Passing(column);
    }

    private ColumnClause Constraint(ColumnClause column)
    {
        if (!tokens.Current.Is("CHECK"))
            tokens.Name();
        return Passing(column);
    }

    // Attributes that do not touch the shape.
    private ColumnClause Passing(ColumnClause column)
    {
        if (tokens.Try("DEFAULT") || tokens.Try("ON", "UPDATE"))
        {
            SkipExpression();
        }
        else if (tokens.Try("SERIAL", "DEFAULT", "VALUE"))
        {
            return column with { NotNull = true };
        }
        else if (tokens.Try("CHECK"))
        {
            return column with { IsJson = IsJsonCheck(column) | column.IsJson };
        }
        else if (tokens.Try("GENERATED", "ALWAYS", "AS") || tokens.Try("AS"))
        {
            if (tokens.Try("ROW", "START"))
                return column;
            if (tokens.Try("ROW", "END"))
                return column with { IsRowEnd = true };
            tokens.SkipParentheses();
        }
        else if (tokens.Try("REFERENCES"))
        {
            // Servers before MySQL 9 and MariaDB 10.5 take such a reference without a word and do nothing.
            var parent = DdlParser.TableOf(tokens, dialect, database);
            if (ReferenceActions() is { Length: > 0 } actions)
                return column with { Reference = new(parent, actions) };
        }
        else
        {
            Option();
        }

        return column;
    }

    private void Option()
    {
        if (tokens.TryAny("AUTO_INCREMENT", "VIRTUAL", "STORED", "PERSISTENT", "INVISIBLE", "VISIBLE", "ENFORCED")
            || tokens.Try("NOT", "ENFORCED") || tokens.Try("UNIQUE", "KEY") || tokens.Try("UNIQUE"))
            return;
        if (tokens.Try("WITH", "SYSTEM", "VERSIONING") || tokens.Try("WITHOUT", "SYSTEM", "VERSIONING"))
            return;
        if (tokens.Try("COMMENT"))
        {
            tokens.TrySymbol('=');
            tokens.Text();
            return;
        }

        if (!tokens.TryAny("COLUMN_FORMAT", "STORAGE", "SRID", "REF_SYSTEM_ID", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE"))
            throw tokens.Unexpected("a column attribute");
        tokens.Value();
    }

    // CHECK (json_valid(`name`)) is how MariaDB says that a text is JSON.
    private bool IsJsonCheck(ColumnClause column)
    {
        var isJson = tokens.Current.IsSymbol('(') && tokens.Peek().Is("json_valid") && tokens.Peek(2).IsSymbol('(')
            && tokens.Peek(3).IsName && string.Equals(tokens.Peek(3).Text, column.Name, StringComparison.OrdinalIgnoreCase)
            && tokens.Peek(4).IsSymbol(')') && tokens.Peek(5).IsSymbol(')');
        tokens.SkipParentheses();
        return isJson && column.Type == "longtext";
    }
}
