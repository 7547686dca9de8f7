using Leat.Changes;
using Leat.Pipeline.Status;
using Leat.Transform.Plan.Rules;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>A target that refuses more than may be open.</summary>
public sealed class TooManyLettersTests
{
    private bool _mended;

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Delivery_stops_at_the_limit_and_goes_on_when_letters_are_replayed_or_given_up(bool ofDocuments, bool discard)
    {
        await using var engine = new TestEngine
        {
            Definition = TestEngine.CopyItems with { MaxDeadLetters = 2, Document = ofDocuments ? new DocumentRule { Root = "items", Location = default } : null },
        };
        engine.Sink.Decide = operation => !Volatile.Read(ref _mended) && TestTable.IdOf(operation.Row.Span) is 2 or 3 ? Answer.Refused("Data too long", "1406") : null;
        engine.Start();
        engine.Source.Add(Insert(1, 10), Insert(2, 20), Insert(3, 30));
        await engine.UntilAsync(() => engine.Letters().Count == 2);

        engine.Source.Add(Insert(4, 40));
        await engine.UntilAsync(() => engine.Status().Pipelines[0].State == RunState.Blocked);
        Assert.Equal(
            "Pipeline 'copy' has 2 open dead letters, as many as it may have: its target refuses too much. See what it refuses and why: `leat dlq list copy`. Mend that and "
            + "`leat dlq replay copy --all`, or give them up with `leat dlq discard`; or raise `max_dead_letters` of the pipeline. Delivery goes on by itself; nothing is lost meanwhile. [LEAT-3017]",
            engine.Pipeline.Failure?.Message);
        Assert.Equal(["items:1"], engine.Sink.Target.Keys);

        // One that is refused again is open still; one that is taken, or given up, makes room.
        var letter = engine.Letters().Single(one => one.Key == "id=2").Id;
        await engine.Pipeline.RequestAsync([letter], discard: false, "ann", TestContext.Current.CancellationToken);
        await engine.UntilAsync(() => engine.Letters().Single(one => one.Id == letter).Attempts == 2);
        Assert.Equal(["items:1"], engine.Sink.Target.Keys);
        Volatile.Write(ref _mended, true);
        await engine.Pipeline.RequestAsync([letter], discard, "ann", TestContext.Current.CancellationToken);
        await engine.SettledAsync();

        Assert.Equal(discard ? ["items:1", "items:4"] : ["items:1", "items:2", "items:4"], engine.Sink.Target.Keys.Order());
        Assert.Equal((RunState.Live, 1), (engine.Status().Pipelines[0].State, engine.Pipeline.OpenLetters));
    }
}
