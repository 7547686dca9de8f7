using Leat.Changes;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Knows which tables will be read as a whole later in the stream, so that something which the stream cannot tell of them may be passed over.</summary>
internal interface IUnreadTables
{
    /// <summary>Passes over a change of one table, and says so in the log.</summary>
    /// <param name="table">The table.</param>
    /// <param name="transaction">The server's name of the transaction.</param>
    /// <param name="reason">Why it cannot be told, e.g. <c>a statement</c>.</param>
    /// <returns>False when rows of the table were read already, or will not be: then it has to stop the source.</returns>
    bool TryPass(TableName table, string transaction, string reason);

    /// <summary>The same for something that may have changed any table.</summary>
    bool TryPassAll(string transaction, string reason);
}
