using System.Collections.Immutable;
using Leat.Changes;
using Npgsql;

namespace Leat.Connectors.PostgreSql.Tables;

/// <summary>A column of the target, as the server's catalog has it.</summary>
internal sealed record TargetColumn
{
    public required string Name { get; init; }

    /// <summary>The type's own name in <c>pg_type</c>, e.g. <c>varchar</c>; of a domain that of the type below it.</summary>
    public required string Type { get; init; }

    /// <summary>The type without length or digits, as a statement names it, e.g. <c>character varying</c>: casting to it cuts nothing off.</summary>
    public required string Cast { get; init; }

    /// <summary>The type in full, e.g. <c>character varying(20)</c>.</summary>
    public required string FullType { get; init; }

    /// <summary>The type's number for length, digits or precision; -1 for none.</summary>
    public required int Modifier { get; init; }

    public required bool IsNotNull { get; init; }

    /// <summary>Whether it has a value when none is told: a default or a number of its own.</summary>
    public required bool HasDefault { get; init; }

    /// <summary>Whether the server computes it: it cannot be written.</summary>
    public required bool IsGenerated { get; init; }

    /// <summary>Whether texts are equal only when their bytes are.</summary>
    public required bool ComparesBytes { get; init; }
}

/// <summary>A unique index or exclusion constraint of the target.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Columns">Its columns in order; none for an expression's place.</param>
/// <param name="IsPrimary">Whether it is the primary key.</param>
/// <param name="IsImmediate">Whether it is checked at each row.</param>
/// <param name="IsPlain">Whether it holds columns of all rows, compared for equality, with every NULL unlike every other.</param>
internal sealed record TargetIndex(string Name, ImmutableArray<string> Columns, bool IsPrimary, bool IsImmediate, bool IsPlain);

/// <summary>A foreign key from or to the target.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Child">The oid of the table that has it.</param>
/// <param name="Parent">The oid of the table that it references.</param>
internal sealed record TargetForeignKey(string Name, uint Child, uint Parent);

/// <summary>What the server's catalog says of one table.</summary>
internal sealed record TargetTable
{
    private const string FindTable =
        "SELECT c.oid, c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";

    private const string FindColumns =
        "SELECT a.attname, b.typname, pg_catalog.format_type(b.oid, -1), pg_catalog.format_type(a.atttypid, a.atttypmod), " +
        "CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, a.attnotnull, a.atthasdef OR a.attidentity <> '', a.attgenerated <> '', coalesce(l.collisdeterministic, true) " +
        "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END " +
        "LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

    // The column that says whether NULLs are alike came with PostgreSQL 15: asked for by name it would be an error before.
    private const string FindIndexes =
        "SELECT c.relname, x.indisprimary, x.indimmediate, " +
        "x.indisunique AND x.indpred IS NULL AND x.indexprs IS NULL AND NOT coalesce((to_jsonb(x) ->> 'indnullsnotdistinct')::boolean, false), " +
        "ARRAY(SELECT coalesce(a.attname::text, '') FROM generate_series(0, x.indnkeyatts - 1) k LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = x.indkey[k] ORDER BY k) " +
        "FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class c ON c.oid = x.indexrelid WHERE x.indrelid = $1 AND (x.indisunique OR x.indisexclusion) AND x.indislive ORDER BY NOT x.indisprimary, c.relname";

    private const string FindForeignKeys = "SELECT conname, conrelid, confrelid FROM pg_catalog.pg_constraint WHERE contype = 'f' AND (conrelid = $1 OR confrelid = $1) ORDER BY conname";

    /// <summary>Its object id.</summary>
    public required uint Oid { get; init; }

    /// <summary>What kind of relation it is: <c>r</c> a table, <c>p</c> a partitioned one; others cannot be written.</summary>
    public required char Kind { get; init; }

    public required ImmutableArray<TargetColumn> Columns { get; init; }

    public required ImmutableArray<TargetIndex> Indexes { get; init; }

    public required ImmutableArray<TargetForeignKey> ForeignKeys { get; init; }

    /// <summary>All that may set rows against each other, as text: another text means that the table is not what it was.</summary>
    public string Constraints { get; private init; } = "";

    /// <summary>Reads it; <see langword="null"/> when there is no such table.</summary>
    public static async ValueTask<TargetTable?> ReadAsync(NpgsqlConnection connection, TableName table, CancellationToken cancellationToken)
    {
        var found = await RowsAsync(
            connection, FindTable, row => (Oid: row.GetFieldValue<uint>(0), Kind: row.GetChar(1)), cancellationToken, table.Database, table.Name);
        if (found.Length == 0)
            return null;

        var oid = found[0].Oid;
        var columns = await RowsAsync(connection, FindColumns, ColumnOf, cancellationToken, oid);
        var indexes = await RowsAsync(
            connection, FindIndexes,
            row => new TargetIndex(row.GetString(0), [.. row.GetFieldValue<string[]>(4)], row.GetBoolean(1), row.GetBoolean(2), row.GetBoolean(3)), cancellationToken, oid);
        var keys = await RowsAsync(
            connection, FindForeignKeys,
            row => new TargetForeignKey(row.GetString(0), row.GetFieldValue<uint>(1), row.GetFieldValue<uint>(2)), cancellationToken, oid);
        return new()
        {
            Oid = oid, Kind = found[0].Kind, Columns = columns, Indexes = indexes, ForeignKeys = keys, Constraints = ConstraintsOf(columns, indexes, keys),
        };
    }

    /// <summary>The rows of a query.</summary>
    public static async ValueTask<ImmutableArray<T>> RowsAsync<T>(
        NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params object[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
            command.Parameters.Add(parameter is uint oid ? new() { Value = oid, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Oid } : new() { Value = parameter });
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var rows = ImmutableArray.CreateBuilder<T>();
        while (await reader.ReadAsync(cancellationToken))
            rows.Add(read(reader));
        return rows.ToImmutable();
    }

    /// <summary>A column by its exact name.</summary>
    public TargetColumn? Find(string name) => Columns.FirstOrDefault(column => column.Name == name);

    private static string ConstraintsOf(ImmutableArray<TargetColumn> columns, ImmutableArray<TargetIndex> indexes, ImmutableArray<TargetForeignKey> keys)
    {
        var parts = indexes.Select(index => $"{index.Name}({string.Join(',', index.Columns)}) {index.IsImmediate} {index.IsPlain}")
            .Concat(keys.Select(key => $"{key}")).Concat(columns.Where(column => !column.ComparesBytes).Select(column => column.Name));
        return string.Join("; ", parts);
    }

    private static TargetColumn ColumnOf(NpgsqlDataReader row) => new()
    {
        Name = row.GetString(0), Type = row.GetString(1), Cast = row.GetString(2), FullType = row.GetString(3), Modifier = row.GetInt32(4),
        IsNotNull = row.GetBoolean(5), HasDefault = row.GetBoolean(6), IsGenerated = row.GetBoolean(7), ComparesBytes = row.GetBoolean(8) && ComparedByBytes(row.GetString(1)),
    };

    // Types of which equal values have one form: no citext, no bpchar (trailing spaces), no float (two zeros), no jsonb.
    private static bool ComparedByBytes(string type) => type is
        "int2" or "int4" or "int8" or "numeric" or "text" or "varchar" or "bytea" or "date" or "timestamp" or "timestamptz" or "interval" or "time" or "bit" or "varbit" or "bool";
}
