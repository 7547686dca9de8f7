using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Connectors.Simulator;

/// <summary>The tables of the shop: once as shapes, once as statements for MariaDB. A test against a real server holds the two together.</summary>
public static class ShopSchema
{
    /// <summary>The states of an order, in the order of the enum's labels.</summary>
    public static readonly ImmutableArray<string> OrderStates = ["new", "paid", "shipped", "delivered", "cancelled"];

    /// <summary>What customers like, in the order of the set's labels.</summary>
    public static readonly ImmutableArray<string> Interests = ["books", "garden", "music", "tools"];

    /// <summary><c>shop.customers</c></summary>
    public static readonly TableSchema Customers = Table(
        "customers",
        new() { Name = "id", Kind = ColumnKind.UInt32, Nullable = false, SourceType = "int(10) unsigned" },
        new() { Name = "name", Kind = ColumnKind.String, Nullable = false, Length = 80, SourceType = "varchar(80)" },
        new() { Name = "email", Kind = ColumnKind.String, Length = 120, SourceType = "varchar(120)" },
        new() { Name = "city", Kind = ColumnKind.String, Nullable = false, Length = 40, SourceType = "varchar(40)" },
        new() { Name = "vip", Kind = ColumnKind.Int8, Nullable = false, SourceType = "tinyint(1)" },
        new() { Name = "balance", Kind = ColumnKind.Decimal, Nullable = false, Precision = 12, Scale = 2, SourceType = "decimal(12,2)" },
        new() { Name = "birthday", Kind = ColumnKind.Date, SourceType = "date" },
        new() { Name = "interests", Kind = ColumnKind.Set, Nullable = false, Labels = Interests, SourceType = "set('books','garden','music','tools')" },
        new() { Name = "registered_at", Kind = ColumnKind.Timestamp, Nullable = false, Scale = 3, SourceType = "timestamp(3)" },
        new() { Name = "note", Kind = ColumnKind.String, Length = 65_535, SourceType = "text" });

    /// <summary><c>shop.products</c></summary>
    public static readonly TableSchema Products = Table(
        "products",
        new() { Name = "id", Kind = ColumnKind.UInt32, Nullable = false, SourceType = "int(10) unsigned" },
        new() { Name = "sku", Kind = ColumnKind.String, Nullable = false, Length = 8, SourceType = "char(8)" },
        new() { Name = "name", Kind = ColumnKind.String, Nullable = false, Length = 100, SourceType = "varchar(100)" },
        new() { Name = "price", Kind = ColumnKind.Decimal, Nullable = false, Precision = 10, Scale = 2, SourceType = "decimal(10,2)" },
        new() { Name = "stock", Kind = ColumnKind.Int32, Nullable = false, SourceType = "int(11)" },
        new() { Name = "weight_kg", Kind = ColumnKind.Float64, SourceType = "double" },
        new() { Name = "attributes", Kind = ColumnKind.String, Length = 65_535, SourceType = "text" });

    /// <summary><c>shop.orders</c></summary>
    public static readonly TableSchema Orders = Table(
        "orders",
        new() { Name = "id", Kind = ColumnKind.UInt64, Nullable = false, SourceType = "bigint(20) unsigned" },
        new() { Name = "customer_id", Kind = ColumnKind.UInt32, Nullable = false, SourceType = "int(10) unsigned" },
        new() { Name = "status", Kind = ColumnKind.Enum, Nullable = false, Labels = OrderStates, SourceType = "enum('new','paid','shipped','delivered','cancelled')" },
        new() { Name = "total", Kind = ColumnKind.Decimal, Nullable = false, Precision = 12, Scale = 2, SourceType = "decimal(12,2)" },
        new() { Name = "items", Kind = ColumnKind.UInt8, Nullable = false, SourceType = "tinyint(3) unsigned" },
        new() { Name = "placed_at", Kind = ColumnKind.DateTime, Nullable = false, Scale = 6, SourceType = "datetime(6)" },
        new() { Name = "changed_at", Kind = ColumnKind.Timestamp, Nullable = false, Scale = 3, SourceType = "timestamp(3)" },
        new() { Name = "note", Kind = ColumnKind.String, Length = 200, SourceType = "varchar(200)" });

    /// <summary><c>shop.order_items</c></summary>
    public static readonly TableSchema OrderItems = Table(
        "order_items",
        new() { Name = "id", Kind = ColumnKind.UInt64, Nullable = false, SourceType = "bigint(20) unsigned" },
        new() { Name = "order_id", Kind = ColumnKind.UInt64, Nullable = false, SourceType = "bigint(20) unsigned" },
        new() { Name = "product_id", Kind = ColumnKind.UInt32, Nullable = false, SourceType = "int(10) unsigned" },
        new() { Name = "quantity", Kind = ColumnKind.UInt16, Nullable = false, SourceType = "smallint(5) unsigned" },
        new() { Name = "price", Kind = ColumnKind.Decimal, Nullable = false, Precision = 10, Scale = 2, SourceType = "decimal(10,2)" });

    /// <summary>All four, in the order in which a snapshot reads them.</summary>
    public static readonly ImmutableArray<TableSchema> Tables = [Customers, Products, Orders, OrderItems];

    /// <summary>Name of the database in the statements and shapes.</summary>
    public const string Database = "shop";

    /// <summary>Statements that create the database and the four tables in MariaDB, one by one.</summary>
    public static IReadOnlyList<string> Ddl { get; } =
    [
        $"CREATE DATABASE IF NOT EXISTS `{Database}` CHARACTER SET utf8mb4",
        .. Tables.Select(Create),
    ];

    private static string Create(TableSchema table)
    {
        var columns = table.Columns.Select(column => $"`{column.Name}` {column.SourceType}{(column.Nullable ? " NULL" : " NOT NULL")}");
        return $"CREATE TABLE `{Database}`.`{table.Table.Name}` ({string.Join(", ", columns)}, PRIMARY KEY (`id`)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4";
    }

    private static TableSchema Table(string name, params ImmutableArray<Column> columns) => new(new(Database, name), columns, [0]);
}
