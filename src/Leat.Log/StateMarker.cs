using System.Buffers.Binary;

namespace Leat.Log;

/// <summary>The record that closes a set of changes to keyed state. Described in docs/formats/state.md.</summary>
/// <param name="Offset">The marker's own offset in the state stream.</param>
/// <param name="SourceOffset">What the state is made of: every record of the source stream below this offset.</param>
/// <param name="Note">What the writer wanted to know again, as it gave it.</param>
public readonly record struct StateMarker(long Offset, long SourceOffset, ReadOnlyMemory<byte> Note)
{
    private const byte Version = 1;
    private const int SourceOffsetAt = 8, NoteAt = 16;

    private static ReadOnlySpan<byte> Magic => "leatset"u8; // the eighth byte is the version

    /// <summary>Bytes of a marker's value.</summary>
    internal static int SizeOf(ReadOnlySpan<byte> note) => NoteAt + note.Length;

    internal static void Write(Span<byte> value, long sourceOffset, ReadOnlySpan<byte> note)
    {
        Magic.CopyTo(value);
        value[Magic.Length] = Version;
        BinaryPrimitives.WriteInt64BigEndian(value[SourceOffsetAt..], sourceOffset);
        note.CopyTo(value[NoteAt..]);
    }

    /// <summary>Whether a record is a marker, of whatever version.</summary>
    internal static bool Is(in RecordEnumerator record, byte[] buffer) =>
        record.KeyLength < 0 && record.ValueLength >= NoteAt && buffer.AsSpan(record.ValueStart).StartsWith(Magic);

    /// <summary>Reads a record that is a marker.</summary>
    /// <exception cref="LogException">Of a later version.</exception>
    internal static StateMarker Read(string stream, in RecordEnumerator record, byte[] buffer)
    {
        var value = buffer.AsSpan(record.ValueStart, record.ValueLength);
        var version = value[Magic.Length];
        return version == Version
            ? new(record.Offset, BinaryPrimitives.ReadInt64BigEndian(value[SourceOffsetAt..]), value[NoteAt..].ToArray())
            : throw LogErrors.NewerFormat($"The state in stream {stream}", version.ToString(System.Globalization.CultureInfo.InvariantCulture), Version);
    }
}
