using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Reads the columns of a table from information_schema, of every product.</summary>
internal static class CatalogColumns
{
    /// <summary>The columns in the table's order; none when there is no such table.</summary>
    public static async ValueTask<List<MySqlColumn>> ReadAsync(MySqlConnection connection, TableName table, CancellationToken cancellationToken)
    {
        var isMariaDb = connection.Server.IsMariaDb;
        var json = isMariaDb ? await JsonAsync(connection, table, cancellationToken) : [];
        var columns = new List<MySqlColumn>();
        await using var rows = await connection.QueryAsync(
            "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, IS_NULLABLE, CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, CHARACTER_SET_NAME "
            + $"FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = {Sql.Text(table.Database)} AND TABLE_NAME = {Sql.Text(table.Name)} ORDER BY ORDINAL_POSITION", cancellationToken);
        while (await rows.ReadRowAsync(cancellationToken))
            columns.Add(Definition(rows, isMariaDb, json).ToColumn());
        return columns;
    }

    private static ColumnDefinition Definition(MySqlResult row, bool isMariaDb, HashSet<string> json)
    {
        var name = row.Text(0) ?? "";
        var dataType = row.Text(1) ?? "";
        var columnType = row.Text(2) ?? "";
        return new()
        {
            Name = name,
            DataType = dataType,
            ColumnType = columnType,
            IsMariaDb = isMariaDb,
            Nullable = row.Text(3) == "YES",
            Octets = row.Number(4),
            Precision = (int)row.Number(5),
            Scale = (int)row.Number(6),
            Fraction = (int)row.Number(7),
            Charset = row.Text(8),
            Labels = dataType is "enum" or "set" ? Sql.Labels(columnType) : [],
            IsJson = dataType == "longtext" && json.Contains(name),
        };
    }

    // MariaDB's JSON is LONGTEXT with the check json_valid(`column`).
    private static async ValueTask<HashSet<string>> JsonAsync(MySqlConnection connection, TableName table, CancellationToken cancellationToken)
    {
        var json = new HashSet<string>(StringComparer.Ordinal);
        await using var rows = await connection.QueryAsync(
            "SELECT CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS "
            + $"WHERE CONSTRAINT_SCHEMA = {Sql.Text(table.Database)} AND TABLE_NAME = {Sql.Text(table.Name)} AND CHECK_CLAUSE LIKE 'json_valid(%'", cancellationToken);
        while (await rows.ReadRowAsync(cancellationToken))
        {
            var clause = rows.Text(1) ?? "";
            const string Front = "json_valid(`";
            if (clause.StartsWith(Front, StringComparison.Ordinal) && clause.EndsWith("`)", StringComparison.Ordinal))
                json.Add(clause[Front.Length..^2].Replace("``", "`", StringComparison.Ordinal));
        }

        return json;
    }
}
