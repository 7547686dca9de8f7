using Leat.Pipeline;
using Leat.Pipeline.Status;
using Xunit;

namespace Leat.Tests.Pipeline;

/// <summary>Waits for an engine to get somewhere.</summary>
internal static class Waiting
{
    /// <summary>Waits for a condition; fails after a minute, which no sound run takes, or with the engine.</summary>
    public static async Task UntilAsync(this Engine engine, Task running, Func<EngineStatus, bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!condition(engine.Status()))
        {
            if (running.IsCompleted)
                await running;
            var status = engine.Status();
            Assert.False(
                limit.IsCancellationRequested,
                $"Waited in vain: {string.Join("; ", status.Sources.Select(one => $"{one.Name} {one.State} {one.Reason} {one.Position} {one.Stream}"))}; "
                + string.Join("; ", status.Pipelines.Select(one => $"{one.Name} {one.State} {one.Reason} {one.Checkpoint} {one.Accounting}")));
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
        }
    }
}
