using Leat.Changes;

namespace Leat.Pipeline.Compare;

/// <summary>What counts of one table's fields in documents that several tables write.</summary>
/// <remarks>
/// A document is the root's: fields of a table whose root is not there are not looked for. A part that is all NULL is as good as none, so that a document which is there
/// only for another table's fields is not taken for one of this table.
/// </remarks>
/// <param name="shape">The part.</param>
/// <param name="roots">Keys of the root's rows as hashes: filled by the root, which is compared first.</param>
internal sealed class PartFilter(Shape shape, HashSet<ulong> roots)
{
    private readonly HashSet<string> _key = [.. shape.Columns.Where(column => shape.Key.Contains(column.Ordinal)).Select(column => column.Name)];

    /// <summary>Whether a row of the source says what the target shall hold.</summary>
    public bool Expects(TargetRow row, ulong key)
    {
        if (shape.Part is not { IsRoot: true })
            return roots.Contains(key) && !IsEmpty(row);
        roots.Add(key);
        return true;
    }

    /// <summary>Whether a row of the target holds this part.</summary>
    public bool Holds(TargetRow row, ulong key) => !IsEmpty(row) || (shape.Part is { IsRoot: true } && roots.Contains(key));

    /// <summary>Whether a row of the target holds nothing but its key.</summary>
    public bool IsEmpty(TargetRow row)
    {
        foreach (var (name, value) in row.Fields)
        {
            if (value is not null && !_key.Contains(name))
                return false;
        }

        return true;
    }
}
