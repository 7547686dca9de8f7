using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>Changes that the binlog does not tell, from the block to the remedy that its message names.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class UntoldTests
{
    [Fact]
    public async Task A_statement_blocks_the_source_until_its_table_is_read_again()
    {
        await using var rig = await CopyRig.StartAsync();
        rig.Start();
        await rig.DeliveredAsync();
        await rig.RunAsync(
            "USE shop; SET SESSION binlog_format = STATEMENT; DELETE FROM items WHERE id > 400; UPDATE items SET note = 'by statement' WHERE id BETWEEN 10 AND 20; SET SESSION binlog_format = ROW; "
            + "INSERT INTO items VALUES (1000, 'after', 0)");

        var reason = await rig.SourceBlockedAsync();
        Assert.EndsWith(
            " changes shop.items by a statement whose rows are not in the binlog: DELETE FROM items WHERE id > 400. SET GLOBAL binlog_format = ROW; and see that no session sets another. "
            + "Have the table read again, which passes this place: `leat snapshot start FILE shop --tables shop.items`. [LEAT-4024]", reason, StringComparison.Ordinal);
        var (code, _, error) = await rig.CommandAsync("snapshot", "start", rig.File, "shop", "--tables", "shop.items");

        Assert.True(code == 0, error);
        await rig.EqualAsync();
        Assert.Equal("400", (await rig.Server.QueryAsync("SELECT COUNT(*) FROM shop_copy.items WHERE id BETWEEN 1 AND 500", TestContext.Current.CancellationToken))[0][0]);
        Assert.Equal("11", (await rig.Server.QueryAsync("SELECT COUNT(*) FROM shop_copy.items WHERE note = 'by statement'", TestContext.Current.CancellationToken))[0][0]);
    }
}
