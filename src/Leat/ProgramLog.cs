using Microsoft.Extensions.Logging;

namespace Leat;

/// <summary>What the program itself logs, where a line for people would break a log of JSON. Event ids 5130 to 5139; an id is never given to a second message.</summary>
internal static partial class ProgramLog
{
    [LoggerMessage(5130, LogLevel.Information, "Leat {Version} runs {Sources} and {Pipelines} with the log in {Folder}; its status is at {Address}")]
    public static partial void Started(this ILogger log, string version, string sources, string pipelines, string folder, Uri address);

    [LoggerMessage(5131, LogLevel.Information, "Stopping: what is under way is delivered first. A second signal stops at once")]
    public static partial void Stopping(this ILogger log);

    [LoggerMessage(5132, LogLevel.Information, "Stopped")]
    public static partial void Stopped(this ILogger log);

    [LoggerMessage(5133, LogLevel.Error, "{What} {Remedy} [{Code}]")]
    public static partial void Failed(this ILogger log, string what, string remedy, string code);

    [LoggerMessage(EventId = 5134, Message = "{Place}: {What} {Remedy} [{Code}]")]
    public static partial void Problem(this ILogger log, LogLevel level, string place, string what, string? remedy, string code);
}
