using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>All that the log room logs. Event ids 2000 to 2099; an id is never given to a second message.</summary>
internal static partial class StorageLog
{
    [LoggerMessage(2000, LogLevel.Information, "Log {Id} is open in {Folder}")]
    public static partial void Opened(this ILogger log, Guid id, string folder);

    [LoggerMessage(2001, LogLevel.Information,
        "Stream {Stream} is open: offsets {Start} to {End}, epoch {Epoch}, {Segments} closed segments; it was {State}")]
    public static partial void StreamOpened(this ILogger log, string stream, long start, long end, uint epoch, int segments, string state);

    [LoggerMessage(2002, LogLevel.Warning,
        "Cut {Bytes} bytes that were never durable off {File} at byte {Position}; they are kept in {Copy}. Epoch is now {Epoch}")]
    public static partial void TailCut(this ILogger log, string file, long position, long bytes, string copy, uint epoch);

    [LoggerMessage(2003, LogLevel.Information,
        "Stream {Stream}: aborted the transaction of offset {First}, which was open when the log was last written")]
    public static partial void AbortedOpenTransaction(this ILogger log, string stream, long first);

    [LoggerMessage(2004, LogLevel.Information, "Rebuilt the index of {File}")]
    public static partial void IndexRebuilt(this ILogger log, string file);

    [LoggerMessage(2005, LogLevel.Debug, "Stream {Stream} begins segment {BaseOffset}")]
    public static partial void Rolled(this ILogger log, string stream, long baseOffset);

    [LoggerMessage(2006, LogLevel.Critical, "The log in {Folder} has stopped")]
    public static partial void Stopped(this ILogger log, Exception cause, string folder);

    [LoggerMessage(2007, LogLevel.Error, "Somebody who wanted to know that the log stopped failed on hearing it")]
    public static partial void ListenerFailed(this ILogger log, Exception cause);

    [LoggerMessage(2055, LogLevel.Information, "Stream {Stream} was compacted: {Records} records are gone that newer ones had replaced")]
    public static partial void Compacted(this ILogger log, string stream, long records);

    [LoggerMessage(2056, LogLevel.Warning, "Stream {Stream} is not compacted now: the disk has less than {Bytes} bytes of space left")]
    public static partial void NoRoomToCompact(this ILogger log, string stream, long bytes);

    [LoggerMessage(2057, LogLevel.Warning, "Stream {Stream} is not compacted now: the disk was full when {File} was written")]
    public static partial void NoRoomToCompact(this ILogger log, string stream, string file);

    [LoggerMessage(2058, LogLevel.Error, "Stream {Stream} is not compacted any more before the next start: what it holds cannot be read")]
    public static partial void CannotCompact(this ILogger log, Exception cause, string stream);

    [LoggerMessage(2008, LogLevel.Error, "Closing stream {Stream} failed; the next start recovers it")]
    public static partial void CloseFailed(this ILogger log, Exception cause, string stream);
}
