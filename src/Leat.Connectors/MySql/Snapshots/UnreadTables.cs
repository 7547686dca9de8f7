using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Tables none of whose rows have been read yet and all of which will be, later in the stream: what the stream cannot tell of them here is told then.</summary>
internal sealed class UnreadTables(string source, SnapshotRun snapshot, ILogger log) : IUnreadTables
{
    /// <inheritdoc/>
    public bool TryPass(TableName table, string transaction, string reason)
    {
        if (!snapshot.TryPass(table))
            return false;
        log.RowsUnseen(source, table.ToString(), transaction, reason);
        return true;
    }

    /// <inheritdoc/>
    public bool TryPassAll(string transaction, string reason)
    {
        if (!snapshot.TryPass(table: null))
            return false;
        log.RowsUnseen(source, "all tables", transaction, reason);
        return true;
    }
}
