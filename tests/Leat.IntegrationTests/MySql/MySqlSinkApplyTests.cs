using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.MySql.Servers;
using Leat.Tests.Changes;
using Xunit;
using static Leat.IntegrationTests.MySql.SinkTarget;

namespace Leat.IntegrationTests.MySql;

/// <summary>Whole transactions with foreign keys, rows that lack columns, and what is replayed out of the dead letters.</summary>
public sealed class MySqlSinkApplyTests(MariaDbFixture server) : IClassFixture<MariaDbFixture>
{
    private static readonly TableSchema Nodes = Schema(
        new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "parent", Kind = ColumnKind.Int32 }, new() { Name = "note", Kind = ColumnKind.String, Length = 20 });

    private static readonly Shape Tree = Shape("tree", Nodes);
    private static readonly Shape Leaves = Shape("leaves", Nodes);
    private static readonly Shape Partial = Shape("tree", Nodes.As(partial: true));

    private readonly SinkTarget _target = new(server);

    private MySqlSinkOptions Transactional => _target.Options with { Apply = ApplyBy.Transactions };

    [Fact]
    public async Task Whole_transactions_take_one_lane_and_what_flush_says_bounds_a_batch()
    {
        await using var whole = _target.Sink(Transactional);
        await using var lanes = _target.Sink(_target.Options with { FlushOperations = 7, FlushBytes = 65_536 });

        var traits = await whole.PrepareAsync([Tree], default);
        var usual = await lanes.PrepareAsync([Tree], default);

        Assert.Equal((1, true), (traits.MaxLanes, traits.WholeTransactions));
        Assert.Equal((64, false, 7, 65_536, true), (usual.MaxLanes, usual.WholeTransactions, usual.MaxBatchOperations, usual.MaxBatchBytes, usual.TakesPartialRows));
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task Rows_that_reference_each_other_arrive_in_the_source_order(TestProduct product)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        await CreateForest(target);
        await using var sink = target.Sink(target.Options with { Apply = ApplyBy.Transactions });
        Assert.DoesNotContain(await sink.CheckAsync([Tree, Leaves], default), finding => finding.Severity != Severity.Ok);
        await sink.PrepareAsync([Tree, Leaves], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);

        var first = await WriteAsync(
            lane, Index(1, Tree, 2, null, "a"), Index(2, Tree, 1, 2, "b"), Index(3, Leaves, 7, 1, "leaf"), Index(4, Tree, 2, null, "changed"), Index(5, Leaves, 8, 2, "leaf"));
        Assert.All(first, answer => Assert.Equal(Answer.Applied, answer));

        // The leaf moves to a new tree before its old one goes, all in one transaction.
        var second = await WriteAsync(
            lane, Index(6, Tree, 3, null, "new"), Index(7, Leaves, 7, 3, "leaf"), Delete(8, Tree, 1, 2, "b"), Delete(9, Leaves, 8, 2, "leaf"), Delete(10, Tree, 2, null, "changed"));

        Assert.All(second, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal(["3 NULL new"], await target.AskAsync("SELECT * FROM tree ORDER BY id"));
        Assert.Equal(["7 3 leaf"], await target.AskAsync("SELECT * FROM leaves ORDER BY id"));
    }

    [Fact]
    public async Task A_table_deleted_against_the_order_of_its_keys_is_deleted_row_by_row()
    {
        await CreateForest(_target);
        await using var sink = _target.Sink(Transactional);
        await sink.PrepareAsync([Tree, Leaves], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(lane, Index(1, Tree, 1, null, "root"), Index(2, Tree, 2, 1, "inner"), Index(3, Tree, 3, 2, "outer"));

        var answers = await WriteAsync(lane, Delete(4, Tree, 3, 2, ""), Delete(5, Tree, 2, 1, ""), Delete(6, Tree, 1, null, ""));

        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Empty(await _target.AskAsync("SELECT * FROM tree"));
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task Rows_that_lack_columns_change_those_that_they_tell_and_need_a_row(TestProduct product)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        await using var sink = target.Sink();
        await sink.PrepareAsync([Tree], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(lane, Index(1, Tree, 1, 5, "a"), Index(2, Tree, 2, 6, "b"));

        var told = await WriteAsync(
            lane, Update(3, Partial, 1, Rows.Absent, "changed"), Update(4, Partial, 2, null, Rows.Absent), Update(5, Partial, 2, Rows.Absent, Rows.Absent), Update(6, Partial, 1, 5, Rows.Absent));
        var missing = await WriteAsync(
            lane, Index(7, Tree, 3, 1, "c"), Update(8, Partial, 9, Rows.Absent, "nobody"), Update(9, Partial, 3, 2, Rows.Absent), Update(10, Partial, 3, Rows.Absent, new string('x', 30)));

        Assert.All(told, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal([AnswerKind.Applied, AnswerKind.Refused, AnswerKind.Applied, AnswerKind.Refused], missing.Select(answer => answer.Kind));
        Assert.Equal(Answer.Refused("The target has no row of this key; the change tells only some of its columns.", "no row"), missing[1]);
        Assert.Equal("1406", missing[3].Cause);
        Assert.Equal(["1 5 changed", "2 NULL b", "3 2 c"], await target.AskAsync("SELECT * FROM tree ORDER BY id"));
        Assert.Equal(7, await target.PositionAsync());
    }

    [Fact]
    public async Task What_is_replayed_moves_no_offset_and_overwrites_nothing_newer()
    {
        await using var sink = _target.Sink();
        await sink.PrepareAsync([Tree], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        await WriteAsync(lane, Index(50, Tree, 1, null, "a"));

        var alone = await WriteAsync(lane, Index(7, Tree, 2, null, "replayed") with { ReplayedEpoch = 1 });
        Assert.Equal(50, await _target.PositionAsync());
        var refused = await WriteAsync(lane, Index(60, Tree, 3, null, "b"), Index(8, Tree, 4, null, new string('x', 30)) with { ReplayedEpoch = 1 });
        Assert.Equal(60, await _target.PositionAsync());
        var mixed = await WriteAsync(
            lane, Index(61, Tree, 5, null, "newer"), Index(9, Tree, 5, null, "older") with { ReplayedEpoch = 1 }, Index(10, Tree, 6, null, "replayed") with { ReplayedEpoch = 1 });

        Assert.Equal([Answer.Applied], alone);
        Assert.Equal([AnswerKind.Applied, AnswerKind.Refused], refused.Select(answer => answer.Kind));
        Assert.Equal([Answer.Applied, Answer.Stale, Answer.Applied], mixed);
        Assert.Equal(["1 a", "2 replayed", "3 b", "5 newer", "6 replayed"], await _target.AskAsync("SELECT id, note FROM tree ORDER BY id"));
        Assert.Equal(61, await _target.PositionAsync());
    }

    private static Task CreateForest(SinkTarget target) => target.RunAsync(
        "CREATE TABLE tree (id INT PRIMARY KEY, parent INT, note VARCHAR(20), FOREIGN KEY (parent) REFERENCES tree (id)) ENGINE=InnoDB; " +
        "CREATE TABLE leaves (id INT PRIMARY KEY, parent INT, note VARCHAR(20), FOREIGN KEY (parent) REFERENCES tree (id)) ENGINE=InnoDB");
}
