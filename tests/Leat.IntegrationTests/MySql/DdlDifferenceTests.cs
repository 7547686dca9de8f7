using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Ddl;
using Leat.Connectors.MySql.Shapes;
using Leat.Connectors.MySql.Wire;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Random CREATE and ALTER statements at real servers: what we make of each must be what the server's information_schema says afterwards.</summary>
public sealed class DdlDifferenceTests
{
    private static readonly string[] Types =
    [
        "INT", "INT UNSIGNED", "TINYINT(1)", "BOOL", "BIGINT(9) ZEROFILL", "MEDIUMINT", "SMALLINT UNSIGNED NOT NULL DEFAULT 3", "DECIMAL", "NUMERIC(12)", "DEC(20,6) UNSIGNED", "FLOAT", "FLOAT(30)",
        "FLOAT(7,3)", "DOUBLE PRECISION", "REAL", "BIT", "BIT(13)", "YEAR", "DATE", "TIME", "TIME(2)", "DATETIME(6)", "DATETIME DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP",
        "TIMESTAMP(3) NULL", "CHAR", "CHAR(7)", "CHAR(7) CHARACTER SET latin1", "VARCHAR(20)", "VARCHAR(300) NOT NULL DEFAULT ''", "VARCHAR(20) COLLATE utf8mb4_bin", "VARCHAR(9) CHARSET ascii",
        "NCHAR(4)", "NATIONAL VARCHAR(5)", "CHARACTER VARYING(6)", "BINARY(3)", "VARBINARY(300)", "CHAR(4) CHARACTER SET binary", "TINYTEXT", "TEXT", "TEXT(100)", "TEXT(20000) CHARACTER SET latin1", "MEDIUMTEXT",
        "LONGTEXT", "TEXT CHARACTER SET binary", "BLOB", "BLOB(70000)", "TINYBLOB", "LONG VARCHAR", "LONG VARBINARY", "ENUM('a','b''c','d ') COMMENT 'x,y)'", "ENUM('a','o') CHARACTER SET latin1",
        "SET('x','y','z') NOT NULL", "GEOMETRY", "POINT",
    ];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<TestProduct> Products => [TestProduct.MariaDb, TestProduct.MariaDb11, TestProduct.MySql56, TestProduct.MySql9];

    [Theory]
    [MemberData(nameof(Products))]
    [Trait("case", "2")]
    public async Task A_table_followed_by_its_statements_is_the_table_that_the_server_has(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        await using var connection = await server.OpenAsync();
        await connection.ExecuteAsync($"CREATE DATABASE {database} DEFAULT CHARACTER SET utf8mb4; USE {database}; SET SESSION sql_mode = ''", Token);
        await using var reading = await MySqlConnection.OpenAsync(server.Endpoint, TimeProvider.System, Token);
        var dialect = await ShapeServer.DialectAsync(reading, Token);
        var name = new TableName(database, "t");
        var catalog = new MySqlCatalog(new() { Endpoint = server.Endpoint, Tables = [new(database, "*")] });
        var random = new Random(20261);
        var followed = 0;
        var differences = new List<string>();
        TableDefinition? known = null;
        for (var round = 0; round < 120; round++)
        {
            var sql = known is null || round % 40 == 0 ? Create(random, product) : Alter(random, known, product);
            try
            {
                await connection.ExecuteAsync(sql, Token);
            }
            catch (MySqlServerException)
            {
                continue; // the server will not have it either: a key over a text, the last column
            }

            var before = known is null ? "" : Text(known);
            known = Followed(sql, database, known, dialect, out var refusal);
            await catalog.LoadAsync(reading, name, Token);
            var there = catalog.Find(name) is { } table ? TableDefinition.Of(table, "", "") : null;
            if (refusal is not null || Text(there) != Text(known))
                differences.Add($"{before}\n  {sql}\n{refusal}\n  is\n{Text(there)}\n  but was followed as\n{Text(known)}");
            known = there is null ? null : there with { Charset = known?.Charset ?? "utf8mb4", DatabaseCharset = "utf8mb4" };
            followed++;
        }

        Assert.True(differences.Count == 0, string.Join("\n\n", differences));
        Assert.InRange(followed, 60, 120);
    }

    private static TableDefinition? Followed(string sql, string database, TableDefinition? known, SqlDialect dialect, out string? refusal)
    {
        refusal = null;
        try
        {
            return DdlParser.Parse(sql, dialect, database, static _ => true) switch
            {
                CreateTable create => TableEditor.Create(create, "utf8mb4", dialect),
                AlterTable alter => TableEditor.Alter(known ?? throw new InvalidOperationException(sql), alter.Changes, dialect),
                DropTables => null,
                var other => throw new InvalidOperationException($"{other}: {sql}"),
            };
        }
        catch (DdlUnclearException unclear)
        {
            refusal = unclear.Message;
            return known;
        }
    }

    private static string Text(TableDefinition? table) => table is null ? "none" : string.Join('\n', table.Columns.Select(column => string.Create(
            CultureInfo.InvariantCulture,
            $"{column.Name}: {column.SourceType}, type {column.Type}/{column.Metadata}, {(column.Unsigned ? "unsigned " : "")}{column.Charset} {string.Join('|', column.Labels)} {column.Form}{(column.IsJson ? " json" : "")}")))
        + $"\nkey {string.Join(',', table.Key)}";

    private static string Create(Random random, TestProduct product)
    {
        var columns = Enumerable.Range(0, random.Next(1, 6)).Select(i => $"c{i} {Type(random, product)}");
        var key = random.Next(2) == 0 ? ", PRIMARY KEY (id)" : "";
        var options = random.Next(3) switch { 0 => " DEFAULT CHARSET=latin1", 1 => " ENGINE=InnoDB COLLATE utf8mb4_bin COMMENT='c'", _ => "" };
        return $"DROP TABLE IF EXISTS t; CREATE TABLE t (id INT NOT NULL, {string.Join(", ", columns)}{key}){options}".Split("; ")[random.Next(8) == 0 ? 0 : 1];
    }

    private static string Alter(Random random, TableDefinition known, TestProduct product) =>
        "ALTER TABLE t " + string.Join(", ", Enumerable.Range(0, random.Next(1, 4)).Select(_ => Clause(random, known, product)).Distinct());

    private static string Clause(Random random, TableDefinition known, TestProduct product)
    {
        var any = known.Columns[random.Next(known.Columns.Length)].Name;
        var fresh = $"n{random.Next(1000)}";
        var place = random.Next(3) switch { 0 => " FIRST", 1 => $" AFTER `{known.Columns[random.Next(known.Columns.Length)].Name}`", _ => "" };
        return random.Next(11) switch
        {
            0 or 1 or 2 => $"ADD COLUMN {fresh} {Type(random, product)}{place}",
            3 => $"ADD ({fresh} {Type(random, product)}, {fresh}b {Type(random, product)})",
            4 => $"DROP COLUMN {any}",
            5 => $"MODIFY `{any}` {Type(random, product)}{place}",
            6 => $"CHANGE COLUMN {any} {fresh} {Type(random, product)}{place}",
            7 when product != TestProduct.MySql56 => $"RENAME COLUMN {any} TO {fresh}",
            8 => random.Next(2) == 0 ? "CONVERT TO CHARACTER SET latin1" : "CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            9 => random.Next(2) == 0 ? "DEFAULT CHARACTER SET utf8mb4" : "CHARACTER SET = latin1",
            _ => known.Key.IsEmpty ? $"ADD PRIMARY KEY ({any})" : "DROP PRIMARY KEY",
        };
    }

    private static string Type(Random random, TestProduct product) => random.Next(12) switch
    {
        0 when product is TestProduct.MariaDb or TestProduct.MariaDb11 => "JSON",
        1 when product is TestProduct.MariaDb or TestProduct.MariaDb11 => "UUID",
        2 when product is TestProduct.MariaDb or TestProduct.MariaDb11 => "VARCHAR(50) COMPRESSED",
        3 when product is TestProduct.MariaDb11 => "VECTOR(3)",
        0 or 1 when product is TestProduct.MySql9 => "JSON",
        2 when product is TestProduct.MySql9 => "VECTOR(3)",
        _ => Types[random.Next(Types.Length)],
    };
}
