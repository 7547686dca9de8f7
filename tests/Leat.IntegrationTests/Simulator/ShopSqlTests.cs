using System.Collections.Immutable;
using Leat.Connectors.MySql;
using Leat.Connectors.Simulator;
using Leat.IntegrationTests.MySql;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.Simulator;

public sealed class ShopSqlTests(MariaDbFixture server) : IClassFixture<MariaDbFixture>
{
    [Fact]
    public async Task The_shop_in_a_real_server_has_the_shapes_and_rows_of_the_simulated_one()
    {
        var shop = new ShopWorkload(11, 20);
        await using (var connection = await server.OpenAsync())
        {
            await connection.ExecuteAsync(ShopSql.Session, default);
            foreach (var statement in ShopSchema.Ddl)
                await connection.ExecuteAsync(statement, default);
            foreach (var table in ShopSchema.Tables)
                await connection.ExecuteAsync(ShopSql.InsertMany([.. shop.Rows(table)]), default);
            for (var i = 0; i < 500; i++)
            {
                var transaction = shop.Next();
                await connection.ExecuteAsync("START TRANSACTION", default);
                foreach (var change in transaction.Changes)
                    Assert.InRange((long)(await connection.ExecuteAsync(ShopSql.Render(change), default)).AffectedRows, change.Before is null || change.After is null ? 1 : 0, 1);
                await connection.ExecuteAsync(transaction.RolledBack ? "ROLLBACK" : "COMMIT", default);
            }
        }

        var options = new MySqlSourceOptions { Endpoint = server.Endpoint, Tables = Patterns("shop.*") };
        await using var source = new MySqlSource(options, new("shop", NullLoggerFactory.Instance, TimeProvider.System));
        var shapes = await source.TablesAsync(default);
        Assert.Equal(ShopSchema.Tables.OrderBy(table => table.Table.Name), shapes.OrderBy(table => table.Table.Name));

        foreach (var table in ShopSchema.Tables)
        {
            var expected = shop.Rows(table).Select(row => Convert.ToHexString(Encode(row))).ToList();
            var found = new List<string>();
            await foreach (var row in source.ReadTableAsync(table, null, default))
                found.Add(Convert.ToHexString(row.Row.Span));
            Assert.Equal(expected, found);
        }
    }

    private static ImmutableArray<TablePattern> Patterns(string text) =>
        TablePattern.TryParse(text, out var pattern) ? [pattern] : throw new ArgumentException(text, nameof(text));

    private static byte[] Encode(ShopRow row)
    {
        var bytes = new byte[ShopEncoder.MaxRowBytes];
        return bytes[..ShopEncoder.Write(row, bytes)];
    }
}
