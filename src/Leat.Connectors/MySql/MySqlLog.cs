using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql;

/// <summary>All that MySQL sources log. Event ids 4000 to 4099; an id is never given to a second message.</summary>
internal static partial class MySqlLog
{
    [LoggerMessage(4000, LogLevel.Information, "Source {Source} reads {Server} ({Product} {Version}, server id {ServerId}) from {Position} as replica {OurId}")]
    public static partial void Started(this ILogger log, string source, string server, string product, string version, uint serverId, string position, uint ourId);

    [LoggerMessage(4001, LogLevel.Information, "Source {Source} begins its snapshot of {Tables} tables at {Position}")]
    public static partial void SnapshotBegins(this ILogger log, string source, int tables, string position);

    [LoggerMessage(4002, LogLevel.Information, "Source {Source} has read its snapshot at {Position}")]
    public static partial void SnapshotOver(this ILogger log, string source, string position);

    [LoggerMessage(4003, LogLevel.Information, "Source {Source} read the shape of {Table} again")]
    public static partial void ShapeRead(this ILogger log, string source, string table);
}
