using Leat.Changes;
using Leat.Connectors.MySql.Snapshots;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

// What keeps tables from being read.
public static partial class MySqlErrors
{
    /// <summary>The heartbeat table does not exist, or may not be written.</summary>
    internal static readonly ErrorCode HeartbeatRefused = new(4084);

    // The position is not in the server's binlog, or the binlog is not the one that was read: only reading tables anew helps.
    private static readonly HashSet<int> Gaps = [4030, 4031, 4035, 4037, 4038, 4039];

    /// <summary>Whether changes since the position are lost, so that tables have to be read again.</summary>
    internal static bool IsGap(LeatException problem) => Gaps.Contains(problem.Code.Number);

    /// <summary>The heartbeat table cannot be written.</summary>
    internal static PauseException HeartbeatUnwritable(string source, MySqlEndpoint endpoint, TableName table, MySqlServerException cause) => new(
        HeartbeatRefused, $"Source '{source}' cannot write its heartbeat table {table} at {endpoint.Address}: {cause.Message}.",
        $"Run as administrator: {Heartbeat.Ddl(table)} {Heartbeat.Grant(table, $"'{endpoint.User}'@'%'")}", cause);

    /// <summary>A snapshot of MySQL without a heartbeat table.</summary>
    internal static PauseException HeartbeatMissing(string source, MySqlEndpoint endpoint) => new(
        new(4085), $"Source '{source}' cannot read tables of {endpoint.Address} beside the stream: MySQL does not tell the place of what is read, so that a heartbeat table is needed.",
        $"Add 'heartbeat_table: leat.heartbeat' to the source and run as administrator: {Heartbeat.Ddl(new("leat", "heartbeat"))} "
        + $"{Heartbeat.Grant(new("leat", "heartbeat"), $"'{endpoint.User}'@'%'")} Or set 'snapshot: never'.");

    /// <summary>Commits become visible in another order than they are in the binlog.</summary>
    internal static PauseException CommitsOutOfOrder(string source, MySqlEndpoint endpoint) => new(
        new(4086), $"Source '{source}' cannot read tables of {endpoint.Address} beside the stream: binlog_order_commits is OFF, so that what is visible is not what stands in the binlog.",
        "SET GLOBAL binlog_order_commits = ON; and binlog_order_commits = ON in the server's configuration. Or set 'snapshot: never'.");

    /// <summary>Tables to read again that are not captured.</summary>
    internal static LeatException NotCaptured(string source, TableName table, string? nearest) => new(
        new(4087), $"Source '{source}' does not capture a table {table}.", nearest is null ? "Add it to 'tables', or correct its name." : $"Did you mean '{nearest}'?");

    /// <summary>A condition that the server does not understand.</summary>
    internal static LeatException WhereNotUnderstood(string source, TableName table, string where, MySqlServerException cause) => new(
        new(4088), $"Source '{source}': {table} cannot be read where {where}: {cause.Message}.", "Correct --where: a condition in the server's own SQL on columns of that table.", cause);
}
