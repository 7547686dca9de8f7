using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Snapshots;
using Xunit;

namespace Leat.Tests.MySql;

/// <summary>What a position keeps of snapshots, and how chunks are cut and paced.</summary>
public sealed class SnapshotCursorTests
{
    private static readonly MySqlSourceOptions Options = new()
    {
        Endpoint = new() { Host = "127.0.0.1", Port = 3306, User = "leat", Password = "" },
        Tables = [new("shop", "a*"), new("shop", "orders")],
        Exclude = [new("shop", "audit")],
    };

    [Fact]
    public void A_cursor_reads_back_as_it_was_written()
    {
        var position = new MySqlPosition();
        position.SetCaptured("shop.*\n!shop.\"odd\"");
        position.SetSnapshot(new()
        {
            IsFirst = true,
            UpTo = "shop.b",
            Done = 1,
            Rows = 500,
            Tables =
            [
                new() { Table = new("shop", "b"), Left = [new(["1", "x\"y"], ["17", "z"]), KeyRange.All], Next = ["17", "z"], Rows = 1_000 },
                new() { Table = new("sh.op", "c"), Where = "id > 5", IsAgain = true, Next = null },
            ],
        });
        const string Expected = """
            "captured":"shop.*\n!shop.\u0022odd\u0022","snapshot":{"first":true,"upto":"shop.b","done":1,"rows":500,"tables":[{"db":"shop","table":"b","left":[{"after":["1","x\u0022y"],"end":["17","z"]},{"after":[],"end":[]}],"next":["17","z"],"rows":1000},{"db":"sh.op","table":"c","where":"id \u003E 5","again":true,"left":[],"rows":0}]}}
            """;

        Assert.EndsWith(Expected.Trim(), position.ToString(), StringComparison.Ordinal);
        Assert.True(MySqlPosition.TryParse(position.ToString(), out var read));
        Assert.Equal(position.ToString(), read.ToString());
    }

    [Fact]
    public void The_older_form_goes_on_with_the_table_under_way_and_those_after_it()
    {
        Assert.True(MySqlPosition.TryParse(
            """{"server_id":1,"gtid":"0-1-42","file":"bin.000002","offset":1234,"snapshot":{"done":["shop.a"],"table":"shop.b","after":["17"],"rows":1000}}""", out var position));

        Assert.EndsWith(
            ""","snapshot":{"first":true,"upto":"shop.b","done":1,"rows":1000,"tables":[{"db":"shop","table":"b","left":[],"next":["17"],"rows":0}]}}""", position.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Tables_added_to_the_file_are_those_that_the_old_patterns_leave_out()
    {
        TableName[] tables = [new("shop", "apples"), new("shop", "orders"), new("shop", "audit2")];

        Assert.Equal("shop.a*\nshop.orders\n!shop.audit", CapturedTables.Of(Options));
        Assert.Equal([new("shop", "orders"), new("shop", "audit2")], CapturedTables.Added("shop.a*\n!shop.audit*", Options, tables));
        Assert.Empty(CapturedTables.Added(CapturedTables.Of(Options), Options, tables));
        Assert.Empty(CapturedTables.Added("", Options, tables));
    }

    [Fact]
    public void A_table_is_whole_while_its_parts_follow_each_other_from_the_first_key_to_the_last()
    {
        var table = new TableCursor { Table = new("shop", "a"), Next = [] };

        Assert.True(table.IsWhole);
        Assert.True((table with { Left = [new(["5"], ["9"]), new([], ["5"])], Next = ["9"] }).IsWhole);
        Assert.True((table with { Left = [new(["5"], []), new([], ["5"])], Next = null }).IsWhole);
        Assert.True((table with { Left = [KeyRange.All], Next = null }).IsWhole);
        Assert.False((table with { Left = [new(["5"], ["9"])], Next = ["9"] }).IsWhole);
        Assert.False((table with { Left = [new([], ["5"])], Next = ["9"] }).IsWhole);
        Assert.False((table with { Left = [new([], ["5"])], Next = null }).IsWhole);
        Assert.False((table with { Left = [], Next = ["9"] }).IsWhole);
        Assert.False((table with { Left = [], Next = null }).IsWhole);
        Assert.False((table with { Rows = 1 }).IsWhole);
    }

    [Fact]
    public void Work_gives_back_what_was_not_written_and_is_over_when_all_is()
    {
        var work = new TableWork(new() { Table = new("shop", "a"), Next = [] });
        work.Take(new([], ["5"]));
        work.Next = ["5"];
        work.Take(new(["5"], []));
        work.Next = null;
        Assert.False(work.HasMore);

        work.GiveBack(new(["5"], []));
        work.Finish(new([], ["5"]), left: new(["3"], ["5"]), rows: 3);
        Assert.Equal([new(["3"], ["5"]), new(["5"], [])], work.Cursor.Left, RangeComparer.Instance);
        Assert.True(work.TryTakeLeft(out var first));
        Assert.True(work.TryTakeLeft(out var second));
        work.Finish(first, left: null, rows: 2);
        Assert.False(work.IsOver);
        work.Finish(second, left: null, rows: 1);
        Assert.True(work.IsOver);
        Assert.Equal(6, work.Rows);
    }

    [Fact]
    public void A_pace_lets_a_second_of_rows_pass_at_once_and_no_more()
    {
        var time = new SteppedTime();
        var pace = new SnapshotPace(rowsPerSecond: 1_000, time);
        Assert.True(pace.IsDue());
        pace.Count(501);
        Assert.False(pace.IsDue());
        time.Step(TimeSpan.FromMilliseconds(400));
        Assert.False(pace.IsDue());
        time.Step(TimeSpan.FromMilliseconds(101));
        Assert.True(pace.IsDue());
        time.Step(TimeSpan.FromHours(1));
        Assert.True(pace.IsDue());
        pace.Count(1_000);
        Assert.False(pace.IsDue());
    }

    [Fact]
    public void Rows_of_a_chunk_come_back_in_order()
    {
        var rows = new ChunkRows(usualBytes: 1024);
        for (byte i = 1; i <= 100; i++)
        {
            rows.Reserve(10_000)[..i].Fill(i);
            rows.Add(i);
        }

        var count = 0;
        for (var at = 0; rows.TryRead(ref at, out var row);)
            Assert.Equal((++count, (byte)count), (row.Length, row[^1]));
        Assert.Equal(100, count);
        rows.Clear();
        Assert.Equal((0, 0), (rows.Count, rows.SizeBytes));
    }

    private sealed class RangeComparer : IEqualityComparer<KeyRange>
    {
        public static readonly RangeComparer Instance = new();

        public bool Equals(KeyRange? x, KeyRange? y) => x is not null && y is not null && x.After.SequenceEqual(y.After) && x.End.SequenceEqual(y.End);

        public int GetHashCode(KeyRange range) => range.After.Length;
    }

    private sealed class SteppedTime : TimeProvider
    {
        private long _ticks = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Step(TimeSpan time) => _ticks += time.Ticks;
    }
}
