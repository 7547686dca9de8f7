using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;
using Xunit;

namespace Leat.Tests.Pipeline;

/// <summary>Documents of several tables that are one, when one of these is emptied, or read again.</summary>
public sealed class DocumentShardTests : IAsyncDisposable
{
    private static readonly TableSchema First = TestTable.Make(new("shop", "items_1"));
    private static readonly TableSchema Second = TestTable.Make(new("shop", "items_2"));
    private static readonly TableSchema Orders = TestTable.Make(new("shop", "orders"));

    private readonly TestEngine _engine = new() { Source = { Schema = First, OtherTables = [Second, Orders] } };

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Theory]
    [InlineData("shard", "1/1=11 1/2=12 2/1=21 2/3=23", "2/1=21 2/3=23")]
    [InlineData(null, "1=11 2=12 4=24 5=25", "4=24 5=25")]
    public async Task A_table_that_is_emptied_takes_its_own_rows_only(string? shard, string before, string after)
    {
        await StartAsync(shard);
        Assert.Equal(before, Shown());

        _engine.Source.Add(new TestChange(ChangeKind.Truncate, null, null) { Of = First });
        await _engine.SettledAsync();

        Assert.Equal(after, Shown());
        AssertSound();
    }

    [Theory]
    [InlineData("shard")]
    [InlineData(null)]
    public async Task A_row_that_comes_again_after_its_table_was_emptied_is_there(string? shard)
    {
        await StartAsync(shard);

        _engine.Source.Add(new TestChange(ChangeKind.Truncate, null, null) { Of = First });
        _engine.Source.Add(Of(First, TestChange.Insert(2, 99)));
        await _engine.SettledAsync();

        Assert.Equal(shard is null ? "2=99 4=24 5=25" : "1/2=99 2/1=21 2/3=23", Shown());
        AssertSound();
    }

    // Row 1 is lost in both tables, and only one of them is read again.
    [Theory]
    [InlineData("shard", "1/1=11 1/2=12 2/3=23")]
    [InlineData(null, "2=12 4=24 5=25")]
    public async Task A_table_that_is_read_again_takes_its_own_rows_only(string? shard, string after)
    {
        await StartAsync(shard);
        _engine.Source.Lost.Add(1);

        _engine.Source.Add(new TestChange(ChangeKind.Sweep, null, null) { Of = Second });
        await _engine.SettledAsync();

        Assert.Equal(after, Shown());
        AssertSound();
    }

    [Fact]
    public async Task Rows_of_one_id_in_several_tables_are_told_apart_in_a_collection()
    {
        _engine.Definition = Definition(
            new()
            {
                Root = "orders",
                Nest =
                [
                    new()
                    {
                        As = "items", From = "items", On = new([("v", "id")], default), Fields = [new("shard", "shard"), new("id", "id")], Location = default,
                    },
                ],
                Location = default,
            },
            "shard");
        _engine.Source.Add(Of(Orders, TestChange.Insert(5, 0)), Of(Orders, TestChange.Insert(6, 0)));
        _engine.Source.Add(Of(First, TestChange.Insert(1, 5)), Of(First, TestChange.Insert(2, 6)), Of(Second, TestChange.Insert(1, 5)), Of(Second, TestChange.Insert(2, 5)));
        await StartAsync();
        Assert.Equal(["""[{"shard":"1","id":1},{"shard":"2","id":1},{"shard":"2","id":2}]""", """[{"shard":"1","id":2}]"""], Collections());

        _engine.Source.Add(Of(Second, TestChange.Update(2, 5, 6)));
        _engine.Source.Add(new TestChange(ChangeKind.Truncate, null, null) { Of = First });
        await _engine.SettledAsync();
        Assert.Equal(["""[{"shard":"2","id":1}]""", """[{"shard":"2","id":2}]"""], Collections());

        _engine.Source.Lost.Add(1);
        _engine.Source.Add(new TestChange(ChangeKind.Sweep, null, null) { Of = Second });
        await _engine.SettledAsync();
        Assert.Equal(["[]", """[{"shard":"2","id":2}]"""], Collections());
        AssertSound();
    }

    private static TestChange Of(TableSchema table, TestChange change) => change with { Of = table };

    private static PipelineDefinition Definition(DocumentRule rule, string? shard) => TestEngine.CopyItems with
    {
        Tables =
        [
            new() { Alias = "items", Table = new("", "items"), Pattern = new(@"shop\.items_(\d)", shard), Location = default },
            .. rule.Root == "orders" ? [new TableRule { Alias = "orders", Table = Orders.Table, Location = default }] : Array.Empty<TableRule>(),
        ],
        Document = rule,
    };

    private Task StartAsync(string? shard)
    {
        _engine.Definition = Definition(new() { Root = "items", Location = default }, shard);
        var shared = shard is not null;
        _engine.Source.Add(Of(First, TestChange.Insert(1, 11)), Of(First, TestChange.Insert(2, 12)));
        _engine.Source.Add(Of(Second, TestChange.Insert(shared ? 1 : 4, shared ? 21 : 24)), Of(Second, TestChange.Insert(shared ? 3 : 5, shared ? 23 : 25)));
        return StartAsync();
    }

    private async Task StartAsync()
    {
        _engine.Start();
        await _engine.UntilAsync(() => _engine.Pipeline.Documents is { Phase: "live", BacklogDocuments: 0 });
        await _engine.SettledAsync();
    }

    private void AssertSound()
    {
        Assert.False(_engine.Pipeline.Documents!.Suspect);
        Assert.Empty(_engine.Sink.Violations);
    }

    // 1/2=12: row 2 of table 1 has the value 12.
    private string Shown() => string.Join(' ', Documents(row => row.Length == 4 ? $"{row[0]}/{row[1]}={row[2]}" : $"{row[0]}={row[1]}"));

    private IEnumerable<string> Collections() => Documents(row => row[^1] ?? "NULL");

    private IEnumerable<string> Documents(Func<string?[], string> show)
    {
        var shape = _engine.Sink.Prepared.Last()[0];
        return _engine.Sink.Target.Values.Select(row => show(Texts(shape, row))).Order(StringComparer.Ordinal);
    }

    private static string?[] Texts(Shape shape, byte[] row)
    {
        var reader = new RowReader(shape.Schema, row);
        var texts = new string?[shape.Columns.Length];
        for (var i = 0; i < texts.Length; i++)
        {
            reader.Seek(shape.Columns[i].Ordinal);
            texts[i] = ValueText.Of(ref reader);
        }

        return texts;
    }
}
