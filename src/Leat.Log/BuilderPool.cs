namespace Leat.Log;

/// <summary>Builders that wait to be used again, so that a batch costs no allocation. Holds a few: more were in use at once than the disk keeps up with.</summary>
internal sealed class BuilderPool(TimeProvider time)
{
    private const int MostKept = 8;

    private readonly Lock _gate = new();
    private readonly Stack<BatchBuilder> _free = new();

    public BatchBuilder Take()
    {
        BatchBuilder? builder;
        lock (_gate)
            _free.TryPop(out builder);
        builder ??= new(Return);
        builder.Reset(time.GetUtcNow().ToUnixTimeMilliseconds());
        return builder;
    }

    public void Return(BatchBuilder builder)
    {
        builder.Reset(nowMs: 0);
        lock (_gate)
        {
            if (_free.Count < MostKept)
            {
                _free.Push(builder);
                return;
            }
        }

        builder.Discard();
    }
}
