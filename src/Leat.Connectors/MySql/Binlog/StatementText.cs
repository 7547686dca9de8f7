using Leat.Changes;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>What a statement in the binlog means to capture.</summary>
internal enum StatementKind
{
    /// <summary>Nothing: grants, variables, and so on.</summary>
    Other = 0,

    /// <summary>Opens a transaction.</summary>
    Begin,

    /// <summary>Ends one.</summary>
    Commit,

    /// <summary>Undoes one.</summary>
    Rollback,

    /// <summary>Undoes a part of one.</summary>
    RollbackToSavepoint,

    /// <summary>Changes rows without telling them: the statement was logged instead of its rows.</summary>
    RowsAsStatement,

    /// <summary>May define, empty, drop or rename tables.</summary>
    Definition,
}

/// <summary>Looks at the words of a statement, no further: never parses it, so that no grammar can stop capture.</summary>
internal static class StatementText
{
    /// <summary>What kind of statement it is, by its first words.</summary>
    public static StatementKind KindOf(string sql)
    {
        var words = new Words(sql);
        return words.Next() ? OfWord(words.Current, ref words) : StatementKind.Other;
    }

    /// <summary>Whether a table's name stands anywhere in the statement. May say yes too often, never no wrongly.</summary>
    public static bool Mentions(string sql, string defaultDatabase, TableName table)
    {
        var words = new Words(sql);
        var previous = "";
        while (words.Next())
        {
            var word = words.Current;
            if (Same(word, table.Name) && (!words.IsQualified || Same(previous, table.Database)) && (words.IsQualified || Same(defaultDatabase, table.Database)))
                return true;
            previous = word;
        }

        return false;
    }

    private static StatementKind OfWord(string first, ref Words words)
    {
        switch (first.ToUpperInvariant())
        {
            case "BEGIN" or "START":
                return StatementKind.Begin;
            case "COMMIT":
                return StatementKind.Commit;
            case "ROLLBACK":
                return words.Next() && Same(words.Current, "TO") ? StatementKind.RollbackToSavepoint : StatementKind.Rollback;
            case "INSERT" or "UPDATE" or "DELETE" or "REPLACE" or "LOAD" or "WITH":
                return StatementKind.RowsAsStatement;
            case "ALTER" or "CREATE" or "TRUNCATE" or "RENAME" or "DROP":
                return StatementKind.Definition;
            case "SET":
                return words.Next() && Same(words.Current, "STATEMENT") ? OfSetStatement(ref words) : StatementKind.Other;
            default:
                return StatementKind.Other;
        }
    }

    // MariaDB's SET STATEMENT max_statement_time = 1 FOR ALTER …
    private static StatementKind OfSetStatement(ref Words words)
    {
        while (words.Next())
        {
            if (Same(words.Current, "FOR"))
                return words.Next() ? OfWord(words.Current, ref words) : StatementKind.Other;
        }

        return StatementKind.Other;
    }

    private static bool Same(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);

    // Words and quoted names in order. Strings and comments are passed over; what stands in /*! … */ counts.
    private ref struct Words(string sql)
    {
        private int _at;

        public string Current { get; private set; } = "";

        public bool IsQualified { get; private set; }

        public bool Next()
        {
            var dot = false;
            while (_at < sql.Length)
            {
                var c = sql[_at];
                if (c == '.')
                {
                    dot = true;
                    _at++;
                }
                else if (c is '\'' or '"')
                {
                    SkipQuoted(c);
                }
                else if (!SkipComment())
                {
                    if (c == '`')
                        return Take(dot, QuotedName());
                    if (IsWord(c))
                        return Take(dot, Word());
                    dot &= char.IsWhiteSpace(c);
                    _at++;
                }
            }

            return false;
        }

        private bool Take(bool qualified, string word)
        {
            (IsQualified, Current) = (qualified, word);
            return true;
        }

        private string Word()
        {
            var start = _at;
            while (_at < sql.Length && IsWord(sql[_at]))
                _at++;
            return sql[start.._at];
        }

        private string QuotedName()
        {
            var start = ++_at;
            while (_at < sql.Length && (sql[_at] != '`' || (_at + 1 < sql.Length && sql[_at + 1] == '`')))
                _at += sql[_at] == '`' ? 2 : 1;
            var name = sql[start..Math.Min(_at, sql.Length)].Replace("``", "`", StringComparison.Ordinal);
            _at++;
            return name;
        }

        private void SkipQuoted(char quote)
        {
            _at++;
            while (_at < sql.Length && sql[_at] != quote)
                _at += sql[_at] == '\\' ? 2 : 1;
            _at++;
        }

        private bool SkipComment()
        {
            var rest = sql.AsSpan(_at);
            if (rest.StartsWith("/*!") || rest.StartsWith("/*M!"))
            {
                _at += rest[2] == '!' ? 3 : 4;
                while (_at < sql.Length && char.IsAsciiDigit(sql[_at]))
                    _at++;
                return true;
            }

            if (rest.StartsWith("/*"))
                return SkipTo("*/");
            return (rest.StartsWith("-- ") || rest[0] == '#') && SkipTo("\n");
        }

        private bool SkipTo(string end)
        {
            var found = sql.IndexOf(end, _at, StringComparison.Ordinal);
            _at = found < 0 ? sql.Length : found + end.Length;
            return true;
        }

        private static bool IsWord(char c) => char.IsLetterOrDigit(c) || c is '_' or '$' || c >= 0x80;
    }
}
