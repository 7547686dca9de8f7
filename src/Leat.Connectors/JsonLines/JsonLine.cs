using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.JsonLines;

/// <summary>Writes the lines of one shape, with its names prepared once. The form of a line: docs/formats/json-lines.md.</summary>
internal sealed class JsonLineWriter
{
    private readonly JsonEncodedText[] _names;
    private readonly JsonEncodedText[] _keyNames;

    public JsonLineWriter(Shape shape)
    {
        Shape = shape;
        _names = [.. shape.Columns.Select(column => Encode(column.Name))];
        _keyNames = [.. shape.Key.Select(ordinal => Encode(NameOf(shape, ordinal)))];
    }

    /// <summary>The shape whose lines it writes.</summary>
    public Shape Shape { get; }

    /// <summary>The delivered name of a column of the encoded row.</summary>
    public static string NameOf(Shape shape, int ordinal)
    {
        foreach (var column in shape.Columns)
        {
            if (column.Ordinal == ordinal)
                return column.Name;
        }

        return shape.Schema.Columns[ordinal].Name;
    }

    /// <summary>Writes one line with its end of line.</summary>
    public void Write(in Operation operation, Utf8JsonWriter json, IBufferWriter<byte> target)
    {
        json.Reset(target);
        json.WriteStartObject();
        json.WriteNumber("offset"u8, operation.Offset);
        json.WriteString("op"u8, operation.Kind == OperationKind.Index ? "index"u8 : "delete"u8);
        WriteParts(operation.Row.Span, operation.Kind == OperationKind.Index, json);
        json.WriteEndObject();
        json.Flush();
        target.Write("\n"u8);
    }

    /// <summary>Writes the members <c>key</c> and, when asked, <c>row</c>.</summary>
    public void WriteParts(ReadOnlySpan<byte> row, bool withRow, Utf8JsonWriter json)
    {
        var reader = new RowReader(Shape.Schema, row);
        json.WriteStartObject("key"u8);
        for (var i = 0; i < _keyNames.Length; i++)
        {
            reader.Seek(Shape.Key[i]);
            json.WritePropertyName(_keyNames[i]);
            ValueJson.Write(ref reader, json);
        }

        json.WriteEndObject();
        if (!withRow)
            return;

        json.WriteStartObject("row"u8);
        for (var i = 0; i < _names.Length; i++)
        {
            reader.Seek(Shape.Columns[i].Ordinal);
            json.WritePropertyName(_names[i]);
            ValueJson.Write(ref reader, json);
        }

        json.WriteEndObject();
    }

    private static JsonEncodedText Encode(string name) => JsonEncodedText.Encode(name, ChangeJson.Options.Encoder);
}

/// <summary>Finds the offset at the front of a line.</summary>
internal static class JsonLine
{
    /// <summary>Bytes from the start of a line that are enough to read its offset.</summary>
    public const int OffsetBytes = 40;

    /// <summary>Reads <c>{"offset":42,</c>; false when the line does not start like that.</summary>
    public static bool TryReadOffset(ReadOnlySpan<byte> line, out long offset)
    {
        offset = -1;
        var prefix = "{\"offset\":"u8;
        return line.StartsWith(prefix)
            && Utf8Parser.TryParse(line[prefix.Length..], out offset, out var digits)
            && line.Length > prefix.Length + digits
            && line[prefix.Length + digits] == (byte)',';
    }
}
