using Leat.Changes;
using Leat.Connectors.MySql.Binlog;

namespace Leat.Connectors.MySql;

// What single events can stop a source with. Codes 4021, 4023, 4063 to 4067.
public static partial class MySqlErrors
{
    /// <summary>An event of a type that may hold changes we cannot read.</summary>
    internal static PauseException UnknownEvent(string source, MySqlPosition position, byte type) => new(
        new(4021), $"Source '{source}': the binlog has an event of type {type} after {position.Place} in {position.File}, which Leat cannot read and must not pass over.",
        $"{ReadAllAgain(source)} And tell us which server wrote it.");

    /// <summary>ROLLBACK TO SAVEPOINT in the binlog.</summary>
    internal static PauseException PartialRollback(string source, string transaction) => new(
        new(4023), $"Source '{source}': transaction {transaction} undoes a part of itself (ROLLBACK TO SAVEPOINT) after rows of captured tables were logged.",
        $"This comes from mixing transactional and other tables in one transaction: convert them to InnoDB. {ReadAllAgain(source)}");

    /// <summary>A partial update of a document that is not the one before it.</summary>
    internal static PauseException JsonDiffMisfit(string source, TableName table, string column) => new(
        new(4063), $"Source '{source}': an update of {table} tells only what changed in the JSON of column '{column}', and that does not fit the document before it.",
        $"SET GLOBAL binlog_row_value_options = ''; and see that no session sets PARTIAL_JSON. {ReadTablesAgain(source, [table])}");

    /// <summary>Compressed transactions, and no library to read them.</summary>
    internal static PauseException NoZstd(string source, string library) => new(
        new(4065), $"Source '{source}': the binlog has a compressed transaction (binlog_transaction_compression), and {library} is not on this machine.",
        "Install libzstd 1.4 or newer (Debian: apt install libzstd1) and start the source again; it goes on where it stands.");

    /// <summary>The server itself says that its binlog is not whole.</summary>
    internal static PauseException Incident(string source, MySqlPosition position, string text) => new(
        new(4064), $"Source '{source}': after {position.Place} in {position.File} the server notes an incident that lost changes of its binlog: {text}.",
        $"Read the server's error log of that time. {ReadAllAgain(source)}");

    // The place is passed when the tables are still to be read, see UnreadTables.
    private static string ReadAllAgain(string source) => ReadTablesAgain(source, []);

    private static string ReadTablesAgain(string source, IReadOnlyList<TableName> tables) =>
        $"Have {(tables.Count == 1 ? "the table" : "the tables")} read again, which passes this place: `{new LostChanges(source, [.. tables]).Command}`.";
}
