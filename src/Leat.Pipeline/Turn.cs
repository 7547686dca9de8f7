namespace Leat.Pipeline;

/// <summary>Lets in one at a time, in the order in which they came. Who waits goes on where he came from, see <see cref="Signal"/>.</summary>
internal sealed class Turn
{
    private readonly Lock _gate = new();
    private readonly LinkedList<TaskCompletionSource> _waiting = [];
    private bool _isTaken;

    /// <summary>Completes when it is the caller's turn; <see cref="Release"/> ends it.</summary>
    public ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var waiting = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (!_isTaken)
            {
                _isTaken = true;
                return ValueTask.CompletedTask;
            }

            _waiting.AddLast(waiting);
        }

        return WaitAsync(waiting, cancellationToken);
    }

    /// <summary>The next may go.</summary>
    public void Release()
    {
        lock (_gate)
        {
            // One who has given up is passed over: his source cannot be set any more.
            while (_waiting.First is { } next)
            {
                _waiting.RemoveFirst();
                if (next.Value.TrySetResult())
                    return;
            }

            _isTaken = false;
        }
    }

    private static async ValueTask WaitAsync(TaskCompletionSource waiting, CancellationToken cancellationToken)
    {
        await using var giveUp = cancellationToken.UnsafeRegister(
            static (waiting, token) => ((TaskCompletionSource)waiting!).TrySetCanceled(token), waiting); // what was passed beside it
        await waiting.Task;
    }
}
