using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Connectors.MySql.Apply;

/// <summary>What writing to one table of the target has to mind, besides its columns.</summary>
internal sealed record TargetForm
{
    /// <summary>A table whose primary key compares by bytes, and which has nothing else that is unique.</summary>
    public static TargetForm Plain { get; } = new();

    /// <summary>Whether there is a unique index that the primary key does not imply.</summary>
    public bool HasUnique { get; init; }

    /// <summary>Ordinals of all columns of those indexes; default when one of them is not delivered, so that nobody knows whether it changes.</summary>
    public ImmutableArray<int> UniqueColumns { get; init; }

    /// <summary>Whether the table has a foreign key: its rows need those of another.</summary>
    public bool HasParent { get; init; }

    /// <summary>Whether a foreign key references the table: a row of it cannot be taken away and put back.</summary>
    public bool IsReferenced { get; init; }

    /// <summary>Whether a batch with operations of this table is written in the stream's own order: nothing is moved or left out.</summary>
    public bool KeepsOrder { get; init; }

    /// <summary>The unique indexes by which the pipeline finds operations that must wait for each other.</summary>
    public ImmutableArray<ImmutableArray<int>> UniqueKeys { get; init; } = [];

    /// <summary>Why all operations of the table have to take one lane, e.g. <c>the key column 'word' is compared by utf8mb4_general_ci</c>; <see langword="null"/> when they need not.</summary>
    public string? SerialReason { get; init; }

    /// <summary>All that was found of the table's indexes and foreign keys, as text: another text means that the table is not what it was.</summary>
    public string Seen { get; init; } = "";

    /// <summary>Looks at a table.</summary>
    /// <param name="shape">What is delivered to it.</param>
    /// <param name="table">What it is.</param>
    /// <param name="transactional">Whether transactions of the source are kept, so that foreign keys of the target can be heeded.</param>
    public static TargetForm Of(Shape shape, TargetTable table, bool transactional)
    {
        var key = shape.Key.Select(ordinal => ShapeStatements.NameOf(shape, ordinal)).ToList();
        var folded = key.Select(name => Inexact(shape, table, name)).FirstOrDefault(reason => reason is not null);
        var serial = folded is null ? null : $"the key {folded}";
        var known = true;
        var ordinals = ImmutableArray.CreateBuilder<int>();
        var uniqueKeys = ImmutableArray.CreateBuilder<ImmutableArray<int>>();
        var indexes = table.UniqueIndexes.Where(index => !key.All(name => index.Columns.Contains(name, StringComparer.OrdinalIgnoreCase))).ToList();
        foreach (var index in indexes)
        {
            var delivered = index.Columns.Select(name => OrdinalOf(shape, name)).ToImmutableArray();
            known &= !delivered.Contains(-1);
            ordinals.AddRange(delivered);
            var reason = delivered.Contains(-1)
                ? "has a part that is not a delivered column"
                : index.Columns.Select(name => Inexact(shape, table, name ?? "")).FirstOrDefault(found => found is not null);
            if (reason is null)
                uniqueKeys.Add(delivered);
            else
                serial ??= $"the unique index '{index.Name}' {reason}";
        }

        return new()
        {
            HasUnique = indexes.Count > 0,
            UniqueColumns = known ? [.. ordinals.Distinct()] : default,
            HasParent = table.ForeignKey is not null,
            IsReferenced = table.Child is not null,
            KeepsOrder = (transactional && (table.ForeignKey is not null || table.Child is not null)) || (indexes.Count > 0 && table.Child is not null),
            UniqueKeys = uniqueKeys.ToImmutable(),
            SerialReason = serial,
            Seen = SeenOf(table),
        };
    }

    private static string SeenOf(TargetTable table)
    {
        string Part(string? name) => name is null ? "?" : table.Find(name) is { } column ? $"{name} {column.ColumnType} {column.Collation}" : name;
        var indexes = table.UniqueIndexes.Select(index => $"{index.Name}({string.Join(',', index.Columns.Select(Part))})");
        return $"({string.Join(',', table.Key.Select(Part))}) {string.Join(' ', indexes)}; {table.ForeignKey}; {table.Child}";
    }

    private static string? Inexact(Shape shape, TargetTable table, string name)
    {
        var ordinal = OrdinalOf(shape, name);
        if (table.Find(name) is not { } column || ordinal < 0)
            return null;
        if (column.IsExactFor(shape.Schema.Columns[ordinal]))
            return null;
        return column.Collation is { } collation
            ? $"has the column '{column.Name}' of type {column.ColumnType}, compared by {collation}"
            : $"has the column '{column.Name}' of type {column.ColumnType}, which does not keep all values apart";
    }

    private static int OrdinalOf(Shape shape, string? name)
    {
        foreach (var column in shape.Columns)
        {
            if (column.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
                return column.Ordinal;
        }

        return -1;
    }
}
