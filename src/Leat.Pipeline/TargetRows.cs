using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Pipeline;

/// <summary>Turns what a target holds back into rows that can be asked for by key.</summary>
internal static class TargetRows
{
    /// <summary>An encoded row of which only the key is there, or all that is delivered; <see langword="null"/> when the target's row is not of our making, e.g. another's key with the same beginning.</summary>
    public static byte[]? Encode(ISink sink, Shape shape, TargetRow row, bool isWhole = false)
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
            var text = isKey || isWhole ? TextOf(shape, row, ordinal) : null;
            if (text is null && (!isKey || shape.Schema.IsKeyless))
                writer.WriteNull();
            else if (text is null || !ValueParser.TryWrite(shape.Schema.Columns[ordinal], text, ref writer))
                return null;
        }

        var encoded = bytes.AsSpan(0, writer.WrittenBytes);
        return sink.Expect(shape, encoded).Key == row.Key ? encoded.ToArray() : null;
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

        return null;
    }
}
