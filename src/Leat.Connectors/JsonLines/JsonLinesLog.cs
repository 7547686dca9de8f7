using Microsoft.Extensions.Logging;

namespace Leat.Connectors.JsonLines;

/// <summary>All that JSON lines sinks log. Event ids 4300 to 4399; an id is never given to a second message.</summary>
internal static partial class JsonLinesLog
{
    [LoggerMessage(4300, LogLevel.Information,
        "{File} was cut back by {CutBytes} bytes to {LengthBytes}: what stood there is at or after offset {Checkpoint}, or half a line, and is delivered again")]
    public static partial void CutBack(this ILogger log, string file, long cutBytes, long lengthBytes, long checkpoint);

    [LoggerMessage(4301, LogLevel.Warning,
        "{File} was emptied, {CutBytes} bytes: delivery starts at offset {Checkpoint}, before the first line that was there")]
    public static partial void Emptied(this ILogger log, string file, long cutBytes, long checkpoint);
}
