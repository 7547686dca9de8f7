using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>What MariaDB's information_schema says of how a table keeps its history.</summary>
internal static class VersionedCatalog
{
    /// <summary>TABLE_TYPE of a table that keeps its history.</summary>
    public const string TableType = "SYSTEM VERSIONED";

    /// <summary>The table with its way of keeping history. The server puts the row's end into the primary key; current rows are told apart without it.</summary>
    public static async ValueTask<MySqlTable> ReadAsync(MySqlConnection connection, MySqlTable table, CancellationToken cancellationToken)
    {
        string? end = null;
        await using (var rows = await connection.QueryAsync(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE GENERATION_EXPRESSION = 'ROW END' "
            + $"AND TABLE_SCHEMA = {Sql.Text(table.Name.Database)} AND TABLE_NAME = {Sql.Text(table.Name.Name)}", cancellationToken))
        {
            while (await rows.ReadRowAsync(cancellationToken))
                end = rows.Text(0);
        }

        var ordinal = end is null ? -1 : table.Schema.Find(end);
        var byNumber = ordinal >= 0 && table.Columns[ordinal].Schema.Kind != ColumnKind.Timestamp;
        return new(table.Name, table.Columns, [.. table.Schema.Key.Where(key => key != ordinal)])
        {
            Engine = table.Engine,
            EstimatedRows = table.EstimatedRows,
            Refusal = byNumber ? "its history is kept by transaction numbers, for which the server logs statements instead of rows" : table.Refusal,
            Versioning = end is null ? Versioning.Implicit : Versioning.Explicit,
            RowEnd = end,
        };
    }
}
