using Microsoft.Extensions.Logging;

namespace Leat.Connectors.Redis;

/// <summary>All that Redis sinks log. Event ids 4200 to 4299; an id is never given to a second message.</summary>
internal static partial class RedisLog
{
    [LoggerMessage(4200, LogLevel.Warning, "{What} {Remedy}")]
    public static partial void Warned(this ILogger log, string what, string remedy);
}
