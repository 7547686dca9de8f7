using Leat.Changes;

namespace Leat.Pipeline.Delivery;

/// <summary>How much a lane sends in one request: half of it when the target has too much to do or takes no request of that size, and step by step more while it answers.</summary>
/// <remarks>Additive increase, multiplicative decrease. Written by the lane alone, read by anyone.</remarks>
/// <param name="traits">The most that the sink takes.</param>
internal sealed class BatchLimit(SinkTraits traits)
{
    // From the least to the most again in so many requests: some seconds at the pace of a busy target.
    private const int Steps = 16;

    // A size that was refused is tried again after so many requests without a refusal: somebody may have raised the target's limit.
    private const int CalmRequests = 1_000;

    private readonly int _mostOperations = Math.Max(1, traits.MaxBatchOperations);
    private readonly int _mostBytes = Math.Max(1, traits.MaxBatchBytes);
    private int _operations = Math.Max(1, traits.MaxBatchOperations);
    private int _bytes = Math.Max(1, traits.MaxBatchBytes);
    private int _refusedBytes = int.MaxValue;
    private int _calm;

    /// <summary>Most operations of a request now.</summary>
    public int Operations => Volatile.Read(ref _operations);

    /// <summary>Most bytes of encoded rows of a request now.</summary>
    public int Bytes => Volatile.Read(ref _bytes);

    /// <summary>A request of that size was answered, and the target had room for it.</summary>
    public void Answered()
    {
        if (++_calm >= CalmRequests)
            _refusedBytes = int.MaxValue;
        if (_operations == _mostOperations && _bytes == _mostBytes)
            return;
        Volatile.Write(ref _operations, Grown(_operations, _mostOperations));
        Volatile.Write(ref _bytes, Math.Max(1, Math.Min(Grown(_bytes, _mostBytes), _refusedBytes - 1)));
    }

    /// <summary>The target had too much to do for a request of that size.</summary>
    public void Busy(int operations, int bytes)
    {
        Volatile.Write(ref _operations, Math.Max(1, Math.Min(_operations, operations) / 2));
        Volatile.Write(ref _bytes, Math.Max(1, Math.Min(_bytes, bytes) / 2));
    }

    /// <summary>The target takes no request of that size at all: none that large is sent from then on.</summary>
    public void TooLarge(int bytes)
    {
        _calm = 0;
        _refusedBytes = Math.Max(2, Math.Min(_refusedBytes, bytes));
        Volatile.Write(ref _bytes, Math.Max(1, Math.Min(_bytes, bytes) / 2));
    }

    private static int Grown(int now, int most) => (int)Math.Min(most, now + Math.Max(1L, most / Steps));
}
