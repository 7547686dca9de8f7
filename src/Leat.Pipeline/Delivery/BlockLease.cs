using Leat.Log;

namespace Leat.Pipeline.Delivery;

/// <summary>How many bytes of log blocks a pipeline holds in memory. The dispatcher waits when it is too much; lanes give back.</summary>
internal sealed class BlockBudget
{
    /// <summary>Most bytes held: a few blocks for each lane, little beside the process's budget.</summary>
    public const long MaxBytes = 4 * 1024 * 1024;

    private readonly Signal _room = new();
    private long _held;

    /// <summary>Bytes of the blocks that are held now.</summary>
    public long Held => Volatile.Read(ref _held);

    public async ValueTask WhenRoomAsync(CancellationToken cancellationToken)
    {
        while (Volatile.Read(ref _held) >= MaxBytes)
            await _room.WaitAsync(cancellationToken);
    }

    public void Take(long bytes) => Interlocked.Add(ref _held, bytes);

    public void Give(long bytes)
    {
        Interlocked.Add(ref _held, -bytes);
        _room.Set();
    }
}

/// <summary>One log block in use: by the dispatcher, and by each lane once for each run of operations it got out of it.</summary>
internal sealed class BlockLease
{
    private readonly LogBlock _block;
    private readonly BlockBudget _budget;
    private int _users = 1;

    public BlockLease(LogBlock block, BlockBudget budget)
    {
        _block = block;
        _budget = budget;
        budget.Take(block.Length);
    }

    public void AddUser() => Interlocked.Increment(ref _users);

    public void Release()
    {
        if (Interlocked.Decrement(ref _users) > 0)
            return;
        _budget.Give(_block.Length);
        _block.Dispose();
    }
}
