using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Changes.Formats;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan.Rules;

namespace Leat.Simulation.Delivery.Documents;

/// <summary>A shop with customers, orders and their items, of which documents are made: orders with their customer and items, those of two types out of three.</summary>
/// <remarks>Rows are numbers: customers (id, name), orders (id, customer, type, note), items (id, order, quantity). -1 stands for NULL.</remarks>
internal sealed class ShopModel(SimRandom random, DeliveryScenario scenario) : Model
{
    public const int Null = -1;

    // An order with this note is refused by every target that is not healed.
    private const int Poison = 7;

    private static readonly DocumentRule _rule = new()
    {
        Root = "orders",
        Where = new("type IN (1, 2)", default, IsInline: true),
        Merge = [new() { From = "customers", As = "customer", On = new([("id", "customer_id")], default), Fields = [new("name", "name")], Location = default }],
        Nest = [new() { As = "items", From = "items", On = new([("order_id", "id")], default), Fields = [new("id", "id"), new("qty", "qty")], Location = default }],
        Set = [new("item_count", new("count(items)", default, IsInline: true))],
        Location = default,
    };

    private static readonly TableSchema[] _tables = [Table("customers", "id", "name"), Table("orders", "id", "customer_id", "type", "note"), Table("items", "id", "order_id", "qty")];

    private readonly SortedDictionary<int, int[]>[] _rows = [[], [], []];
    private readonly List<ToldChange[]> _told = [];
    private readonly List<SortedDictionary<string, string>> _documents = [new(StringComparer.Ordinal)];

    public override int Transactions => _told.Count;

    public override ImmutableArray<TableSchema> Tables { get; } = [.. _tables];

    public override int LettersAtOnce => 10; // so many refusals in a row that it could not be the target's fault

    public override bool SaysWhereItStands => true;

    /// <summary>Transactions that were there before anything was captured.</summary>
    public int AtFirst { get; private set; }

    /// <summary>The documents after so many transactions: by key, as <see cref="Write"/> writes them.</summary>
    public SortedDictionary<string, string> After(int transactions) => _documents[transactions];

    /// <summary>Whether a document is refused.</summary>
    public static bool IsPoison(string document) => document.Contains($"note={Poison};", StringComparison.Ordinal);

    /// <summary>A document in words: each field and its value.</summary>
    public static string Write(Shape shape, ReadOnlySpan<byte> row)
    {
        var text = new StringBuilder();
        var reader = new RowReader(shape.Schema, row);
        foreach (var column in shape.Columns)
        {
            reader.Seek(column.Ordinal);
            text.Append(column.Name).Append('=').Append(ValueText.Of(ref reader)).Append(';');
        }

        return text.ToString();
    }

    public override PipelineDefinition Define(PipelineDefinition pipeline) => pipeline with
    {
        Tables = [.. _tables.Select(table => new TableRule { Alias = table.Table.Name, Table = table.Table, Location = default })], Document = _rule,
    };

    public override void Begin()
    {
        for (var i = random.Between(1, 4); i > 0; i--)
            Commit();
        AtFirst = Transactions;
    }

    public override void Commit()
    {
        if (scenario.ReadsAgain > 0 && Transactions > AtFirst && AtFirst > 0 && random.Below(1000) < scenario.ReadsAgain)
        {
            End(ReadAgain());
            return;
        }

        var changes = new ToldChange[random.Chance(10) ? random.Between(20, 60) : random.Between(1, 5)];
        for (var i = 0; i < changes.Length; i++)
            changes[i] = Change();
        End(changes);
    }

    public override IEnumerable<ToldChange> Told(int transaction) => _told[transaction];

    public override IEnumerable<byte[]> RowsOf(TableSchema table) => _rows[NumberOf(table)].Values.Select(Encode);

    public override bool Has(TableSchema table, int id) => _rows[NumberOf(table)].ContainsKey(id);

    public override bool IsPoison(in Operation operation) => operation.Kind != OperationKind.Delete && IsPoison(Write(operation.Shape, operation.Row.Span));

    public override byte[]? Apply(byte[]? held, in Operation operation) =>
        operation.Kind == OperationKind.Delete ? null : Encoding.UTF8.GetBytes(Write(operation.Shape, operation.Row.Span));

    public override TargetRow Expect(Shape shape, ReadOnlySpan<byte> row) => OnlyKey(KeyOf(shape, row));

    public override TargetRow Read(Shape shape, string key, byte[] held) => OnlyKey(key);

    private static TargetRow OnlyKey(string key) => new(key, [new("id", key[(key.IndexOf(':', StringComparison.Ordinal) + 1)..])]);

    private static int NumberOf(TableSchema table) => Array.FindIndex(_tables, one => one.Table == table.Table);

    private static byte[] Encode(int[] row)
    {
        var bytes = new byte[64];
        var writer = new RowWriter(bytes, row.Length);
        foreach (var value in row)
        {
            if (value == Null)
                writer.WriteNull();
            else
                writer.WriteUInt32((uint)value);
        }

        return bytes[..writer.WrittenBytes];
    }

    private static TableSchema Table(string name, params string[] columns) => new(
        new("shop", name), [.. columns.Select((column, at) => new Column { Name = column, Kind = ColumnKind.Int32, Nullable = at > 0 })], [0]);

    private void End(ToldChange[] changes)
    {
        _told.Add(changes);
        _documents.Add(Documents());
        More.Wake();
    }

    // What happened to the table unseen is told by its rows, and by those that it does not have any more.
    private ToldChange[] ReadAgain()
    {
        var number = random.Below(_tables.Length);
        var rows = _rows[number];
        foreach (var id in rows.Keys.Where(_ => random.Chance(20)).ToList())
        {
            if (random.Chance(50))
                rows.Remove(id);
            else
                rows[id] = NewRow(number, id);
        }

        return [.. rows.Values.Select(row => new ToldChange(_tables[number], ChangeKind.ReadAgain, [], Encode(row))), new(_tables[number], ChangeKind.Sweep, [], [])];
    }

    private ToldChange Change()
    {
        var number = random.Pick(0, 1, 1, 1, 2, 2, 2);
        var (table, rows) = (_tables[number], _rows[number]);
        if (random.Below(1000) < scenario.Truncates)
        {
            rows.Clear();
            return Tell(table, null, null);
        }

        var keys = number switch { 0 => scenario.Customers, 1 => scenario.Orders, _ => 2 * scenario.Orders };
        var id = random.Below(keys);
        rows.TryGetValue(id, out var before);
        if (before is not null && random.Chance(20))
        {
            rows.Remove(id);
            return Tell(table, before, null);
        }

        var target = id;
        if (before is not null && random.Chance(10))
        {
            var other = random.Below(keys);
            target = rows.ContainsKey(other) ? id : other;
        }

        rows.Remove(id);
        var after = rows[target] = NewRow(number, target);
        return Tell(table, before, after);
    }

    private int[] NewRow(int number, int id) => number switch
    {
        0 => [id, random.Below(5)],
        1 => [id, random.Chance(10) ? Null : random.Below(scenario.Customers + 1), random.Between(1, 3), Note()],
        _ => [id, random.Chance(5) ? Null : random.Below(scenario.Orders), random.Below(4)],
    };

    private static ToldChange Tell(TableSchema table, int[]? before, int[]? after) =>
        new(table, ToldChange.KindOf(before is not null, after is not null), before is null ? [] : Encode(before), after is null ? [] : Encode(after));

    private int Note() => random.Below(100) < scenario.Poison ? Poison : random.Chance(20) ? Null : random.Below(Poison);

    private SortedDictionary<string, string> Documents()
    {
        var documents = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var order in _rows[1].Values.Where(order => order[2] is 1 or 2))
        {
            var customer = _rows[0].GetValueOrDefault(order[1]);
            var items = _rows[2].Values.Where(item => item[1] == order[0]).Select(item => $$"""{"id":{{item[0]}},"qty":{{item[2]}}}""").ToList();
            documents[$"orders:{order[0]}"] =
                $"id={order[0]};customer_id={Text(order[1])};type={order[2]};note={Text(order[3])};"
                + $"customer={(customer is null ? "" : $$"""{"name":{{customer[1]}}}""")};items=[{string.Join(',', items)}];item_count={items.Count};";
        }

        return documents;
    }

    private static string Text(int value) => value == Null ? "" : value.ToString(CultureInfo.InvariantCulture);
}
