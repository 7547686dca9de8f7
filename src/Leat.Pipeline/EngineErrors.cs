using Leat.Changes;

namespace Leat.Pipeline;

/// <summary>Everything that can stop the engine or one of its parts. Codes 3000 to 3099.</summary>
internal static class EngineErrors
{
    public static LeatException SourceFault(string source, Exception cause) => new(
        new(3000), $"Source '{source}' stopped for a reason that it should have named: {cause.GetType().Name}: {cause.Message}",
        "This is a fault in Leat: report it with the log. Capture is tried again from the last position; nothing is lost.", cause);

    public static LeatException NoPosition(string stream, long offset) => new(
        new(3001), $"Stream '{stream}' ends at offset {offset} without the source's position, so capture does not know where to go on.",
        "The log folder was changed by something else than Leat, or by an incompatible version. Restore the folder from a copy, or start with an empty one.");

    public static PauseException RowTooLarge(TableName table, long bytes, long limit) => new(
        new(3002), $"A change of table {table} takes {bytes} bytes; the largest that Leat records is {limit} bytes.",
        $"Take the table, or its large column, out of the source's tables, or make the row smaller and start again before the change.");

    public static PauseException UnknownShape(string stream, uint schemaId, long offset) => new(
        new(3003), $"The change at offset {offset} of stream '{stream}' has the table shape {schemaId}, which the stream '{stream}.schemas' does not hold.",
        "The log folder is incomplete: restore both streams from the same copy.");

    public static RetriableException SourceEnded(string source) => new(
        new(3004), $"Source '{source}' ended although nothing asked it to.", "Capture goes on from the last position.");

    public static PauseException CheckpointAhead(string pipeline, long checkpoint, long end) => new(
        new(3010), $"Pipeline '{pipeline}' has delivered up to offset {checkpoint}, but its stream ends at offset {end}.",
        $"The log folder holds streams of different age. Restore the whole folder from one copy, or remove the folder '{pipeline}.checkpoints-0' to deliver the stream from its beginning.");

    public static PauseException CheckpointUnreadable(string pipeline, string problem) => new(
        new(3011), $"The checkpoint of pipeline '{pipeline}' cannot be read: {problem}",
        $"Remove the folder '{pipeline}.checkpoints-0' from the log folder to deliver the stream from its beginning; repeated writes do no harm.");

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

    public static LeatException NoSuchTable(string pipeline, TableName table) => new(
        new(3020), $"Pipeline '{pipeline}' takes table {table}, but its source captures no such table.",
        "Correct the name, or add the table to the source's tables.");
}
