using Leat.Transform.Plan.Rules;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>Documents after a table was read again: which rows it has is asked when the stream tells that it was read, and once more when that comes again.</summary>
public sealed class DocumentSweepAgainTests
{
    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public async Task What_comes_again_after_a_kill_is_newer_than_what_another_answer_of_the_source_made(bool isKilled, int epoch)
    {
        await using var engine = new TestEngine(timeFactor: 1) { Definition = TestEngine.CopyItems with { Document = new DocumentRule { Root = "items", Location = default } } };
        engine.Sink.KeepsMarker = true;
        engine.Start();
        engine.Source.Add(Insert(1, 10));
        await engine.SettledAsync();
        await engine.StopAsync();

        engine.Sink.Restart();
        engine.Start();
        await engine.Source.RequestSnapshotAsync(new([TestTable.Schema.Table], Where: null), default);
        engine.Source.Add(Insert(2, 20));
        await engine.SettledAsync();
        if (isKilled)
            await engine.KillAsync();
        else
            await engine.StopAsync();

        engine.Sink.Restart();
        engine.Start();
        engine.Source.Add(Insert(3, 30));
        await engine.SettledAsync();

        Assert.Equal((uint)epoch, engine.Status().Pipelines[0].Epoch);
        Assert.Equal(["items:1", "items:2", "items:3"], engine.Sink.Target.Keys.Order());
    }
}
