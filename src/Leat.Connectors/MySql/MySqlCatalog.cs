using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>What the server's information_schema says of the captured tables, as last read.</summary>
internal sealed class MySqlCatalog(MySqlSourceOptions options)
{
    private readonly Dictionary<TableName, MySqlTable?> _tables = [];
    private readonly Dictionary<uint, string> _charsets = [];

    /// <summary>The tables that exist, by name.</summary>
    public IReadOnlyList<MySqlTable> Tables =>
        [.. _tables.Values.OfType<MySqlTable>().OrderBy(table => table.Name.ToString(), StringComparer.Ordinal)];

    /// <summary>A table as last read; <see langword="null"/> when it is not there, or was not read.</summary>
    public MySqlTable? Find(TableName table) => _tables.GetValueOrDefault(table);

    /// <summary>Character set of a collation number; <see langword="null"/> when the server has no such.</summary>
    public string? CharsetOf(uint collation) => _charsets.GetValueOrDefault(collation);

    /// <summary>Reads every captured table.</summary>
    public async ValueTask LoadAllAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        await LoadCharsetsAsync(connection, cancellationToken);
        _tables.Clear();
        foreach (var (name, facts) in await ListAsync(connection, Where(), cancellationToken))
        {
            if (options.IsCaptured(name) && !IsLeftOut(name, facts))
                _tables[name] = await ReadAsync(connection, name, facts, cancellationToken);
        }
    }

    /// <summary>Reads one table again; it may have been dropped.</summary>
    public async ValueTask LoadAsync(MySqlConnection connection, TableName table, CancellationToken cancellationToken)
    {
        var found = await ListAsync(connection, $"TABLE_SCHEMA = {Sql.Text(table.Database)} AND TABLE_NAME = {Sql.Text(table.Name)}", cancellationToken);
        _tables[table] = found.Count == 0 ? null : await ReadAsync(connection, table, found[0].Facts, cancellationToken);
    }

    /// <summary>Names of all tables that may be meant by the patterns, captured or not: for "did you mean".</summary>
    public static async ValueTask<IReadOnlyList<TableName>> NamesAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        var all = await ListAsync(connection, "TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')", cancellationToken);
        return [.. all.Select(table => table.Name)];
    }

    // A star does not mean views and sequences; who names one exactly is told why not.
    private bool IsLeftOut(TableName name, TableFacts facts) =>
        facts.Type is "VIEW" or "SEQUENCE" or "SYSTEM VIEW" && !options.Tables.Any(pattern => !pattern.HasStar && pattern.Matches(name));

    private string Where() => string.Join(" OR ", options.Tables.Select(pattern =>
        pattern.Database.Contains('*', StringComparison.Ordinal) ? "TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys')"
        : pattern.Name.Contains('*', StringComparison.Ordinal) ? $"TABLE_SCHEMA = {Sql.Text(pattern.Database)}"
        : $"(TABLE_SCHEMA = {Sql.Text(pattern.Database)} AND TABLE_NAME = {Sql.Text(pattern.Name)})").DefaultIfEmpty("FALSE"));

    private static async ValueTask<List<(TableName Name, TableFacts Facts)>> ListAsync(MySqlConnection connection, string where, CancellationToken cancellationToken)
    {
        var found = new List<(TableName, TableFacts)>();
        await using var rows = await connection.QueryAsync(
            $"SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE, TABLE_ROWS FROM information_schema.TABLES WHERE {where} ORDER BY 1, 2", cancellationToken);
        while (await rows.ReadRowAsync(cancellationToken))
            found.Add((new(rows.Text(0) ?? "", rows.Text(1) ?? ""), new(rows.Text(2) ?? "", rows.Text(3) ?? "", rows.Number(4))));
        return found;
    }

    private async ValueTask<MySqlTable?> ReadAsync(MySqlConnection connection, TableName name, TableFacts facts, CancellationToken cancellationToken)
    {
        var columns = await CatalogColumns.ReadAsync(connection, name, cancellationToken);
        if (columns.Count == 0)
            return null;
        var key = await CatalogKey.ReadAsync(connection, name, columns, cancellationToken);
        var table = new MySqlTable(name, [.. columns], key)
        {
            Engine = facts.Engine,
            EstimatedRows = facts.Rows,
            Refusal = facts.Type is "BASE TABLE" or VersionedCatalog.TableType ? null : $"it is a {facts.Type.ToLowerInvariant()}{(facts.Type.StartsWith("SYSTEM", StringComparison.Ordinal) ? " table" : "")}",
        };
        if (facts.Type == VersionedCatalog.TableType)
            table = await VersionedCatalog.ReadAsync(connection, table, cancellationToken);
        return table.AsWanted(options);
    }

    // Newer servers number the collations of a character set in a table of its own.
    private async ValueTask LoadCharsetsAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        _charsets.Clear();
        await using (var rows = await connection.QueryAsync("SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATIONS WHERE ID IS NOT NULL", cancellationToken))
            await AddCharsetsAsync(rows, cancellationToken);
        var hasIds = false;
        await using (var rows = await connection.QueryAsync(
            "SELECT COUNT(*) FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'information_schema' "
            + "AND TABLE_NAME = 'COLLATION_CHARACTER_SET_APPLICABILITY' AND COLUMN_NAME = 'ID'", cancellationToken))
            hasIds = await rows.ReadRowAsync(cancellationToken) && rows.Number(0) > 0;
        if (!hasIds)
            return;
        await using var more = await connection.QueryAsync(
            "SELECT ID, CHARACTER_SET_NAME FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY WHERE ID IS NOT NULL", cancellationToken);
        await AddCharsetsAsync(more, cancellationToken);
    }

    private async ValueTask AddCharsetsAsync(MySqlResult rows, CancellationToken cancellationToken)
    {
        while (await rows.ReadRowAsync(cancellationToken))
        {
            if (rows.Text(1) is { } charset)
                _charsets[(uint)rows.Number(0)] = charset;
        }
    }

    private sealed record TableFacts(string Type, string Engine, long Rows);
}

/// <summary>Pieces of SQL for the server, made under <c>sql_mode=''</c>.</summary>
internal static class Sql
{
    /// <summary>A text literal.</summary>
    public static string Text(string value) =>
        $"'{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>A quoted name.</summary>
    public static string Name(string value) => $"`{value.Replace("`", "``", StringComparison.Ordinal)}`";

    /// <summary>A quoted <c>database.table</c>.</summary>
    public static string Name(TableName table) => $"{Name(table.Database)}.{Name(table.Name)}";

    /// <summary>Text as a literal of its UTF-8 bytes.</summary>
    public static string HexText(string value) => $"_utf8mb4 X'{Convert.ToHexString(Encoding.UTF8.GetBytes(value))}'";

    /// <summary>The labels of <c>enum('a','b''c')</c>.</summary>
    public static ImmutableArray<string> Labels(string columnType)
    {
        var labels = ImmutableArray.CreateBuilder<string>();
        var label = new StringBuilder();
        var at = columnType.IndexOf('(', StringComparison.Ordinal) + 1;
        while (at < columnType.Length && columnType[at] == '\'')
        {
            label.Clear();
            for (at++; at < columnType.Length; at++)
            {
                var c = columnType[at];
                var next = at + 1 < columnType.Length ? columnType[at + 1] : '\0';
                if (c == '\'' && next != '\'')
                    break;
                if (c is '\'' or '\\')
                {
                    at++;
                    c = c == '\'' ? c : next switch { 'n' => '\n', 'r' => '\r', '0' => '\0', _ => next };
                }

                label.Append(c);
            }

            labels.Add(label.ToString());
            at += 2; // closing quote and comma
        }

        return labels.ToImmutable();
    }

    /// <summary>A whole number in SQL.</summary>
    public static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
