using Leat.Changes;
using Leat.Pipeline.Letters;
using Leat.Pipeline.Status;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>What becomes of dead letters.</summary>
public sealed class LetterTests
{
    private bool _mended;

    [Fact]
    public async Task A_letter_says_what_was_refused_and_why()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10), Insert(2, 20));

        var letter = Assert.Single(Letters(engine));
        Assert.Equal((1, "items", "shop.items", "index", "id=2", 1U, "1406", "Data too long", 1, LetterState.Open), (
            letter.Offset, letter.Alias, letter.Table, letter.Operation, letter.Key, letter.Epoch, letter.Cause, letter.Reason, letter.Attempts, letter.State));
        Assert.Equal(1, engine.Status().Pipelines[0].DeadLetters);
    }

    [Fact]
    public async Task A_letter_holds_the_row_as_it_was_sent()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(2, 20));

        Assert.Equal("""{"id":2,"v":20,"note":null}""", LetterBook.RowOf(Assert.Single(engine.Records("copy.deadletters")).Value));
    }

    [Fact]
    public async Task A_replay_goes_through_the_plan_with_its_own_version_and_ends_the_letter()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10), Insert(2, 20), Insert(3, 30));
        Volatile.Write(ref _mended, true);
        Operation replayed = default;
        engine.Sink.Before = (batch, _) =>
        {
            replayed = batch.Span[0];
            return Task.CompletedTask;
        };

        Assert.Equal(1, await engine.Pipeline.RequestAsync([0, 77], discard: false, "ann", default));
        await engine.UntilAsync(() => Letters(engine)[0].State != LetterState.Open && engine.Pipeline.Account().InFlight == 0);

        Assert.Equal((1L, 1U, true), (replayed.Offset, replayed.ReplayedEpoch, replayed.IsReplay));
        Assert.Equal(["items:1=10", "items:2=20", "items:3=30"], Shown(engine));
        Assert.Equal(LetterState.Applied, Assert.Single(Letters(engine)).State);
        Assert.Equal(new Accounting(3, 0, 3, 4, 3, 0, 1, 0, 0), engine.Pipeline.Account());
        Assert.Equal(engine.Capture.Stream.ReadableOffset, engine.Pipeline.CurrentCheckpoint);
    }

    [Fact]
    public async Task A_replay_that_is_refused_again_is_another_attempt_of_the_same_letter()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(2, 20));

        await engine.Pipeline.RequestAsync([0], discard: false, "ann", default);
        await engine.UntilAsync(() => Letters(engine)[0].Attempts == 2);

        var letter = Assert.Single(Letters(engine));
        Assert.Equal((LetterState.Open, false, 1), (letter.State, letter.IsRequested, engine.Pipeline.OpenLetters));
    }

    [Fact]
    public async Task A_newer_row_supersedes_the_letter_which_is_never_replayed()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(2, 20));
        Volatile.Write(ref _mended, true);
        engine.Source.Add(Update(2, 20, 21));
        await engine.SettledAsync();

        Assert.Equal(0, await engine.Pipeline.RequestAsync([0], discard: false, "ann", default));

        Assert.Equal(LetterState.Superseded, Assert.Single(Letters(engine)).State);
        Assert.Equal(["items:2=21"], Shown(engine));
    }

    [Fact]
    public async Task A_newer_outcome_in_the_same_request_counts()
    {
        await using var engine = Engine();
        engine.Sink.Decide = operation => TestTable.ValueOf(operation.Row.Span) == 20 ? Answer.Refused("Data too long", "1406") : null;
        engine.Start();
        engine.Source.Add(Insert(2, 20), Update(2, 20, 21), Insert(3, 30));
        await engine.SettledAsync();

        Assert.Equal(LetterState.Superseded, Assert.Single(Letters(engine)).State);
    }

    [Fact]
    public async Task A_deleted_row_is_not_revived()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(2, 20));
        engine.Source.Add(Delete(2, 20));
        engine.Sink.Decide = null;
        await engine.SettledAsync();

        Assert.Equal(0, await engine.Pipeline.RequestAsync([0], discard: false, "ann", default));
        Assert.Empty(engine.Sink.Target);
    }

    [Fact]
    public async Task An_emptied_table_supersedes_its_letters()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10), Insert(2, 20));
        engine.Source.Add(new TestChange(ChangeKind.Truncate, null, null));
        await engine.SettledAsync();

        Assert.Equal(LetterState.Superseded, Assert.Single(Letters(engine)).State);
        Assert.Empty(engine.Sink.Target);
    }

    [Fact]
    public async Task A_table_read_again_supersedes_letters_of_rows_that_are_gone_and_no_others()
    {
        await using var engine = Engine();
        engine.Sink.Decide = operation => TestTable.IdOf(operation.Row.Span) is 2 or 3 ? Answer.Refused("Data too long", "1406") : null;
        await DeliverAsync(engine, Insert(1, 10), Insert(2, 20), Insert(3, 30));
        engine.Source.Lost.Add(2);
        engine.Source.Add(new TestChange(ChangeKind.Sweep, null, null));
        await engine.SettledAsync();
        await engine.UntilAsync(() => Letters(engine).Any(letter => letter.State != LetterState.Open));

        Assert.Equal([("id=2", LetterState.Superseded), ("id=3", LetterState.Open)], Letters(engine).OrderBy(letter => letter.Key).Select(letter => (letter.Key, letter.State)));
    }

    [Fact]
    public async Task A_row_that_the_plan_no_longer_takes_is_told_and_not_sent()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(2, 20));
        await engine.StopAsync();
        engine.Where("v > 100").Start();
        await engine.Pipeline.RequestAsync([0], discard: false, "ann", default);
        await engine.UntilAsync(() => Letters(engine)[0].State != LetterState.Open);

        Assert.Equal(LetterState.Filtered, Assert.Single(Letters(engine)).State);
        Assert.Empty(engine.Sink.Target);
    }

    [Fact]
    public async Task A_request_survives_a_kill()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(2, 20));
        Volatile.Write(ref _mended, true);
        engine.Sink.Before = (_, _) => throw new RetriableException(new(9001), "The target is away.", "Wait.");
        await engine.Pipeline.RequestAsync([0], discard: false, "ann", default);
        await engine.KillAsync();

        engine.Sink.Before = null;
        engine.Start();
        await engine.UntilAsync(() => engine.Pipeline.OpenLetters == 0);
        Assert.Equal(["items:2=20"], Shown(engine));
    }

    [Fact]
    public async Task Discarding_is_a_record_with_a_name()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(2, 20));

        Assert.Equal(1, await engine.Pipeline.RequestAsync([0], discard: true, "ann", default));

        var letter = Assert.Single(Letters(engine));
        Assert.Equal((LetterState.Discarded, "ann", 0), (letter.State, letter.EndedBy, engine.Pipeline.OpenLetters));
    }

    [Fact]
    public async Task Letters_of_a_killed_run_are_known_to_the_next_and_newer_rows_still_supersede_them()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10), Insert(2, 20));
        await engine.KillAsync();
        engine.Sink.Restart();
        Volatile.Write(ref _mended, true);
        engine.Start();
        Assert.Equal(1, engine.Pipeline.OpenLetters);
        engine.Source.Add(Update(2, 20, 21));
        await engine.SettledAsync();

        Assert.Equal(0, engine.Pipeline.OpenLetters);
    }

    [Fact]
    public async Task A_newer_row_that_the_target_says_it_holds_supersedes_too()
    {
        await using var engine = Engine();
        engine.Definition = engine.Definition with { Lanes = 1 };
        engine.Sink.Committed = _ => -1;
        await DeliverAsync(engine, Insert(2, 20));
        await engine.StopAsync();

        // Written by a run that died before it could note the outcome.
        engine.Source.Add(Update(2, 20, 21));
        var written = false;
        engine.Sink.Committed = _ => Volatile.Read(ref written) ? 2 : -1;
        engine.Sink.Before = (_, _) =>
        {
            Volatile.Write(ref written, true);
            throw new RetriableException(new(9001), "The answer was lost.", "It is sent again.");
        };
        engine.Start();
        await engine.SettledAsync();

        Assert.Equal(LetterState.Superseded, Assert.Single(Letters(engine)).State);
    }

    [Fact]
    public async Task Of_two_letters_of_a_key_the_older_is_superseded_by_the_newer_one_replayed()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(2, 20), Update(2, 20, 21));
        Assert.Equal(2, engine.Pipeline.OpenLetters);
        Volatile.Write(ref _mended, true);

        await engine.Pipeline.RequestAsync([1], discard: false, "ann", default);
        await engine.UntilAsync(() => Letters(engine).All(letter => letter.State != LetterState.Open));

        Assert.Equal([LetterState.Superseded, LetterState.Applied], Letters(engine).Select(letter => letter.State));
        Assert.Equal(["items:2=21"], Shown(engine));
    }

    [Fact]
    public async Task Many_letters_are_replayed_while_the_stream_goes_on()
    {
        await using var engine = Engine();
        engine.Sink.Decide = operation => !Volatile.Read(ref _mended) && TestTable.IdOf(operation.Row.Span) % 2 == 0 ? Answer.Refused("Data too long", "1406") : null;
        engine.Start();
        for (var round = 0; round < 10; round++)
            engine.Source.Add([.. Enumerable.Range(round * 100, 100).Select(id => Insert(id, id))]);
        await engine.SettledAsync();
        Assert.Equal(500, engine.Pipeline.OpenLetters);

        Volatile.Write(ref _mended, true);
        await engine.Pipeline.RequestAsync([.. Enumerable.Range(0, 500)], discard: false, "ann", default);
        for (var round = 0; round < 10; round++)
            engine.Source.Add([.. Enumerable.Range(round * 100, 100).Select(id => Update(id, id, id + 5000))]);
        await engine.SettledAsync();
        await engine.UntilAsync(() => engine.Pipeline.OpenLetters == 0 && engine.Pipeline.Account().InFlight == 0);

        Assert.Equal(1000, engine.Sink.Target.Count);
        Assert.All(engine.Sink.Target.Values, row => Assert.Equal(TestTable.IdOf(row) + 5000, TestTable.ValueOf(row)));
        Assert.True(engine.Pipeline.Account().Balanced);
    }

    [Fact]
    public void A_letter_of_an_earlier_version_is_read()
    {
        var book = new LetterBook();
        var header = """
            {"pipeline":"copy","epoch":1,"offset":4711,"alias":"orders","table":"shop.orders","operation":"index","key":"id=17","transaction":"0-1-42",
             "committed_at_micros":1700000000123456,"refused_at":"2024-01-31T12:00:00.0000000+00:00","reason":"Data too long for column 'note'"}
            """u8;
        book.Apply(3, [.. BitConverter.GetBytes(header.Length), .. header]);

        var letter = Assert.Single(book.Letters);
        Assert.Equal((3L, 4711L, "id=17", "Data too long for column 'note'", null, 1), (letter.Id, letter.Offset, letter.Key, letter.Cause, letter.KeyHash, letter.Attempts));
    }

    [Fact]
    public void What_is_no_letter_is_told()
    {
        Assert.Equal("a dead letter's header is cut off: 3 bytes.", Assert.Throws<InvalidDataException>(() => new LetterBook().Apply(0, [1, 2, 3])).Message);
        Assert.Throws<InvalidDataException>(() => new LetterBook().Apply(0, [2, 0, 0, 0, (byte)'{', (byte)'}']));
    }

    private static Letter[] Letters(TestEngine engine) => [.. engine.Letters()];

    private static List<string> Shown(TestEngine engine) =>
        [.. engine.Sink.Target.Select(row => $"{row.Key}={TestTable.ValueOf(row.Value)}").Order(StringComparer.Ordinal)];

    private static async Task DeliverAsync(TestEngine engine, params TestChange[] changes)
    {
        engine.Start();
        engine.Source.Add(changes);
        await engine.SettledAsync();
    }

    // Refuses the key 2 until mended.
    private TestEngine Engine()
    {
        var engine = new TestEngine();
        engine.Sink.Decide = operation => !Volatile.Read(ref _mended) && TestTable.IdOf(operation.Row.Span) == 2 ? Answer.Refused("Data too long", "1406") : null;
        return engine;
    }
}
