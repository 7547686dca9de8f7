namespace Leat.Pipeline;

/// <summary>Wakes who waits. May wake once too often, never once too seldom: who waits looks at the condition again.</summary>
/// <remarks>Each waiter awaits a source of his own, so that he goes on where he came from and nothing passes through the thread pool: see invariant 7.</remarks>
internal sealed class Signal
{
    private readonly Lock _gate = new();
    private readonly List<TaskCompletionSource> _waiting = [];
    private bool _set;

    /// <summary>Wakes the waiter, or lets the next wait pass.</summary>
    public void Set()
    {
        lock (_gate)
        {
            _set = true;

            // Their continuations are queued, not run here.
            foreach (var waiting in _waiting)
                waiting.TrySetResult();
            _waiting.Clear();
        }
    }

    /// <summary>Completes at the next <see cref="Set"/>, or at once when there was one since the last wait.</summary>
    public Task WaitAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Join() is { } waiting ? WaitAsync(waiting, cancellationToken) : Task.CompletedTask;
    }

    /// <summary>The same, but at most for a time.</summary>
    public async Task WaitAsync(TimeSpan atMost, TimeProvider time, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (Join() is not { } waiting)
            return;

        // Timers take whole milliseconds and cut off the rest: nobody shall turn in circles until it is over.
        await using var timer = time.CreateTimer(
            static waiting => ((TaskCompletionSource)waiting!).TrySetResult(), waiting, TimeSpan.FromMilliseconds(Math.Ceiling(atMost.TotalMilliseconds)), Timeout.InfiniteTimeSpan);
        await WaitAsync(waiting, cancellationToken);
    }

    private TaskCompletionSource? Join()
    {
        lock (_gate)
        {
            if (_set)
            {
                _set = false;
                return null;
            }

            var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add(waiting);
            return waiting;
        }
    }

    private async Task WaitAsync(TaskCompletionSource waiting, CancellationToken cancellationToken)
    {
        await using var giveUp = cancellationToken.UnsafeRegister(
            static (waiting, token) => ((TaskCompletionSource)waiting!).TrySetCanceled(token), waiting); // what was passed beside it
        try
        {
            await waiting.Task;
        }
        finally
        {
            lock (_gate)
                _waiting.Remove(waiting);
        }
    }
}
