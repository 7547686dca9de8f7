namespace Leat.Log;

/// <summary>One background thread a partition, asleep until something is appended.</summary>
public sealed class ThreadScheduler : ILogScheduler
{
    /// <inheritdoc/>
    public ILogWorker Start(string name, Func<TimeSpan?> step) => new Worker(name, step);

    private sealed class Worker : ILogWorker
    {
        private readonly Lock _gate = new();
        private readonly AutoResetEvent _wake = new(initialState: false);
        private readonly Func<TimeSpan?> _step;
        private readonly Thread _thread;
        private bool _asleep;
        private bool _woken;
        private bool _stopping;

        public Worker(string name, Func<TimeSpan?> step)
        {
            _step = step;
            _thread = new Thread(Run) { IsBackground = true, Name = name };
            _thread.Start();
        }

        public void Wake()
        {
            lock (_gate)
            {
                if (_woken)
                    return;
                _woken = true;
                if (!_asleep)
                    return; // it looks at the flag before it sleeps: no system call under load
            }

            _wake.Set();
        }

        public void Dispose()
        {
            lock (_gate)
                _stopping = true;
            _wake.Set();
            _thread.Join();
            _wake.Dispose();
        }

        private void Run()
        {
            while (true)
            {
                lock (_gate)
                {
                    if (_stopping)
                        return;
                    _woken = false;
                }

                var delay = _step();
                lock (_gate)
                {
                    if (_woken || _stopping)
                        continue;
                    _asleep = true;
                }

                _wake.WaitOne(delay ?? Timeout.InfiniteTimeSpan);
                lock (_gate)
                    _asleep = false;
            }
        }
    }
}
