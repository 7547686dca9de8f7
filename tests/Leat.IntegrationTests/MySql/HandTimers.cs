namespace Leat.IntegrationTests.MySql;

/// <summary>The system's clock, whose long timers end only when a test says so.</summary>
/// <param name="from">Timers at least that long are the test's; shorter ones run.</param>
internal sealed class HandTimers(TimeSpan from) : TimeProvider
{
    private readonly TimeSpan _from = from;
    private readonly Lock _lock = new();
    private readonly HashSet<Held> _armed = [];

    /// <summary>Ends every long timer that runs now; how many there were.</summary>
    public int Expire()
    {
        Held[] due;
        lock (_lock)
        {
            due = [.. _armed];
            _armed.Clear();
        }

        foreach (var timer in due)
            timer.Fire();
        return due.Length;
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Held(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class Held : ITimer
    {
        private readonly HandTimers _owner;
        private readonly TimerCallback _callback;
        private readonly object? _state;
        private readonly ITimer _short;

        public Held(HandTimers owner, TimerCallback callback, object? state)
        {
            (_owner, _callback, _state) = (owner, callback, state);
            _short = System.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }

        public void Fire() => _callback(_state);

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var isLong = dueTime >= _owner._from;
            lock (_owner._lock)
            {
                _owner._armed.Remove(this);
                if (isLong)
                    _owner._armed.Add(this);
            }

            return isLong ? _short.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan) : _short.Change(dueTime, period);
        }

        public void Dispose()
        {
            lock (_owner._lock)
                _owner._armed.Remove(this);
            _short.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
