using Leat.Log;

namespace Leat.Simulation;

/// <summary>Runs a worker's step only when the simulation says so, on the simulation's own thread.</summary>
internal sealed class SimScheduler : ILogScheduler
{
    private readonly List<Worker> _workers = [];

    public ILogWorker Start(string name, Func<TimeSpan?> step)
    {
        var worker = new Worker(step);
        _workers.Add(worker);
        return worker;
    }

    /// <summary>Runs one worker, chosen by the dice. False when none wants to run.</summary>
    public bool Step(SimRandom random)
    {
        var ready = _workers.FindAll(worker => worker.IsReady);
        if (ready.Count == 0)
            return false;
        ready[random.Below(ready.Count)].Run();
        return true;
    }

    private sealed class Worker(Func<TimeSpan?> step) : ILogWorker
    {
        private bool _stopped;

        public bool IsReady { get; private set; } = true;

        public void Wake() => IsReady = !_stopped;

        public void Run()
        {
            IsReady = false;
            // A delay is over whenever the dice say so: the step itself looks at the clock.
            IsReady = step() is not null || IsReady;
        }

        public void Dispose()
        {
            _stopped = true;
            IsReady = false;
        }
    }
}
