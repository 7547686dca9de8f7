using Leat.Changes;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql;

/// <summary>All that MySQL sinks log. Event ids 4100 to 4199; an id is never given to a second message.</summary>
internal static partial class MySqlSinkLog
{
    [LoggerMessage(4100, LogLevel.Information, "Sink of pipeline {Pipeline} created {What} at {Server}")]
    public static partial void Created(this ILogger log, string pipeline, string what, string server);

    [LoggerMessage(4101, LogLevel.Information,
        "Sink of pipeline {Pipeline} set its positions at {Server} anew: {Lanes} lanes from offset {Offset} in epoch {Epoch}")]
    public static partial void PositionsSet(this ILogger log, string pipeline, string server, int lanes, long offset, uint epoch);

    [LoggerMessage(4102, LogLevel.Warning, "Sink of pipeline {Pipeline} refused {Operations} of the operations of a batch; the first: {Reason}")]
    public static partial void Refused(this ILogger log, string pipeline, int operations, string reason);

    [LoggerMessage(4103, LogLevel.Information, "Sink of pipeline {Pipeline} changed a table at {Server}: {Statement}")]
    public static partial void Altered(this ILogger log, string pipeline, string server, string statement);

    [LoggerMessage(4104, LogLevel.Information, "Sink of pipeline {Pipeline} writes {Table} by one lane: {Reason}")]
    public static partial void Serial(this ILogger log, string pipeline, TableName table, string reason);

    [LoggerMessage(4105, LogLevel.Information, "Sink of pipeline {Pipeline} changed {Tables} tables at {Server} for what comes from offset {Offset} of its stream on")]
    public static partial void AlteredFor(this ILogger log, string pipeline, int tables, string server, long offset);
}
