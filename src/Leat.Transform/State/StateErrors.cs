using Leat.Changes;

namespace Leat.Transform.State;

/// <summary>Why rows cannot be kept in memory. Codes 1270 to 1279.</summary>
internal static class StateErrors
{
    public static PauseException LimitReached(long limitBytes, long heldBytes, long wantedBytes) => new(
        new(1270), FormattableString.Invariant(
            $"The rows that the documents are made of do not fit into their memory: {heldBytes:N0} of {limitBytes:N0} bytes are taken, and {wantedBytes:N0} more are needed."),
        "Nothing of the change was applied. Raise `state` in the pipeline's `document` block, when the machine has the memory; or keep less: name the `fields` that "
        + "the documents need, and drop rows early with `where` in `tables`. Then start again.");

    public static PauseException TransactionTooLarge(long limitBytes, long stateBytes) => new(
        new(1274), FormattableString.Invariant(
            $"One transaction of the source touches more documents than can be noted until it ends: {limitBytes:N0} bytes are for that, beside the {stateBytes:N0} bytes for rows."),
        "Nothing of the transaction was sent. Raise `state` in the pipeline's `document` block: a quarter as much is for the notes. Then start again.");
}
