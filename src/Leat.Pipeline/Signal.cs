namespace Leat.Pipeline;

/// <summary>Wakes one waiter. May wake once too often, never once too seldom: who waits looks at the condition again.</summary>
internal sealed class Signal
{
    private readonly Lock _gate = new();
    private TaskCompletionSource? _waiting;
    private bool _set;

    /// <summary>Wakes the waiter, or lets the next wait pass.</summary>
    public void Set()
    {
        TaskCompletionSource? waiting;
        lock (_gate)
        {
            _set = true;
            waiting = _waiting;
            _waiting = null;
        }

        waiting?.TrySetResult();
    }

    /// <summary>Completes at the next <see cref="Set"/>, or at once when there was one since the last wait.</summary>
    public Task WaitAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (_set)
            {
                _set = false;
                return Task.CompletedTask;
            }

            _waiting ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            return _waiting.Task.WaitAsync(cancellationToken);
        }
    }

    /// <summary>The same, but at most for a time.</summary>
    public async Task WaitAsync(TimeSpan atMost, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var delay = Task.Delay(atMost, time, timer.Token);
        await Task.WhenAny(WaitAsync(timer.Token), delay);
        timer.Cancel(); // here and now: nothing of this leaves the caller's scheduler
        cancellationToken.ThrowIfCancellationRequested();
    }
}
