using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Connectors.PostgreSql.Tables;

/// <summary>What the unique indexes of a target table beside the key ask of the lanes.</summary>
/// <param name="IsSerial">Whether its operations must take one lane: values of different bytes can be one to the target, or conflict without being told.</param>
/// <param name="Keys">Otherwise, each index as ordinals into the shape's schema.</param>
internal sealed record UniqueKeys(bool IsSerial, ImmutableArray<ImmutableArray<int>> Keys)
{
    /// <summary>Looks at a table.</summary>
    public static UniqueKeys Of(Shape shape, TargetTable table)
    {
        var keys = ImmutableArray.CreateBuilder<ImmutableArray<int>>();
        foreach (var index in table.Indexes)
        {
            var ordinals = index.Columns.Select(name => OrdinalOf(shape, table, name)).ToImmutableArray();
            if (ordinals.Contains(-1) || !index.IsPlain)
                return new(IsSerial: true, []);
            if (!TableFit.IsOfKey(index, shape))
                keys.Add(ordinals);
        }

        return new(IsSerial: false, keys.ToImmutable());
    }

    // The ordinal of a delivered column whose values are equal only when their bytes are; otherwise -1.
    private static int OrdinalOf(Shape shape, TargetTable table, string name)
    {
        foreach (var column in shape.Columns)
        {
            if (column.Name == name && table.Find(name) is { ComparesBytes: true })
                return column.Ordinal;
        }

        return -1;
    }
}
