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

    [LoggerMessage(2020, LogLevel.Warning, "There are only {FreeBytes} bytes free under the log in {Folder}: nothing new is taken until there is more; delivery goes on")]
    public static partial void IntakeStopped(this ILogger log, string folder, long freeBytes);

    [LoggerMessage(2021, LogLevel.Information, "There are {FreeBytes} bytes free under the log in {Folder}: what is new is taken again")]
    public static partial void IntakeResumed(this ILogger log, string folder, long freeBytes);

    [LoggerMessage(2022, LogLevel.Warning, "The disk is full: the reserve of {Bytes} bytes in {Folder} was given up for what is being written")]
    public static partial void ReserveReleased(this ILogger log, string folder, long bytes);

    [LoggerMessage(2023, LogLevel.Warning, "The reserve {File} could not be written; it is tried again when there is more space")]
    public static partial void ReserveNotMade(this ILogger log, Exception cause, string file);

    [LoggerMessage(2024, LogLevel.Warning, "{File} could not be written; it is derived data and is made again when it is needed")]
    public static partial void IndexNotWritten(this ILogger log, Exception cause, string file);

    [LoggerMessage(2025, LogLevel.Information, "Stream {Stream}: retention deleted {Segments} segments of {Bytes} bytes; it starts at offset {Start} now")]
    public static partial void SegmentsDeleted(this ILogger log, string stream, int segments, long bytes, long start);

    [LoggerMessage(2026, LogLevel.Warning,
        "Stream {Stream} has {Bytes} bytes, more than its quota of {Quota}: nothing new is taken until {Holder} (at offset {Offset}) lets it delete")]
    public static partial void OverQuota(this ILogger log, string stream, long bytes, long quota, string holder, long offset);

    [LoggerMessage(2027, LogLevel.Information, "Stream {Stream} is below its quota: what is new is taken again")]
    public static partial void BelowQuota(this ILogger log, string stream);

    [LoggerMessage(2028, LogLevel.Information, "Finished replacing {File}, which was begun before the last end")]
    public static partial void ReplacementFinished(this ILogger log, string file);

    [LoggerMessage(2029, LogLevel.Warning,
        "Stream {Stream} was written without syncs and ended uncleanly: what was read from offset {Offset} on may have been taken back. Epoch is now {Epoch}")]
    public static partial void EndedUnsynced(this ILogger log, string stream, long offset, uint epoch);

    [LoggerMessage(2030, LogLevel.Information, "Stream {Stream} was deleted")]
    public static partial void StreamDeleted(this ILogger log, string stream);

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

    [LoggerMessage(2040, LogLevel.Information, "Rebuilt {File}, which was missing or did not agree with its segment")]
    public static partial void SideFileRebuilt(this ILogger log, string file);

    [LoggerMessage(2041, LogLevel.Warning, "{File} could not be read or written; it is made from its segment when it is needed")]
    public static partial void SideFileUnusable(this ILogger log, Exception cause, string file);

    [LoggerMessage(2042, LogLevel.Warning, "Stream {Stream}: the files beside a closed segment could not be made; they are made when they are needed")]
    public static partial void SideFilesNotMade(this ILogger log, Exception cause, string stream);

    [LoggerMessage(2070, LogLevel.Error, "Stream {Stream} is damaged on the disk; the scrub found it before a reader did")]
    public static partial void ScrubFound(this ILogger log, Exception cause, string stream);

    [LoggerMessage(2071, LogLevel.Debug, "All closed segments in {Folder} were read and checked: {Findings} findings")]
    public static partial void Scrubbed(this ILogger log, string folder, int findings);
}
