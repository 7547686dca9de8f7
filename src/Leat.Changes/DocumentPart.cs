using System.Collections.Immutable;

namespace Leat.Changes;

/// <summary>One table's part of target rows that several tables write together: its columns, which no other table of the pipeline writes, under a key that they share.</summary>
/// <remarks>
/// What a target does with operations of such a shape: an index writes the delivered columns and keeps all others, whether the row is there or not. A delete of
/// the root's part deletes the row. A delete of another part sets its columns to NULL where the row is there, and makes none.
/// </remarks>
/// <param name="Table">The table's name in the pipeline; <see cref="Shape.Alias"/> is the root's.</param>
/// <param name="IsRoot">Whether the rows live as long as those of this table.</param>
public sealed record DocumentPart(string Table, bool IsRoot)
{
    /// <summary>The tables of the target as several shapes fill them: parts of one alias are put together, all else stays as it is.</summary>
    /// <param name="shapes">The newest shape of each table.</param>
    /// <returns>Shapes to prepare a target for; no rows are encoded in those that were put together. Columns beside the key may be NULL: each part comes when it comes.</returns>
    public static IReadOnlyList<Shape> Combine(IReadOnlyList<Shape> shapes)
    {
        if (shapes.All(shape => !shape.IsPart))
            return shapes;
        return [.. shapes.GroupBy(shape => shape.Alias).SelectMany(same => same.Any(shape => shape.IsPart) ? new[] { Together([.. same]) } : same.AsEnumerable())];
    }

    /// <summary>The row of a part that is set to NULL: its key, and nothing else.</summary>
    /// <param name="shape">The part's shape.</param>
    /// <param name="row">A row with the key.</param>
    public static byte[] Cleared(Shape shape, ReadOnlySpan<byte> row)
    {
        var target = new RowBuilder();
        var reader = new RowReader(shape.Schema, row);
        target.Begin(shape.Schema.Columns.Length, shape.Schema.IsPartial);
        for (var ordinal = 0; ordinal < shape.Schema.Columns.Length; ordinal++)
        {
            reader.Seek(ordinal);
            if (shape.Key.Contains(ordinal))
                target.Copy(ref reader);
            else
                target.WriteNull();
        }

        return target.Row.ToArray();
    }

    // The root's key first, as it is; then what each part adds.
    private static Shape Together(IReadOnlyList<Shape> parts)
    {
        var ordered = parts.OrderByDescending(part => part.Part is { IsRoot: true }).ToList();
        var first = ordered[0];
        var columns = ImmutableArray.CreateBuilder<Column>();
        var delivered = ImmutableArray.CreateBuilder<ShapeColumn>();
        foreach (var ordinal in first.Key)
            Add(first, first.Columns.First(column => column.Ordinal == ordinal), isKey: true);
        foreach (var part in ordered)
        {
            foreach (var column in part.Columns.Where(column => !part.Key.Contains(column.Ordinal)))
                Add(part, column, isKey: false);
        }

        ImmutableArray<int> key = [.. Enumerable.Range(0, first.Key.Length)];
        return new() { Alias = first.Alias, Schema = new(first.Schema.Table, columns.ToImmutable(), key), Columns = delivered.ToImmutable(), Key = key, Part = first.Part };

        void Add(Shape part, ShapeColumn column, bool isKey)
        {
            delivered.Add(new(column.Name, columns.Count));
            var source = part.Schema.Columns[column.Ordinal];
            columns.Add(source with { Name = column.Name, Nullable = !isKey || source.Nullable });
        }
    }
}
