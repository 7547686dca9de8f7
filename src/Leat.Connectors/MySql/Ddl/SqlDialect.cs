namespace Leat.Connectors.MySql.Ddl;

/// <summary>How the server that logged a statement read it. Statements in the binlog are as their session wrote them.</summary>
internal readonly record struct SqlDialect
{
    // Bits of sql_mode as they stand in a Query event. Source: MariaDB knowledge base, "Query_event", Q_SQL_MODE_CODE.
    private const ulong RealAsFloatBit = 1;
    private const ulong AnsiQuotesBit = 4;
    private const ulong OracleBit = 1UL << 9;
    private const ulong NoBackslashEscapesBit = 1UL << 20;

    /// <summary>Whether the server is MariaDB; decides which executable comments count and what some words mean.</summary>
    public bool IsMariaDb { get; init; }

    /// <summary>The server's version as executable comments have it, e.g. 101119 or 90600; 0 when not known: all comments count.</summary>
    public int Version { get; init; }

    /// <summary>"x" is a name, not a text.</summary>
    public bool AnsiQuotes { get; init; }

    /// <summary>A backslash in a text is just that.</summary>
    public bool NoBackslashEscapes { get; init; }

    /// <summary>REAL means FLOAT instead of DOUBLE.</summary>
    public bool RealAsFloat { get; init; }

    /// <summary>MariaDB's Oracle mode: other words for types; its statements are not parsed.</summary>
    public bool IsOracle { get; init; }

    /// <summary>Whether rows that a foreign key changes are in the binlog.</summary>
    public bool LogsCascades { get; init; }

    /// <summary>Whether the server keeps names of tables in lower case (<c>lower_case_table_names = 1</c>).</summary>
    public bool LowerCaseTables { get; init; }

    /// <summary>The same server with the modes of one statement.</summary>
    public SqlDialect With(ulong sqlMode) => this with
    {
        AnsiQuotes = (sqlMode & AnsiQuotesBit) != 0,
        NoBackslashEscapes = (sqlMode & NoBackslashEscapesBit) != 0,
        RealAsFloat = (sqlMode & RealAsFloatBit) != 0,
        IsOracle = IsMariaDb && (sqlMode & OracleBit) != 0,
    };

    /// <summary>Whether the text of an executable comment with this number is part of the statement.</summary>
    public bool Counts(int number, bool isMariaDbOnly)
    {
        if (isMariaDbOnly && !IsMariaDb)
            return false;

        // MariaDB passes over what is meant for MySQL 5.7 and later.
        const int FirstForeign = 50_700;
        const int LastForeign = 99_999;
        if (IsMariaDb && !isMariaDbOnly && number is >= FirstForeign and <= LastForeign)
            return false;
        return Version == 0 || number <= Version;
    }
}
