namespace Leat.Changes.Formats.Envelopes;

/// <summary>Compares the images of a change.</summary>
internal static class RowImages
{
    /// <summary>Whether an update moves its row to another key. A key of which a part is not known counts as not moved.</summary>
    public static bool HasMoved(EncodedChange change, TableSchema schema)
    {
        const ChangeMarks Both = ChangeMarks.HasBefore | ChangeMarks.HasAfter;
        if (schema.OwnKey.IsEmpty || (change.Marks & Both) != Both)
            return false;
        var before = new RowReader(schema, change.Before);
        var after = new RowReader(schema, change.After);
        foreach (var ordinal in schema.OwnKey)
        {
            before.Seek(ordinal);
            after.Seek(ordinal);
            if (!before.IsAbsent && !after.IsAbsent && IsChanged(ref before, ref after))
                return true;
        }

        return false;
    }

    /// <summary>Whether the current values of two images of one shape differ.</summary>
    public static bool IsChanged(ref RowReader before, ref RowReader after) =>
        before.IsNull != after.IsNull || !before.Bytes.SequenceEqual(after.Bytes);
}
