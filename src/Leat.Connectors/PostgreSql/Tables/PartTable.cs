using Leat.Changes;

namespace Leat.Connectors.PostgreSql.Tables;

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
        if (table.Indexes.FirstOrDefault(index => !TableFit.IsOfKey(index, shape)) is { } unique)
            return PostgreSqlErrors.PartWithUnique(owner, name, unique.Name);
        var key = TableFit.KeyNames(shape).ToList();
        var column = table.Columns.FirstOrDefault(column => column.IsNotNull && !key.Contains(column.Name) && !column.IsGenerated
            && (!column.HasDefault || shape.Columns.Any(delivered => delivered.Name == column.Name)));
        return column is null ? null : PostgreSqlErrors.PartWithoutValue(owner, name, column.Name);
    }
}
