using Leat.Changes;
using Leat.Log;
using KeyHash = Leat.Transform.Plan.KeyHash;

namespace Leat.Pipeline.Capture;

/// <summary>The rows that a change is about, for the filters by which all changes of one row are found: hash of table and primary key, of both images.</summary>
/// <remarks>Changes carry no record key (docs/decisions/0003); the log asks here once a segment is closed, off the path of capture.</remarks>
internal sealed class ChangeKeys(Func<uint, TableSchema?> schemaOf) : IRecordKeys
{
    private readonly Dictionary<uint, (TableSchema Schema, ulong Table)> _known = [];

    /// <summary>The hash of one row, as the filters have it.</summary>
    public static ulong HashOf(TableSchema schema, ReadOnlySpan<byte> row) =>
        KeyHash.Of(KeyHash.Of(schema.Table.ToString()), schema, schema.Key, row);

    /// <inheritdoc/>
    public int Hash(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, Span<ulong> hashes)
    {
        try
        {
            var change = new EncodedChange(value);
            if (change.Kind == ChangeKind.Position || !TryShape(change.SchemaId, out var shape))
                return 0;
            var count = 0;
            if (!change.Before.IsEmpty && HasKey(shape.Schema, change.Before))
                hashes[count++] = KeyHash.Of(shape.Table, shape.Schema, shape.Schema.Key, change.Before);
            if (!change.After.IsEmpty && HasKey(shape.Schema, change.After))
                hashes[count++] = KeyHash.Of(shape.Table, shape.Schema, shape.Schema.Key, change.After);
            return count == 2 && hashes[0] == hashes[1] ? 1 : count;
        }
        catch (InvalidDataException)
        {
            return 0; // what cannot be decoded has no key to be found by; whoever reads it is told
        }
    }

    // A row that does not tell its key cannot be found by it.
    private static bool HasKey(TableSchema schema, ReadOnlySpan<byte> row)
    {
        if (!schema.IsPartial)
            return true;
        var reader = new RowReader(schema, row);
        foreach (var ordinal in schema.Key)
        {
            reader.Seek(ordinal);
            if (reader.IsAbsent)
                return false;
        }

        return true;
    }

    // A table without a key has no rows that can be told apart.
    private bool TryShape(uint id, out (TableSchema Schema, ulong Table) shape)
    {
        if (_known.TryGetValue(id, out shape))
            return true;
        if (schemaOf(id) is not { Key.Length: > 0 } schema)
            return false;
        shape = (schema, KeyHash.Of(schema.Table.ToString()));
        _known.Add(id, shape);
        return true;
    }
}
