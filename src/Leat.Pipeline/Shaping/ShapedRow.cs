using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Pipeline.Shaping;

/// <summary>What a pipeline would write for one key, without a target.</summary>
/// <param name="Kind">Index or delete.</param>
/// <param name="Shape">Of what.</param>
/// <param name="Row">The encoded row, a copy; for a delete only its key counts.</param>
public sealed record ShapedRow(OperationKind Kind, Shape Shape, byte[] Row)
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The key for people and in tests: its values, joined by colons.</summary>
    public string Key => string.Join(":", KeyValues.Select(value => value ?? "NULL"));

    /// <summary>A copy of an operation. A part of a document that is taken out is shown as what stays of it: its fields are NULL.</summary>
    internal static ShapedRow Of(in Operation operation) => operation is { Kind: OperationKind.Delete, Shape.Part.IsRoot: false }
        ? new(OperationKind.Index, operation.Shape, DocumentPart.Cleared(operation.Shape, operation.Row.Span))
        : new(operation.Kind, operation.Shape, operation.Row.ToArray());

    /// <summary>The canonical texts of the key's values; <see langword="null"/> is NULL.</summary>
    public IReadOnlyList<string?> KeyValues
    {
        get
        {
            var reader = new RowReader(Shape.Schema, Row);
            var values = new List<string?>();
            foreach (var ordinal in Shape.Key)
            {
                reader.Seek(ordinal);
                values.Add(ValueText.Of(ref reader));
            }

            return values;
        }
    }

    /// <summary>The names of the key's columns at the target.</summary>
    public IReadOnlyList<string> KeyNames =>
        [.. Shape.Key.Select(ordinal => Shape.Columns.Where(column => column.Ordinal == ordinal).Select(column => column.Name).FirstOrDefault(Shape.Schema.Columns[ordinal].Name))];

    /// <summary>The delivered columns as one JSON object, in their order, on one line.</summary>
    public string Json => Encoding.UTF8.GetString(JsonOf(Shape, Row));

    /// <summary>The delivered columns of a row as one JSON object.</summary>
    public static byte[] JsonOf(Shape shape, ReadOnlySpan<byte> row)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Readable))
        {
            var reader = new RowReader(shape.Schema, row);
            json.WriteStartObject();
            foreach (var column in shape.Columns)
            {
                reader.Seek(column.Ordinal);
                json.WritePropertyName(column.Name);
                ValueJson.Write(ref reader, json);
            }

            json.WriteEndObject();
        }

        return bytes.ToArray();
    }

    /// <summary>All columns of a source row as one JSON object on one line.</summary>
    public static string JsonOf(TableSchema schema, ReadOnlySpan<byte> row)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Readable))
        {
            var reader = new RowReader(schema, row);
            ValueJson.WriteRow(ref reader, json);
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
