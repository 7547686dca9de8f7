using Leat.Changes;
using Leat.Changes.Formats;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Changes whose rows the binlog tells in part, on every product.</summary>
public sealed class RowImageTests
{
    private const string Table = "CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(20), c TEXT) ENGINE = InnoDB; INSERT INTO t VALUES (1, 10, 'x', 'long'), (2, 20, 'y', NULL)";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<TestProduct> Products => [.. Enum.GetValues<TestProduct>()];

    [Theory]
    [MemberData(nameof(Products))]
    public async Task Minimal_images_tell_the_key_and_what_changed(TestProduct product)
    {
        var changes = await CaptureAsync(
            product, "MINIMAL", Table, "UPDATE t SET a = 11 WHERE id = 1; UPDATE t SET c = NULL, b = 'z' WHERE id = 2; DELETE FROM t WHERE id = 1");

        Assert.Equal(["Update t (1,…,…,…) (1,11,…,…)", "Update t (2,…,…,…) (2,…,z,NULL)", "Delete t (1,…,…,…)"], changes.Select(change => change.ToString()));
        Assert.All(changes, change => Assert.True(change.Schema.IsPartial));
    }

    [Theory]
    [MemberData(nameof(Products))]
    public async Task A_key_that_moves_has_both_its_values_in_minimal_images(TestProduct product)
    {
        var changes = await CaptureAsync(product, "MINIMAL", Table, "UPDATE t SET id = 7 WHERE id = 1; UPDATE t SET id = 8, a = 1 WHERE id = 2");

        Assert.Equal(["Update t (1,…,…,…) (7,…,…,…)", "Update t (2,…,…,…) (8,1,…,…)"], changes.Select(change => change.ToString()));
    }

    [Theory]
    [MemberData(nameof(Products))]
    public async Task Of_several_unique_indexes_that_is_the_key_by_which_the_server_tells_rows(TestProduct product)
    {
        // Indexes over columns that are never NULL come first in the server's order, then that in which they were made; names say nothing.
        var changes = await CaptureAsync(
            product, "MINIMAL",
            "CREATE TABLE t (a INT, b INT NOT NULL, c INT NOT NULL, d INT, UNIQUE KEY a0 (a), UNIQUE KEY z1 (c, b), UNIQUE KEY a1 (b)) ENGINE = InnoDB; INSERT INTO t VALUES (1, 2, 3, 4), (5, 6, 7, 8)",
            "UPDATE t SET d = 9 WHERE a = 1; UPDATE t SET b = 60 WHERE a = 5; DELETE FROM t WHERE a = 1");

        Assert.Equal(["Update t (…,2,3,…) (…,2,3,9)", "Update t (…,6,7,…) (…,60,7,…)", "Delete t (…,2,3,…)"], changes.Select(change => change.ToString()));
        Assert.All(changes, change => Assert.Equal([2, 1], change.Schema.Key));
        await using var source = (await TestServer.SharedAsync(product)).Source(changes[0].Schema.Table.Database);
        Assert.Equal([2, 1], Assert.Single(await source.TablesAsync(Token)).Key);
    }

    [Theory]
    [MemberData(nameof(Products))]
    public async Task Inserts_are_whole_in_minimal_images_when_they_name_all_columns(TestProduct product)
    {
        var changes = await CaptureAsync(product, "MINIMAL", Table, "INSERT INTO t VALUES (3, NULL, 'n', 'text')");

        Assert.Equal(["Insert t (3,NULL,n,text)"], changes.Select(change => change.ToString()));
        Assert.False(changes[0].Schema.IsPartial);
    }

    [Theory]
    [MemberData(nameof(Products))]
    public async Task Defaults_of_an_insert_that_does_not_name_them_are_not_guessed(TestProduct product)
    {
        var changes = await CaptureAsync(
            product, "MINIMAL", "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, a INT DEFAULT 5, b VARCHAR(20), c TEXT) ENGINE = InnoDB",
            "INSERT INTO t (b) VALUES ('x'); INSERT INTO t () VALUES (); INSERT INTO t (id, b) VALUES (9, 'y') ON DUPLICATE KEY UPDATE a = 1; REPLACE INTO t (id, a) VALUES (9, 7)");

        // ON DUPLICATE KEY UPDATE reads the columns that it would set, and so they are told.
        Assert.Equal(["Insert t (1,…,x,…)", "Insert t (2,…,…,…)", "Insert t (9,5,y,…)"], changes.Take(3).Select(change => change.ToString()));
    }

    [Theory]
    [MemberData(nameof(Products))]
    public async Task Noblob_images_are_whole_but_for_a_text_that_did_not_change(TestProduct product)
    {
        var changes = await CaptureAsync(product, "NOBLOB", Table, "UPDATE t SET a = 11 WHERE id = 1; UPDATE t SET c = 'new' WHERE id = 2; DELETE FROM t WHERE id = 2");

        Assert.Equal(
            ["Update t (1,10,x,…) (1,11,x,…)", "Update t (2,20,y,…) (2,20,y,new)", "Delete t (2,20,y,…)"], changes.Select(change => change.ToString()));
    }

    [Theory]
    [MemberData(nameof(Products))]
    public async Task Full_images_stay_as_they_are(TestProduct product)
    {
        var changes = await CaptureAsync(product, "FULL", Table, "UPDATE t SET a = 11 WHERE id = 1");

        Assert.Equal(["Update t (1,10,x,long) (1,11,x,long)"], changes.Select(change => change.ToString()));
        Assert.False(changes[0].Schema.IsPartial);
    }

    private static async Task<List<Recorded>> CaptureAsync(TestProduct product, string image, string before, string change)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; USE {database}; {before}");
        await using var source = server.Source(database);
        var start = await source.CurrentPositionAsync(Token);
        await server.ExecuteAsync($"SET SESSION binlog_row_image = {image}; USE {database}; {change}");
        var recorder = new Recorder();
        await source.RunAsync(new() { From = start, Until = await source.CurrentPositionAsync(Token) }, recorder, Token);
        return [.. recorder.Changes];
    }
}
