using Microsoft.Extensions.Logging;

namespace Leat.Server;

/// <summary>All that the status server logs. Event ids 5010 to 5019; an id is never given to a second message.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(5010, LogLevel.Debug, "Status is served at {Address}")]
    public static partial void Listening(this ILogger log, Uri address);

    [LoggerMessage(5011, LogLevel.Warning, "Refused a request for host {Host}: only loopback names are served")]
    public static partial void HostRefused(this ILogger log, string host);

    [LoggerMessage(5012, LogLevel.Error, "Request {Path} failed")]
    public static partial void RequestFailed(this ILogger log, Exception cause, string path);
}
