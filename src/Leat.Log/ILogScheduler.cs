namespace Leat.Log;

/// <summary>Decides who runs a partition's group commit: a thread of its own in production, the simulator's dice in tests.</summary>
public interface ILogScheduler
{
    /// <summary>Starts a worker that runs <paramref name="step"/> whenever it was woken, never twice at a time.</summary>
    /// <param name="name">For thread lists and traces.</param>
    /// <param name="step">Does what is pending; returns how long to wait before it wants to run again unwoken, or null: until woken.</param>
    ILogWorker Start(string name, Func<TimeSpan?> step);

    /// <summary>The same for work that nobody waits for: it gives way to everything else while the processors are busy.</summary>
    ILogWorker StartBehind(string name, Func<TimeSpan?> step) => Start(name, step);
}

/// <summary>One running worker.</summary>
public interface ILogWorker : IDisposable
{
    /// <summary>Makes the worker run its step soon. Cheap, never blocks, may be called from any thread.</summary>
    void Wake();
}
