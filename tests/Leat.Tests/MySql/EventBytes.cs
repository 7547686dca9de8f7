using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Leat.Connectors.MySql.Binlog;

namespace Leat.Tests.MySql;

/// <summary>Binlog events byte by byte, as MariaDB writes them, each with its checksum.</summary>
internal static class EventBytes
{
    /// <summary>A whole event around a body.</summary>
    public static byte[] Event(byte type, byte[] body, uint nextPosition = 0, ushort flags = 0, uint time = 1_700_000_000)
    {
        var all = new byte[EventHeader.Bytes + body.Length + 4];
        BinaryPrimitives.WriteUInt32LittleEndian(all, time);
        all[4] = type;
        BinaryPrimitives.WriteUInt32LittleEndian(all.AsSpan(5), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(all.AsSpan(9), (uint)all.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(all.AsSpan(13), nextPosition);
        BinaryPrimitives.WriteUInt16LittleEndian(all.AsSpan(17), flags);
        body.CopyTo(all, EventHeader.Bytes);
        return Signed(all);
    }

    /// <summary>The same bytes with a right checksum.</summary>
    public static byte[] Signed(byte[] binlogEvent)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(binlogEvent.AsSpan(binlogEvent.Length - 4), Crc32.OfBySlices(binlogEvent.AsSpan(0, binlogEvent.Length - 4)));
        return binlogEvent;
    }

    public static byte[] FormatDescription() =>
        Event(EventType.FormatDescription, [4, 0, .. new byte[50], .. new byte[4], 19, .. new byte[40], 1]);

    public static byte[] Rotate(string file) => Event(EventType.Rotate, [4, 0, 0, 0, 0, 0, 0, 0, .. Encoding.UTF8.GetBytes(file)], flags: EventHeader.Artificial, time: 0);

    public static byte[] Gtid(ulong sequence, byte flags = 0) =>
        Event(EventType.Gtid, [.. BitConverter.GetBytes(sequence), 0, 0, 0, 0, flags, .. new byte[6]]);

    /// <summary>Table d.t (id INT, v VARCHAR(20)) as number 7.</summary>
    public static byte[] TableMap() => Event(
        EventType.TableMap, [7, 0, 0, 0, 0, 0, 1, 0, 1, (byte)'d', 0, 1, (byte)'t', 0, 2, ColumnType.Long, ColumnType.VarChar, 2, 20, 0, 2]);

    /// <summary>Rows of d.t, each image given whole.</summary>
    public static byte[] Rows(byte type, params byte[][] images) => Event(
        type, [7, 0, 0, 0, 0, 0, 1, 0, 2, .. type == EventType.UpdateRowsV1 ? new byte[] { 3, 3 } : [3], .. images.SelectMany(image => image)]);

    public static byte[] Image(int id, string value) => [0xFC, .. BitConverter.GetBytes(id), (byte)value.Length, .. Encoding.UTF8.GetBytes(value)];

    /// <summary>The same rows in a compressed event of version 1 or 2.</summary>
    public static byte[] CompressedRows(byte type, params byte[][] images)
    {
        byte[] longer = EventType.IsVersion2(type) ? [2, 0] : [];
        byte[] present = type is EventType.UpdateRowsCompressedV1 or EventType.UpdateRowsCompressed ? [3, 3] : [3];
        return Event(type, [7, 0, 0, 0, 0, 0, 1, 0, .. longer, 2, .. present, .. Compressed([.. images.SelectMany(image => image)])]);
    }

    /// <summary>A statement as a compressed event.</summary>
    public static byte[] CompressedQuery(string sql, uint nextPosition = 0) =>
        Event(EventType.QueryCompressed, [.. new byte[8], 1, 0, 0, 0, 0, (byte)'d', 0, .. Compressed(Encoding.UTF8.GetBytes(sql))], nextPosition);

    /// <summary>As MariaDB compresses the end of an event: algorithm and bytes of the length, the length big-endian, zlib.</summary>
    public static byte[] Compressed(byte[] part)
    {
        using var zlib = new MemoryStream();
        using (var deflating = new ZLibStream(zlib, CompressionLevel.Optimal, leaveOpen: true))
            deflating.Write(part);
        byte[] length = part.Length < 256 ? [(byte)part.Length] : [(byte)(part.Length >> 16), (byte)(part.Length >> 8), (byte)part.Length];
        return [(byte)(0x80 | length.Length), .. length, .. zlib.ToArray()];
    }

    /// <summary>A transaction's events, which lose their checksums, in one event.</summary>
    public static byte[] Payload(bool isZstd, uint nextPosition, params byte[][] events)
    {
        byte[] plain = [.. events.SelectMany(Bare)];
        var data = plain;
        if (isZstd)
        {
            var codec = Leat.Log.Codecs.Codec.Of(Leat.Log.Compression.Zstd) ?? throw new InvalidOperationException("no zstd");
            data = new byte[codec.RoomFor(plain.Length)];
            data = data[..codec.Compress(plain, data)];
        }

        return Event(
            EventType.TransactionPayload,
            [.. Field(2, isZstd ? [0] : [0xFC, 255, 0]), .. Field(3, Length(plain.Length)), .. Field(1, Length(data.Length)), 0, .. data], nextPosition);
    }

    private static byte[] Bare(byte[] signed)
    {
        var bare = signed[..^4];
        BinaryPrimitives.WriteUInt32LittleEndian(bare.AsSpan(9), (uint)bare.Length);
        return bare;
    }

    private static byte[] Field(byte type, byte[] value) => [type, (byte)value.Length, .. value];

    private static byte[] Length(int length) => length < 251 ? [(byte)length] : [0xFE, .. BitConverter.GetBytes((ulong)length)];

    public static byte[] Xid(uint nextPosition) => Event(EventType.Xid, new byte[8], nextPosition);

    public static byte[] Query(string sql, uint nextPosition = 0) =>
        Event(EventType.Query, [.. new byte[8], 1, 0, 0, 0, 0, (byte)'d', 0, .. Encoding.UTF8.GetBytes(sql)], nextPosition);
}
