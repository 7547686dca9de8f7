using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Looks at a request to read tables again before it is taken, so that a slip is told to who made it.</summary>
internal sealed class SnapshotRequestCheck(string source, MySqlSourceOptions options)
{
    /// <summary>Asks the server about the tables and the condition.</summary>
    /// <exception cref="LeatException">A table is not captured, or the condition is not understood.</exception>
    public async ValueTask RequireAsync(MySqlConnection connection, SnapshotRequest request, CancellationToken cancellationToken)
    {
        var catalog = new MySqlCatalog(options);
        await catalog.LoadAllAsync(connection, cancellationToken);
        foreach (var table in request.Tables)
        {
            if (catalog.Find(table) is not { } shape)
                throw MySqlErrors.NotCaptured(source, table, Nearest.Of(table.ToString(), catalog.Tables.Select(one => one.Name.ToString())));
            if (request.Where is { } where)
                await RequireAsync(connection, shape, where, cancellationToken);
        }
    }

    private async ValueTask RequireAsync(MySqlConnection connection, MySqlTable table, string where, CancellationToken cancellationToken)
    {
        try
        {
            await using var rows = await connection.QueryAsync($"EXPLAIN SELECT 1 FROM {Sql.Name(table.Name)} WHERE ({where})", cancellationToken);
        }
        catch (MySqlServerException refused)
        {
            throw MySqlErrors.WhereNotUnderstood(source, table.Name, where, refused);
        }
    }
}
