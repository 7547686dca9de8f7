using System.Runtime.CompilerServices;
using Leat.Changes;

namespace Leat.Connectors.MySql;

// Looks at the tables that are not for delivery.
public sealed partial class MySqlSource
{
    /// <inheritdoc/>
    public async IAsyncEnumerable<SourceRow> ReadMatchingAsync(
        TableSchema table, RowMatches matches, int most, SourcePosition? captured, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await WithConnectionAsync(ValueTask.FromResult, cancellationToken, keep: true);
        var catalog = new MySqlCatalog(_options);
        await catalog.LoadAsync(connection, table.Table, cancellationToken);
        if (catalog.Find(table.Table) is not { } shape || matches.Rows.Count == 0)
            yield break;
        RequireReadable(shape);
        await using var rows = await connection.QueryAsync(RowLookup.Matching(shape, matches, most), cancellationToken);
        while (await rows.ReadRowAsync(cancellationToken))
        {
            var buffer = new byte[TextRow.MaxBytes(shape, rows.RowBytes)]; // some hundreds in all
            yield return new(shape.Schema, buffer.AsMemory(0, TextRow.Encode(shape, rows, buffer)));
        }
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyDictionary<TableName, long>> EstimateRowsAsync(CancellationToken cancellationToken) =>
        WithConnectionAsync<IReadOnlyDictionary<TableName, long>>(
            async connection =>
            {
                var catalog = new MySqlCatalog(_options);
                await catalog.LoadAllAsync(connection, cancellationToken);
                return catalog.Tables.ToDictionary(table => table.Name, table => table.EstimatedRows);
            },
            cancellationToken);
}
