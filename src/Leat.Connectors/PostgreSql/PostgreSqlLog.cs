using Microsoft.Extensions.Logging;

namespace Leat.Connectors.PostgreSql;

/// <summary>All that PostgreSQL sinks log. Event ids 4600 to 4699; an id is never given to a second message.</summary>
internal static partial class PostgreSqlLog
{
    [LoggerMessage(4600, LogLevel.Information, "Sink of pipeline {Pipeline} changed {Server} at offset {Offset} (-1: before the first): {Statement}")]
    public static partial void Changed(this ILogger log, string pipeline, string server, long offset, string statement);

    [LoggerMessage(4601, LogLevel.Information,
        "Sink of pipeline {Pipeline} set its positions at {Server} anew: {Lanes} lanes from offset {Offset} in epoch {Epoch}")]
    public static partial void PositionsSet(this ILogger log, string pipeline, string server, int lanes, long offset, uint epoch);

    [LoggerMessage(4602, LogLevel.Debug, "Sink of pipeline {Pipeline} repeats a batch of lane {Lane} ({Order}): {Reason}")]
    public static partial void Repeated(this ILogger log, string pipeline, int lane, Apply.ApplyOrder order, string reason);
}
