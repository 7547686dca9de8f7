using System.Collections.Immutable;
using Leat.Changes;
using Leat.Pipeline.Delivery;
using Leat.Pipeline.Letters;
using Leat.Tests.Log;
using Leat.Tests.Transform;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>What becomes of dead letters of documents, which several rows make, or several tables write.</summary>
public sealed class DocumentLetterTests
{
    // Where no more letters may be open, too: what makes room is to be reached.
    [Theory]
    [InlineData(1_000_000)]
    [InlineData(1)]
    public async Task A_letter_waits_after_a_kill_until_the_rows_are_where_they_were_when_it_was_refused(int maxDeadLetters)
    {
        await using var engine = new TestEngine(timeFactor: 1) { Definition = TestEngine.CopyItems with { MaxDeadLetters = maxDeadLetters, Document = new DocumentRule { Root = "items", Location = default } } };
        engine.Start();
        engine.Source.Add(Insert(1, 10));
        await engine.SettledAsync();
        await engine.StopAsync();

        // What is held on disk are the rows of before; the document of the row that comes now is refused, and asked for.
        engine.Sink.Decide = operation => TestTable.IdOf(operation.Row.Span) == 2 ? Answer.Refused("Data too long", "1406") : null;
        engine.Sink.Restart();
        engine.Start();
        engine.Source.Add(Insert(2, 20));
        await engine.UntilAsync(() => engine.Pipeline.OpenLetters == 1);
        engine.Sink.Before = (_, _) => throw new RetriableException(new(9001), "The target is away.", "Wait.");
        await engine.Pipeline.RequestAsync([0], discard: false, "ann", default);
        await engine.KillAsync();

        engine.Sink.Writes.Clear();
        (engine.Sink.Before, engine.Sink.Decide) = (null, null);
        engine.Sink.Restart();
        engine.Start();
        await engine.UntilAsync(() => engine.Pipeline.OpenLetters == 0 && engine.Pipeline.Account().InFlight == 0);

        Assert.All(engine.Sink.Writes.Where(write => write.Id == 2), write => Assert.Equal((OperationKind.Index, 2, 2L), write));
        Assert.Contains("items:2", engine.Sink.Target.Keys);
    }

    [Fact]
    public async Task The_delete_of_a_document_supersedes_the_letters_of_every_table_that_writes_it()
    {
        using var fixture = new LogFixture();
        var stream = fixture.Open().OpenStream("copy.deadletters", new());
        var letters = new DeadLetters("copy", () => 1, stream, TimeProvider.System, NullLogger.Instance) { Parts = [KeyHash.Of("totals")] };
        var orders = TablePlan.Compile(FieldGroupTables.OrdersEntry, FieldGroupTables.Orders);
        var totals = TablePlan.Compile(FieldGroupTables.TotalsEntry, FieldGroupTables.Totals);
        await letters.KeepAsync(
            [Refused(FieldGroupTables.Operations(totals, null, FieldGroupTables.Total(1), offset: 5)), Refused(FieldGroupTables.Operations(totals, null, FieldGroupTables.Total(2), offset: 6))],
            [], CancellationToken.None);

        var written = FieldGroupTables.Operations(orders, null, FieldGroupTables.Order(1), offset: 7)[0];
        Assert.False(letters.Concerns(written));
        await letters.KeepAsync([], [written], CancellationToken.None);
        Assert.Equal(2, letters.Open);

        var deleted = FieldGroupTables.Operations(orders, FieldGroupTables.Order(1), null, offset: 8)[0];
        Assert.True(letters.Concerns(deleted));
        await letters.KeepAsync([], [deleted], CancellationToken.None);

        Assert.Equal([6], letters.OlderOf("orders", 100).Select(letter => letter.Offset));
        var kept = new DeadLetters("copy", () => 1, stream, TimeProvider.System, NullLogger.Instance).Load();
        Assert.Equal([6], kept.OlderOf("orders", 100).Select(letter => letter.Offset));
    }

    private static (Pending Item, Answer Answer) Refused(Operation[] operations) =>
        (new Pending { Operation = operations[0], Buffer = [] }, Answer.Refused("Data too long", "1406"));
}
