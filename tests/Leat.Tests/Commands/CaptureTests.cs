using System.Buffers;
using System.Text.Json;
using Leat.Changes;
using Leat.Output;
using Xunit;

namespace Leat.Tests.Commands;

public sealed class CaptureTests : IDisposable
{
    private const string TwoShops = """
        sources:
          shop: { simulator: { seed: 1 } }
          other: { simulator: { seed: 2 } }
        pipelines:
          files: { from: shop, tables: { orders: shop.orders }, sink: { jsonlines: { folder: out } } }
        """;

    private static readonly TableSchema Orders = new(
        new("shop", "orders"), [new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "note", Kind = ColumnKind.String }], [0]);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Prints_every_row_there_is_as_a_line_of_json_and_stops()
    {
        var run = await Cli.RunAsync("capture", _folder.Write("leat.yaml", TwoShops), "--source", "shop", "--to", "now");

        Assert.Equal(0, run.ExitCode);
        var lines = run.Out.TrimEnd().Split('\n');
        Assert.All(lines, line =>
        {
            using var change = JsonDocument.Parse(line);
            Assert.Equal("read", change.RootElement.GetProperty("op").GetString());
            Assert.StartsWith("shop.", change.RootElement.GetProperty("table").GetString(), StringComparison.Ordinal);
        });
        Assert.Matches($@"^{lines.Length} changes in \d+ transactions\.\nTo go on from here: --from '\{{""transaction"":0\}}'\n$", run.Error);
    }

    [Fact]
    public async Task Needs_no_folder_and_makes_none()
    {
        await Cli.RunAsync("capture", _folder.Write("leat.yaml", TwoShops), "--source", "shop", "--to", "now");

        Assert.Equal(["leat.yaml"], Directory.EnumerateFileSystemEntries(_folder.Path).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Of_several_sources_one_has_to_be_chosen() => Assert.Equal(
        new Cli(2, "", $"error: {_folder.Path}/leat.yaml has several sources. [LEAT-5005]\n  Choose one with --source NAME: shop, other.\n"),
        await Cli.RunAsync("capture", _folder.Write("leat.yaml", TwoShops)));

    [Fact]
    public async Task An_unknown_source_is_told_the_nearest() => Assert.Equal(
        new Cli(2, "", $"error: {_folder.Path}/leat.yaml has no source 'shp'. [LEAT-5004]\n  Did you mean 'shop'?\n"),
        await Cli.RunAsync("capture", _folder.Write("leat.yaml", TwoShops), "--source", "shp"));

    [Fact]
    public async Task A_transaction_is_printed_at_its_commit_and_never_when_rolled_back()
    {
        using var output = new StringWriter();
        using var writer = new PrintingWriter(output);
        var schema = writer.Define(Orders);

        writer.Begin("0-1-1"u8, 1_000_000);
        Row(writer, schema, 1, "lost");
        writer.Rollback();
        writer.Begin("0-1-2"u8, 1_000_000);
        Row(writer, schema, 2, "first");
        Row(writer, schema, 3, null);
        Assert.Equal("", output.ToString());
        await writer.CommitAsync(new Position("here"), moreInput: false, TestContext.Current.CancellationToken);

        Assert.Equal(
            """
            {"op":"insert","table":"shop.orders","key":{"id":2},"after":{"id":2,"note":"first"},"committed_at":"1970-01-01T00:00:01.000000Z","transaction":"0-1-2","index":0,"last":false}
            {"op":"insert","table":"shop.orders","key":{"id":3},"after":{"id":3,"note":null},"committed_at":"1970-01-01T00:00:01.000000Z","transaction":"0-1-2","index":1,"last":true}

            """, output.ToString());
        Assert.Equal((2, 1, "here"), (writer.Changes, writer.Transactions, writer.Position));
    }

    [Fact]
    public async Task A_transaction_larger_than_the_buffer_is_printed_whole()
    {
        using var output = new StringWriter();
        using var writer = new PrintingWriter(output);
        var schema = writer.Define(Orders);
        writer.Begin("big"u8, 0);
        for (var i = 0; i < 500; i++)
            Row(writer, schema, i, new string('é', 1_000));

        await writer.CommitAsync(new Position("end"), moreInput: false, TestContext.Current.CancellationToken);

        var lines = output.ToString().TrimEnd().Split('\n');
        Assert.Equal(500, lines.Length);
        Assert.All(lines, line => Assert.Contains($"\"note\":\"{new string('é', 1_000)}\"", line, StringComparison.Ordinal));
    }

    private static void Row(PrintingWriter writer, uint schema, int id, string? note)
    {
        var row = writer.BeginRow(8_000);
        var fields = new RowWriter(row, Orders.Columns.Length);
        fields.WriteUInt32((uint)id);
        if (note is null)
            fields.WriteNull();
        else
            fields.WriteString(note);
        writer.EndRow(ChangeKind.Insert, schema, 0, fields.WrittenBytes);
    }

    private sealed class Position(string text) : IPosition
    {
        public void WriteTo(IBufferWriter<byte> target) => target.Write(System.Text.Encoding.UTF8.GetBytes(text));
    }
}
