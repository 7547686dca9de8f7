using System.Collections.Immutable;
using Leat.Changes;
using Leat.Pipeline.Delivery;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Pipeline;

/// <summary>Values of unique indexes that are handed from row to row, which may take different lanes.</summary>
public sealed class UniqueValuesTests
{
    private static readonly ImmutableDictionary<string, ImmutableArray<ImmutableArray<int>>> UniqueV =
        ImmutableDictionary<string, ImmutableArray<ImmutableArray<int>>>.Empty.Add("items", [[1]]);

    public static TheoryData<int> Seeds => RandomDeliveryTests.Seeds;

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_target_with_a_unique_index_never_sees_a_duplicate_while_all_lanes_run(int seed)
    {
        var random = new Random(seed);
        await using var engine = new TestEngine(timeFactor: 2000);
        engine.Definition = engine.Definition with { Lanes = 2 + random.Next(6) };
        engine.Sink.Traits = new() { MaxBatchOperations = 1 + random.Next(30), UniqueKeys = UniqueV };
        var index = new UniqueIndex();
        engine.Sink.Decide = index.Write;
        var faults = new Random(seed + 1);
        engine.Sink.Before = async (_, token) =>
        {
            int roll;
            lock (faults)
                roll = faults.Next(100);
            if (roll < 5)
                throw new RetriableException(new(9001), "The connection broke before the request.", "Wait.");
            if (roll < 40)
                await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, token);
        };
        engine.Start();
        var workload = new HandOvers(random);
        for (var i = 0; i < 1500; i++)
            engine.Source.Add([.. workload.Next()]);

        await engine.SettledAsync();

        Assert.True(index.Violations.Count == 0, $"seed {seed}: {string.Join("; ", index.Violations)}");
        Assert.Equal(
            engine.Source.State().OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}={TestTable.ValueOf(pair.Value)}"),
            engine.Sink.Target.Values.OrderBy(row => TestTable.IdOf(row)).Select(row => $"{TestTable.IdOf(row)}={TestTable.ValueOf(row)}"));
        Assert.True(engine.Pipeline.Lanes.Count(lane => lane.Queue.Snapshot().Emitted > 0) > 1, $"seed {seed}: one lane only");
    }

    [Fact]
    public async Task Who_takes_a_value_waits_for_who_frees_it_and_nobody_else_does()
    {
        await using var engine = new TestEngine();
        engine.Definition = engine.Definition with { Lanes = 4 };
        engine.Sink.Traits = new() { UniqueKeys = UniqueV };
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.Sink.Before = async (batch, token) =>
        {
            if (TestTable.IdOf(batch.Span[0].Row.Span) == 1 && batch.Span[0].Cause == ChangeKind.Update)
                await gate.Task.WaitAsync(token);
        };
        engine.Start();
        engine.Source.Add(Insert(1, 100));
        await engine.SettledAsync();
        var other = OtherLane(engine, 1);
        engine.Source.Add(Update(1, 100, 101));
        engine.Source.Add(Insert(other, 500));
        await engine.UntilAsync(() => engine.Sink.Target.ContainsKey($"items:{other}"));
        engine.Source.Add(Update(other, 500, 100));
        await engine.UntilAsync(() => engine.Capture.Position?.Text == "4" && engine.Capture.Stream.ReadableOffset == engine.Capture.Stream.EndOffset);
        Assert.Equal(500, TestTable.ValueOf(engine.Sink.Target[$"items:{other}"]));
        gate.SetResult();
        await engine.SettledAsync();

        // The insert passed the update that waits, and the update that takes its value did not.
        Assert.Equal([1, other, 1, other], engine.Sink.Writes.Select(write => write.Id));
        Assert.Equal(100, TestTable.ValueOf(engine.Sink.Target[$"items:{other}"]));
    }

    [Fact]
    public async Task A_moved_key_goes_to_its_lane_as_a_whole_or_not_at_all()
    {
        await using var engine = new TestEngine();
        engine.Definition = engine.Definition with { Lanes = 2 };
        engine.Sink.Traits = new() { UniqueKeys = UniqueV };
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        engine.Sink.Before = async (batch, token) =>
        {
            if (TestTable.IdOf(batch.Span[0].Row.Span) == 1 && batch.Span[0].Cause == ChangeKind.Update)
                await gate.Task.WaitAsync(token);
        };
        engine.Start();
        var (from, to) = SameLane(engine, 1);
        engine.Source.Add(Insert(1, 100), Insert(from, 500));
        await engine.SettledAsync();
        engine.Source.Add(Update(1, 100, 101));
        engine.Source.Add(new TestChange(ChangeKind.Update, TestTable.Row(from, 500), TestTable.Row(to, 100)));
        await engine.UntilAsync(() => engine.Pipeline.Lanes.Any(lane => lane.Queue.Snapshot().InFlight > 0) && engine.Capture.Position?.Text == "3"
            && engine.Capture.Stream.ReadableOffset == engine.Capture.Stream.EndOffset);

        // A target that keeps one offset for both would believe after a restart that it has both.
        Assert.Equal(500, TestTable.ValueOf(engine.Sink.Target[$"items:{from}"]));
        gate.SetResult();
        await engine.SettledAsync();
        Assert.Equal([1, from], engine.Sink.Writes.Take(2).Select(write => write.Id).Order());
        Assert.Equal([1, from, to], engine.Sink.Writes.Skip(2).Select(write => write.Id));
    }

    [Fact]
    public void An_entry_counts_until_its_lane_is_past_it()
    {
        long[] lowest = [long.MaxValue, long.MaxValue];
        var map = new ConflictMap(2, lane => lowest[lane]);
        map.Set(11, lane: 0, offset: 5);

        Assert.True(map.TryFind(11, lane: 1, out var other, out var offset)); // not handed to its lane yet
        Assert.Equal((0, 5L), (other, offset));
        map.Published = 5;
        lowest[0] = 5;
        Assert.True(map.TryFind(11, lane: 1, out _, out _));
        Assert.False(map.TryFind(11, lane: 0, out _, out _)); // the same lane keeps the order by itself
        Assert.False(map.TryFind(13, lane: 1, out _, out _));
        lowest[0] = 6;
        Assert.False(map.TryFind(11, lane: 1, out _, out _));
    }

    [Fact]
    public void The_map_holds_what_is_under_way_and_lets_go_of_the_rest()
    {
        long[] lowest = [0, 0];
        var map = new ConflictMap(2, lane => lowest[lane]) { Published = long.MaxValue };
        for (var i = 0; i < 100_000; i++)
        {
            lowest[0] = lowest[1] = Math.Max(0, i - 500);
            map.Set((ulong)i * 2 + 1, lane: i % 2, offset: i);
        }

        Assert.InRange(map.Room, 1024, 8192);
        for (var i = 99_500; i < 100_000; i++)
            Assert.True(map.TryFind((ulong)i * 2 + 1, lane: (i + 1) % 2, out _, out _), $"{i}");
    }

    [Theory]
    [InlineData("1,5,a", "1,6,a", "1,6,a", "2,5,b", true)] // frees 5, takes 5
    [InlineData("1,5,a", "1,5,b", "1,5,b", "2,7,b", false)] // 5 stays where it is
    [InlineData(null, "1,5,a", "1,5,a", "2,5,b", true)] // both take it: whoever frees it comes between
    [InlineData(null, "1,NULL,a", "1,NULL,a", "2,NULL,b", false)]
    [InlineData("1,…,…", "1,6,…", "1,6,…", "2,5,b", true)] // nobody can tell what it frees
    [InlineData("1,…,…", "1,…,a", "1,…,a", "2,5,b", false)] // nothing of the index
    public void Two_operations_conflict_when_they_share_a_value_that_changes(string? before, string after, string ofFirst, string ofSecond, bool expected)
    {
        var partial = after.Contains('…', StringComparison.Ordinal);
        var values = new UniqueValues(new() { UniqueKeys = UniqueV }, [ShapeOf(TestTable.Schema)], 2, _ => 0);
        var first = new Operation
        {
            Kind = partial ? OperationKind.Update : OperationKind.Index, Cause = before is null ? ChangeKind.Insert : ChangeKind.Update, Offset = 1, CommittedAtMicros = 0,
            Shape = ShapeOf(TestTable.Schema.As(partial)), Row = Row(ofFirst, partial), Before = before is null ? default : Row(before, partial), KeyHash = 1,
        };
        var second = new Operation
        {
            Kind = OperationKind.Index, Cause = ChangeKind.Insert, Offset = 2, CommittedAtMicros = 0, Shape = ShapeOf(TestTable.Schema), Row = Row(ofSecond, partial: false), KeyHash = 2,
        };

        Assert.False(values.MustWait(first, 0, out _, out _));
        values.Note(first, 0);
        var waits = values.MustWait(second, 1, out var lane, out var offset);

        Assert.Equal(expected, waits);
        if (expected)
            Assert.Equal((0, 1L), (lane, offset));
    }

    private static Shape ShapeOf(TableSchema schema) => new()
    {
        Alias = "items", Schema = schema, Columns = [.. schema.Columns.Select((column, ordinal) => new ShapeColumn(column.Name, ordinal))], Key = [0],
    };

    private static byte[] Row(string values, bool partial)
    {
        var bytes = new byte[64];
        var row = partial ? RowWriter.Partial(bytes, 3) : new RowWriter(bytes, 3);
        foreach (var (value, column) in values.Split(',').Select((value, column) => (value, column)))
        {
            if (value == "…")
                row.WriteAbsent();
            else if (value == "NULL")
                row.WriteNull();
            else if (column == 0)
                row.WriteUInt32(uint.Parse(value, System.Globalization.CultureInfo.InvariantCulture));
            else if (column == 1)
                row.WriteUInt64(ulong.Parse(value, System.Globalization.CultureInfo.InvariantCulture));
            else
                row.WriteString(value);
        }

        return bytes[..row.WrittenBytes];
    }

    // A key that takes another lane than the given one, with four lanes.
    private static int OtherLane(TestEngine engine, int id)
    {
        var alias = Leat.Transform.Plan.KeyHash.Of(engine.Definition.Tables[0].Alias);
        return Enumerable.Range(2, 100).First(other => LaneOf(other) != LaneOf(id));

        ulong LaneOf(int key) => Leat.Transform.Plan.KeyHash.Of(alias, TestTable.Schema, [0], TestTable.Row(key, 0)) % 4;
    }

    // Two keys of the lane that is not the given one's, with two lanes.
    private static (int First, int Second) SameLane(TestEngine engine, int away)
    {
        var alias = Leat.Transform.Plan.KeyHash.Of(engine.Definition.Tables[0].Alias);
        var others = Enumerable.Range(2, 100).Where(other => LaneOf(other) != LaneOf(away)).ToList();
        return (others[0], others[1]);

        ulong LaneOf(int key) => Leat.Transform.Plan.KeyHash.Of(alias, TestTable.Schema, [0], TestTable.Row(key, 0)) % 2;
    }

    // What the target's own index would say.
    private sealed class UniqueIndex
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<long, int> _owners = [];
        private readonly Dictionary<int, long> _values = [];

        public List<string> Violations { get; } = [];

        public Answer? Write(Operation operation)
        {
            var id = TestTable.IdOf(operation.Row.Span);
            lock (_gate)
            {
                if (_values.Remove(id, out var old))
                    _owners.Remove(old);
                if (operation.Kind == OperationKind.Delete)
                    return null;
                var value = TestTable.ValueOf(operation.Row.Span);
                if (_owners.TryGetValue(value, out var owner))
                    Violations.Add($"{value} of {owner} again for {id} at {operation.Offset}");
                _owners[value] = id;
                _values[id] = value;
                return null;
            }
        }
    }

    // Few values and few keys, so that values change hands all the time.
    private sealed class HandOvers(Random random)
    {
        private readonly Dictionary<int, long> _rows = [];

        public IEnumerable<TestChange> Next()
        {
            var id = random.Next(40);
            if (!_rows.TryGetValue(id, out var value))
            {
                yield return Insert(id, _rows[id] = Free());
                yield break;
            }

            var other = random.Next(40);
            switch (random.Next(4))
            {
                case 0:
                    _rows.Remove(id);
                    yield return Delete(id, value);
                    yield break;
                case 1 when !_rows.ContainsKey(other):
                    _rows.Remove(id);
                    _rows[other] = value;
                    yield return Move(id, other, value);
                    yield break;
                case 2 when other != id:
                    var free = Free();
                    yield return Update(id, value, free);
                    yield return _rows.TryGetValue(other, out var had) ? Update(other, had, value) : Insert(other, value);
                    _rows[id] = free;
                    _rows[other] = value;
                    yield break;
                default:
                    yield return Update(id, value, _rows[id] = Free());
                    yield break;
            }
        }

        private long Free()
        {
            while (true)
            {
                var value = (long)random.Next(60);
                if (!_rows.ContainsValue(value))
                    return value;
            }
        }
    }
}
