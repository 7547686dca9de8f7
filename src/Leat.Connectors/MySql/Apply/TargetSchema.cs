using Leat.Changes;

namespace Leat.Connectors.MySql.Apply;

/// <summary>What has to be done to a target's table before rows of a shape can be written there.</summary>
/// <param name="Statements">DDL, each without its semicolon; empty when the table fits.</param>
/// <param name="Problem">What only a person can mend; <see langword="null"/> when nothing.</param>
internal sealed record TargetSchema(IReadOnlyList<string> Statements, PauseException? Problem)
{
    private static readonly TargetSchema Fits = new([], null);

    /// <summary>Compares what is delivered with what is there.</summary>
    /// <param name="owner">How messages name the sink.</param>
    /// <param name="shape">What is delivered.</param>
    /// <param name="name">Where.</param>
    /// <param name="found">What is there; <see langword="null"/>: nothing.</param>
    /// <param name="mode">How far we may go.</param>
    /// <param name="keyCollation">For text keys of a new table.</param>
    public static TargetSchema Of(string owner, Shape shape, TableName name, TargetTable? found, SchemaMode mode, string keyCollation)
    {
        if (mode == SchemaMode.None)
            return Fits;
        if (found is null)
        {
            var create = TargetDdl.Create(shape, name, keyCollation);
            return mode == SchemaMode.Validate ? new([], MySqlSinkErrors.TableMissing(owner, name, create)) : new([create], null);
        }

        if (!found.Engine.Equals("InnoDB", StringComparison.OrdinalIgnoreCase))
            return new([], MySqlSinkErrors.NotTransactional(owner, name, found.Engine));
        var parts = new List<string>();
        foreach (var column in shape.Columns)
        {
            if (ColumnProblem(owner, shape, column, name, found, mode, keyCollation, parts) is { } problem)
                return new([], problem);
        }

        var wanted = shape.Key.Select(ordinal => ShapeStatements.NameOf(shape, ordinal)).ToList();
        if (!found.Key.Order(StringComparer.OrdinalIgnoreCase).SequenceEqual(wanted.Order(StringComparer.OrdinalIgnoreCase), StringComparer.OrdinalIgnoreCase))
            return new([], MySqlSinkErrors.KeyDiffers(owner, name, string.Join(", ", found.Key), string.Join(", ", wanted)));
        if (mode is SchemaMode.Validate or SchemaMode.Evolve && Unserved(shape, found) is { } unserved)
        {
            var definition = $"MODIFY COLUMN {Sql.Name(unserved.Name)} {TypeIn(unserved)} NULL";
            if (mode == SchemaMode.Validate)
                return new([], MySqlSinkErrors.ValueMissing(owner, name, unserved.Name, definition));
            parts.AddRange(found.Columns.Where(column => IsUnserved(shape, column)).Select(column => $"MODIFY COLUMN {Sql.Name(column.Name)} {TypeIn(column)} NULL"));
        }

        return parts.Count == 0 ? Fits : new([$"ALTER TABLE {Sql.Name(name)} {string.Join(", ", parts)}"], null);
    }

    // What keeps one column's values from being written, or null with the part of an ALTER that makes room for them.
    private static PauseException? ColumnProblem(
        string owner, Shape shape, ShapeColumn column, TableName name, TargetTable found, SchemaMode mode, string keyCollation, List<string> parts)
    {
        var definition = TargetDdl.Definition(shape, column, keyCollation);
        if (found.Find(column.Name) is not { } there)
        {
            if (mode != SchemaMode.Evolve || shape.Key.Contains(column.Ordinal))
                return MySqlSinkErrors.ColumnMissing(owner, name, column.Name, definition);

            // Rows that are there have no value for it yet: NULL, whatever the source says of the column.
            parts.Add($"ADD COLUMN {Sql.Name(column.Name)} {TargetDdl.TypeOf(shape.Schema.Columns[column.Ordinal], keyCollation: null)} NULL");
            return null;
        }

        if (there.IsGenerated)
            return MySqlSinkErrors.ColumnGenerated(owner, name, there.Name);
        if (mode == SchemaMode.Create)
            return null;
        var source = shape.Schema.Columns[column.Ordinal];
        var isKey = shape.Key.Contains(column.Ordinal);
        var fits = there.Holds(source);
        var takesNull = there.Nullable || isKey || !source.Nullable;
        if (fits && takesNull)
            return null;
        var type = fits ? TypeIn(there) : TargetWidening.Of(there, source, isKey);
        var part = $"MODIFY COLUMN {Sql.Name(there.Name)} {type ?? TargetDdl.TypeOf(source, isKey ? keyCollation : null)}{(isKey || !(there.Nullable || source.Nullable) ? " NOT NULL" : " NULL")}";
        if (mode == SchemaMode.Validate || type is null)
            return MySqlSinkErrors.ColumnTooNarrow(owner, name, there.Name, $"{there.ColumnType}{(there.Nullable ? "" : " NOT NULL")}", definition, part);
        parts.Add(part);
        return null;
    }

    private static TargetColumn? Unserved(Shape shape, TargetTable found) => found.Columns.FirstOrDefault(column => IsUnserved(shape, column));

    private static bool IsUnserved(Shape shape, TargetColumn column) =>
        column.NeedsValue && !shape.Columns.Any(delivered => delivered.Name.Equals(column.Name, StringComparison.OrdinalIgnoreCase));

    private static string TypeIn(TargetColumn column) => column.Collation is { } collation ? $"{column.ColumnType} COLLATE {collation}" : column.ColumnType;
}
