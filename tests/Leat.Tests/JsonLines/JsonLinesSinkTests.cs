using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Connectors.JsonLines;
using Leat.Tests.Changes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.JsonLines;

public sealed class JsonLinesSinkTests : IDisposable
{
    private static readonly TableSchema Orders = new(
        new("shop", "orders"),
        [new() { Name = "id", Kind = ColumnKind.Int32 }, new() { Name = "total", Kind = ColumnKind.Decimal, Precision = 10, Scale = 2 }],
        [0]);

    private static readonly Shape OrdersShape = new() { Alias = "orders", Schema = Orders, Columns = [new("id", 0), new("total", 1)], Key = [0] };
    private static readonly Shape ItemsShape = new() { Alias = "items", Schema = Orders, Columns = [new("id", 0)], Key = [0] };

    private readonly string _folder = Directory.CreateTempSubdirectory("leat-lines-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Writes_the_documented_lines()
    {
        await Deliver(0, [Index(7, 17, "12.50"), Delete(8, 17)]);

        Assert.Equal(
            """
            {"offset":7,"op":"index","key":{"id":17},"row":{"id":17,"total":"12.50"}}
            {"offset":8,"op":"delete","key":{"id":17}}

            """,
            Lines("orders"));
        Assert.Contains(Lines("orders"), await File.ReadAllTextAsync(Repository.Path("docs/formats/json-lines.md")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_restart_leaves_no_line_twice_wherever_the_last_lines_were_torn()
    {
        Operation[] all = [.. Enumerable.Range(0, 6).Select(i => Index(i, i, $"{i}.00")), Delete(6, 1), Index(6, 100, "1.00")];
        await Deliver(0, all);
        var whole = Lines("orders");
        const int Checkpoint = 4;
        var safe = whole.Split('\n').Take(Checkpoint).Sum(line => line.Length + 1);

        for (var length = safe; length <= whole.Length; length++)
        {
            await File.WriteAllTextAsync(PathOf("orders"), whole[..length]);
            await Deliver(Checkpoint, all[Checkpoint..]);
            Assert.Equal(whole, Lines("orders"));
        }
    }

    [Fact]
    public async Task A_power_cut_that_left_zeros_is_cut_off()
    {
        await Deliver(0, [Index(1, 1, "1.00"), Index(2, 2, "2.00")]);
        var whole = Lines("orders");
        await File.WriteAllTextAsync(PathOf("orders"), whole[..^10] + new string('\0', 70_000) + "\n" + "{\"offset\":3,\"op\":\"index\"}\n" + new string('\0', 5));

        await Deliver(2, [Index(2, 2, "2.00")]);

        Assert.Equal(whole, Lines("orders"));
    }

    [Fact]
    public async Task Lines_longer_than_a_block_are_cut_whole()
    {
        var text = new Shape
        {
            Alias = "orders", Schema = new(new("d", "t"), [new() { Name = "id", Kind = ColumnKind.Int32 }, new() { Name = "x", Kind = ColumnKind.String }], [0]),
            Columns = [new("id", 0), new("x", 1)], Key = [0],
        };
        Operation Long(long offset)
        {
            var row = new byte[200_010];
            var writer = new RowWriter(row, 2);
            writer.WriteUInt32((uint)offset);
            writer.WriteString(new('x', 200_000));
            return Make(OperationKind.Index, offset, text, row[..writer.WrittenBytes]);
        }

        await Deliver(0, [Long(1), Long(2), Long(3)]);
        var whole = Lines("orders");

        await Deliver(2, [Long(2), Long(3)]);

        Assert.Equal(whole, Lines("orders"));
    }

    [Fact]
    public async Task A_batch_that_comes_again_to_the_same_process_is_not_written_twice()
    {
        await using var sink = await Prepared();
        await using var lane = await sink.OpenLaneAsync(Identity(0), default);
        Operation[] first = [Index(1, 1, "1.00"), Delete(2, 1)];
        await Write(lane, first);
        await using var again = await sink.OpenLaneAsync(Identity(0), default);

        await Write(again, [.. first, Index(2, 9, "9.00"), Index(3, 1, "3.00")]);

        Assert.Equal(
            """
            {"offset":1,"op":"index","key":{"id":1},"row":{"id":1,"total":"1.00"}}
            {"offset":2,"op":"delete","key":{"id":1}}
            {"offset":2,"op":"index","key":{"id":9},"row":{"id":9,"total":"9.00"}}
            {"offset":3,"op":"index","key":{"id":1},"row":{"id":1,"total":"3.00"}}

            """,
            Lines("orders"));
    }

    [Fact]
    public async Task A_table_that_becomes_known_later_gets_its_file()
    {
        await using var sink = Sink(_folder);
        await sink.PrepareAsync([OrdersShape], default);
        await Write(await sink.OpenLaneAsync(Identity(0), default), [Index(1, 1, "1.00")]);

        await sink.PrepareAsync([OrdersShape, ItemsShape], default);
        await Write(await sink.OpenLaneAsync(Identity(1), default), [Index(1, 1, "1.00"), Make(OperationKind.Index, 2, ItemsShape, Rows.Encode(Orders, 5L, null))]);

        Assert.Single(Lines("orders").Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Single(Lines("items").Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Fact]
    public async Task Each_table_has_its_own_file()
    {
        await Deliver(0, [Index(1, 1, "1.00"), Make(OperationKind.Index, 2, ItemsShape, Rows.Encode(Orders, 5L, null))]);

        Assert.Single(Lines("orders").Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("{\"offset\":2,\"op\":\"index\",\"key\":{\"id\":5},\"row\":{\"id\":5}}\n", Lines("items"));
    }

    [Fact]
    public async Task Reading_folds_the_lines_by_key_and_gives_what_was_expected()
    {
        await Deliver(0, [Index(1, 1, "1.00"), Index(2, 2, "2.00"), Index(3, 1, "3.00"), Delete(4, 2), Index(5, 3, null)]);
        await File.AppendAllTextAsync(PathOf("orders"), "{\"offset\":6,\"op\":\"ind");
        await using var sink = await Prepared();

        var rows = new List<TargetRow>();
        await foreach (var row in sink.ReadAsync(OrdersShape, default))
            rows.Add(row);

        var expected = new[] { sink.Expect(OrdersShape, Rows.Encode(Orders, 1L, "3.00")), sink.Expect(OrdersShape, Rows.Encode(Orders, 3L, null)) };
        Assert.Equal(expected.Select(Text), rows.OrderBy(row => row.Key).Select(Text));
        Assert.Equal("1: id=1 total=3.00", Text(expected[0]));
        Assert.Equal("3: id=3 total=NULL", Text(expected[1]));
    }

    [Fact]
    public async Task Does_not_touch_a_file_that_it_did_not_write()
    {
        await File.WriteAllTextAsync(PathOf("orders"), "my diary\n");
        await using var sink = await Prepared();

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.OpenLaneAsync(Identity(0), default));

        Assert.Equal(
            $"{PathOf("orders")} exists, and its lines were not written by Leat. " +
            "Move it away, or choose another folder; Leat does not overwrite what it did not write. [LEAT-4301]",
            error.Message);
        Assert.Equal("my diary\n", Lines("orders"));
        Assert.Contains(await sink.CheckAsync([OrdersShape], default), finding => finding.Code == new ErrorCode(4301));
    }

    [Fact]
    public async Task A_folder_that_cannot_be_made_names_it()
    {
        await File.WriteAllTextAsync(Path.Combine(_folder, "file"), "");
        await using var sink = Sink(Path.Combine(_folder, "file"));

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([OrdersShape], default));

        Assert.Equal(
            $"{Path.Combine(_folder, "file")} cannot be written: The file '{Path.Combine(_folder, "file")}' already exists. Give Leat's user the right " +
            "to write there, or free some space; nothing is dropped, and delivery goes on from the same place. [LEAT-4300]",
            error.Message);
    }

    [Fact]
    public async Task A_full_disk_blocks_and_drops_nothing()
    {
        if (!OperatingSystem.IsLinux())
            return;
        File.CreateSymbolicLink(PathOf("orders"), "/dev/full");
        await using var sink = await Prepared();

        var error = await Assert.ThrowsAsync<PauseException>(async () =>
        {
            await using var lane = await sink.OpenLaneAsync(Identity(0), default);
            await Write(lane, [Index(1, 1, "1.00")]);
        });

        Assert.Equal(new ErrorCode(4300), error.Code);
        Assert.StartsWith($"{PathOf("orders")} cannot be written: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_table_whose_name_is_no_file_name_is_refused()
    {
        await using var sink = Sink(_folder);
        var shape = new Shape { Alias = "../x", Schema = Orders, Columns = [new("id", 0)], Key = [0] };

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([shape], default));

        Assert.Equal(
            "The table '../x' of the pipeline cannot be the name of a file. " +
            "Rename it under `tables:` to letters, digits, '-', '_' and '.', not starting with a '.'. [LEAT-4302]",
            error.Message);
    }

    [Fact]
    public void A_relative_folder_is_taken_from_the_configuration_files_folder()
    {
        var at = new FileLocation("/etc/leat/leat.yaml", 1, 1);
        var problems = new List<Finding>();

        var options = JsonLinesSinkOptions.Read(new(new(at, [new("folder", at, new ConfigScalar(at, "out", false))]), "sink.jsonlines", problems));

        Assert.Equal("/etc/leat/out", options.Folder);
        Assert.Empty(problems);
    }

    private static Operation Index(long offset, long id, string? total) => Make(OperationKind.Index, offset, OrdersShape, Rows.Encode(Orders, id, total));

    private static Operation Delete(long offset, long id) => Make(OperationKind.Delete, offset, OrdersShape, Rows.Encode(Orders, id, null));

    private static Operation Make(OperationKind kind, long offset, Shape shape, byte[] row) => new()
    {
        Kind = kind, Cause = ChangeKind.Insert, Offset = offset, CommittedAtMicros = 0, Shape = shape, Row = row, KeyHash = BitConverter.ToUInt32(row, 1),
    };

    private static string Text(TargetRow row) => $"{row.Key}: {string.Join(' ', row.Fields.Select(field => $"{field.Key}={field.Value ?? "NULL"}"))}";

    private static LaneIdentity Identity(long checkpoint) => new("p", Guid.Empty, 1, 0, 1, checkpoint);

    private static async Task Write(ISinkLane lane, Operation[] batch)
    {
        var answers = new Answer[batch.Length];
        await lane.WriteAsync(batch, answers, default);
        Assert.All(answers, answer => Assert.Equal(AnswerKind.Applied, answer.Kind));
    }

    private async Task Deliver(long checkpoint, Operation[] batch)
    {
        await using var sink = await Prepared();
        await using var lane = await sink.OpenLaneAsync(Identity(checkpoint), default);
        await Write(lane, batch);
    }

    private static JsonLinesSink Sink(string folder) => new(new() { Folder = folder }, new("p", NullLoggerFactory.Instance, TimeProvider.System));

    private async Task<JsonLinesSink> Prepared()
    {
        var sink = Sink(_folder);
        Assert.Equal(1, (await sink.PrepareAsync([OrdersShape, ItemsShape], default)).MaxLanes);
        return sink;
    }

    private string PathOf(string alias) => Path.Combine(_folder, alias + ".jsonl");

    private string Lines(string alias) => File.ReadAllText(PathOf(alias));
}
