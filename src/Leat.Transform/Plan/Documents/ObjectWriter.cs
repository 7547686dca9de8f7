using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Transform.Plan.Documents;

/// <summary>A field of an object inside a document.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Ordinal">The column that it shows.</param>
/// <param name="IsOurs">Whether that column holds JSON of the plan's own making, which needs no second look.</param>
internal readonly record struct ObjectField(string Name, int Ordinal, bool IsOurs);

/// <summary>Writes rows as JSON objects, their values as every sink writes those of a document.</summary>
internal sealed class ObjectWriter(TableSchema schema, ImmutableArray<ObjectField> fields)
{
    private readonly JsonEncodedText[] _names = [.. fields.Select(field => JsonEncodedText.Encode(field.Name, ChangeJson.Options.Encoder))];

    /// <summary>A writer of the form that documents have.</summary>
    public static Utf8JsonWriter Writer(IBufferWriter<byte> target) => new(target, ChangeJson.Options);

    /// <summary>Writes a row.</summary>
    public void Write(ReadOnlySpan<byte> row, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        var reader = new RowReader(schema, row);
        for (var i = 0; i < _names.Length; i++)
        {
            reader.Seek(fields[i].Ordinal);
            json.WritePropertyName(_names[i]);
            if (fields[i].IsOurs && !reader.IsNull)
                json.WriteRawValue(reader.Bytes, skipInputValidation: true);
            else
                ValueJson.Write(ref reader, json);
        }

        json.WriteEndObject();
    }
}
