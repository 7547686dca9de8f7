using System.Globalization;
using System.Text;

namespace Leat.Connectors.Simulator;

/// <summary>Renders the shop's changes as statements for MariaDB.</summary>
public static class ShopSql
{
    /// <summary>To be run once on each connection that runs rendered statements: they are written for UTF-8, UTC and backslash escapes.</summary>
    public const string Session = "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'";

    /// <summary>One INSERT, UPDATE (of the columns that differ, by the key before) or DELETE.</summary>
    public static string Render(ShopChange change) => change switch
    {
        { Before: null, After: { } row } => InsertMany([row]),
        { Before: { } before, After: { } after } => Update(before, after),
        { Before: { } row } => $"DELETE FROM {TableOf(row)} WHERE `id` = {row.Id}",
        _ => throw new ArgumentException("A change has neither a row before nor a row after.", nameof(change)),
    };

    /// <summary>One INSERT of several rows of one table.</summary>
    public static string InsertMany(IReadOnlyList<ShopRow> rows)
    {
        var sql = new StringBuilder("INSERT INTO ").Append(TableOf(rows[0])).Append(" VALUES ");
        for (var i = 0; i < rows.Count; i++)
        {
            sql.Append(i == 0 ? "(" : ", (");
            sql.AppendJoin(", ", rows[i].Values.Select(Literal)).Append(')');
        }

        return sql.ToString();
    }

    private static string Update(ShopRow before, ShopRow after)
    {
        var columns = before.Schema.Columns;
        var (old, now) = (before.Values, after.Values);
        var changed = Enumerable.Range(0, columns.Length).Where(i => !Equals(old[i], now[i])).ToList();
        if (changed.Count == 0)
            changed.Add(0); // a statement that changes nothing is still one a client may send

        return $"UPDATE {TableOf(before)} SET {string.Join(", ", changed.Select(i => $"`{columns[i].Name}` = {Literal(now[i])}"))} WHERE `id` = {before.Id}";
    }

    private static string TableOf(ShopRow row) => $"`{row.Schema.Table.Database}`.`{row.Schema.Table.Name}`";

    private static string Literal(object? value) => value switch
    {
        null => "NULL",
        string text => $"'{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'",
        DateOnly date => $"'{date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}'",
        DateTime time => $"'{time.ToString("yyyy-MM-dd HH:mm:ss.ffffff", CultureInfo.InvariantCulture)}'",
        decimal number => number.ToString("0.00", CultureInfo.InvariantCulture),
        double number => number.ToString("R", CultureInfo.InvariantCulture),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => throw new ArgumentException($"The shop has no values of type {value.GetType().Name}.", nameof(value)),
    };
}
