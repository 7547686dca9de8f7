using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>What is larger than Leat records: codes 4017 to 4019.</summary>
public static partial class MySqlErrors
{
    /// <summary>A change of a captured table does not fit a record of the log.</summary>
    /// <param name="source">The source's name.</param>
    /// <param name="transaction">The transaction that it is in.</param>
    /// <param name="table">The table.</param>
    /// <param name="bytes">Size of the event, or of what it holds when it is compressed.</param>
    public static PauseException RowTooLarge(string source, string transaction, TableName table, long bytes) => new(
        new(4017), string.Create(CultureInfo.InvariantCulture, $"Source '{source}': transaction {transaction} has a change of table {table} that takes {bytes} bytes; "
            + $"the largest that Leat records is {MySqlConnection.MaxPacketBytes} bytes."),
        $"Add {table} to the source's 'exclude' and start again: nothing of the transaction was recorded, and capture goes on with its other tables at the same place.");

    /// <summary>An event that is not one of rows, and may change something, is larger than is taken in.</summary>
    internal static PauseException EventTooLarge(string source, MySqlPosition position, byte type, long bytes) => new(
        new(4018), string.Create(CultureInfo.InvariantCulture, $"Source '{source}': the binlog has an event of type {type} and {bytes} bytes after {position.Gtids} in {position.File}; "
            + $"the largest that Leat reads is {MySqlConnection.MaxPacketBytes} bytes."),
        $"{ReadAllAgain(source)} And keep max_allowed_packet at the server to at most 64 MiB: it then writes no larger ones.");

    /// <summary>A row that a snapshot reads does not fit a record of the log.</summary>
    /// <param name="table">The table.</param>
    /// <param name="bytes">What had been read of it when that was noticed.</param>
    internal static PauseException RowTooLargeToRead(TableName table, long bytes) => new(
        new(4019), string.Create(CultureInfo.InvariantCulture, $"Table {table} has a row that takes at least {bytes} bytes; the largest that Leat records is {MySqlConnection.MaxPacketBytes} bytes."),
        $"Add {table} to the source's 'exclude' and start again: the snapshot goes on with the other tables where it is.");
}
