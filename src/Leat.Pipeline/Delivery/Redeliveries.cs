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
    /// <param name="rebuild">
    /// For a pipeline that makes documents, whether the rows that it holds are given up: otherwise those go on where they are, and every document is made of them once more.
    /// <see langword="null"/> for one that delivers tables as they are.
    /// </param>
    public static Checkpoint Reset(CheckpointStore store, StreamPartition stream, bool reread, bool sweeps, bool? rebuild)
    {
        var last = store.Peek();
        if (rebuild == false && last is not null)
        {
            return store.Make(Math.Clamp(last.Offset, stream.StartOffset, stream.EndOffset), "", []) with
            {
                Raise = Math.Max(last.PipelineEpoch, stream.Epoch) + 1 - stream.Epoch, Reread = reread, Sweep = sweeps, State = last.State, EmitAll = true,
            };
        }

        reread |= stream.StartOffset > 0;
        var offset = reread ? stream.EndOffset : 0;
        var before = Math.Max(last?.PipelineEpoch ?? 0, stream.Epoch);

        // Read again, a table ends with a sweep of its own, of what the target holds of it; or of the rows that documents are made of.
        var isDocuments = rebuild is not null;
        return store.Make(offset, "", []) with
        {
            Raise = before + 1 - stream.Epoch, Reread = reread, Sweep = sweeps && (!reread || isDocuments), State = isDocuments ? (last?.State ?? 0) + 1 : 0,
            Shapes = last?.Shapes ?? [],
        };
    }
}
