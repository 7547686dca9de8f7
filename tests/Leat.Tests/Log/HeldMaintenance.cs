using Leat.Log;

namespace Leat.Tests.Log;

/// <summary>Threads for streams as in production; the log's maintenance runs only when a test says so.</summary>
internal sealed class HeldMaintenance : ILogScheduler
{
    private readonly ThreadScheduler _threads = new();
    private Func<TimeSpan?> _maintenance = () => null;

    public ILogWorker Start(string name, Func<TimeSpan?> step)
    {
        if (name != "log maintenance")
            return _threads.Start(name, step);
        _maintenance = step;
        return new Idle();
    }

    /// <summary>Lets maintenance run until it has nothing to do.</summary>
    public void RunMaintenance()
    {
        while (_maintenance() == TimeSpan.Zero)
        {
            // each step is one piece of work
        }
    }

    private sealed class Idle : ILogWorker
    {
        public void Wake()
        {
            // the test decides when
        }

        public void Dispose()
        {
            // nothing runs
        }
    }
}
