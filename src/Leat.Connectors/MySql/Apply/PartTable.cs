using Leat.Changes;

namespace Leat.Connectors.MySql.Apply;

/// <summary>Whether a table can take rows that several tables of a pipeline write, each its own columns.</summary>
internal static class PartTable
{
    /// <summary>What is in the way; <see langword="null"/> when nothing is, or when rows come whole.</summary>
    /// <param name="owner">How messages name the sink.</param>
    /// <param name="shape">All parts together.</param>
    /// <param name="name">The table's name.</param>
    /// <param name="table">What it is.</param>
    public static PauseException? Problem(string owner, Shape shape, TableName name, TargetTable table)
    {
        if (!shape.IsPart)
            return null;
        var key = shape.Key.Select(ordinal => ShapeStatements.NameOf(shape, ordinal)).ToList();
        if (table.UniqueIndexes.FirstOrDefault(index => !key.All(column => index.Columns.Contains(column, StringComparer.OrdinalIgnoreCase))) is { } unique)
            return MySqlSinkErrors.PartWithUnique(owner, name, unique.Name);
        var column = table.Columns.FirstOrDefault(column => !key.Contains(column.Name, StringComparer.OrdinalIgnoreCase)
            && (column.NeedsValue || (!column.Nullable && shape.Columns.Any(delivered => delivered.Name.Equals(column.Name, StringComparison.OrdinalIgnoreCase)))));
        return column is null ? null : MySqlSinkErrors.PartWithoutValue(owner, name, column.Name, $"MODIFY COLUMN {Sql.Name(column.Name)} {column.ColumnType} NULL");
    }
}
