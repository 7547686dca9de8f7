using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql.Ddl;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql.Shapes;

/// <summary>What the history of shapes asks a server: how it reads statements, what foreign keys do unseen, and what a table is now.</summary>
internal static class ShapeServer
{
    private static readonly Version FirstWithLoggedCascades = new(9, 6);

    /// <summary>A history for a server, still without a table. Refuses captured tables that foreign keys change unseen.</summary>
    /// <exception cref="PauseException">Such a table is not accepted by name.</exception>
    public static async ValueTask<ShapeHistory> OpenAsync(
        string source, MySqlSourceOptions options, MySqlCatalog catalog, IChangeWriter writer, MySqlConnection connection, ILogger log, CancellationToken cancellationToken)
    {
        var dialect = await DialectAsync(connection, cancellationToken);
        if (await UnseenAsync(connection, dialect, options, cancellationToken) is { Count: > 0 } unseen)
            throw MySqlErrors.CascadesUnseen(source, unseen);
        var defaults = await CatalogDefaults.ReadAsync(connection, catalog.Tables.Select(table => table.Name), cancellationToken);
        return new(source, options, catalog, writer, defaults, dialect, log);
    }

    /// <summary>How the server reads statements that are in its binlog.</summary>
    public static async ValueTask<SqlDialect> DialectAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        var settings = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        await using (var rows = await connection.QueryAsync(
            "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('lower_case_table_names', 'innodb_native_foreign_keys')", cancellationToken))
        {
            while (await rows.ReadRowAsync(cancellationToken))
                settings[rows.Text(0) ?? ""] = rows.Text(1) ?? "";
        }

        var version = VersionOf(connection.Server.Version);
        var isMariaDb = connection.Server.IsMariaDb;
        return new()
        {
            IsMariaDb = isMariaDb,
            Version = version.Major * 10_000 + version.Minor * 100 + Math.Max(version.Build, 0),
            LowerCaseTables = settings.GetValueOrDefault("lower_case_table_names") == "1",
            LogsCascades = !isMariaDb && settings.GetValueOrDefault("innodb_native_foreign_keys", version >= FirstWithLoggedCascades ? "OFF" : "ON") == "OFF",
        };
    }

    /// <summary>Captured tables whose rows a foreign key changes without the binlog telling, and that the file does not accept.</summary>
    public static async ValueTask<IReadOnlyList<UnseenCascade>> UnseenAsync(
        MySqlConnection connection, SqlDialect dialect, MySqlSourceOptions options, CancellationToken cancellationToken)
    {
        var unseen = new List<UnseenCascade>();
        if (dialect.LogsCascades)
            return unseen;
        await using var rows = await connection.QueryAsync(
            "SELECT CONSTRAINT_SCHEMA, TABLE_NAME, UNIQUE_CONSTRAINT_SCHEMA, REFERENCED_TABLE_NAME, DELETE_RULE, UPDATE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS "
            + "WHERE DELETE_RULE IN ('CASCADE', 'SET NULL') OR UPDATE_RULE IN ('CASCADE', 'SET NULL') ORDER BY 1, 2, CONSTRAINT_NAME", cancellationToken);
        while (await rows.ReadRowAsync(cancellationToken))
        {
            var table = new TableName(rows.Text(0) ?? "", rows.Text(1) ?? "");
            if (!options.IsCaptured(table) || options.AcceptsCascades(table))
                continue;
            var actions = new[] { ("DELETE", rows.Text(4)), ("UPDATE", rows.Text(5)) }.Where(rule => rule.Item2 is "CASCADE" or "SET NULL");
            unseen.Add(new(table, new(rows.Text(2) ?? "", rows.Text(3) ?? ""), string.Join(' ', actions.Select(rule => $"ON {rule.Item1} {rule.Item2}"))));
        }

        return unseen;
    }

    // 10.11.6-MariaDB-log, 9.1.0, 5.6.24-log
    private static Version VersionOf(string text)
    {
        var numbers = new int[3];
        var parts = text.Split('.', '-');
        for (var i = 0; i < numbers.Length && i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]))
                break;
        }

        return new(numbers[0], numbers[1], numbers[2]);
    }
}
