using Microsoft.Extensions.Logging;

namespace Leat.Pipeline;

/// <summary>All that the engine logs. Event ids 3000 to 3099; an id is never given to a second message.</summary>
internal static partial class EngineLog
{
    [LoggerMessage(3000, LogLevel.Information, "Source {Source} starts at {Position}")]
    public static partial void CaptureStarts(this ILogger log, string source, string position);

    [LoggerMessage(3001, LogLevel.Information, "Source {Source} has {Offset} records in its stream and goes on after the last one")]
    public static partial void CaptureResumes(this ILogger log, string source, long offset);

    [LoggerMessage(3002, LogLevel.Warning, "Source {Source} cannot be captured now (attempt {Attempt}): {Problem} Trying again in {DelayMs} ms")]
    public static partial void CaptureRetries(this ILogger log, string problem, string source, int attempt, long delayMs);

    [LoggerMessage(3003, LogLevel.Error, "Source {Source} is blocked until somebody acts; looked at again each {ProbeSeconds} s")]
    public static partial void CaptureBlocked(this ILogger log, Exception cause, string source, long probeSeconds);

    [LoggerMessage(3004, LogLevel.Information, "Source {Source} stopped")]
    public static partial void CaptureStopped(this ILogger log, string source);

    [LoggerMessage(3085, LogLevel.Information, "Source {Source} has told all that it was asked for")]
    public static partial void CaptureDone(this ILogger log, string source);

    [LoggerMessage(3010, LogLevel.Information, "Pipeline {Pipeline} delivers from offset {Offset} on through {Lanes} lanes")]
    public static partial void DeliveryStarts(this ILogger log, string pipeline, long offset, int lanes);

    [LoggerMessage(3011, LogLevel.Warning, "Pipeline {Pipeline} lane {Lane} cannot write now (attempt {Attempt}): {Problem} Trying again in {DelayMs} ms")]
    public static partial void LaneRetries(this ILogger log, string problem, string pipeline, int lane, int attempt, long delayMs);

    [LoggerMessage(3012, LogLevel.Error, "Pipeline {Pipeline} lane {Lane} is blocked until somebody acts; nothing is dropped, looked at again each {ProbeSeconds} s")]
    public static partial void LaneBlocked(this ILogger log, Exception cause, string pipeline, int lane, long probeSeconds);

    [LoggerMessage(3013, LogLevel.Warning, "Pipeline {Pipeline} cannot start delivering (attempt {Attempt}): {Problem} Trying again in {DelayMs} ms")]
    public static partial void DeliveryRetries(this ILogger log, string problem, string pipeline, int attempt, long delayMs);

    [LoggerMessage(3014, LogLevel.Error, "Pipeline {Pipeline} is blocked until somebody acts; nothing is dropped, looked at again each {ProbeSeconds} s")]
    public static partial void DeliveryBlocked(this ILogger log, Exception cause, string pipeline, long probeSeconds);

    [LoggerMessage(3015, LogLevel.Error, "Pipeline {Pipeline} set aside the change at offset {Offset} of {Alias}: {Reason}. It is in the stream {Stream}")]
    public static partial void DeadLettered(this ILogger log, string pipeline, long offset, string alias, string reason, string stream);

    [LoggerMessage(3016, LogLevel.Information, "Pipeline {Pipeline} lane {Lane} works again after {Attempts} attempts")]
    public static partial void LaneRecovered(this ILogger log, string pipeline, int lane, int attempts);

    [LoggerMessage(3017, LogLevel.Information, "Pipeline {Pipeline} stopped with everything below offset {Checkpoint} delivered")]
    public static partial void DeliveryStopped(this ILogger log, string pipeline, long checkpoint);

    [LoggerMessage(3018, LogLevel.Information, "Pipeline {Pipeline} prepares its target for a new shape of {Table}")]
    public static partial void ShapeChanged(this ILogger log, string pipeline, string table);

    [LoggerMessage(3019, LogLevel.Debug, "Closing the connection of pipeline {Pipeline} lane {Lane} failed")]
    public static partial void CloseFailed(this ILogger log, Exception cause, string pipeline, int lane);

    [LoggerMessage(3020, LogLevel.Error, "Accounting of pipeline {Pipeline} does not balance: {Accounting}")]
    public static partial void Unbalanced(this ILogger log, string pipeline, string accounting);

    [LoggerMessage(3021, LogLevel.Warning, "Pipeline {Pipeline} was checkpointed in another epoch of its stream; it goes on at offset {Offset}")]
    public static partial void OtherEpoch(this ILogger log, string pipeline, long offset);

    [LoggerMessage(3022, LogLevel.Debug, "The tables of source {Source} are not known yet: {Problem}")]
    public static partial void TablesUnknown(this ILogger log, string source, string problem);

    [LoggerMessage(3023, LogLevel.Critical, "The log failed, so nothing can go on")]
    public static partial void LogFailed(this ILogger log, Exception cause);

    [LoggerMessage(3024, LogLevel.Information, "Pipeline {Pipeline} goes from {Before} to {Lanes} lanes: {Reason}")]
    public static partial void LanesChange(this ILogger log, string pipeline, int before, int lanes, string reason);

    [LoggerMessage(3025, LogLevel.Information, "Pipeline {Pipeline} has loaded {Rows} rows in {Bytes} bytes for its documents, and sends them from now on")]
    public static partial void DocumentsLoaded(this ILogger log, string pipeline, long rows, long bytes);

    [LoggerMessage(3026, LogLevel.Warning, "Pipeline {Pipeline} makes its documents anew, because {Why}: from offset {Offset} on; tables are read again: {Reread}")]
    public static partial void DocumentsRebuilt(this ILogger log, string pipeline, string why, long offset, bool reread);

    [LoggerMessage(3027, LogLevel.Information, "Pipeline {Pipeline} holds {Rows} rows in {Bytes} bytes for its documents, of the changes below offset {Offset}; {Again} documents are sent once more")]
    public static partial void StateLoaded(this ILogger log, string pipeline, long rows, long bytes, long offset, int again);

    [LoggerMessage(3028, LogLevel.Information, "Pipeline {Pipeline}: {Table} was read again at the source; {Removed} rows that it does not have were taken out of the documents")]
    public static partial void StateSwept(this ILogger log, string pipeline, string table, long removed);

    [LoggerMessage(3029, LogLevel.Warning, "Pipeline {Pipeline} makes no documents any more and delivers its tables as a whole, from offset {Offset} on; tables are read again: {Reread}")]
    public static partial void DocumentsLeft(this ILogger log, string pipeline, long offset, bool reread);

    [LoggerMessage(3060, LogLevel.Warning, "Pipeline {Pipeline} had delivered up to offset {Offset}; an unclean end took records back that were not synced, so it goes on at offset {Lowered}")]
    public static partial void CheckpointLowered(this ILogger log, string pipeline, long offset, long lowered);

    [LoggerMessage(3061, LogLevel.Error, "Source {Source} takes nothing new for now; delivery goes on")]
    public static partial void IntakeStopped(this ILogger log, Exception cause, string source);

    [LoggerMessage(3062, LogLevel.Information, "Source {Source} takes what is new again")]
    public static partial void IntakeResumed(this ILogger log, string source);

    [LoggerMessage(3070, LogLevel.Information, "Pipeline {Pipeline}: {Table} was {Cause} at the source; {Removed} rows removed from the target, {Foreign} left that are not of this pipeline")]
    public static partial void TableRemoved(this ILogger log, string pipeline, string table, string cause, long removed, long foreign);

    [LoggerMessage(3071, LogLevel.Warning, "Pipeline {Pipeline}: the target cannot follow the change of column {Column} of {Table}, which is left out until the next start: {Reason}")]
    public static partial void ColumnLeftOut(this ILogger log, string pipeline, string table, string column, string reason);

    [LoggerMessage(3063, LogLevel.Warning, "Reading the closed segments of the log in the background failed; tried again in an hour")]
    public static partial void ScrubFailed(this ILogger log, Exception cause);

    [LoggerMessage(3090, LogLevel.Warning, "Pipeline {Pipeline} writes in epoch {Epoch} from now on, because {Why}")]
    public static partial void EpochRaised(this ILogger log, string pipeline, uint epoch, string why);

    [LoggerMessage(3091, LogLevel.Warning, "Pipeline {Pipeline} could not write its last marker to its target; the one before stands there: {Problem}")]
    public static partial void MarkerNotLast(this ILogger log, string pipeline, string problem);

    [LoggerMessage(3092, LogLevel.Warning, "Pipeline {Pipeline} delivers everything again, from offset {Offset} on in epoch {Epoch}; tables are read again: {Reread}")]
    public static partial void DeliversAgain(this ILogger log, string pipeline, long offset, bool reread, uint epoch);

    [LoggerMessage(3093, LogLevel.Information, "Pipeline {Pipeline} asked source {Source} to read its tables again")]
    public static partial void TablesAskedFor(this ILogger log, string pipeline, string source);

    [LoggerMessage(3094, LogLevel.Information, "Pipeline {Pipeline}: {By} gave up {Letters} dead letters")]
    public static partial void LettersDiscarded(this ILogger log, string pipeline, int letters, string by);

    [LoggerMessage(3095, LogLevel.Information, "Pipeline {Pipeline}: {By} asked for {Letters} dead letters to be replayed")]
    public static partial void LettersRequested(this ILogger log, string pipeline, int letters, string by);

    [LoggerMessage(3096, LogLevel.Information, "Pipeline {Pipeline} replayed {Sent} dead letters; {Filtered} are of no table or row that it delivers today")]
    public static partial void LettersReplayed(this ILogger log, string pipeline, int sent, int filtered);
}
