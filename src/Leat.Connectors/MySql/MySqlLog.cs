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

    [LoggerMessage(4084, LogLevel.Debug, "Source {Source} reads a chunk of {Table} again: the table, or the stream, was ahead of it")]
    public static partial void ChunkAgain(this ILogger log, string source, string table);

    [LoggerMessage(4085, LogLevel.Warning, "Source {Source} could not write its row of {Table}; it tries again at the next heartbeat")]
    public static partial void HeartbeatFailed(this ILogger log, Exception cause, string source, string table);

    [LoggerMessage(4086, LogLevel.Warning, "Source {Source} lost its position ({Reason}) and begins anew at {Position}: it reads {Tables} again")]
    public static partial void BeginsAnew(this ILogger log, string source, string reason, string position, string tables);

    [LoggerMessage(4077, LogLevel.Warning, "Source {Source} is not certain of the columns of {Table}: {Reason}. It finds out from the binlog's metadata or from the server before it reads the next row")]
    public static partial void Unverified(this ILogger log, string source, string table, string reason);

    [LoggerMessage(4078, LogLevel.Information, "Source {Source} is certain of the columns of {Table} again")]
    public static partial void VerifiedAgain(this ILogger log, string source, string table);

    [LoggerMessage(4079, LogLevel.Warning, "Source {Source}: {Table} lost all its rows in {Transaction}; so do its targets")]
    public static partial void TableEmptied(this ILogger log, string source, string table, string transaction);

    [LoggerMessage(4080, LogLevel.Warning, "Source {Source}: {Table} was dropped or renamed in {Transaction}; its rows are kept at the targets, as the file says")]
    public static partial void RowsKept(this ILogger log, string source, string table, string transaction);

    [LoggerMessage(4082, LogLevel.Warning, "Source {Source}: rows of {Table} changed in {Transaction} without being told ({Reason}); it reads the table again")]
    public static partial void RowsUnseen(this ILogger log, string source, string table, string transaction, string reason);

    [LoggerMessage(4081, LogLevel.Information, "Source {Source}: {Copy} took the place of {Table} in {Transaction}; it has the same rows, so capture goes on")]
    public static partial void CopyTookPlace(this ILogger log, string source, string table, string copy, string transaction);

    [LoggerMessage(4088, LogLevel.Information, "Source {Source}: {Transaction} commits the XA transaction {Xid}, which was prepared before capture began; its rows are looked for in the binlog")]
    public static partial void LooksForPrepared(this ILogger log, string source, string transaction, string xid);

    [LoggerMessage(4089, LogLevel.Information, "Source {Source}: the rows of the XA transaction {Xid} stand at {File}:{Offset}")]
    public static partial void FoundPrepared(this ILogger log, string source, string xid, string file, long offset);

    [LoggerMessage(4087, LogLevel.Information, "Source {Source} captures {Table} from now on: its rows are read beside the stream")]
    public static partial void TableAdded(this ILogger log, string source, string table);
}
