using Leat.Changes;

namespace Leat.Connectors.Simulator;

/// <summary>A row of the shop. Immutable.</summary>
/// <param name="Id">The primary key.</param>
public abstract record ShopRow(long Id)
{
    /// <summary>The table's shape.</summary>
    public abstract TableSchema Schema { get; }

    /// <summary>The values in the table's column order, boxed by the rule of <see cref="ShopEncoder"/>; null is NULL.</summary>
    public abstract IReadOnlyList<object?> Values { get; }

    /// <summary>The same row under another key.</summary>
    internal ShopRow WithId(long id) => this with { Id = id };
}

/// <summary>A row of <c>customers</c>.</summary>
public sealed record ShopCustomer(
    long Id, string Name, string? Email, string City, bool Vip, decimal Balance, DateOnly? Birthday, string Interests, DateTime RegisteredAt, string? Note)
    : ShopRow(Id)
{
    /// <inheritdoc/>
    public override TableSchema Schema => ShopSchema.Customers;

    /// <inheritdoc/>
    public override IReadOnlyList<object?> Values =>
        [Id, Name, Email, City, Vip ? 1L : 0L, Balance, Birthday, Interests, RegisteredAt, Note];
}

/// <summary>A row of <c>products</c>.</summary>
public sealed record ShopProduct(long Id, string Sku, string Name, decimal Price, long Stock, double? WeightKg, string? Attributes)
    : ShopRow(Id)
{
    /// <inheritdoc/>
    public override TableSchema Schema => ShopSchema.Products;

    /// <inheritdoc/>
    public override IReadOnlyList<object?> Values => [Id, Sku, Name, Price, Stock, WeightKg, Attributes];
}

/// <summary>A row of <c>orders</c>.</summary>
public sealed record ShopOrder(
    long Id, long CustomerId, string Status, decimal Total, long Items, DateTime PlacedAt, DateTime ChangedAt, string? Note)
    : ShopRow(Id)
{
    /// <inheritdoc/>
    public override TableSchema Schema => ShopSchema.Orders;

    /// <inheritdoc/>
    public override IReadOnlyList<object?> Values => [Id, CustomerId, Status, Total, Items, PlacedAt, ChangedAt, Note];
}

/// <summary>A row of <c>order_items</c>.</summary>
public sealed record ShopOrderItem(long Id, long OrderId, long ProductId, long Quantity, decimal Price)
    : ShopRow(Id)
{
    /// <inheritdoc/>
    public override TableSchema Schema => ShopSchema.OrderItems;

    /// <inheritdoc/>
    public override IReadOnlyList<object?> Values => [Id, OrderId, ProductId, Quantity, Price];
}

/// <summary>One row changed: inserted (only after), deleted (only before) or updated (both; the key may differ).</summary>
public sealed record ShopChange(ShopRow? Before, ShopRow? After)
{
    /// <summary>Whichever row is there, the later one first.</summary>
    public ShopRow Row => After ?? Before!; // one of the two is always given
}

/// <summary>One transaction of the shop.</summary>
/// <param name="Number">From 1, without gaps.</param>
/// <param name="At">When it happens in the shop's own time, UTC.</param>
/// <param name="Changes">In order; never empty.</param>
/// <param name="RolledBack">Given up at its end: nobody may ever see it.</param>
public sealed record ShopTransaction(long Number, DateTime At, IReadOnlyList<ShopChange> Changes, bool RolledBack);
