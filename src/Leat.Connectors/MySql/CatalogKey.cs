using System.Collections.Immutable;
using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Reads from information_schema which columns identify the rows of a table.</summary>
internal static class CatalogKey
{
    private const string Primary = "PRIMARY";

    /// <summary>Ordinals of the primary key's columns, or else of the first unique index of whole columns none of which can be NULL; empty when there is neither.</summary>
    /// <remarks>Which is the first the server decides: it tells rows by that one in MINIMAL images, and names it as the key in FULL metadata.</remarks>
    public static async ValueTask<ImmutableArray<int>> ReadAsync(
        MySqlConnection connection, TableName table, List<MySqlColumn> columns, CancellationToken cancellationToken)
    {
        var indexes = new Dictionary<string, List<int>>(StringComparer.Ordinal);
        await using (var rows = await connection.QueryAsync(
            "SELECT INDEX_NAME, COLUMN_NAME, SUB_PART IS NOT NULL OR NULLABLE = 'YES' FROM information_schema.STATISTICS "
            + $"WHERE TABLE_SCHEMA = {Sql.Text(table.Database)} AND TABLE_NAME = {Sql.Text(table.Name)} AND NON_UNIQUE = 0 ORDER BY INDEX_NAME, SEQ_IN_INDEX", cancellationToken))
        {
            while (await rows.ReadRowAsync(cancellationToken))
            {
                var name = rows.Text(0) ?? "";
                if (!indexes.TryGetValue(name, out var parts))
                    indexes[name] = parts = [];
                var column = rows.Text(1); // NULL for an expression
                parts.Add(name != Primary && rows.Number(2) != 0 ? -1 : columns.FindIndex(one => one.Schema.Name == column));
            }
        }

        foreach (var name in indexes.Where(index => index.Value.Contains(-1)).Select(index => index.Key).ToList())
            indexes.Remove(name);
        if (indexes.TryGetValue(Primary, out var primary))
            return [.. primary];
        var first = indexes.Count > 1 ? await FirstAsync(connection, table, indexes.Keys, cancellationToken) : indexes.Keys.FirstOrDefault();
        return first is null ? [] : [.. indexes[first]];
    }

    // SHOW INDEX lists indexes in the server's order, which information_schema does not tell.
    private static async ValueTask<string?> FirstAsync(
        MySqlConnection connection, TableName table, IReadOnlyCollection<string> names, CancellationToken cancellationToken)
    {
        const int KeyName = 2;
        string? first = null;
        await using var rows = await connection.QueryAsync($"SHOW INDEX FROM {Sql.Name(table)}", cancellationToken);
        while (await rows.ReadRowAsync(cancellationToken))
        {
            if (rows.Text(KeyName) is { } name && names.Contains(name))
                first ??= name;
        }

        return first;
    }
}
