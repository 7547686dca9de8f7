using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Pipeline;

/// <summary>Turns what a target holds back into rows that can be asked for by key.</summary>
internal static class TargetRows
{
    /// <summary>
    /// An encoded row of which only the key is there, or all that is delivered; <see langword="null"/> when the target's row is not of our making, e.g. another's key with the same
    /// beginning. Where the key alone does not lead to the target's row, everything that the target tells is in it.
    /// </summary>
    public static byte[]? Encode(ISink sink, Shape shape, TargetRow row, bool isWhole = false) => isWhole ? Encode(sink, shape, row, Part.All) : Encode(sink, shape, row, out _);

    /// <summary>The same, and whether the key alone does not lead there: the target keeps the row at a place that other columns are part of.</summary>
    public static byte[]? Encode(ISink sink, Shape shape, TargetRow row, out bool isPlaced)
    {
        isPlaced = false;
        if (Encode(sink, shape, row, Part.Key) is { } byKey)
            return byKey;
        var placed = Encode(sink, shape, row, Part.Told);
        isPlaced = placed is not null;
        return placed;
    }

    private static byte[]? Encode(ISink sink, Shape shape, TargetRow row, Part part)
    {
        const int MostFixedBytes = 16;
        var room = EncodedRow.BitmapBytes(shape.Schema.Columns.Length);
        for (var ordinal = 0; ordinal < shape.Schema.Columns.Length; ordinal++)
            room += MostFixedBytes + System.Text.Encoding.UTF8.GetMaxByteCount(TextOf(shape, row, ordinal)?.Length ?? 0);
        var bytes = new byte[room];
        var writer = new RowWriter(bytes, shape.Schema.Columns.Length);
        for (var ordinal = 0; ordinal < shape.Schema.Columns.Length; ordinal++)
        {
            // NULL stands in a key only where all columns of a table without one stand in for it; the sink's own key below says whether it is meant.
            var isKey = shape.Key.Contains(ordinal);
            var text = isKey || part != Part.Key ? TextOf(shape, row, ordinal) : null;
            if (text is null ? !isKey || shape.Schema.IsKeyless : !isKey && part == Part.Told && !IsValue(shape.Schema.Columns[ordinal], text))
                writer.WriteNull();
            else if (text is null || !ValueParser.TryWrite(shape.Schema.Columns[ordinal], text, ref writer))
                return null;
        }

        var encoded = bytes.AsSpan(0, writer.WrittenBytes);
        return sink.Expect(shape, encoded).Key == row.Key ? encoded.ToArray() : null;
    }

    private static bool IsValue(Column column, string text)
    {
        var bytes = new byte[64 + System.Text.Encoding.UTF8.GetMaxByteCount(text.Length)];
        var writer = new RowWriter(bytes, 1);
        return ValueParser.TryWrite(column, text, ref writer);
    }

    private static string? TextOf(Shape shape, TargetRow row, int ordinal)
    {
        foreach (var column in shape.Columns)
        {
            if (column.Ordinal != ordinal)
                continue;
            foreach (var field in row.Fields)
            {
                if (field.Key == column.Name)
                    return field.Value;
            }
        }

        // A column that is not delivered may be part of the place.
        var name = shape.Schema.Columns[ordinal].Name;
        return shape.Columns.Any(column => column.Ordinal == ordinal || column.Name == name) ? null : row.Fields.FirstOrDefault(field => field.Key == name).Value;
    }

    // Which columns of a target's row are taken over.
    private enum Part
    {
        Key,
        Told, // what the target tells, as far as it can be read
        All,
    }
}
