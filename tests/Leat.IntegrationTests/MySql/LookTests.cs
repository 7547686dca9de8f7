using Leat.Changes;
using Leat.Changes.Formats;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>Looks at tables that are not for delivery: rows that belong to others, and how many there are.</summary>
public sealed class LookTests(MariaDbFixture fixture) : IClassFixture<MariaDbFixture>
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Rows_are_found_by_the_values_of_others_whatever_their_types()
    {
        var database = fixture.NextDatabase();
        await fixture.ExecuteAsync($"""
            CREATE DATABASE {database}; USE {database};
            CREATE TABLE o (id BIGINT UNSIGNED PRIMARY KEY, kind VARCHAR(10) CHARACTER SET utf8mb4);
            CREATE TABLE i (id INT PRIMARY KEY, o INT, kind VARCHAR(10) CHARACTER SET utf8mb4);
            INSERT INTO o VALUES (1, 'it''s'), (2, 'ü'), (3, NULL);
            INSERT INTO i VALUES (11, 1, 'it''s'), (12, 1, 'other'), (13, 2, 'ü'), (14, 3, NULL), (15, NULL, 'ü');
            """);
        await using var source = fixture.Source(database);
        var tables = (await source.TablesAsync(Token)).ToDictionary(table => table.Table.Name);
        var parents = new List<ReadOnlyMemory<byte>>();
        await foreach (var row in source.ReadTableAsync(tables["o"], null, Token))
            parents.Add(row.Row.ToArray());

        var both = new RowMatches(["o", "kind"], tables["o"], [0, 1], parents[..2]);

        Assert.Equal(["11", "13"], await IdsAsync(source, tables["i"], both, 10));
        Assert.Equal(["11", "12", "13", "14"], await IdsAsync(source, tables["i"], new(["o"], tables["o"], [0], parents), 10));
        Assert.Single(await IdsAsync(source, tables["i"], both, 1));
        Assert.Empty(await IdsAsync(source, tables["i"], both with { Rows = [] }, 10));
    }

    [Fact]
    public async Task Rows_are_counted_as_the_server_estimates_them()
    {
        var database = fixture.NextDatabase();
        await fixture.ExecuteAsync($"CREATE DATABASE {database}; USE {database}; CREATE TABLE o (id INT PRIMARY KEY); INSERT INTO o SELECT seq FROM seq_1_to_500; ANALYZE TABLE o");
        await using var source = fixture.Source(database);

        var estimates = await source.EstimateRowsAsync(Token);

        Assert.InRange(estimates[new(database, "o")], 250, 1_000);
    }

    private static async Task<List<string?>> IdsAsync(ISource source, TableSchema table, RowMatches matches, int most)
    {
        var ids = new List<string?>();
        await foreach (var row in source.ReadMatchingAsync(table, matches, most, null, Token))
            ids.Add(IdOf(row));
        return [.. ids.Order(StringComparer.Ordinal)];
    }

    private static string? IdOf(SourceRow row)
    {
        var reader = new RowReader(row.Schema, row.Row.Span);
        reader.Seek(0);
        return ValueText.Of(ref reader);
    }
}
