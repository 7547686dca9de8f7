using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions;

namespace Leat.Transform.Plan.Documents;

/// <summary>Columns of a scope's row while it is compiled. Expressions see those that are there; the others are already counted, for the row's bitmap depends on how many there are.</summary>
internal sealed class ScopeColumns(TableName table, int total)
{
    private readonly List<Column> _columns = [];
    private readonly List<string?> _others = [];

    /// <summary>Columns so far.</summary>
    public int Count => _columns.Count;

    /// <summary>Other names of columns that have two, by their ordinals.</summary>
    public ImmutableArray<string?> Others => [.. _others];

    /// <summary>A row's shape in which columns that an expression calls by their other name have that.</summary>
    public static TableSchema Named(TableSchema schema, ImmutableArray<string?> others, Expression expression)
    {
        var called = expression.References.Where(reference => reference.Qualifier is not null).Select(reference => $"{reference.Qualifier}.{reference.Name}").ToHashSet(StringComparer.OrdinalIgnoreCase);
        return others.Any(other => other is not null && called.Contains(other))
            ? new(schema.Table, [.. schema.Columns.Select((column, at) => at < others.Length && others[at] is { } other && called.Contains(other) ? column with { Name = other } : column)], schema.Key)
            : schema;
    }

    /// <summary>Adds a column; an earlier one of that name cannot be named any more.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="column">What it is.</param>
    /// <param name="other">Another name that expressions may call it by.</param>
    /// <returns>Its ordinal.</returns>
    public int Add(string name, Column column, string? other = null)
    {
        var same = _columns.FindIndex(known => known.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
        if (same >= 0)
            _columns[same] = _columns[same] with { Name = $"{_columns[same].Name} (source)" };
        _columns.Add(column with { Name = name });
        _others.Add(other);
        return _columns.Count - 1;
    }

    /// <summary>The row's shape as far as it is known, as an expression names it.</summary>
    public TableSchema Schema(ImmutableArray<int> key, Expression expression) => Named(Schema(key), Others, expression);

    /// <summary>The row's shape as far as it is known.</summary>
    public TableSchema Schema(ImmutableArray<int> key) =>
        new(table, [.. _columns, .. Enumerable.Range(_columns.Count, total - _columns.Count).Select(ordinal => new Column { Name = $"\u0001{ordinal}", Kind = ColumnKind.Int8 })], key);
}
