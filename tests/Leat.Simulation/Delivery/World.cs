using Leat.Log;

namespace Leat.Simulation.Delivery;

/// <summary>One process on one thread: its tasks, its timers, the log's workers and its clock. The dice decide what runs next; a process that is killed is let fall as it is.</summary>
/// <param name="random">The dice.</param>
/// <param name="start">Time of the machine, ticks; a clock does not go back when a process ends.</param>
/// <param name="disorder">Out of how many that could run now the next is chosen; 1: the one that waits longest.</param>
internal sealed class World(SimRandom random, long start, int disorder) : TaskScheduler, ILogScheduler
{
    private readonly List<Task> _ready = [];
    private readonly List<Worker> _workers = [];
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private readonly PriorityQueue<SimTimer, (long Due, long Number)> _timers = new();
    private Clock? _time;
    private long _timerNumber;
    private int _stray;

    /// <summary>The only clock.</summary>
    public TimeProvider Time => _time ??= new(this);

    /// <summary>Time of the machine, ticks.</summary>
    public long Now { get; private set; } = start;

    /// <summary>Whether the process was killed: nothing of it runs any more.</summary>
    public bool IsKilled { get; private set; }

    /// <summary>What was done so far.</summary>
    public long Steps { get; private set; }

    /// <summary>Hash over all that was done: equal for equal seeds.</summary>
    public ulong Trace { get; private set; } = 14695981039346656037;

    public override int MaximumConcurrencyLevel => 1;

    /// <summary>Ends the process where it stands.</summary>
    public void Kill() => IsKilled = true;

    /// <summary>Takes something into the trace.</summary>
    public void Note(long what) => Trace = (Trace ^ (ulong)what) * 1099511628211;

    /// <summary>Runs something of the process; when nothing can run, time passes. False when it never will again.</summary>
    public bool Step()
    {
        if (Volatile.Read(ref _stray) > 0)
            throw new InvalidOperationException("Something left the simulation's thread: a seed would not be a schedule any more.");
        Steps++;
        var workers = _workers.Count(worker => worker.IsDue(Now));
        var tasks = Math.Min(_ready.Count, disorder);
        if (tasks + workers == 0)
            return PassTime();
        if (random.Below(50) == 0)
            Advance(Now + random.Below((int)TimeSpan.TicksPerMillisecond * 5));
        if (IsKilled)
            return true;

        var choice = random.Below(tasks + workers);
        Note(choice);
        if (choice < tasks)
        {
            var task = _ready[choice];
            _ready.RemoveAt(choice);
            TryExecuteTask(task);
        }
        else
        {
            _workers.Where(worker => worker.IsDue(Now)).ElementAtOrDefault(choice - tasks)?.Run(this);
        }

        return true;
    }

    public ILogWorker Start(string name, Func<TimeSpan?> step)
    {
        var worker = new Worker(step);
        _workers.Add(worker);
        return worker;
    }

    protected override IEnumerable<Task> GetScheduledTasks() => _ready;

    protected override void QueueTask(Task task)
    {
        // The finalizers of what a killed process left behind are nobody's business.
        if (Environment.CurrentManagedThreadId == _thread)
            _ready.Add(task);
        else if (!IsKilled)
            Interlocked.Increment(ref _stray);
    }

    // Queued in any case: so more can happen in between.
    protected override bool TryExecuteTaskInline(Task task, bool taskWasPreviouslyQueued) => false;

    private bool PassTime()
    {
        var next = _timers.TryPeek(out _, out var first) ? first.Due : long.MaxValue;
        foreach (var worker in _workers)
            next = Math.Min(next, worker.Due);
        if (next == long.MaxValue)
            return false;
        Advance(Math.Max(next, Now));
        return true;
    }

    private void Advance(long to)
    {
        Note(to);
        while (!IsKilled && _timers.TryPeek(out var timer, out var at) && at.Due <= to)
        {
            _timers.Dequeue();
            Now = Math.Max(Now, at.Due);

            timer.Fire(at.Number);
        }

        Now = Math.Max(Now, to);
    }

    private long Add(SimTimer timer, long due)
    {
        _timers.Enqueue(timer, (due, ++_timerNumber));
        return _timerNumber;
    }

    private sealed class Clock(World world) : TimeProvider
    {
        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => world.Now;

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(world.Now);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = new SimTimer(world, callback, state);
            timer.Change(dueTime, period);
            return timer;
        }
    }

    private sealed class SimTimer(World world, TimerCallback callback, object? state) : ITimer
    {
        private TimeSpan _period;
        private long _armed; // the number under which it stands in the queue; others of it are old

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            _period = period;
            _armed = dueTime == Timeout.InfiniteTimeSpan ? 0 : world.Add(this, world.Now + dueTime.Ticks);
            return true;
        }

        public void Fire(long number)
        {
            if (number != _armed)
                return;
            _armed = _period > TimeSpan.Zero ? world.Add(this, world.Now + _period.Ticks) : 0;
            callback(state);
        }

        public void Dispose() => _armed = 0;

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }
    }

    private sealed class Worker(Func<TimeSpan?> step) : ILogWorker
    {
        private bool _stopped;

        /// <summary>When it wants to run, ticks.</summary>
        public long Due { get; private set; }

        public bool IsDue(long now) => Due <= now;

        public void Wake() => Due = _stopped ? long.MaxValue : 0;

        public void Run(World world)
        {
            Due = long.MaxValue;
            var delay = step();
            if (!_stopped && delay is { } wait)
                Due = Math.Min(Due, world.Now + wait.Ticks);
        }

        public void Dispose()
        {
            _stopped = true;
            Due = long.MaxValue;
        }
    }
}
