using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Where each product's stream stands, and that it goes on there, against every server.</summary>
public sealed class PositionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    [InlineData(TestProduct.MySql56)]
    [InlineData(TestProduct.MySql9)]
    public async Task Resuming_after_any_commit_loses_and_repeats_nothing_on_every_product(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        var source = server.Source(database);
        await server.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.a (id INT PRIMARY KEY, v INT) ENGINE = InnoDB");
        var start = await source.CurrentPositionAsync(Token);
        for (var i = 0; i < 8; i++)
        {
            await server.ExecuteAsync(
                $"USE {database}; BEGIN; INSERT INTO a VALUES ({i}, 0); UPDATE a SET v = v + 1 WHERE id = {i}; COMMIT" + (i == 3 ? "; FLUSH BINARY LOGS" : "; CREATE DATABASE IF NOT EXISTS other"));
        }

        var end = await source.CurrentPositionAsync(Token);
        var whole = new Recorder();
        await source.RunAsync(new() { From = start, Until = end }, whole, Token);
        var seen = new List<string>();
        for (SourcePosition? from = start; from is not null;)
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
            var part = new Recorder { OnCommit = recorder => (recorder.Transactions.Count == 1 ? stop : null)?.Cancel() };
            try
            {
                await source.RunAsync(new() { From = from, Until = end }, part, stop.Token);
                from = null;
            }
            catch (OperationCanceledException)
            {
                from = part.Position;
            }

            seen.AddRange(part.Changes.Select(change => change.ToString()));
        }

        Assert.Equal(
            Enumerable.Range(0, 8).SelectMany(id => (string[])[$"Insert a ({id},0)", $"Update a ({id},0) ({id},1)"]), whole.Changes.Select(change => change.ToString()));
        Assert.Equal(whole.Changes.Select(change => change.ToString()), seen);
    }
}
