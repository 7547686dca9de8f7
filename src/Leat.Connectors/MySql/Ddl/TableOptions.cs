namespace Leat.Connectors.MySql.Ddl;

/// <summary>Options of a table that touch neither its shape nor its rows.</summary>
internal static class TableOptions
{
    private static readonly HashSet<string> WithValue = new(StringComparer.OrdinalIgnoreCase)
    {
        "ALGORITHM", "LOCK", "AUTO_INCREMENT", "AVG_ROW_LENGTH", "CHECKSUM", "TABLE_CHECKSUM", "COMMENT", "COMPRESSION", "CONNECTION", "DELAY_KEY_WRITE",
        "ENCRYPTION", "ENCRYPTED", "ENCRYPTION_KEY_ID", "IETF_QUOTES", "INSERT_METHOD", "KEY_BLOCK_SIZE", "MAX_ROWS", "MIN_ROWS", "PACK_KEYS",
        "PAGE_CHECKSUM", "PAGE_COMPRESSED", "PAGE_COMPRESSION_LEVEL", "PASSWORD", "ROW_FORMAT", "SEQUENCE", "STATS_AUTO_RECALC", "STATS_PERSISTENT",
        "STATS_SAMPLE_PAGES", "TABLESPACE", "TRANSACTIONAL", "ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE", "SECONDARY_ENGINE", "AUTOEXTEND_SIZE",
        "START_TRANSACTION", "STORAGE", "UNION", "YES", "WAIT",
    };

    private static readonly HashSet<string> Alone = new(StringComparer.OrdinalIgnoreCase)
    {
        "FORCE", "NOWAIT", "ONLINE", "SECONDARY_LOAD", "SECONDARY_UNLOAD", "UPGRADE",
    };

    /// <summary>Passes over one option.</summary>
    /// <exception cref="DdlUnclearException">Not one that is known.</exception>
    public static void Skip(TokenReader tokens)
    {
        if (tokens.Try("START", "TRANSACTION") || tokens.Try("WITH", "VALIDATION") || tokens.Try("WITHOUT", "VALIDATION"))
            return;
        if (tokens.Try("ENABLE", "KEYS") || tokens.Try("DISABLE", "KEYS"))
            return;
        if (tokens.Try("DATA", "DIRECTORY") || tokens.Try("INDEX", "DIRECTORY"))
        {
            tokens.Value();
            return;
        }

        if (tokens.Current.Kind != TokenKind.Word)
            throw tokens.Unexpected("an option");
        if (Alone.Contains(tokens.Current.Text))
        {
            tokens.Take();
            return;
        }

        // An option in quotes, and any name before a '=', belongs to an engine of MariaDB.
        if (!WithValue.Contains(tokens.Current.Text) && !tokens.Peek().IsSymbol('='))
            throw tokens.Unexpected("an option");
        tokens.Take();
        tokens.TrySymbol('=');
        if (tokens.Current.IsSymbol('('))
            tokens.SkipParentheses();
        else
            tokens.Value();
    }
}
