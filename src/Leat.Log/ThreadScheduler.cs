using Leat.Log.Posix;

namespace Leat.Log;

/// <summary>Runs workers on threads of its own. A worker has a thread only while it has something to do, and for a moment after.</summary>
/// <remarks>
/// Not the thread pool: a sync blocks its thread for as long as the disk takes. A worker that is woken again within a second
/// finds its thread still waiting for it, so that a busy stream pays one wake-up and nothing else.
/// </remarks>
public sealed class ThreadScheduler : ILogScheduler
{
    // More threads than this do not make one disk faster; further workers wait for their turn.
    private const int MostThreads = 64;

    // How long a thread waits for its worker, and then for any.
    private static readonly TimeSpan Linger = TimeSpan.FromSeconds(1);

    // A tenth of an ordinary thread's share of a busy processor (setpriority(2): per thread on Linux): still enough to get done.
    private const int NiceBehind = 10;

    private readonly ThreadScheduler? _behind;
    private readonly Lock _gate = new();
    private readonly Queue<Worker> _ready = new();
    private readonly List<Helper> _idle = [];
    private volatile int _waiting;
    private int _threads;

    /// <summary>No thread runs yet.</summary>
    public ThreadScheduler()
        : this(new(behind: null))
    {
    }

    private ThreadScheduler(ThreadScheduler? behind) => _behind = behind;

    /// <inheritdoc/>
    public ILogWorker Start(string name, Func<TimeSpan?> step) => new Worker(this, name, step);

    /// <inheritdoc/>
    public ILogWorker StartBehind(string name, Func<TimeSpan?> step) => new Worker(_behind ?? this, name, step);

    // Gives the worker a thread, or a place in the queue.
    private void Schedule(Worker worker)
    {
        lock (_gate)
        {
            if (_idle.Count > 0)
            {
                _idle[^1].Give(worker);
                _idle.RemoveAt(_idle.Count - 1);
                return;
            }

            if (_threads == MostThreads)
            {
                _ready.Enqueue(worker);
                _waiting++;
                return;
            }

            _threads++;
        }

        new Thread(() =>
        {
            if (_behind is null)
                LibC.SetPriority(LibC.OfThread, 0, NiceBehind); // refused: it runs as the others do
            using var helper = new Helper(this);
            helper.Run(worker);
        }) { IsBackground = true, Name = worker.Name }.Start();
    }

    /// <summary>One thread.</summary>
    private sealed class Helper(ThreadScheduler scheduler) : IDisposable
    {
        private readonly AutoResetEvent _wake = new(initialState: false);
        private Worker? _given;

        /// <summary>Called under the scheduler's lock.</summary>
        public void Give(Worker worker)
        {
            _given = worker;
            _wake.Set();
        }

        public void Run(Worker first)
        {
            for (var worker = first; worker is not null; worker = Next())
                worker.Run(_wake);
        }

        public void Dispose() => _wake.Dispose();

        private Worker? Next()
        {
            lock (scheduler._gate)
            {
                if (scheduler._ready.TryDequeue(out var waiting))
                {
                    scheduler._waiting--;
                    return waiting;
                }

                scheduler._idle.Add(this);
            }

            var isSet = _wake.WaitOne(Linger);
            lock (scheduler._gate)
            {
                if (_given is null)
                {
                    scheduler._idle.Remove(this);
                    scheduler._threads--;
                    return null;
                }
            }

            if (!isSet)
                _wake.WaitOne(); // it was given just as the time was over
            var given = _given;
            _given = null;
            return given;
        }
    }

    private enum State
    {
        Idle, // has no thread
        Scheduled, // will have one
        Running, // in its step, or about to be
        Waiting, // its thread waits for it
    }

    private sealed class Worker(ThreadScheduler scheduler, string name, Func<TimeSpan?> step) : ILogWorker
    {
        private readonly Lock _gate = new();
        private State _state;
        private AutoResetEvent? _wake;
        private Timer? _timer;
        private ManualResetEventSlim? _left;
        private bool _woken;
        private bool _stopping;

        public string Name => name;

        public void Wake()
        {
            lock (_gate)
            {
                if (_woken || _stopping)
                    return;
                _woken = true;
                if (_state == State.Waiting)
                    Resume();
                if (_state != State.Idle)
                    return; // it looks at the flag before it waits: no system call under load
                _state = State.Scheduled;
            }

            scheduler.Schedule(this);
        }

        public void Dispose()
        {
            ManualResetEventSlim left;
            lock (_gate)
            {
                _stopping = true;
                _timer?.Dispose();
                if (_state == State.Waiting)
                    Resume();
                if (_state != State.Running)
                    return;
                left = _left ??= new(initialState: false);
            }

            left.Wait();
            left.Dispose();
        }

        /// <summary>Runs steps until there is nothing to do for a while.</summary>
        /// <param name="wake">The thread's; not set when this begins, nor when it ends.</param>
        public void Run(AutoResetEvent wake)
        {
            lock (_gate)
                (_wake, _state) = (wake, State.Running);
            while (true)
            {
                lock (_gate)
                {
                    if (_stopping)
                    {
                        Leave();
                        return;
                    }

                    _woken = false;
                }

                if (!StaysAfter(step(), wake))
                    return;
            }
        }

        // Waits for the next step, or lets the thread go.
        private bool StaysAfter(TimeSpan? delay, AutoResetEvent wake)
        {
            var othersWait = scheduler._waiting > 0;
            var wait = othersWait ? TimeSpan.Zero : delay < Linger ? delay.Value : Linger;
            bool goesOn;
            lock (_gate)
            {
                goesOn = _woken || delay is { Ticks: <= 0 };
                if (_stopping || (goesOn && !othersWait))
                    return true;
                _state = goesOn ? State.Scheduled : State.Waiting;
            }

            if (goesOn)
            {
                scheduler.Schedule(this); // behind the others
                return false;
            }

            var isSet = wake.WaitOne(wait);
            lock (_gate)
            {
                if (_state == State.Waiting && (delay is null || delay > wait))
                {
                    Leave();
                    if (delay is { } whole)
                        WakeAfter(whole - wait);
                    return false;
                }

                if (_state == State.Waiting)
                {
                    _state = State.Running;
                    return true;
                }
            }

            if (!isSet)
                wake.WaitOne(); // it was set just as the time was over
            return true;
        }

        private void WakeAfter(TimeSpan delay)
        {
            _timer ??= new(static state => (state as Worker)?.Wake(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _timer.Change(delay, Timeout.InfiniteTimeSpan);
        }

        // Called under the lock.
        private void Resume()
        {
            _state = State.Running;
            _wake?.Set();
        }

        private void Leave()
        {
            _state = State.Idle;
            _wake = null;
            _left?.Set();
        }
    }
}
