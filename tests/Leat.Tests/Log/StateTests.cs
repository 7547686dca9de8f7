using System.Text;
using Leat.Log;
using Xunit;

namespace Leat.Tests.Log;

/// <summary>Keyed state comes back as it was when its last set was closed, whatever happened since.</summary>
public sealed class StateTests : IDisposable
{
    private static readonly StreamOptions Small = new() { SegmentBytes = 16 * 1024, Compact = true, TailBytes = 0 };

    private readonly LogFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public async Task Loads_what_was_put_and_the_note_of_the_last_set()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        using var writer = new StateWriter(stream);
        writer.Put("a"u8, "1"u8);
        writer.Put("b"u8, "1"u8);
        writer.Close(10, "first"u8);
        writer.Put("a"u8, ""u8);
        writer.Delete("b"u8);
        writer.Put("c"u8, "2"u8);
        var set = writer.Close(20, "second"u8);
        await stream.WaitSyncedAsync(set.NextOffset, LogFixture.Token);

        var state = new Handler();
        var marker = StateReader.Load(stream, state, LogFixture.Token);

        Assert.Equal("a=|c=2", state.Text);
        Assert.Equal((6L, 20L, "second"), (marker!.Value.Offset, marker.Value.SourceOffset, Encoding.UTF8.GetString(marker.Value.Note.Span)));
        Assert.Equal(new StateSet(20, 7), set);
    }

    [Fact]
    public void A_new_stream_has_no_state()
    {
        var state = new Handler();

        Assert.Null(StateReader.Load(_fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small), state, LogFixture.Token));
        Assert.Equal("", state.Text);
    }

    [Fact]
    public async Task A_set_without_changes_moves_the_offset()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        using var writer = new StateWriter(stream);
        writer.Put("a"u8, "1"u8);
        writer.Close(10, default);
        var set = writer.Close(30, default);
        await stream.WaitSyncedAsync(set.NextOffset, LogFixture.Token);

        var state = new Handler();
        Assert.Equal(30, StateReader.Load(stream, state, LogFixture.Token)!.Value.SourceOffset);
        Assert.Equal("a=1", state.Text);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(3000)] // of 1 KiB: more than one batch
    public async Task A_set_that_was_not_closed_is_never_seen(int keys)
    {
        var log = _fixture.Open(scheduler: new NoMaintenance());
        var stream = log.OpenStream("state", Small);
        using var writer = new StateWriter(stream);
        writer.Put("a"u8, "1"u8);
        var set = writer.Close(10, default);
        PutMany(writer, keys);
        await stream.WaitSyncedAsync(Math.Max(set.NextOffset, stream.EndOffset), LogFixture.Token);

        var (running, killed, closed) = (new Handler(), new Handler(), new Handler());
        Assert.Equal(10, StateReader.Load(stream, running, LogFixture.Token)!.Value.SourceOffset);
        var copy = _fixture.CopyAsIfKilled();
        log.Dispose();
        Assert.Equal(10, StateReader.Load(_fixture.Open(copy, new NoMaintenance()).OpenStream("state", Small), killed, LogFixture.Token)!.Value.SourceOffset);
        Assert.Equal(10, StateReader.Load(_fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small), closed, LogFixture.Token)!.Value.SourceOffset);

        Assert.Equal(["a=1", "a=1", "a=1"], [running.Text, killed.Text, closed.Text]);
    }

    [Fact]
    public async Task A_set_of_many_batches_counts_as_a_whole()
    {
        var log = _fixture.Open(scheduler: new NoMaintenance());
        var stream = log.OpenStream("state", Small);
        using var writer = new StateWriter(stream);
        PutMany(writer, 3000);
        var set = writer.Close(10, default);
        await stream.WaitSyncedAsync(set.NextOffset, LogFixture.Token);
        log.Dispose();

        var state = new Handler();
        Assert.NotNull(StateReader.Load(_fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small), state, LogFixture.Token));
        Assert.Equal(3000, state.Keys.Count);
    }

    [Fact]
    public async Task What_is_abandoned_is_not_in_the_next_set()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        using var writer = new StateWriter(stream);
        writer.Put("a"u8, "1"u8);
        writer.Abandon();
        PutMany(writer, 3000);
        writer.Abandon();
        writer.Put("b"u8, "2"u8);
        var set = writer.Close(10, default);
        await stream.WaitSyncedAsync(set.NextOffset, LogFixture.Token);

        var state = new Handler();
        StateReader.Load(stream, state, LogFixture.Token);
        Assert.Equal("b=2", state.Text);
    }

    [Fact]
    public async Task A_stream_that_somebody_else_wrote_into_is_refused()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        await LogFixture.AppendSyncedAsync(stream, "value");

        var error = Assert.Throws<LogException>(() => StateReader.Load(stream, new Handler(), LogFixture.Token));

        Assert.Equal(
            "Stream state does not end with the marker that closes a set of keyed state. "
            + "Something else wrote into it. Look at it with `leat log tail`, and give the state a stream of its own. [LEAT-2055]", error.Message);
    }

    [Fact]
    public async Task A_marker_of_a_later_version_is_refused()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        var batch = stream.NewBatch();
        LogFixture.Add(batch, null, "leatset\u0002\0\0\0\0\0\0\0\0");
        stream.Append(batch);
        await stream.WaitSyncedAsync(1, LogFixture.Token);

        var error = Assert.Throws<LogException>(() => StateReader.Load(stream, new Handler(), LogFixture.Token));

        Assert.Equal(
            "The state in stream state has format version 2; this program knows versions up to 1. "
            + "Use the program version that wrote it, or a later one. [LEAT-2008]", error.Message);
    }

    [Fact]
    public async Task Markers_that_newer_ones_replaced_are_compacted_away()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        using var writer = new StateWriter(stream);
        for (var i = 0; i < 500; i++)
        {
            writer.Put("a"u8, new byte[50]);
            writer.Close(i, new byte[50]);
        }

        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
        var before = new FileInfo(LogFixture.PathOf(_fixture.Folder, "state", 0)).Length;

        Assert.True(stream.Compaction.Pass());

        Assert.True(before > 10_000);
        Assert.InRange(new FileInfo(LogFixture.PathOf(_fixture.Folder, "state", 0)).Length, 1, 500);
        Assert.Equal(499, StateReader.Load(stream, new Handler(), LogFixture.Token)!.Value.SourceOffset);
    }

    [Fact]
    public async Task Compaction_leaves_the_set_of_the_last_marker_as_it_was_written()
    {
        var stream = _fixture.Open(scheduler: new NoMaintenance()).OpenStream("state", Small);
        using var writer = new StateWriter(stream);
        PutMany(writer, 3000);
        writer.Close(1, default);
        PutMany(writer, 3000);
        var set = writer.Close(2, default);
        await stream.WaitSyncedAsync(set.NextOffset, LogFixture.Token);

        Assert.True(stream.Compaction.Pass());

        var closed = stream.Locked(table => table.Manifest.Sealed);
        Assert.True(closed[0].IsCompacted);
        Assert.Contains(closed, segment => segment.BaseOffset > 3002);
        Assert.DoesNotContain(closed, segment => segment.BaseOffset > 3002 && segment.IsCompacted);
        Assert.False(closed.Last(segment => segment.BaseOffset <= 3002).IsCompacted);
    }

    [Fact]
    public async Task A_hold_follows_when_the_set_is_durable()
    {
        var scheduler = new HeldScheduler();
        var stream = _fixture.Open(scheduler: scheduler).OpenStream("state", Small);
        using var writer = new StateWriter(stream);
        var hold = new RetentionHold("state", 5, _ => { });
        writer.Put("a"u8, "1"u8);
        var moved = writer.MoveHoldAsync(writer.Close(70, default), hold, LogFixture.Token).AsTask();

        Assert.Equal(5, hold.Offset);
        scheduler.Run();
        await moved;

        Assert.Equal(70, hold.Offset);
        await writer.MoveHoldAsync(new(60, 0), hold, LogFixture.Token);
        Assert.Equal(70, hold.Offset);
    }

    /// <summary>Random sets, deletions, abandoned sets, compactions and restarts, against a dictionary.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Is_always_what_a_dictionary_would_be(int seed)
    {
        var random = new Random(seed);
        var (closedState, openState) = (new SortedDictionary<string, string>(StringComparer.Ordinal), new SortedDictionary<string, string>(StringComparer.Ordinal));
        var sourceOffset = -1L;
        var log = _fixture.Open(scheduler: new NoMaintenance());
        var options = Small with { SegmentBytes = 4096, TombstoneAge = TimeSpan.Zero };
        var stream = log.OpenStream("state", options);
        var writer = new StateWriter(stream);
        for (var step = 0; step < 400; step++)
        {
            switch (random.Next(20))
            {
                case < 12:
                    for (var i = random.Next(20); i >= 0; i--)
                        Change(writer, openState, random);
                    break;
                case < 15:
                    writer.Close(sourceOffset = step, default);
                    closedState = new(openState, StringComparer.Ordinal);
                    break;
                case 15:
                    writer.Abandon();
                    openState = new(closedState, StringComparer.Ordinal);
                    break;
                case 16 or 17:
                    stream.Compaction.Pass(random.Next(2) == 0 ? 300 : 1 << 20);
                    break;
                default:
                    await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
                    var folder = random.Next(2) == 0 ? _fixture.CopyAsIfKilled(log.Path) : log.Path;
                    writer.Dispose();
                    log.Dispose();
                    log = _fixture.Open(folder, new NoMaintenance());
                    stream = log.OpenStream("state", options);
                    writer = new StateWriter(stream);
                    openState = new(closedState, StringComparer.Ordinal);
                    break;
            }

            await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
            var state = new Handler();
            Assert.Equal(sourceOffset, StateReader.Load(stream, state, LogFixture.Token)?.SourceOffset ?? -1);
            Assert.Equal(closedState, state.Keys);
        }

        writer.Dispose();
    }

    private static void Change(StateWriter writer, SortedDictionary<string, string> state, Random random)
    {
        var key = $"key{random.Next(30)}";
        if (random.Next(4) == 0)
        {
            writer.Delete(Encoding.UTF8.GetBytes(key));
            state.Remove(key);
            return;
        }

        state[key] = new string((char)('a' + random.Next(26)), random.Next(60));
        writer.Put(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(state[key]));
    }

    private static void PutMany(StateWriter writer, int keys)
    {
        for (var i = 0; i < keys; i++)
            writer.Put(Encoding.UTF8.GetBytes($"many{i}"), new byte[1024]);
    }

    private sealed class Handler : IStateHandler
    {
        public SortedDictionary<string, string> Keys { get; } = new(StringComparer.Ordinal);

        public string Text => string.Join('|', Keys.Select(pair => $"{pair.Key}={pair.Value}"));

        public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value) => Keys[Encoding.UTF8.GetString(key)] = Encoding.UTF8.GetString(value);

        public void Delete(ReadOnlySpan<byte> key) => Keys.Remove(Encoding.UTF8.GetString(key));
    }

    // Runs nothing before it is told to.
    private sealed class HeldScheduler : ILogScheduler
    {
        private readonly List<Func<TimeSpan?>> _steps = [];

        public ILogWorker Start(string name, Func<TimeSpan?> step)
        {
            _steps.Add(step);
            return new Worker();
        }

        public void Run() => _steps.ForEach(step => step());

        private sealed class Worker : ILogWorker
        {
            public void Wake()
            {
                // it runs when the test says so
            }

            public void Dispose()
            {
                // nothing is held
            }
        }
    }
}
