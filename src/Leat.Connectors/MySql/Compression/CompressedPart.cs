using System.Buffers;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Compression;

/// <summary>The compressed end of MariaDB's compressed events, inflated into a buffer that is used again.</summary>
/// <remarks>
/// <code>
/// head     1 byte: 0x80, the algorithm in bits 4 to 6 (0: zlib), in bits 0 to 2 how many bytes the length takes (1 to 4)
/// length   of what was compressed, big-endian
/// data     zlib
/// </code>
/// Source: MariaDB server, the comment before <c>binlog_get_compress_len</c>.
/// </remarks>
internal sealed class CompressedPart
{
    private byte[] _buffer = [];

    /// <summary>Inflates; the bytes are valid until the next call.</summary>
    /// <param name="part">All of the event behind its uncompressed front.</param>
    /// <exception cref="MySqlFormatException">Damaged.</exception>
    public ReadOnlySpan<byte> Inflate(ReadOnlySpan<byte> part)
    {
        var length = Split(part, out var data);
        if (_buffer.Length < length || _buffer.Length > PacketBuffer.UsualBytes)
        {
            // A buffer for a large event is not kept longer than until the next event.
            if (_buffer.Length > 0)
                ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = ArrayPool<byte>.Shared.Rent(length);
        }

        var target = _buffer.AsSpan(0, length);
        Zlib.Inflate(data, target);
        return target;
    }

    private static int Split(ReadOnlySpan<byte> part, out ReadOnlySpan<byte> data)
    {
        var fields = new WireReader(part);
        var head = fields.ReadByte();
        var lengthBytes = head & 7;
        if ((head & 0xF8) != 0x80 || lengthBytes is < 1 or > 4)
            throw MySqlFormatException.Unexpected("head of a compressed event", "129 to 132 (zlib)", head);
        long length = 0;
        foreach (var one in fields.ReadBytes(lengthBytes))
            length = length << 8 | one;
        data = fields.Rest;
        if (!Zlib.CanBecome(data.Length, length))
            throw MySqlFormatException.Unexpected("length of a compressed event", $"what {data.Length} bytes can become", length);
        return length <= MySqlConnection.MaxPacketBytes ? (int)length : throw MySqlFormatException.TooLarge(length, MySqlConnection.MaxPacketBytes);
    }
}
