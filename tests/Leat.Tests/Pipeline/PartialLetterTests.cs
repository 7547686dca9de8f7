using Leat.Changes;
using Leat.Pipeline.Letters;
using Xunit;

namespace Leat.Tests.Pipeline;

/// <summary>Changes that tell some columns only, of rows that have dead letters: they say nothing of what was refused.</summary>
public sealed class PartialLetterTests
{
    private const string Behind =
        "An earlier change of this row is in the dead letters, and this one tells only some of its columns: the target has them, and they are to be replayed behind that change.";

    private bool _mended;
    private bool _isStarted;

    [Fact]
    public async Task An_update_of_other_columns_does_not_supersede_a_refused_one_and_both_are_replayed_in_order()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10, "a"));
        await DeliverAsync(engine, Update(1, v: null, "too long"));
        await DeliverAsync(engine, Update(1, v: 11, note: null));

        Assert.Equal(["1=11 a"], Shown(engine));
        Assert.Equal([(0L, LetterState.Open, "Data too long"), (1L, LetterState.Open, Behind)], Letters(engine));

        await ReplayAsync(engine, 0, 1);
        Assert.Equal(["1=11 too long"], Shown(engine));
        Assert.Equal([LetterState.Applied, LetterState.Applied], Letters(engine).Select(letter => letter.State));
    }

    [Fact]
    public async Task A_refused_row_whose_columns_come_apart_later_is_whole_again_after_a_replay()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10, "a"));

        // All columns are told, so it is a whole row; what is behind it in the same request is no outcome of it either.
        await DeliverAsync(engine, Update(1, 20, "too long"), Update(1, v: 21, note: null));
        Assert.Equal(["1=21 a"], Shown(engine));

        await ReplayAsync(engine, 0, 1);
        Assert.Equal(["1=21 too long"], Shown(engine));
    }

    [Fact]
    public async Task An_update_that_tells_all_of_the_refused_columns_supersedes_it()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10, "a"));
        await DeliverAsync(engine, Update(1, v: null, "too long"));
        await DeliverAsync(engine, Update(1, v: null, "short"));

        Assert.Equal(["1=10 short"], Shown(engine));
        Assert.Equal([(0L, LetterState.Superseded, "Data too long")], Letters(engine));
    }

    [Fact]
    public async Task A_whole_row_supersedes_all_letters_of_updates()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10, "a"));
        await DeliverAsync(engine, Update(1, v: null, "too long"), Update(1, v: 11, note: null), Update(1, 12, "whole"));

        Assert.Equal(["1=12 whole"], Shown(engine));
        Assert.All(Letters(engine), letter => Assert.Equal(LetterState.Superseded, letter.State));
    }

    [Fact]
    public async Task Replayed_alone_an_update_stays_behind_the_letter_before_it()
    {
        await using var engine = Engine();
        await DeliverAsync(engine, Insert(1, 10, "a"));
        await DeliverAsync(engine, Update(1, v: null, "too long"));
        await DeliverAsync(engine, Update(1, v: 11, note: null));
        Volatile.Write(ref _mended, true);

        await engine.Pipeline.RequestAsync([1], discard: false, "ann", default);
        await engine.UntilAsync(() => engine.Letters().Any(letter => letter.Attempts == 2));

        Assert.Equal([(0L, LetterState.Open, "Data too long"), (1L, LetterState.Open, Behind)], Letters(engine));
        await engine.Pipeline.RequestAsync([0], discard: true, "ann", default);
        await ReplayAsync(engine, 1);
        Assert.Equal([LetterState.Discarded, LetterState.Applied], Letters(engine).Select(letter => letter.State));
    }

    [Fact]
    public async Task What_the_target_says_it_holds_stands_behind_a_letter_too()
    {
        await using var engine = Engine();
        engine.Definition = engine.Definition with { Lanes = 1 };
        var written = -1L;
        engine.Sink.Committed = _ => Volatile.Read(ref written);
        await DeliverAsync(engine, Insert(1, 10, "a"));
        await DeliverAsync(engine, Update(1, v: null, "too long"));
        await engine.StopAsync();

        // Written by a run that died before it could note the outcome.
        engine.Source.Add(Update(1, v: 11, note: null));
        engine.Sink.Before = (batch, _) =>
        {
            Volatile.Write(ref written, batch.Span[^1].Offset);
            throw new RetriableException(new(9001), "The answer was lost.", "It is sent again.");
        };
        engine.Start();
        await engine.SettledAsync();

        Assert.Equal([LetterState.Open, LetterState.Open], Letters(engine).Select(letter => letter.State));
        Assert.True(engine.Pipeline.Account().Balanced);
    }

    private static TestChange Insert(int id, long v, string note) => new(ChangeKind.Insert, null, Row(id, v, note));

    // What is null here is not told.
    private static TestChange Update(int id, long? v, string? note) => new(ChangeKind.Update, Row(id, v: null, note: null), Row(id, v, note));

    private static byte[] Row(int id, long? v, string? note)
    {
        var bytes = new byte[64];
        var row = RowWriter.Partial(bytes, 3);
        row.WriteUInt32((uint)id);
        if (v is { } value)
            row.WriteUInt64((ulong)value);
        else
            row.WriteAbsent();
        if (note is null)
            row.WriteAbsent();
        else
            row.WriteString(note);
        return bytes[..row.WrittenBytes];
    }

    private static List<(long Id, LetterState State, string Reason)> Letters(TestEngine engine) =>
        [.. engine.Letters().OrderBy(letter => letter.Offset).Select(letter => (letter.Id, letter.State, letter.Reason))];

    private static List<string> Shown(TestEngine engine) => [.. engine.Sink.Target.Values.Select(Shown)];

    private static string Shown(byte[] row)
    {
        var reader = new RowReader(TestTable.Schema, row);
        reader.Seek(2);
        return $"{TestTable.IdOf(row)}={TestTable.ValueOf(row)} {System.Text.Encoding.UTF8.GetString(reader.Bytes)}";
    }

    private async Task ReplayAsync(TestEngine engine, params long[] letters)
    {
        Volatile.Write(ref _mended, true);
        Assert.Equal(letters.Length, await engine.Pipeline.RequestAsync(letters, discard: false, "ann", default));
        await engine.UntilAsync(() => engine.Pipeline.OpenLetters == 0 && engine.Pipeline.Account().InFlight == 0);
    }


    private async Task DeliverAsync(TestEngine engine, params TestChange[] changes)
    {
        if (!_isStarted)
            engine.Start();
        _isStarted = true;
        engine.Source.Add(changes);
        await engine.SettledAsync();
    }

    // Refuses what tells a note that is too long, until mended.
    private TestEngine Engine()
    {
        var engine = new TestEngine();
        engine.Source.Schema = TestTable.Schema.As(partial: true);
        engine.Sink.Traits = new() { TakesPartialRows = true };
        engine.Sink.Decide = operation => !Volatile.Read(ref _mended) && operation.Row.Span.IndexOf("too long"u8) >= 0 ? Answer.Refused("Data too long", "1406") : null;
        return engine;
    }
}
