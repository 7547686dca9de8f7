using System.Collections.Immutable;
using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Apply;

/// <summary>A unique index of a target's table, the primary key aside.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Columns">Its columns in order; <see langword="null"/> for a part that is an expression or only the front of a column.</param>
internal sealed record TargetIndex(string Name, ImmutableArray<string?> Columns);

/// <summary>What the target's information_schema says of one table.</summary>
internal sealed record TargetTable
{
    public required string Engine { get; init; }

    public required IReadOnlyList<TargetColumn> Columns { get; init; }

    public required IReadOnlyList<string> Key { get; init; }

    /// <summary>Its unique indexes besides the primary key.</summary>
    public required IReadOnlyList<TargetIndex> UniqueIndexes { get; init; }

    /// <summary>A foreign key of this table.</summary>
    public string? ForeignKey { get; init; }

    /// <summary>A table whose foreign key references this one.</summary>
    public string? Child { get; init; }

    /// <summary>The column of a name, as the server compares names.</summary>
    public TargetColumn? Find(string name) => Columns.FirstOrDefault(column => column.Name.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>Reads it; <see langword="null"/> when there is no such table.</summary>
    public static async ValueTask<TargetTable?> ReadAsync(MySqlConnection connection, TableName table, CancellationToken cancellationToken)
    {
        var here = $"TABLE_SCHEMA = {Sql.Text(table.Database)} AND TABLE_NAME = {Sql.Text(table.Name)}";
        var engines = await ColumnAsync(connection, $"SELECT IFNULL(ENGINE, TABLE_TYPE) FROM information_schema.TABLES WHERE {here}", cancellationToken);
        if (engines.Count == 0)
            return null;

        var indexes = await ReadIndexesAsync(connection, here, cancellationToken);
        return new()
        {
            Engine = engines[0],
            Columns = await ReadColumnsAsync(connection, here, cancellationToken),
            Key = [.. indexes.Where(index => index.Name == "PRIMARY").SelectMany(index => index.Columns).Select(column => column ?? "")],
            UniqueIndexes = [.. indexes.Where(index => index.Name != "PRIMARY")],
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

    private static async ValueTask<List<TargetColumn>> ReadColumnsAsync(MySqlConnection connection, string here, CancellationToken cancellationToken)
    {
        var columns = new List<TargetColumn>();
        await using var rows = await connection.QueryAsync(
            "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, COLLATION_NAME, IS_NULLABLE, COLUMN_DEFAULT IS NULL AND EXTRA NOT LIKE '%auto_increment%' AND " +
            "EXTRA NOT LIKE '%GENERATED%', CHARACTER_MAXIMUM_LENGTH, CHARACTER_OCTET_LENGTH, NUMERIC_PRECISION, NUMERIC_SCALE, DATETIME_PRECISION, " +
            "EXTRA LIKE '%STORED GENERATED%' OR EXTRA LIKE '%VIRTUAL GENERATED%' " + // not DEFAULT_GENERATED, which is a default
            $"FROM information_schema.COLUMNS WHERE {here} ORDER BY ORDINAL_POSITION",
            cancellationToken);
        while (await rows.ReadRowAsync(cancellationToken))
        {
            var nullable = rows.Text(4) == "YES";
            columns.Add(new()
            {
                Name = rows.Text(0) ?? "", DataType = (rows.Text(1) ?? "").ToLowerInvariant(), ColumnType = rows.Text(2) ?? "", Collation = rows.Text(3),
                Nullable = nullable, NeedsValue = !nullable && rows.Number(5) != 0, Characters = rows.Number(6), Bytes = rows.Number(7),
                Precision = (int)rows.Number(8), Scale = (int)rows.Number(9), Fraction = (int)rows.Number(10), IsGenerated = rows.Number(11) != 0,
            });
        }

        return columns;
    }

    private static async ValueTask<List<TargetIndex>> ReadIndexesAsync(MySqlConnection connection, string here, CancellationToken cancellationToken)
    {
        var indexes = new List<TargetIndex>();
        await using var rows = await connection.QueryAsync(
            $"SELECT INDEX_NAME, IF(SUB_PART IS NULL, COLUMN_NAME, NULL) FROM information_schema.STATISTICS WHERE {here} AND NON_UNIQUE = 0 " +
            "ORDER BY INDEX_NAME, SEQ_IN_INDEX",
            cancellationToken);
        while (await rows.ReadRowAsync(cancellationToken))
        {
            var name = rows.Text(0) ?? "";
            if (indexes.Count > 0 && indexes[^1].Name == name)
                indexes[^1] = indexes[^1] with { Columns = indexes[^1].Columns.Add(rows.Text(1)) };
            else
                indexes.Add(new(name, [rows.Text(1)]));
        }

        return indexes;
    }
}
