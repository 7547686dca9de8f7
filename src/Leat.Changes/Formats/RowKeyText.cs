using System.Text;

namespace Leat.Changes.Formats;

/// <summary>The key of an encoded row as one text: equal texts, equal keys.</summary>
public static class RowKeyText
{
    /// <summary>The canonical texts of the key's values, joined so that no two keys have one text. Not for the hot path.</summary>
    public static string Of(TableSchema schema, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(schema, row);
        var text = new StringBuilder();
        foreach (var ordinal in schema.Key)
        {
            reader.Seek(ordinal);
            var value = ValueText.Of(ref reader);
            text.Append(value is null ? "-" : $"{value.Length}:{value}").Append(',');
        }

        return text.ToString();
    }
}
