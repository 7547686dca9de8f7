using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions;

namespace Leat.Transform.Plan;

/// <summary>Filter and map of one table in one shape: which rows are taken, and what they look like with the computed columns. For one thread at a time.</summary>
/// <remarks>
/// <code>
/// row ──► view: the table as the pipeline sees it      (tables that are one, a shape that has changed; mostly the row itself)
///         view ──► filter
///         view ──► levels of computed columns          (a column that sees another computed one is a level later)
///                  ──► output                          (a replaced column is not in it any more: nothing downstream can reach its old value)
/// </code>
/// </remarks>
public sealed partial class RowMap
{
    private readonly (string Column, byte[] Value)? _shard;
    private readonly RowProjection? _projection;
    private readonly RowFilter? _filter;
    private readonly bool _filtersView;
    private readonly ImmutableArray<Level> _levels;
    private readonly ImmutableArray<Part> _parts;
    private readonly int _copied;
    private readonly ImmutableArray<Mark> _marks;
    private readonly RowBuilder _view = new();
    private readonly RowBuilder _one = new();
    private readonly RowBuilder _other = new();

    private RowMap(Compilation compiled)
    {
        (Selection, Source, View, Output) = (compiled.Selection, compiled.Source, compiled.View, compiled.Output);
        _shard = compiled.Shard;
        (Columns, Key, IsKeyComputed, Replaced) = (compiled.Columns, compiled.Key, compiled.IsKeyComputed, compiled.Replaced);
        (_projection, _filter, _filtersView) = (compiled.Projection, compiled.Filter, compiled.FiltersView);
        (_levels, _parts, _marks) = (compiled.Levels, compiled.Parts, compiled.Marks);
        FilterColumns = _filter is null ? [] : _filtersView ? [.. _filter.Columns.Select(ordinal => Source.Find(View.Columns[ordinal].Name)).Where(ordinal => ordinal >= 0)] : _filter.Columns;

        // What stands in front as it is goes over in one piece.
        var scope = _levels.IsEmpty ? View : _levels[^1].Output;
        var inOrder = !scope.IsPartial && _parts.Length >= scope.Columns.Length;
        for (var at = 0; inOrder && at < scope.Columns.Length; at++)
            inOrder = _parts[at].Ordinal == at;
        _copied = inOrder ? scope.Columns.Length : 0;
        var isView = _levels.IsEmpty && _parts.Length == View.Columns.Length && _parts.Select((part, at) => part.Ordinal == at).All(same => same);
        IsIdentity = isView && _projection is null;
    }

    /// <summary>The rules.</summary>
    public TableSelection Selection { get; }

    /// <summary>Shape of the rows that are mapped.</summary>
    public TableSchema Source { get; }

    /// <summary>Shape that conditions and expressions see.</summary>
    public TableSchema View { get; }

    /// <summary>Shape of the rows that come out.</summary>
    public TableSchema Output { get; }

    /// <summary>The columns of <see cref="Output"/> that are delivered, under their names at the target.</summary>
    public ImmutableArray<ShapeColumn> Columns { get; }

    /// <summary>Ordinals into <see cref="Output"/> of the key.</summary>
    public ImmutableArray<int> Key { get; }

    /// <summary>Columns of <see cref="View"/> that computed ones replace.</summary>
    public ImmutableArray<string> Replaced { get; }

    /// <summary>Whether a column of the key is a computed one: then the source cannot be asked for a row by the key at the target.</summary>
    public bool IsKeyComputed { get; }

    /// <summary>Whether rows come out as the very bytes that went in.</summary>
    public bool IsIdentity { get; }

    /// <summary>Whether deleted rows stay, marked.</summary>
    public bool MarksDeleted => !_marks.IsEmpty;

    /// <summary>Ordinals into <see cref="Source"/> that the condition looks at; empty without one.</summary>
    public ImmutableArray<int> FilterColumns { get; }

    /// <summary>Ties rules to a table's shape.</summary>
    /// <param name="selection">The rules.</param>
    /// <param name="schema">The shape.</param>
    /// <exception cref="PauseException">A column is missing, an expression does not fit; with its place in the file where there is one.</exception>
    public static RowMap Compile(TableSelection selection, TableSchema schema) => Compile(selection, schema, schema, shard: null);

    /// <summary>Ties rules to a table that is seen as another shape.</summary>
    /// <param name="selection">The rules.</param>
    /// <param name="schema">The table's shape.</param>
    /// <param name="view">The shape that conditions and expressions see; as partial as <paramref name="schema"/>.</param>
    /// <param name="shard">What tells the table from others that are one with it; <see langword="null"/> for nothing.</param>
    public static RowMap Compile(TableSelection selection, TableSchema schema, TableSchema view, (string Column, byte[] Value)? shard) =>
        new(new(selection, schema, view, shard));

    /// <summary>Whether a row meets the condition.</summary>
    public bool Accepts(ReadOnlySpan<byte> row)
    {
        if (_filter is null)
            return true;
        if (!_filtersView || _projection is null)
            return _filter.Matches(row);
        _projection.Map(row, _view);
        return _filter.Matches(_view.Row);
    }

    /// <summary>Makes the output row of a row, accepted or not.</summary>
    /// <param name="row">The row.</param>
    /// <param name="target">Where it is made.</param>
    public void Map(ReadOnlySpan<byte> row, RowBuilder target)
    {
        if (Source.IsPartial)
        {
            MapPartial(row, default, target);
            return;
        }

        if (_projection is not null)
        {
            _projection.Map(row, _view);
            row = _view.Row;
        }

        var (next, last) = (_one, _other);
        foreach (var level in _levels)
        {
            next.Begin(level.Output.Columns.Length);
            next.CopyAll(row, level.Input);
            foreach (var column in level.Computed)
                column.Expression.Append(row, next);
            row = next.Row;
            (next, last) = (last, next);
        }

        var scope = _levels.IsEmpty ? View : _levels[^1].Output;
        target.Begin(_parts.Length);
        if (_copied > 0)
            target.CopyAll(row, scope);
        var reader = new RowReader(scope, row);
        for (var at = _copied; at < _parts.Length; at++)
        {
            var part = _parts[at];
            if (part.Computed is { } column)
            {
                column.Expression.Append(row, target);
            }
            else if (part.Ordinal < 0)
            {
                target.WriteNull();
            }
            else
            {
                reader.Seek(part.Ordinal);
                target.Copy(ref reader);
            }
        }
    }

    /// <summary>Sets the columns of a deleted row that stays; see <see cref="TableSelection.SoftDelete"/>.</summary>
    /// <param name="output">The row as it was, as <see cref="Map"/> makes it; it has all columns.</param>
    /// <param name="target">Where it is made; not where <paramref name="output"/> stands.</param>
    public void MarkDeleted(ReadOnlySpan<byte> output, RowBuilder target)
    {
        var schema = Output.As(partial: false);
        target.Begin(schema.Columns.Length, Output.IsPartial);
        var reader = new RowReader(Output, output);
        for (var ordinal = 0; ordinal < schema.Columns.Length; ordinal++)
        {
            reader.Seek(ordinal);
            if (MarkOf(ordinal) is { } mark)
                WriteMark(mark, output, schema.Columns[ordinal], target);
            else
                target.Copy(ref reader);
        }
    }

    private void WriteMark(Mark mark, ReadOnlySpan<byte> output, Column column, RowBuilder target)
    {
        _one.Begin(1);
        mark.Expression.Append(output, _one);
        var value = new RowReader(mark.Value, _one.Row);
        if (!value.Seek(0) || !ValueConversion.TryWrite(ref value, column, target))
            target.WriteNull();
    }

    private Mark? MarkOf(int ordinal)
    {
        foreach (var mark in _marks)
        {
            if (mark.Ordinal == ordinal)
                return mark;
        }

        return null;
    }

    // Computed columns that see nothing of each other; their columns follow those of the input.
    private sealed record Level(TableSchema Input, TableSchema Output, ImmutableArray<Computed> Computed);

    // A computed column and its name.
    private sealed record Computed(string Name, RowExpression Expression);

    // A column of the output: one of the last level's, an expression over that, or NULL.
    private readonly record struct Part(int Ordinal, Computed? Computed);

    // A column that a delete sets; the shape has one column, the expression's.
    private sealed record Mark(int Ordinal, RowExpression Expression, TableSchema Value);
}
