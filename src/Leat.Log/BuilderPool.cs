namespace Leat.Log;

/// <summary>Builders that wait to be used again, so that a batch costs no allocation. What a burst needed is let go.</summary>
internal sealed class BuilderPool(TimeProvider time)
{
    private const long MostBytesKept = 8L * 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly Stack<BatchBuilder> _free = new();
    private long _bytesKept;

    public BatchBuilder Take()
    {
        BatchBuilder? builder;
        lock (_gate)
        {
            if (_free.TryPop(out builder))
                _bytesKept -= builder.BufferBytes;
        }

        builder ??= new(Return);
        builder.Reset(time.GetUtcNow().ToUnixTimeMilliseconds());
        return builder;
    }

    public void Return(BatchBuilder builder)
    {
        builder.Reset(nowMs: 0);
        builder.IsTaken = true;
        lock (_gate)
        {
            if (_bytesKept + builder.BufferBytes <= MostBytesKept)
            {
                _free.Push(builder);
                _bytesKept += builder.BufferBytes;
                return;
            }
        }

        builder.Discard();
    }
}
