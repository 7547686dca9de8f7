using Leat.Changes;

namespace Leat.Connectors.Simulator;

/// <summary>A small shop at work: customers order, pay, cancel and leave; prices and stocks change; now and then a key is renumbered.</summary>
/// <remarks>
/// Pure and deterministic: the same seed and number of customers give the same rows and the same transactions for ever. Its own time
/// starts at <see cref="Opening"/> and moves a little with each transaction. The number of orders settles at ten a customer.
/// </remarks>
public sealed class ShopWorkload
{
    /// <summary>The shop's own time before its first transaction.</summary>
    public static readonly DateTime Opening = new(2026, 1, 5, 8, 0, 0, DateTimeKind.Utc);

    private const int OrdersPerCustomer = 10;

    private static readonly string[] FirstNames = ["Ada", "Björn", "Chloé", "D'Arcy", "Eiríkur", "Fatma", "Grace", "Łukasz", "Nguyễn", "Олена", "Siân", "明子"];
    private static readonly string[] LastNames = ["Abbott", "Brontë", "O'Brien", "García", "Hopper", "Îles", "Jansen", "Krüger", "Núñez", "山田", "Žižek"];
    private static readonly string[] Cities = ["Bristol", "Graz", "København", "Kraków", "León", "Nantes", "Örebro", "東京", "Zürich"];
    private static readonly string[] Goods = ["Kettle", "Lamp", "Notebook", "Rake", "Saw \\ large", "Spade", "Teapot", "Trowel 5\"", "Violin", "Wrench"];
    private static readonly string[] Notes = ["ring twice", "leave at the neighbour's", "gift 🎁", "50% off", "back\\slash", "two\nlines", "", "c'est urgent"];

    private readonly ShopRandom _random;
    private readonly ShopTables _tables = new();
    private readonly List<ShopChange> _open = [];
    private readonly int _mostOrders;
    private DateTime _now = Opening;
    private long _nextCustomer = 1;
    private long _nextProduct = 1;
    private long _nextOrder = 1;
    private long _nextItem = 1;

    /// <summary>A shop with that many customers, half as many products and two orders a customer.</summary>
    /// <param name="seed">Decides everything that happens.</param>
    /// <param name="customers">1 to 1,000,000.</param>
    public ShopWorkload(ulong seed, int customers)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(customers, 1);
        _random = new(seed);
        _mostOrders = customers * OrdersPerCustomer;
        for (var i = 0; i < customers; i++)
            Apply(null, NewCustomer());
        for (var i = 0; i < Math.Max(5, customers / 2); i++)
            Apply(null, NewProduct());
        for (var i = 0; i < customers * 2; i++)
            PlaceOrder();
        _open.Clear();
    }

    /// <summary>How many transactions have happened; 0 for a shop that has just opened.</summary>
    public long Transactions { get; private set; }

    /// <summary>The rows that a table holds now, in key order.</summary>
    /// <param name="table">One of <see cref="ShopSchema.Tables"/>.</param>
    public IEnumerable<ShopRow> Rows(TableSchema table) => _tables.InKeyOrder(table);

    /// <summary>Makes the next transaction happen and tells what it changed. One in fifty is rolled back, and then has changed nothing.</summary>
    public ShopTransaction Next()
    {
        _open.Clear();
        _now = _now.AddMicroseconds(_random.Between(1, 20_000_000));
        while (_open.Count == 0)
            Act(_random.Below(100));

        var rolledBack = _random.OneIn(50);
        if (rolledBack)
        {
            for (var i = _open.Count - 1; i >= 0; i--)
                _tables.Apply(new(_open[i].After, _open[i].Before));
        }

        return new(++Transactions, _now, [.. _open], rolledBack);
    }

    /// <summary>Makes transactions happen until <paramref name="transactions"/> have.</summary>
    public void RunTo(long transactions)
    {
        while (Transactions < transactions)
            Next();
    }

    // Percentages; an action that finds nothing to act on changes nothing, and another one is drawn.
    private void Act(int percent)
    {
        if (_tables.CountOf(ShopSchema.Orders) >= _mostOrders && percent < 34)
            RemoveOrder();
        else if (percent < 34)
            PlaceOrder();
        else if (percent < 60)
            AdvanceOrder();
        else if (percent < 66)
            Restate("cancelled", "new", "paid");
        else if (percent < 69)
            Restate("new", "cancelled");
        else if (percent < 77)
            ChangeCustomer();
        else if (percent < 80)
            Apply(null, NewCustomer());
        else if (percent < 82)
            RemoveCustomer();
        else if (percent < 88)
            ChangeProduct();
        else if (percent < 92)
            RemoveOrder();
        else if (percent < 94)
            RenumberOrder();
        else if (percent < 95)
            RenumberProduct();
        else if (percent < 96)
            PlaceAndRemoveOrder();
        else
            ChangeItem();
    }

    private void PlaceOrder()
    {
        if (_tables.Any<ShopCustomer>(ShopSchema.Customers, _random) is not { } customer)
            return;

        var (id, items, total) = (_nextOrder++, _random.Between(1, 5), 0m);
        var bought = new List<ShopOrderItem>();
        for (var i = 0; i < items; i++)
        {
            var product = _tables.Any<ShopProduct>(ShopSchema.Products, _random)!; // products are never removed
            var quantity = _random.Between(1, 9);
            bought.Add(new(_nextItem++, id, product.Id, quantity, product.Price));
            total += product.Price * quantity;
        }

        Apply(null, new ShopOrder(id, customer.Id, "new", total, items, _now, Milliseconds(_now), _random.OneIn(3) ? null : _random.Of(Notes)));
        foreach (var item in bought)
        {
            Apply(null, item);
            var product = _tables.Get<ShopProduct>(ShopSchema.Products, item.ProductId)!; // as above
            Apply(product, product with { Stock = product.Stock - item.Quantity });
        }
    }

    private void AdvanceOrder()
    {
        if (_tables.Any<ShopOrder>(ShopSchema.Orders, _random) is not { } order)
            return;

        var next = ShopSchema.OrderStates.IndexOf(order.Status) + 1;
        if (next < ShopSchema.OrderStates.Length - 1)
            Apply(order, order with { Status = ShopSchema.OrderStates[next], ChangedAt = Milliseconds(_now) });
    }

    private void Restate(string to, params ReadOnlySpan<string> from)
    {
        if (_tables.Any<ShopOrder>(ShopSchema.Orders, _random) is { } order && from.Contains(order.Status))
            Apply(order, order with { Status = to, ChangedAt = Milliseconds(_now) });
    }

    private void RemoveOrder()
    {
        if (_tables.Any<ShopOrder>(ShopSchema.Orders, _random) is { } order)
            Remove(order);
    }

    private void Remove(ShopOrder order)
    {
        foreach (var item in _tables.ItemsOf(order.Id))
            Apply(item, null);
        Apply(order, null);
    }

    // Inserted and deleted in one transaction: nothing of it may be left anywhere.
    private void PlaceAndRemoveOrder()
    {
        var id = _nextOrder;
        PlaceOrder();
        if (_tables.Get<ShopOrder>(ShopSchema.Orders, id) is { } order)
            Remove(order);
    }

    private void RenumberOrder()
    {
        if (_tables.Any<ShopOrder>(ShopSchema.Orders, _random) is not { } order)
            return;

        var id = _nextOrder++;
        Apply(order, order.WithId(id));
        foreach (var item in _tables.ItemsOf(order.Id))
            Apply(item, item with { OrderId = id });
    }

    private void RenumberProduct()
    {
        var product = _tables.Any<ShopProduct>(ShopSchema.Products, _random)!; // products are never removed
        Apply(product, product.WithId(_nextProduct++));
    }

    private void ChangeCustomer()
    {
        if (_tables.Any<ShopCustomer>(ShopSchema.Customers, _random) is not { } customer)
            return;

        Apply(customer, _random.Below(4) switch
        {
            0 => customer with { City = _random.Of(Cities) },
            1 => customer with { Balance = customer.Balance + Money(-5_000, 5_000) },
            2 => customer with { Note = customer.Note is null ? _random.Of(Notes) : null },
            _ => customer with { Vip = !customer.Vip, Interests = SomeInterests() },
        });
    }

    private void RemoveCustomer()
    {
        if (_tables.CountOf(ShopSchema.Customers) > 1 && _tables.Any<ShopCustomer>(ShopSchema.Customers, _random) is { } customer)
            Apply(customer, null);
    }

    private void ChangeProduct()
    {
        var product = _tables.Any<ShopProduct>(ShopSchema.Products, _random)!; // products are never removed
        Apply(product, _random.OneIn(2)
            ? product with { Price = Money(100, 50_000) }
            : product with { Stock = product.Stock + _random.Between(1, 100), Attributes = SomeAttributes() });
    }

    private void ChangeItem()
    {
        if (_tables.Any<ShopOrderItem>(ShopSchema.OrderItems, _random) is { } item)
            Apply(item, item with { Quantity = item.Quantity + 1 });
    }

    private ShopCustomer NewCustomer()
    {
        var id = _nextCustomer++;
        var name = $"{_random.Of(FirstNames)} {_random.Of(LastNames)}";
        return new(
            id, name, _random.OneIn(4) ? null : $"customer{id}@example.net", _random.Of(Cities), _random.OneIn(10), Money(0, 100_000),
            _random.OneIn(3) ? null : new DateOnly(_random.Between(1940, 2008), _random.Between(1, 12), _random.Between(1, 28)),
            SomeInterests(), Milliseconds(_now), _random.OneIn(2) ? null : _random.Of(Notes));
    }

    private ShopProduct NewProduct()
    {
        var id = _nextProduct++;
        return new(
            id, FormattableString.Invariant($"P{id:D7}"), _random.Of(Goods), Money(100, 50_000), _random.Between(0, 500),
            _random.OneIn(5) ? null : _random.Between(1, 400) / 16.0, SomeAttributes());
    }

    private string SomeInterests()
    {
        var bits = _random.Below(16);
        return string.Join(',', ShopSchema.Interests.Where((_, i) => (bits >> i & 1) != 0));
    }

    private string? SomeAttributes() =>
        _random.OneIn(4) ? null : FormattableString.Invariant($$"""{"colour":"{{_random.Of(Colours)}}","size":{{_random.Between(1, 50)}}}""");

    private static readonly string[] Colours = ["red", "grün", "blue", "白"];

    private decimal Money(int fromCents, int toCents) => _random.Between(fromCents, toCents) / 100m;

    private static DateTime Milliseconds(DateTime time) => new(time.Ticks - (time.Ticks % TimeSpan.TicksPerMillisecond), DateTimeKind.Utc);

    private void Apply(ShopRow? before, ShopRow? after)
    {
        var change = new ShopChange(before, after);
        _tables.Apply(change);
        _open.Add(change);
    }
}
