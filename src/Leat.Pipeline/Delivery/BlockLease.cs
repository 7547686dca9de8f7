using Leat.Log;
using Leat.Transform.Plan;

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

/// <summary>One log block in use, with the rows that were made of it: by the dispatcher, and by each lane once for each run of operations it got out of it.</summary>
internal sealed class BlockLease
{
    private readonly LogBlock? _block;
    private readonly BlockBudget _budget;
    private RowArena? _arena;
    private long _bytes;
    private int _users = 1;

    /// <summary>Of a block, or for rows that are made of none.</summary>
    public BlockLease(LogBlock? block, BlockBudget budget)
    {
        _block = block;
        _budget = budget;
        _bytes = block?.Length ?? 0;
        budget.Take(_bytes);
    }

    /// <summary>Where rows of the plan's own making live. The dispatcher's alone.</summary>
    public RowArena Arena => _arena ??= new();

    /// <summary>Counts what the arena has grown by; before operations are handed to lanes.</summary>
    public void Count()
    {
        if (_arena is null)
            return;
        var bytes = _arena.Bytes + (_block?.Length ?? 0);
        _budget.Take(bytes - _bytes);
        _bytes = bytes;
    }

    public void AddUser() => Interlocked.Increment(ref _users);

    public void Release()
    {
        if (Interlocked.Decrement(ref _users) > 0)
            return;
        _budget.Give(_bytes);
        _arena?.Dispose();
        _block?.Dispose();
    }
}
