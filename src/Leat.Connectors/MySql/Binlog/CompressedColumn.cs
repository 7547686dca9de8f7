using System.Buffers;
using Leat.Connectors.MySql.Charsets;
using Leat.Connectors.MySql.Compression;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Values of MariaDB's COMPRESSED columns (types 140 and 141).</summary>
/// <remarks>
/// <code>
/// nothing              the empty value
/// 0x00                 then the value as it is
/// 0x8n                 deflated: in bits 0 to 2 the bytes of the length, bit 3: without the zlib frame
///   length             of the value, big-endian
///   data               deflate
/// </code>
/// Source: MariaDB server, sql/field_comp.cc; proven by TypesTests.
/// </remarks>
internal static class CompressedColumn
{
    private const byte AsItIs = 0x00;
    private const byte Deflated = 0x80;
    private const byte NoFrame = 0x08;

    /// <summary>Bytes of a value once inflated, before its text is converted.</summary>
    /// <exception cref="MySqlFormatException">Of an unknown algorithm, or longer than its bytes can become.</exception>
    public static int InflatedBytes(ReadOnlySpan<byte> value) => value.IsEmpty ? 0 : Split(value, out _, out _);

    /// <summary>Writes a value behind its length and returns the bytes of both.</summary>
    /// <param name="step">The column's step.</param>
    /// <param name="value">As it stands in the image.</param>
    /// <param name="place">Where to, and all that the rest of the rows may take.</param>
    public static int Decode(in ColumnStep step, ReadOnlySpan<byte> value, Span<byte> place)
    {
        if (value.IsEmpty)
            return RowDecoder.PutLength(place, 0);
        var length = Split(value, out var data, out var isDeflated);
        if (!isDeflated)
            return Put(in step, data, place);
        if (step.B == 0)
        {
            var front = RowDecoder.PutLength(place, length);
            Inflate(value[0], data, place.Slice(front, length));
            return front + length;
        }

        var inflated = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            Inflate(value[0], data, inflated.AsSpan(0, length));
            return Put(in step, inflated.AsSpan(0, length), place);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(inflated);
        }
    }

    private static int Put(in ColumnStep step, ReadOnlySpan<byte> value, Span<byte> place)
    {
        if (step.B != 0)
            return RowDecoder.PutText(Charset.Of(step.A), value, place);
        var front = RowDecoder.PutLength(place, value.Length);
        value.CopyTo(place[front..]);
        return front + value.Length;
    }

    private static void Inflate(byte head, ReadOnlySpan<byte> data, Span<byte> target)
    {
        if ((head & NoFrame) != 0)
            Zlib.InflateRaw(data, target);
        else
            Zlib.Inflate(data, target);
    }

    private static int Split(ReadOnlySpan<byte> value, out ReadOnlySpan<byte> data, out bool isDeflated)
    {
        var fields = new WireReader(value);
        var head = fields.ReadByte();
        isDeflated = head != AsItIs;
        if (!isDeflated)
        {
            data = fields.Rest;
            return data.Length;
        }

        var lengthBytes = head & 7;
        if ((head & 0xF0) != Deflated || lengthBytes is < 1 or > 4)
            throw MySqlFormatException.Unexpected("head of a compressed value", "0, or 129 to 140 (zlib)", head);
        long length = 0;
        foreach (var one in fields.ReadBytes(lengthBytes))
            length = length << 8 | one;
        data = fields.Rest;
        return length <= MySqlConnection.MaxPacketBytes && Zlib.CanBecome(data.Length, length)
            ? (int)length
            : throw MySqlFormatException.Unexpected("length of a compressed value", $"at most {MySqlConnection.MaxPacketBytes} and what {data.Length} bytes can become", length);
    }
}
