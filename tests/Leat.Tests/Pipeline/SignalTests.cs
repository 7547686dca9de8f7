using Leat.Pipeline;
using Xunit;

namespace Leat.Tests.Pipeline;

public sealed class SignalTests
{
    [Fact]
    public async Task A_wait_of_less_than_a_millisecond_is_a_wait()
    {
        var time = new HandTime();
        var wait = new Signal().WaitAsync(TimeSpan.FromMicroseconds(300), time, CancellationToken.None);

        Assert.False(wait.IsCompleted);
        Assert.Equal(TimeSpan.FromMilliseconds(1), time.Wanted);
        time.Fire();
        await wait;
    }

    [Fact]
    public async Task A_signal_set_before_lets_one_wait_pass()
    {
        var signal = new Signal();
        signal.Set();

        await signal.WaitAsync(CancellationToken.None);

        var second = signal.WaitAsync(CancellationToken.None);
        Assert.False(second.IsCompleted);
        signal.Set();
        await second;
    }

    [Fact]
    public async Task A_waiter_who_gives_up_takes_no_other_with_him()
    {
        var signal = new Signal();
        using var impatient = new CancellationTokenSource();
        var gone = signal.WaitAsync(impatient.Token);
        var patient = signal.WaitAsync(CancellationToken.None);

        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => gone);
        Assert.False(patient.IsCompleted);
        signal.Set();
        await patient;
    }

    private sealed class HandTime : TimeProvider
    {
        private TimerCallback? _callback;
        private object? _state;

        public TimeSpan Wanted { get; private set; }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            (_callback, _state, Wanted) = (callback, state, dueTime);
            return new NoTimer();
        }

        public void Fire() => _callback?.Invoke(_state);

        private sealed class NoTimer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => default;
        }
    }
}
