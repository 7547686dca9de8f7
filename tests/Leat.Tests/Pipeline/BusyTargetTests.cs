using Leat.Changes;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>Targets that have too much to do, and targets that are down for long.</summary>
public sealed class BusyTargetTests
{
    [Fact]
    public async Task Busy_answers_halve_the_batch_at_once_and_calm_grows_it()
    {
        await using var engine = new TestEngine();
        engine.Definition = engine.Definition with { Lanes = 1 };
        engine.Sink.Traits = new() { MaxBatchOperations = 64 };
        var sizes = new List<int>();
        engine.Sink.Before = (batch, _) =>
        {
            sizes.Add(batch.Length);
            return sizes.Count <= 3 ? throw new RetriableException(new(9001), "429", "Wait.") { IsBusy = true } : Task.CompletedTask;
        };
        engine.Source.Add([.. Enumerable.Range(0, 640).Select(id => Insert(id, id))]);
        engine.Start();

        await engine.SettledAsync();

        Assert.Equal([64, 32, 16, 8], sizes.Take(4));
        Assert.Equal(64, sizes.Skip(4).Max());
        Assert.Equal(Enumerable.Range(0, 640), engine.Sink.Writes.Select(write => write.Id));
    }

    [Fact]
    public async Task The_time_that_a_target_asks_for_is_waited()
    {
        await using var engine = new TestEngine();
        engine.Definition = engine.Definition with { Lanes = 1 };
        var times = new List<TimeSpan>();
        engine.Sink.Before = (_, _) =>
        {
            times.Add(TimeSpan.FromTicks(engine.Time.GetUtcNow().Ticks));
            return times.Count == 1 ? throw new RetriableException(new(9001), "429", "Wait.") { IsBusy = true, After = TimeSpan.FromSeconds(20) } : Task.CompletedTask;
        };
        engine.Source.Add(Insert(1, 1));
        engine.Start();

        await engine.SettledAsync();

        Assert.True(times[1] - times[0] >= TimeSpan.FromSeconds(19), $"{times[1] - times[0]}"); // a timer may be some ms early, a hundredfold here
    }

    [Fact]
    public async Task Automatic_lanes_are_halved_for_a_busy_target_and_nothing_is_lost()
    {
        await using var engine = new TestEngine(timeFactor: 1000);
        const int Refusals = 3; // of each row, so that the lanes can drain
        var refused = new System.Collections.Concurrent.ConcurrentDictionary<long, int>();
        engine.Sink.Traits = new() { MaxBatchOperations = 20 };
        engine.Sink.Decide = operation => engine.Pipeline.Lanes.Count >= 4 && operation.Offset % 2 == 0 && refused.AddOrUpdate(operation.Offset, 1, (_, times) => times + 1) <= Refusals
            ? Answer.Busy("es_rejected_execution_exception")
            : null;
        engine.Start();
        var id = 0;
        while (engine.Pipeline.Lanes.Count is 0 or 4)
        {
            engine.Source.Add([.. Enumerable.Range(0, 100).Select(_ => Insert(id++, 1))]);
            await engine.UntilAsync(() => engine.Capture.Position?.Text == $"{id / 100}");
            Assert.True(id < 1_000_000, "the lanes never changed");
        }

        Assert.Equal(2, engine.Pipeline.Lanes.Count);
        await engine.SettledAsync();

        Assert.Equal(id, engine.Sink.Target.Count);
        Assert.Empty(engine.Sink.Violations);
    }

    [Fact]
    public async Task A_target_that_is_down_holds_only_what_fits_the_lanes()
    {
        await using var engine = new TestEngine();
        var down = true;
        engine.Definition = engine.Definition with { Lanes = 2 };
        engine.Sink.Traits = new() { MaxBatchOperations = 100, MaxBatchBytes = 100_000 };
        engine.Sink.Before = (_, _) => Volatile.Read(ref down) ? throw new RetriableException(new(9001), "Nobody listens.", "Start it.") : Task.CompletedTask;
        engine.Start();
        var text = new string('x', 2000);
        for (var transaction = 0; transaction < 100; transaction++)
            engine.Source.Add([.. Enumerable.Range(transaction * 100, 100).Select(id => new TestChange(ChangeKind.Insert, null, TestTable.Row(id, id, text)))]);

        await engine.UntilAsync(() => engine.Capture.Position?.Text == "100" && engine.Capture.Stream.ReadableOffset == engine.Capture.Stream.EndOffset);
        Assert.InRange(engine.Pipeline.Account().InFlight, 1, 3000);
        Assert.InRange(engine.Pipeline.HeldBytes, 1, 2 * Leat.Pipeline.Delivery.BlockBudget.MaxBytes);
        Volatile.Write(ref down, false);
        await engine.SettledAsync();

        Assert.Equal(10_000, engine.Sink.Target.Count);
    }
}
