using Leat.Log;

namespace Leat.Tests.Log;

/// <summary>Runs the partitions' workers, and leaves what maintenance does to the test.</summary>
internal sealed class NoMaintenance : ILogScheduler
{
    private readonly ThreadScheduler _threads = new();

    public ILogWorker Start(string name, Func<TimeSpan?> step) => _threads.Start(name, name == "log maintenance" ? () => null : step);
}
