using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>Rules of single tables, from a MariaDB into a MariaDB: what is mapped, merged, marked, and how a change of shape is taken.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class TableRulesTests
{
    [Fact]
    public async Task Rows_are_renamed_computed_masked_and_marked()
    {
        await using var rig = await TableRulesRig.StartAsync(
            """
            CREATE DATABASE shop;
            CREATE TABLE shop.users (id INT PRIMARY KEY, email VARCHAR(50), cents INT, note VARCHAR(20)) ENGINE=InnoDB;
            INSERT INTO shop.users VALUES (1, 'a@x', 5, 'n1'), (2, 'b@x', -5, 'n2'), (3, 'c@x', 7, 'n3');
            """);
        await rig.StartLeatAsync(
            """
            users:
              table: shop.users
              columns: [id, {mail: email}, cents]
              set: { mail: upper(email), half: "coalesce(note, 'none')" }
              where: cents > 0
              soft_delete: { gone: "true" }
            """);
        const string All = "SELECT id, mail, cents, half, IFNULL(gone, 'no') FROM copy.users ORDER BY id";
        await rig.UntilAsync(All, "1 A@X 5 n1 no, 3 C@X 7 n3 no");

        await rig.RunAsync("UPDATE shop.users SET cents = 1, note = NULL WHERE id = 2; UPDATE shop.users SET cents = 0 WHERE id = 3; DELETE FROM shop.users WHERE id = 1; UPDATE shop.users SET id = 20 WHERE id = 2");
        await rig.UntilAsync(All, "1 A@X 5 n1 1, 20 B@X 1 none no");
        await rig.RunAsync("INSERT INTO shop.users VALUES (1, 'again@x', 2, NULL)");
        await rig.UntilAsync(All, "1 AGAIN@X 2 none no, 20 B@X 1 none no");

        await rig.RunAsync("TRUNCATE shop.users; INSERT INTO shop.users VALUES (5, 'e@x', 1, '')");
        await rig.UntilAsync(All, "1 AGAIN@X 2 none 1, 5 E@X 1  no, 20 B@X 1 none 1");
        await rig.StopLeatAsync();
    }

    [Fact]
    public async Task Tables_that_are_one_keep_their_rows_apart()
    {
        await using var rig = await TableRulesRig.StartAsync(
            """
            CREATE DATABASE shop_0; CREATE DATABASE shop_1;
            CREATE TABLE shop_0.orders (id INT PRIMARY KEY, v INT) ENGINE=InnoDB; CREATE TABLE shop_1.orders (id BIGINT PRIMARY KEY, v INT, more VARCHAR(9)) ENGINE=InnoDB;
            CREATE TABLE shop_0.parts (id INT PRIMARY KEY, v INT) ENGINE=InnoDB; CREATE TABLE shop_1.parts (id INT PRIMARY KEY, v INT) ENGINE=InnoDB;
            INSERT INTO shop_0.orders VALUES (1, 10), (2, 20); INSERT INTO shop_1.orders VALUES (1, 11, 'm');
            INSERT INTO shop_0.parts VALUES (1, 1), (2, 2); INSERT INTO shop_1.parts VALUES (3, 3);
            """);
        await rig.StartLeatAsync(
            """
            orders: { tables: 'shop_(\d+)\.orders' }
            parts: { tables: 'shop_\d+\.parts', unique_ids: true }
            """);
        const string Orders = "SELECT shard, id, v, IFNULL(more, '-') FROM copy.orders ORDER BY shard, id";
        const string Parts = "SELECT id, v FROM copy.parts ORDER BY id";
        await rig.UntilAsync(Orders, "0 1 10 -, 0 2 20 -, 1 1 11 m");
        await rig.UntilAsync(Parts, "1 1, 2 2, 3 3");

        await rig.RunAsync("TRUNCATE shop_0.orders; UPDATE shop_1.orders SET v = 12; INSERT INTO shop_0.orders VALUES (9, 90); TRUNCATE shop_0.parts; UPDATE shop_1.parts SET v = 4");
        await rig.UntilAsync(Orders, "0 9 90 -, 1 1 12 m");
        await rig.UntilAsync(Parts, "3 4");

        await rig.RunAsync("CREATE DATABASE shop_7; CREATE TABLE shop_7.orders (id INT PRIMARY KEY, v INT, extra INT) ENGINE=InnoDB; INSERT INTO shop_7.orders VALUES (1, 70, 7)");
        await rig.UntilAsync("SELECT shard, id, v, extra FROM copy.orders WHERE shard = '7'", "7 1 70 7");
        await rig.RunAsync("DELETE FROM shop_7.orders");
        await rig.UntilAsync(Orders, "0 9 90 -, 1 1 12 m");
        await rig.EqualAsync();
        await rig.StopLeatAsync();
    }

    [Fact]
    public async Task Each_table_takes_a_change_of_its_shape_in_its_own_way()
    {
        const string Columns = "(id INT PRIMARY KEY, v INT, gone INT, kind INT) ENGINE=InnoDB";
        await using var rig = await TableRulesRig.StartAsync(
            $"CREATE DATABASE shop; CREATE TABLE shop.a {Columns}; CREATE TABLE shop.b {Columns}; CREATE TABLE shop.c {Columns}; CREATE TABLE shop.d {Columns}; "
            + "INSERT INTO shop.a VALUES (1, 1, 1, 1); INSERT INTO shop.b VALUES (1, 1, 1, 1); INSERT INTO shop.c VALUES (1, 1, 1, 1); INSERT INTO shop.d VALUES (1, 1, 1, 1)");
        const string Rules =
            """
            a: { table: shop.a, on_schema_change: evolve }
            b: { table: shop.b, on_schema_change: lenient }
            c: { table: shop.c, on_schema_change: ignore, columns: [id, v] }
            d: { table: shop.d, on_schema_change: try_evolve }
            """;
        await rig.StartLeatAsync(Rules);
        await rig.UntilAsync("SELECT (SELECT COUNT(*) FROM copy.a), (SELECT COUNT(*) FROM copy.b), (SELECT COUNT(*) FROM copy.c), (SELECT COUNT(*) FROM copy.d)", "1 1 1 1");

        foreach (var table in (string[])["a", "b", "c", "d"])
        {
            var kind = table == "a" ? "BIGINT" : "VARCHAR(9)"; // the target of a widens its column; of a text it could make no number
            await rig.RunAsync($"ALTER TABLE shop.{table} DROP gone, ADD fresh INT, MODIFY kind {kind}; INSERT INTO shop.{table} (id, v, fresh, kind) VALUES (2, 2, 22, '5')");
        }

        await rig.UntilAsync("SELECT id, v, IFNULL(gone, '-'), kind, IFNULL(fresh, '-') FROM copy.a ORDER BY id", "1 1 1 1 -, 2 2 - 5 22");
        await rig.UntilAsync("SELECT * FROM copy.b ORDER BY id", "1 1 1 1, 2 2 NULL 5");
        await rig.UntilAsync("SELECT * FROM copy.c ORDER BY id", "1 1, 2 2");
        await rig.UntilAsync("SELECT id, v, IFNULL(gone, '-'), kind, IFNULL(fresh, '-') FROM copy.d ORDER BY id", "1 1 1 1 -, 2 2 - 5 22");

        // A restart holds on to what the target was prepared for.
        await rig.StopLeatAsync();
        await rig.RunAsync("INSERT INTO shop.b (id, v, fresh, kind) VALUES (3, 3, 33, 'x'); INSERT INTO shop.d (id, v, fresh, kind) VALUES (3, 3, 33, '6')");
        await rig.StartLeatAsync(Rules);
        await rig.UntilAsync("SELECT * FROM copy.b ORDER BY id", "1 1 1 1, 2 2 NULL 5, 3 3 NULL NULL");
        await rig.UntilAsync("SELECT id, v, kind, fresh FROM copy.d WHERE id = 3", "3 3 6 33");
        await rig.EqualAsync();
        await rig.StopLeatAsync();
    }

    [Fact]
    public async Task A_person_can_be_asked_before_a_change_of_shape_is_followed()
    {
        await using var rig = await TableRulesRig.StartAsync("CREATE DATABASE shop; CREATE TABLE shop.a (id INT PRIMARY KEY, v INT) ENGINE=InnoDB; INSERT INTO shop.a VALUES (1, 1)");
        await rig.StartLeatAsync("a: { table: shop.a, on_schema_change: exception }");
        await rig.UntilAsync("SELECT * FROM copy.a", "1 1");
        await rig.RunAsync("INSERT INTO shop.a VALUES (2, 2); ALTER TABLE shop.a ADD fresh INT; INSERT INTO shop.a VALUES (3, 3, 33)");

        Assert.Contains("Table shop.a (as 'a') has changed: column 'fresh' is new, and `on_schema_change: exception` does not follow that.", await rig.BlockedAsync(), StringComparison.Ordinal);
        await rig.StopLeatAsync();
        await rig.StartLeatAsync("a: { table: shop.a, on_schema_change: exception }");
        await rig.BlockedAsync();
        await rig.StopLeatAsync();

        await rig.StartLeatAsync("a: { table: shop.a, on_schema_change: evolve }");
        await rig.UntilAsync("SELECT id, v, IFNULL(fresh, '-') FROM copy.a ORDER BY id", "1 1 -, 2 2 -, 3 3 33");
        await rig.StopLeatAsync();
        await rig.RunAsync("INSERT INTO shop.a VALUES (4, 4, 44)");
        await rig.StartLeatAsync("a: { table: shop.a, on_schema_change: exception }");
        await rig.UntilAsync("SELECT fresh FROM copy.a WHERE id = 4", "44");
        await rig.StopLeatAsync();
    }
}
