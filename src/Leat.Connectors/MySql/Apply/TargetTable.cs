using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Apply;

/// <summary>What the target's information_schema says of one table.</summary>
internal sealed record TargetTable
{
    public required string Engine { get; init; }

    public required IReadOnlyList<string> Columns { get; init; }

    public required IReadOnlyList<string> Key { get; init; }

    /// <summary>A unique index besides the primary key.</summary>
    public string? UniqueIndex { get; init; }

    /// <summary>Whether the key holds text that is compared by a language's rules, so that keys of different bytes can be one.</summary>
    public bool HasFoldedKey { get; init; }

    /// <summary>A foreign key of this table.</summary>
    public string? ForeignKey { get; init; }

    /// <summary>A table whose foreign key references this one.</summary>
    public string? Child { get; init; }

    /// <summary>Reads it; <see langword="null"/> when there is no such table.</summary>
    public static async ValueTask<TargetTable?> ReadAsync(MySqlConnection connection, TableName table, CancellationToken cancellationToken)
    {
        var here = $"TABLE_SCHEMA = {Sql.Text(table.Database)} AND TABLE_NAME = {Sql.Text(table.Name)}";
        var engines = await ColumnAsync(connection, $"SELECT IFNULL(ENGINE, TABLE_TYPE) FROM information_schema.TABLES WHERE {here}", cancellationToken);
        if (engines.Count == 0)
            return null;

        return new()
        {
            Engine = engines[0],
            Columns = await ColumnAsync(connection, $"SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE {here} ORDER BY ORDINAL_POSITION", cancellationToken),
            Key = await ColumnAsync(
                connection, $"SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE {here} AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX", cancellationToken),
            UniqueIndex = await FirstAsync(
                connection, $"SELECT INDEX_NAME FROM information_schema.STATISTICS WHERE {here} AND INDEX_NAME <> 'PRIMARY' AND NON_UNIQUE = 0", cancellationToken),
            HasFoldedKey = await FirstAsync(
                connection,
                $"SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE {here} AND COLUMN_KEY = 'PRI' AND COLLATION_NAME IS NOT NULL " +
                "AND COLLATION_NAME NOT LIKE '%\\_bin'", cancellationToken) is not null,
            ForeignKey = await FirstAsync(
                connection, $"SELECT CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS WHERE {here} AND CONSTRAINT_TYPE = 'FOREIGN KEY'", cancellationToken),
            Child = await FirstAsync(
                connection,
                "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.KEY_COLUMN_USAGE " +
                $"WHERE REFERENCED_TABLE_SCHEMA = {Sql.Text(table.Database)} AND REFERENCED_TABLE_NAME = {Sql.Text(table.Name)}", cancellationToken),
        };
    }

    /// <summary>The first column of a query's rows.</summary>
    public static async ValueTask<IReadOnlyList<string>> ColumnAsync(MySqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        var values = new List<string>();
        await using var rows = await connection.QueryAsync(sql, cancellationToken);
        while (await rows.ReadRowAsync(cancellationToken))
            values.Add(rows.Text(0) ?? "");
        return values;
    }

    private static async ValueTask<string?> FirstAsync(MySqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        var values = await ColumnAsync(connection, sql, cancellationToken);
        return values.Count == 0 ? null : values[0];
    }

    /// <summary>The first thing that keeps rows of a shape from being written there, or <see langword="null"/>.</summary>
    public PauseException? Problem(string owner, Shape shape, TableName table)
    {
        var wanted = shape.Key.Select(ordinal => ShapeStatements.NameOf(shape, ordinal)).ToList();
        var missing = shape.Columns.FirstOrDefault(column => !Columns.Contains(column.Name, StringComparer.OrdinalIgnoreCase));
        if (missing.Name is not null)
            return MySqlSinkErrors.ColumnMissing(owner, table, missing.Name, TargetDdl.Definition(shape, missing));
        if (!Engine.Equals("InnoDB", StringComparison.OrdinalIgnoreCase))
            return MySqlSinkErrors.NotTransactional(owner, table, Engine);
        if (!Key.Order(StringComparer.OrdinalIgnoreCase).SequenceEqual(wanted.Order(StringComparer.OrdinalIgnoreCase), StringComparer.OrdinalIgnoreCase))
            return MySqlSinkErrors.KeyDiffers(owner, table, string.Join(", ", Key), string.Join(", ", wanted));
        return UniqueIndex is not null && Child is not null ? MySqlSinkErrors.UniqueAndReferenced(owner, table, UniqueIndex, Child) : null;
    }
}
