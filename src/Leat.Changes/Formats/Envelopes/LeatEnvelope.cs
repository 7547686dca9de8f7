using System.Buffers;
using System.Text.Json;

namespace Leat.Changes.Formats.Envelopes;

/// <summary>Our own documents: see <see cref="ChangeJson"/>.</summary>
internal sealed class LeatEnvelope : IChangeEnvelope
{
    private readonly Utf8JsonWriter _json = new(Stream.Null, ChangeJson.Options);

    /// <inheritdoc/>
    public int Write(EncodedChange change, TableSchema schema, in ChangePlace place, IBufferWriter<byte> lines)
    {
        _json.Reset(lines);
        ChangeJson.Write(_json, offset: null, change, schema);
        _json.Flush();
        lines.Write("\n"u8);
        return 1;
    }

    /// <inheritdoc/>
    public void Dispose() => _json.Dispose();
}
