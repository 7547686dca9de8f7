using System.Collections.Immutable;
using Leat.Changes;
using Leat.Pipeline.Delivery;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;
using Xunit;

namespace Leat.Tests.Pipeline;

public sealed class DocumentStateTests
{
    private static readonly Shape _shape = new()
    {
        Alias = "orders",
        Schema = new(
            new("shop", "orders"),
            [
                new() { Name = "note", Kind = ColumnKind.String }, new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false },
                new() { Name = "shard", Kind = ColumnKind.String, Nullable = false },
            ],
            [2, 1]),
        Columns = [],
        Key = [2, 1],
    };

    [Fact]
    public void A_note_comes_back_as_it_was_written()
    {
        var note = new StateNote(3, "5d1e", 2, -77)
        {
            Rule = "90ab",
            IsLoading = true,
            HasBacklog = true,
            Retractions = 5,
            Swept = [4_294_967_297, 7],
            Shapes = ImmutableDictionary<TableName, uint>.Empty.Add(new("shop", "orders"), 4),
            Reread = [new("shop", "items")],
            Keys = [[1, 2, 3], []],
        };

        var json = note.ToJson();
        var read = StateNote.FromJson(json.Span);

        Assert.Equal(
            """{"state":3,"fingerprint":"5d1e","rule":"90ab","epoch":2,"incarnation":-77,"loading":true,"backlog":true,"retractions":5,"swept":[4294967297,7],"shapes":{"shop.orders":4},"reread":["shop.items"],"keys":["AQID",""]}""",
            System.Text.Encoding.UTF8.GetString(json.Span));
        Assert.Equal(json.ToArray(), read.ToJson().ToArray());
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("""{"state":1,"fingerprint":"","epoch":1,"incarnation":0,"shapes":{"orders":1},"reread":[],"keys":[]}""")]
    [InlineData("""{"state":1,"fingerprint":"","epoch":1,"incarnation":0,"shapes":{},"reread":[],"keys":["?"]}""")]
    public void What_is_no_note_is_refused(string text) => Assert.Throws<InvalidDataException>(() => StateNote.FromJson(System.Text.Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void A_key_is_kept_without_the_other_columns_and_put_back_among_them()
    {
        var key = new RowBuilder();
        DocumentKey.Write(_shape, Row(7, "a"), key);
        var row = DocumentKey.Expand(_shape, key.Row);

        var reader = new RowReader(_shape.Schema, row);
        Assert.False(reader.Seek(0));
        reader.Seek(1);
        Assert.Equal(7, reader.Int64);
        reader.Seek(2);
        Assert.Equal("a"u8.ToArray(), reader.Bytes.ToArray());
        Assert.Equal(key.Row.ToArray(), DocumentKey.Of(DocumentKey.RecordOf(Index(0, 7, "a"))).ToArray());
        Assert.Empty(DocumentKey.Expand(_shape, [0, 200, 1]));
    }

    [Fact]
    public void Keys_are_kept_until_their_lane_is_past_them()
    {
        long[] lowest = [0, 0];
        var keys = new EmittedKeys(2, lane => lowest[lane]);
        for (var i = 0; i < 20_000; i++)
        {
            keys.Add(i % 2, Index(i, i, new('x', i % 50)));
            lowest[i % 2] = i - 100; // what is further back has its outcome
        }

        Assert.Equal(102, keys.Outstanding().Length);
        lowest[0] = long.MaxValue;
        Assert.Equal([.. Enumerable.Range(0, 51).Select(i => 19_899 + 2 * i)], keys.Outstanding().Select(IdOf).Order());
        lowest[1] = long.MaxValue;
        Assert.Empty(keys.Outstanding());
    }

    [Fact]
    public void A_key_that_was_emitted_more_than_once_is_told_once()
    {
        var keys = new EmittedKeys(1, _ => 0);
        keys.Add(0, Index(1, 7, "a"));
        keys.Add(0, Index(2, 8, "a"));
        keys.Add(0, Index(3, 7, "a"));

        Assert.Equal([7, 8], keys.Outstanding().Select(IdOf).Order());
    }

    [Fact]
    public void Another_rule_over_the_same_rows_is_told_apart()
    {
        var rule = new DocumentRule { Root = "orders", Location = default };
        ImmutableArray<TableSelection> tables = [new("orders", new("shop", "orders"), [], null)];
        string[] hashes =
        [
            DocumentRuleText.HashOf(rule, tables),
            DocumentRuleText.HashOf(rule with { Where = new("id > 1", default, IsInline: true) }, tables),
            DocumentRuleText.HashOf(rule with { Set = [new("n", new("id", default, IsInline: true))] }, tables),
            DocumentRuleText.HashOf(rule with { Group = [] }, tables),
            DocumentRuleText.HashOf(rule with { Nest = [new() { As = "a", From = "items", On = new([("order_id", "id")], default), Location = default }] }, tables),
            DocumentRuleText.HashOf(rule with { Nest = [new() { As = "a", From = "items", On = new([("order_id", "id")], default), Limit = 2, Location = default }] }, tables),
            DocumentRuleText.HashOf(rule with { Merge = [new() { From = "items", On = new([("order_id", "id")], default), Location = default }] }, tables),
            DocumentRuleText.HashOf(rule, [tables[0] with { Rename = tables[0].Rename.Add("id", "number") }]),
        ];

        Assert.Equal(hashes.Length, hashes.Distinct().Count());
        Assert.Equal(hashes[0], DocumentRuleText.HashOf(rule with { StateBytes = 1, Location = new("other.yaml", 7, 1) }, tables));
    }

    private static long IdOf(byte[] key)
    {
        var reader = new RowReader(_shape.Schema, DocumentKey.Expand(_shape, key));
        reader.Seek(1);
        return reader.Int64;
    }

    private static Operation Index(long offset, int id, string shard) => new()
    {
        Kind = OperationKind.Index, Cause = ChangeKind.Insert, Offset = offset, CommittedAtMicros = 0, Shape = _shape, Row = Row(id, shard), KeyHash = (ulong)id,
    };

    private static byte[] Row(int id, string shard)
    {
        var row = new RowBuilder();
        row.Begin(3);
        row.WriteString("note");
        row.WriteUInt32((uint)id);
        row.WriteString(shard);
        return row.Row.ToArray();
    }
}
