using Leat.Changes;

namespace Leat.Connectors.Simulator;

/// <summary>The rows that the shop holds now, and the items of each order.</summary>
internal sealed class ShopTables
{
    private readonly Dictionary<TableName, Live> _tables = ShopSchema.Tables.ToDictionary(table => table.Table, _ => new Live());
    private readonly Dictionary<long, List<long>> _itemsOfOrder = [];

    public int CountOf(TableSchema table) => _tables[table.Table].Ids.Count;

    public T? Get<T>(TableSchema table, long id)
        where T : ShopRow => _tables[table.Table].Rows.TryGetValue(id, out var row) ? (T)row : null;

    /// <summary>Any row; null when the table is empty.</summary>
    public T? Any<T>(TableSchema table, ShopRandom random)
        where T : ShopRow
    {
        var live = _tables[table.Table];
        return live.Ids.Count == 0 ? null : (T)live.Rows[random.Of(live.Ids)];
    }

    public IReadOnlyList<ShopOrderItem> ItemsOf(long order) =>
        _itemsOfOrder.TryGetValue(order, out var ids) ? [.. ids.Select(id => Get<ShopOrderItem>(ShopSchema.OrderItems, id)!)] : []; // listed ids are live

    public IEnumerable<ShopRow> InKeyOrder(TableSchema table) => _tables[table.Table].Rows.Values.OrderBy(row => row.Id);

    public void Apply(ShopChange change)
    {
        if (change.Before is { } before)
            Remove(before);
        if (change.After is { } after)
            Add(after);
    }

    private void Add(ShopRow row)
    {
        var live = _tables[row.Schema.Table];
        live.Rows.Add(row.Id, row);
        live.Places.Add(row.Id, live.Ids.Count);
        live.Ids.Add(row.Id);
        if (row is ShopOrderItem item)
        {
            if (!_itemsOfOrder.TryGetValue(item.OrderId, out var items))
                _itemsOfOrder[item.OrderId] = items = [];
            items.Add(item.Id);
        }
    }

    private void Remove(ShopRow row)
    {
        var live = _tables[row.Schema.Table];
        live.Rows.Remove(row.Id);
        live.Places.Remove(row.Id, out var place);
        var last = live.Ids[^1];
        live.Ids.RemoveAt(live.Ids.Count - 1);
        if (last != row.Id)
        {
            live.Ids[place] = last;
            live.Places[last] = place;
        }

        if (row is ShopOrderItem item && _itemsOfOrder[item.OrderId].Remove(item.Id) && _itemsOfOrder[item.OrderId].Count == 0)
            _itemsOfOrder.Remove(item.OrderId);
    }

    // Ids in a list and their places in it: any row can be picked, and removed, in constant time and in an order that the seed alone decides.
    private sealed class Live
    {
        public Dictionary<long, ShopRow> Rows { get; } = [];

        public Dictionary<long, int> Places { get; } = [];

        public List<long> Ids { get; } = [];
    }
}
