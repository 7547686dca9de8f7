using Leat.Changes;
using Leat.Connectors.MySql.Ddl;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Shapes;

/// <summary>Default character sets as the server has them: what a column's definition without one means.</summary>
internal sealed class CatalogDefaults
{
    private readonly Dictionary<TableName, string> _tables = [];
    private readonly Dictionary<string, string> _databases = new(StringComparer.Ordinal);

    /// <summary>Of a table; empty when not known.</summary>
    public string OfTable(TableName table) => _tables.GetValueOrDefault(table, "");

    /// <summary>Of a database; empty when not known.</summary>
    public string OfDatabase(string database) => _databases.GetValueOrDefault(database, "");

    /// <summary>A statement has set a database's.</summary>
    public void SetDatabase(string database, string charset) => _databases[database] = charset;

    /// <summary>Asks the server.</summary>
    /// <param name="connection">Who is asked.</param>
    /// <param name="tables">The tables that matter.</param>
    /// <param name="cancellationToken">Ends the asking.</param>
    public static async ValueTask<CatalogDefaults> ReadAsync(MySqlConnection connection, IEnumerable<TableName> tables, CancellationToken cancellationToken)
    {
        var defaults = new CatalogDefaults();
        await using (var rows = await connection.QueryAsync("SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA", cancellationToken))
        {
            while (await rows.ReadRowAsync(cancellationToken))
                defaults._databases[rows.Text(0) ?? ""] = CharsetWords.Canonical(rows.Text(1) ?? "");
        }

        foreach (var database in tables.Select(table => table.Database).Distinct(StringComparer.Ordinal))
        {
            await using var rows = await connection.QueryAsync(
                $"SELECT TABLE_NAME, TABLE_COLLATION FROM information_schema.TABLES WHERE TABLE_SCHEMA = {Sql.Text(database)}", cancellationToken);
            while (await rows.ReadRowAsync(cancellationToken))
            {
                if (CharsetWords.OfCollation(rows.Text(1)) is { } charset)
                    defaults._tables[new(database, rows.Text(0) ?? "")] = charset;
            }
        }

        return defaults;
    }
}
