namespace Leat.Log;

/// <summary>Those who wait until something has changed; woken all together, to look again.</summary>
/// <remarks>Each awaits a source of his own, so that he goes on where he came from and nothing passes through the thread pool: a simulation decides what runs when.</remarks>
internal sealed class Waiters
{
    private readonly Lock _gate = new();
    private readonly List<TaskCompletionSource> _waiting = [];

    /// <summary>Wakes everybody.</summary>
    public void Wake()
    {
        lock (_gate)
        {
            // Their continuations are queued, not run here.
            foreach (var waiting in _waiting)
                waiting.TrySetResult();
            _waiting.Clear();
        }
    }

    /// <summary>From now on <see cref="Wake"/> is noticed. To be given to <see cref="WaitAsync"/>.</summary>
    public TaskCompletionSource Join()
    {
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
            _waiting.Add(waiting);
        return waiting;
    }

    /// <summary>Completes when woken since <see cref="Join"/>.</summary>
    public async ValueTask WaitAsync(TaskCompletionSource waiting, CancellationToken cancellationToken)
    {
        await using var giveUp = cancellationToken.UnsafeRegister(
            static (waiting, token) => ((TaskCompletionSource)waiting!).TrySetCanceled(token), waiting); // what was passed beside it
        try
        {
            await waiting.Task;
        }
        catch (OperationCanceledException)
        {
            lock (_gate)
                _waiting.Remove(waiting);
            throw;
        }
    }
}
