using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>Documents of two tables of a MariaDB, in Redis as JSON strings and in a table with a JSON column, step by step and through kills.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class DocumentTests
{
    // A child before its parent, a parent that enters and leaves, a child that moves, a parent that comes again.
    private static readonly (string Sql, string Documents)[] Steps =
    [
        ("INSERT INTO items VALUES (11, 1, 'a', 2)", "100: base [1001/z/1]"),
        ("INSERT INTO orders VALUES (1, 1, 'x', 'long')", "1: x [11/a/2]; 100: base [1001/z/1]"),
        ("INSERT INTO items VALUES (12, 1, 'b', 1)", "1: x [11/a/2, 12/b/1]; 100: base [1001/z/1]"),
        ("INSERT INTO orders VALUES (2, 3, 'y', NULL)", "1: x [11/a/2, 12/b/1]; 100: base [1001/z/1]"),
        ("INSERT INTO items VALUES (21, 2, 'c', 5)", "1: x [11/a/2, 12/b/1]; 100: base [1001/z/1]"),
        ("UPDATE orders SET type = 2 WHERE id = 2", "1: x [11/a/2, 12/b/1]; 2: y [21/c/5]; 100: base [1001/z/1]"),
        ("UPDATE items SET order_id = 2 WHERE id = 12", "1: x [11/a/2]; 2: y [12/b/1, 21/c/5]; 100: base [1001/z/1]"),
        ("UPDATE orders SET type = 3 WHERE id = 1", "2: y [12/b/1, 21/c/5]; 100: base [1001/z/1]"),
        ("UPDATE items SET qty = 9 WHERE id = 11", "2: y [12/b/1, 21/c/5]; 100: base [1001/z/1]"),
        ("UPDATE orders SET type = 1 WHERE id = 1", "1: x [11/a/9]; 2: y [12/b/1, 21/c/5]; 100: base [1001/z/1]"),
        ("DELETE FROM items WHERE id = 11", "1: x []; 2: y [12/b/1, 21/c/5]; 100: base [1001/z/1]"),
        ("DELETE FROM orders WHERE id = 2", "1: x []; 100: base [1001/z/1]"),
        ("INSERT INTO orders VALUES (2, 1, 'z', NULL)", "1: x []; 2: z [12/b/1, 21/c/5]; 100: base [1001/z/1]"),
    ];

    [Theory]
    [InlineData("FULL")]
    [InlineData("MINIMAL")]
    [InlineData("NOBLOB")]
    public async Task Each_statement_leaves_the_documents_that_it_should_with_kills_in_between(string rowImage)
    {
        await using var rig = await DocumentRig.StartAsync(rowImage);
        await rig.RunAsync("USE shop; INSERT INTO orders VALUES (100, 1, 'base', NULL); INSERT INTO items VALUES (1001, 100, 'z', 1)");
        rig.Start();
        await rig.UntilAsync("100: base [1001/z/1]");

        for (var step = 0; step < Steps.Length; step++)
        {
            await rig.RunAsync($"USE shop; {Steps[step].Sql}");
            if (step % 3 == 1)
                await rig.KillAsync(); // while it may be on its way
            await rig.UntilAsync(Steps[step].Documents);
            if (step % 3 == 2)
                await rig.KillAsync();
        }

        var account = (await rig.SettledAsync("rows")).GetProperty("accounting");
        Assert.Equal((true, 0L), (account.GetProperty("balanced").GetBoolean(), account.GetProperty("dead_lettered").GetInt64()));
        Assert.False((await rig.SettledAsync("cache")).GetProperty("documents").GetProperty("suspect").GetBoolean());
    }

    [Fact]
    public async Task One_transaction_makes_each_document_once()
    {
        await using var rig = await DocumentRig.StartAsync("FULL");
        rig.Start();
        await rig.SettledAsync("cache");
        await rig.SettledAsync("rows");

        await rig.RunAsync($"USE shop; BEGIN; INSERT INTO orders VALUES (100, 1, 'base', NULL); INSERT INTO items VALUES (1001, 100, 'z', 1); {string.Join("; ", Steps.Select(step => step.Sql))}; COMMIT");
        await rig.UntilAsync(Steps[^1].Documents);

        foreach (var pipeline in (string[])["cache", "rows"])
        {
            // Documents 1, 2 and 100, and nothing of what they were in between.
            var account = (await rig.SettledAsync(pipeline)).GetProperty("accounting");
            Assert.True(account.GetProperty("emitted").GetInt64() == 3, $"{account}");
            Assert.Equal(15, account.GetProperty("planned").GetInt64() + account.GetProperty("folded").GetInt64());
        }
    }

    [Fact]
    public async Task A_table_that_is_read_again_or_emptied_takes_its_rows_out_of_the_documents()
    {
        await using var rig = await DocumentRig.StartAsync("FULL");
        await rig.RunAsync("USE shop; INSERT INTO orders VALUES (1, 1, 'a', NULL), (2, 2, 'b', NULL), (3, 1, 'c', NULL); INSERT INTO items VALUES (1, 1, 'x', 1), (2, 1, 'y', 2), (3, 3, 'z', 3)");
        rig.Start();
        await rig.UntilAsync("1: a [1/x/1, 2/y/2]; 2: b []; 3: c [3/z/3]");

        // What the binlog never tells.
        await rig.RunAsync("SET sql_log_bin = 0; USE shop; DELETE FROM orders WHERE id = 2; DELETE FROM items WHERE id = 1; UPDATE items SET qty = 7 WHERE id = 3");
        var (code, output, error) = await rig.CommandAsync("snapshot", "start", rig.Configuration, "shop", "--tables", "shop.orders,shop.items");
        Assert.True(code == 0, output + error);
        await rig.UntilAsync("1: a [2/y/2]; 3: c [3/z/7]");

        await rig.RunAsync("TRUNCATE TABLE shop.items");
        await rig.UntilAsync("1: a []; 3: c []");
        await rig.KillAsync();
        await rig.RunAsync("USE shop; INSERT INTO items VALUES (4, 3, 'n', 1); TRUNCATE TABLE shop.orders; INSERT INTO shop.orders VALUES (3, 2, 'again', NULL)");
        await rig.UntilAsync("3: again [4/n/1]");
        Assert.False((await rig.SettledAsync("cache")).GetProperty("documents").GetProperty("suspect").GetBoolean());
    }

    [Fact]
    public async Task Another_rule_makes_other_documents_of_the_same_rows_and_other_columns_are_taken_in_anew()
    {
        await using var rig = await DocumentRig.StartAsync("FULL");
        await rig.RunAsync("USE shop; INSERT INTO orders VALUES (1, 1, 'a', 'A'), (2, 2, 'b', 'B'), (3, 3, 'c', 'C'); INSERT INTO items VALUES (1, 1, 'x', 1), (2, 3, 'y', 2)");
        rig.Start();
        await rig.UntilAsync("1: a [1/x/1]; 2: b []");

        await rig.StopAsync();
        await rig.RewriteAsync("type IN (1, 2)", "type IN (1, 3)");
        rig.Start();
        await rig.UntilAsync("1: a [1/x/1]; 3: c [2/y/2]");
        Assert.Equal(2, (await rig.SettledAsync("cache")).GetProperty("epoch").GetInt32());

        await rig.StopAsync();
        await rig.RewriteAsync("columns: [id, type, note]", "columns: [id, type, note, story]");
        rig.Start();
        Assert.Equal(3, (await rig.SettledAsync("cache")).GetProperty("epoch").GetInt32());
        await rig.RunAsync("USE shop; UPDATE orders SET note = story WHERE id = 3; DELETE FROM orders WHERE id = 1");
        await rig.UntilAsync("3: C [2/y/2]");
    }

    [Fact]
    public async Task An_orderly_stop_sends_nothing_again_and_a_lost_target_is_filled_again()
    {
        await using var rig = await DocumentRig.StartAsync("FULL");
        await rig.RunAsync(
            "USE shop; INSERT INTO orders SELECT seq, 1, CONCAT('n', seq), NULL FROM seq_1_to_300; INSERT INTO items SELECT seq, seq % 300 + 1, 'a', seq FROM seq_1_to_900");
        rig.Start();
        Assert.Equal(300, (await rig.SettledAsync("cache")).GetProperty("accounting").GetProperty("applied").GetInt64());
        Assert.Equal(1_200, (await rig.SettledAsync("rows")).GetProperty("documents").GetProperty("state_rows").GetInt64());

        await rig.StopAsync();
        rig.Start();
        Assert.Equal(0, (await rig.SettledAsync("cache")).GetProperty("accounting").GetProperty("emitted").GetInt64());

        await rig.EmptyCacheAsync();
        await rig.RunAsync("USE shop; DELETE FROM orders WHERE id > 2; DELETE FROM items WHERE id > 300 OR order_id > 2");
        var (code, output, error) = await rig.CommandAsync("redeliver", "cache", "--file", rig.Configuration, "--yes");
        Assert.True(code == 0, output + error);
        await rig.UntilAsync("1: n1 [300/a/300]; 2: n2 [1/a/1]");

        (code, output, _) = await rig.CommandAsync("rebuild", "rows", "--file", rig.Configuration, "--yes");
        Assert.Equal((0, "Pipeline 'rows' makes its documents anew, from offset 0 of the log on, in epoch 2.\n"), (code, output));
        await rig.RunAsync("USE shop; UPDATE orders SET note = 'new' WHERE id = 1");
        await rig.UntilAsync("1: new [300/a/300]; 2: n2 [1/a/1]");
    }
}
