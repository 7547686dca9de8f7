namespace Leat.Pipeline.Delivery;

/// <summary>A wish to have everything delivered again, waiting for its pipeline to take it.</summary>
/// <param name="reread">Whether the source shall read the tables again although the stream holds everything.</param>
/// <param name="rebuild">Whether the rows that documents are made of are given up.</param>
internal sealed class RedeliveryOrder(bool reread, bool rebuild)
{
    private readonly TaskCompletionSource<Redelivery> _taken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Whether the source shall read the tables again.</summary>
    public bool Reread => reread;

    /// <summary>Whether the rows that documents are made of are given up.</summary>
    public bool Rebuild => rebuild;

    /// <summary>What became of it, once that is durable.</summary>
    public Task<Redelivery> Taken => _taken.Task;

    /// <summary>It is durable.</summary>
    public void Done(Redelivery redelivery) => _taken.TrySetResult(redelivery);

    /// <summary>It will not be.</summary>
    public void Failed(Exception cause) => _taken.TrySetException(cause);
}
