using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Log;

namespace Leat.Pipeline;

/// <summary>Everything that can stop the engine or one of its parts. Codes 3000 to 3099.</summary>
internal static class EngineErrors
{
    /// <summary>What the log says of one stream, in the log's own words and under its code: it blocks those who need that stream.</summary>
    public static PauseException OfStream(LogException cause) => new(new(cause.Code), cause.What, cause.Remedy, cause);

    public static LeatException SourceFault(string source, Exception cause) => new(
        new(3000), $"Source '{source}' stopped for a reason that it should have named: {cause.GetType().Name}: {cause.Message}",
        "This is a fault in Leat: report it with the log. Capture is tried again from the last position; nothing is lost.", cause);

    public static LeatException NoPosition(string stream, long offset) => new(
        new(3001), $"Stream '{stream}' ends at offset {offset} without the source's position, so capture does not know where to go on.",
        "The log folder was changed by something else than Leat, or by an incompatible version. Restore the folder from a copy, or start with an empty one.");

    public static PauseException RowTooLarge(TableName table, string transaction, long bytes, long limit) => new(
        new(3002), $"A change of table {table} in transaction {transaction} takes {bytes} bytes; the largest that Leat records is {limit} bytes.",
        $"Add {table} to the source's 'exclude' and start again: nothing of the transaction was recorded, and capture goes on with its other tables at the same place.");

    public static PauseException UnknownShape(string stream, uint schemaId, long offset) => new(
        new(3003), $"The change at offset {offset} of stream '{stream}' has the table shape {schemaId}, which the stream '{stream}.schemas' does not hold.",
        "The log folder is incomplete: restore both streams from the same copy.");

    public static RetriableException SourceEnded(string source) => new(
        new(3004), $"Source '{source}' ended although nothing asked it to.", "Capture goes on from the last position.");

    /// <summary>A request about a source that the file does not have.</summary>
    public static LeatException NoSuchSource(string source, string? nearest) => new(
        new(3085), $"There is no source '{source}'.", nearest is null ? "Name one of the sources of the configuration file." : $"Did you mean '{nearest}'?");

    /// <summary>A source that cannot read tables while it runs.</summary>
    public static LeatException CannotReadAgain(string source) => new(
        new(3086), $"Source '{source}' cannot read tables again while it runs.", "Begin anew with an empty log folder, which takes a new snapshot.");

    /// <summary>The request is handed in, and nobody has taken it.</summary>
    public static LeatException SnapshotWaits(string source, string? reason) => new(
        new(3087), $"Source '{source}' has not taken the request yet{(reason is null ? "" : $": {reason}")}",
        "It is taken as soon as the source runs again. Until then it lives in the memory of this Leat alone: after a restart ask again. `leat snapshot status` shows it once it is taken.");

    public static PauseException CheckpointAhead(string pipeline, long checkpoint, long end) => new(
        new(3010), $"Pipeline '{pipeline}' has delivered up to offset {checkpoint}, but its stream holds what was delivered only up to offset {end}.",
        $"The log folder holds streams of different age. Restore the whole folder from one copy, or {Again(pipeline)}");

    public static PauseException CheckpointUnreadable(string pipeline, string problem) => new(
        new(3011), $"The checkpoint of pipeline '{pipeline}' cannot be read: {problem}",
        $"Restore the whole log folder from one copy, or {Again(pipeline)}");

    public static PauseException Unbalanced(string pipeline, Status.Accounting accounting) => new(
        new(3012), $"The accounting of pipeline '{pipeline}' does not balance: {accounting}",
        "This is a fault in Leat: report it with the log. Delivery stopped so that no change is counted as delivered that is not; restart to deliver again from the checkpoint.");

    public static PauseException Unanswered(string pipeline, int lane, int unanswered, int operations) => new(
        new(3013), $"The sink of pipeline '{pipeline}' left {unanswered} of {operations} operations of lane {lane} without an answer.",
        "This is a fault in the sink: report it with the log. The batch is sent again.");

    public static LeatException SinkFault(string pipeline, Exception cause) => new(
        new(3014), $"The sink of pipeline '{pipeline}' failed for a reason that it should have named: {cause.GetType().Name}: {cause.Message}",
        "This is a fault in Leat: report it with the log. The batch is sent again; nothing is lost.", cause);

    public static PauseException AllRefused(string pipeline, int batches, string reason) => new(
        new(3015), $"The target of pipeline '{pipeline}' refused every operation of {batches} requests in a row, the last one with: {reason}",
        "That many refusals point at the target, not at the rows: mend it there. Delivery goes on by itself; refused rows wait, they are not set aside.");

    public static PauseException TransactionTooLarge(string pipeline, string transaction, long offset, long limit) => new(
        new(3016), $"Transaction {transaction} of the source (at offset {offset}) has more than {Units.FormatSize(limit)} of changes for pipeline '{pipeline}', which delivers whole transactions.",
        "Let the pipeline deliver by lanes (`apply: lanes` of its sink) until it is past this transaction: a target then sees it in parts for a while.");

    public static LeatException NoSuchTable(string pipeline, TableName table) => new(
        new(3020), $"Pipeline '{pipeline}' takes table {table}, but its source captures no such table.",
        "Correct the name, or add the table to the source's tables.");

    public static readonly ErrorCode LettersFull = new(3017);

    public static PauseException TooManyLetters(string pipeline, int open) => new(
        LettersFull, $"Pipeline '{pipeline}' has {open} open dead letters, as many as it may have: its target refuses too much.",
        $"See what it refuses and why: `leat dlq list {pipeline}`. Mend that and `leat dlq replay {pipeline} --all`, or give them up with `leat dlq discard`; or raise `max_dead_letters` of the pipeline. "
        + "Delivery goes on by itself; nothing is lost meanwhile.");

    public static RetriableException TablesNotThere(string pipeline, string source, IReadOnlyList<string> tables) => new(
        new(3021), $"Pipeline '{pipeline}' makes documents of {string.Join(", ", tables)}, which source '{source}' does not capture, or has not told of yet.",
        "Create the table, add it to the source's tables, or correct its name in the pipeline. Tried again by itself.");

    public static LeatException NothingToRebuild(string pipeline) => new(
        new(3022), $"Pipeline '{pipeline}' makes no documents, so it holds nothing that could be built anew.", $"To deliver everything again: `leat redeliver {pipeline}`.");

    public static PauseException StateUnreadable(string pipeline, string stream, Exception cause) => new(
        new(3023), $"The state of pipeline '{pipeline}' in stream '{stream}' cannot be read: {cause.Message}",
        $"Restore the whole log folder from one copy, or give the state up: `leat rebuild {pipeline} --yes`.", cause);

    public static PauseException CheckpointElsewhere(string pipeline, string stream) => new(
        new(3060), $"The checkpoint of pipeline '{pipeline}' was made in another stream '{stream}' than the one that is there: that was begun anew since, or is older.",
        $"Restore the whole log folder from one copy, or {Again(pipeline)}");

    public static PauseException HistoryGone(string pipeline, string stream, long needed, long start) => new(
        new(3061), $"Pipeline '{pipeline}' needs stream '{stream}' from offset {needed} on, but it begins at offset {start}: what was before is deleted.",
        $"Have the source read the tables again: 'leat redeliver {pipeline}'. Without 'retention' the stream keeps everything for pipelines that are added later.");

    public static PauseException SchemaUnreadable(string stream, long offset, Exception cause) => new(
        new(3062), $"The record at offset {offset} of stream '{stream}' is not a table shape: {cause.Message}",
        "Restore the log folder from a copy, or use the program version that wrote it.", cause);

    public static PauseException SchemasBehind(string stream, uint schemaId, uint newest) => new(
        new(3063), $"The last changes of stream '{stream}' have the table shape {schemaId}, but stream '{stream}.schemas' ends with shape {newest}.",
        "The log folder holds streams of different age. Restore the whole folder from one copy.");

    public static PauseException DiskNearlyFull(string source, string folder, long freeBytes) => new(
        new(3064), $"Source '{source}' is not captured for now: the disk under the log folder {folder} is nearly full, {Units.About(freeBytes)} are free.",
        "Make room there. Delivery goes on meanwhile, nothing is lost, and capture goes on by itself.");

    public static PauseException OverQuota(string source, IntakeState state, long quota, long end) => new(
        new(3065), $"Source '{source}' is not captured for now: its stream has {Units.About(state.Bytes)}, its quota is {Units.About(quota)}, and "
        + (state.Holder is { } holder ? $"{holder} still needs the last {end - state.HolderOffset} records." : "its retention lets nothing be deleted."),
        state.Holder is null
            ? "Raise the quota, or set a shorter retention. Nothing is lost."
            : "Mend what keeps it from delivering, take it out of the file, or raise the quota. Nothing is lost, and capture goes on by itself.");

    public static PauseException ParkedRowsGone(string stream, long offset, ReadOnlySpan<byte> name) => new(
        new(3080), $"A prepared transaction was committed whose rows stand no longer at offset {offset} of stream '{stream}': {System.Text.Encoding.UTF8.GetString(name)}.",
        "The log folder holds streams of different age. Restore the whole folder from one copy, or begin anew with an empty log folder, which takes a new snapshot.");

    public static PauseException MarkerGone(string pipeline) => new(
        new(3090), $"The target of pipeline '{pipeline}' no longer has the marker that was written to it: it was emptied or replaced.",
        $"Bring the target back as it was, or {Again(pipeline)}");

    public static readonly ErrorCode TargetBehind = new(3091);

    public static PauseException MarkerBehind(string pipeline, TargetMarker found, Delivery.NotedMarker noted) => new(
        TargetBehind, $"The target of pipeline '{pipeline}' is older than what it acknowledged: its marker stands at offset {found.Offset} of epoch {found.Epoch}, "
        + $"and stood at offset {noted.Offset} of epoch {noted.Epoch}.",
        $"Bring the newer state of the target back, or {Again(pipeline)}");

    public static PauseException LanesBehind(string pipeline, TargetMarker found, Delivery.Checkpoint known) => new(
        TargetBehind, $"The target of pipeline '{pipeline}' is older than what it acknowledged: its lanes stand at offsets {string.Join(", ", found.Lanes)} of epoch {found.Epoch}, "
        + $"and stood at offsets {string.Join(", ", known.Lanes)} of epoch {known.OffsetsFrom ?? known.PipelineEpoch}.",
        $"Bring the newer state of the target back, or {Again(pipeline)}");

    public static PauseException MarkerForeign(string pipeline, Guid logId) => new(
        new(3092), $"The target of pipeline '{pipeline}' was written by log {logId} since this one delivered to it.",
        $"Stop the other Leat, or give one of the two another target or another pipeline name. Then {Again(pipeline)}");

    public static PauseException MarkerNewer(string pipeline, uint found, uint ours) => new(
        new(3093), $"The target of pipeline '{pipeline}' was written in epoch {found} by another Leat, while this one writes in epoch {ours}.",
        "Stop the other Leat, which runs on a copy of this log folder. Then start this one again: it takes a higher epoch.");

    public static PauseException EpochsUsedUp(string pipeline) => new(
        new(3094), $"Pipeline '{pipeline}' has used up its epochs: there are {Delivery.PipelineRunner.LastEpoch}.",
        "Empty the target and give the pipeline another name: it then begins anew.");

    /// <summary>For an update of some columns whose row has a dead letter before it.</summary>
    public static Answer BehindLetter { get; } = Answer.Refused(
        "An earlier change of this row is in the dead letters, and this one tells only some of its columns: the target has them, and they are to be replayed behind that change.", "behind another letter");

    public static LeatException NoSuchPipeline(string pipeline, string? nearest) => new(
        new(3095), $"There is no pipeline '{pipeline}'.", nearest is null ? "Name one of the pipelines of the configuration file." : $"Did you mean '{nearest}'?");

    public static LeatException PipelineStopped(string pipeline) => new(
        new(3096), $"Pipeline '{pipeline}' does not run now.", "Ask again when it runs; 'leat status' shows what keeps it from it.");

    public static PauseException LetterUnreadable(string stream, long offset, Exception cause) => new(
        new(3097), $"The record at offset {offset} of stream '{stream}' is not a dead letter: {cause.Message}",
        "Restore the log folder from a copy, or use the program version that wrote it.", cause);

    // One sentence in every remedy of this kind.
    private static string Again(string pipeline) => $"have everything delivered again: 'leat redeliver {pipeline}'.";
}
