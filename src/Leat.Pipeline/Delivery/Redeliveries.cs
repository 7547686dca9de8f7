using Leat.Changes;
using Leat.Log;

namespace Leat.Pipeline.Delivery;

/// <summary>Decides where a pipeline begins that is to deliver everything again.</summary>
internal static class Redeliveries
{
    /// <summary>The checkpoint from which everything is delivered again: from the stream's first record, or when that is gone from its end, behind which the source writes its tables once more.</summary>
    /// <param name="store">The pipeline's checkpoints.</param>
    /// <param name="stream">Its source's stream.</param>
    /// <param name="reread">Whether the source shall read the tables in any case.</param>
    /// <param name="sweeps">Whether rows that the source does not have are to be looked for in the target.</param>
    public static Checkpoint Reset(CheckpointStore store, StreamPartition stream, bool reread, bool sweeps)
    {
        var last = store.Peek();
        reread |= stream.StartOffset > 0;
        var offset = reread ? stream.EndOffset : 0;
        var before = Math.Max(last?.PipelineEpoch ?? 0, stream.Epoch);

        // Read again, a table ends with a sweep of its own.
        return store.Make(offset, "", []) with { Raise = before + 1 - stream.Epoch, Reread = reread, Sweep = sweeps && !reread };
    }
}
