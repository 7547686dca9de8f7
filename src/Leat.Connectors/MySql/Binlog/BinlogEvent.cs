using System.Buffers.Binary;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Numbers of the binlog's event types that we know. Sources: MariaDB knowledge base, "Replication Protocol", event types; MySQL server, libs/mysql/binlog/event/binlog_event.h.</summary>
internal static class EventType
{
    public const byte Query = 2;
    public const byte Stop = 3;
    public const byte Rotate = 4;
    public const byte FormatDescription = 15;
    public const byte Xid = 16;
    public const byte ExecuteLoadQuery = 18;
    public const byte TableMap = 19;
    public const byte WriteRowsV1 = 23;
    public const byte UpdateRowsV1 = 24;
    public const byte DeleteRowsV1 = 25;
    public const byte Incident = 26;
    public const byte Heartbeat = 27;
    public const byte RowsQuery = 29;
    public const byte WriteRowsV2 = 30;
    public const byte UpdateRowsV2 = 31;
    public const byte DeleteRowsV2 = 32;
    public const byte MySqlGtid = 33;
    public const byte AnonymousGtid = 34;
    public const byte PreviousGtids = 35;
    public const byte TransactionContext = 36;
    public const byte ViewChange = 37;
    public const byte XaPrepare = 38;
    public const byte PartialUpdateRows = 39;
    public const byte TransactionPayload = 40;
    public const byte HeartbeatV2 = 41;
    public const byte TaggedGtid = 42;
    public const byte Annotate = 160;
    public const byte BinlogCheckpoint = 161;
    public const byte Gtid = 162;
    public const byte GtidList = 163;
    public const byte StartEncryption = 164;
    public const byte QueryCompressed = 165;
    public const byte WriteRowsCompressedV1 = 166;
    public const byte UpdateRowsCompressedV1 = 167;
    public const byte DeleteRowsCompressedV1 = 168;
    public const byte WriteRowsCompressed = 169;
    public const byte UpdateRowsCompressed = 170;
    public const byte DeleteRowsCompressed = 171;

    /// <summary>Whether a row event has the longer front of version 2.</summary>
    public static bool IsVersion2(byte type) => type is (>= WriteRowsV2 and <= DeleteRowsV2) or PartialUpdateRows or (>= WriteRowsCompressed and <= DeleteRowsCompressed);

    /// <summary>Whether the end of the event is compressed; see <see cref="Compression.CompressedPart"/>.</summary>
    public static bool IsCompressed(byte type) => type is >= QueryCompressed and <= DeleteRowsCompressed;

    /// <summary>Whether a transaction, or what stands for one, begins with it.</summary>
    public static bool BeginsGroup(byte type) => type is Gtid or MySqlGtid or AnonymousGtid or TaggedGtid;

    /// <summary>Whether it carries rows.</summary>
    public static bool IsRows(byte type) =>
        type is >= WriteRowsV1 and <= DeleteRowsV1 || IsVersion2(type) || (IsCompressed(type) && type != QueryCompressed);

    /// <summary>Whether it tells of the server, or of a statement whose rows are told besides, and never changes a row.</summary>
    public static bool ChangesNothing(byte type) =>
        IsHousekeeping(type) || type is Heartbeat or HeartbeatV2 or RowsQuery or Annotate || AccompaniesStatement(type);

    /// <summary>Insert ids, random seeds, user variables, files to load: they only accompany statements, which are looked at themselves.</summary>
    public static bool AccompaniesStatement(byte type) => type is 5 or 9 or 11 or 13 or 14 or 17;

    /// <summary>Tells of files, groups and certification; nothing that changes rows.</summary>
    public static bool IsHousekeeping(byte type) =>
        type is Stop or GtidList or PreviousGtids or BinlogCheckpoint or TransactionContext or ViewChange;
}

/// <summary>The fixed 19-byte header before every binlog event; all integers little-endian.</summary>
/// <remarks>
/// <code>
/// offset  0        4     5          9           13             17     19
///         +--------+-----+----------+-----------+--------------+------+
///         | time   |type | serverId | eventSize | nextPosition |flags |
///         | u32 s  | u8  | u32      | u32 bytes | u32 bytes    | u16  |
///         +--------+-----+----------+-----------+--------------+------+
/// </code>
/// Source: MariaDB knowledge base, "Replication Protocol", "Event Header"; binlog version 4.
/// </remarks>
public readonly record struct EventHeader(
    uint TimestampSeconds, byte Type, uint ServerId, uint SizeBytes, uint NextPositionBytes, ushort Flags)
{
    /// <summary>Size of the header itself.</summary>
    public const int Bytes = 19;

    /// <summary>The server made it up for this connection; it stands in no file.</summary>
    public const ushort Artificial = 0x20;

    /// <summary>May be passed over by whoever does not know its type.</summary>
    public const ushort Ignorable = 0x80;

    /// <summary>Reads the header of a whole event.</summary>
    /// <exception cref="MySqlFormatException">Shorter than a header, or its size is not the event's.</exception>
    public static EventHeader Read(ReadOnlySpan<byte> binlogEvent)
    {
        var header = ReadFront(binlogEvent);
        return header.SizeBytes == binlogEvent.Length ? header : throw MySqlFormatException.Unexpected("binlog event size", $"{binlogEvent.Length}", header.SizeBytes);
    }

    /// <summary>Reads the header of an event of which not all is there.</summary>
    /// <exception cref="MySqlFormatException">Shorter than a header.</exception>
    public static EventHeader ReadFront(ReadOnlySpan<byte> binlogEvent)
    {
        if (binlogEvent.Length < Bytes)
            throw MySqlFormatException.Short(Bytes, binlogEvent.Length);
        return new(
            TimestampSeconds: BinaryPrimitives.ReadUInt32LittleEndian(binlogEvent),
            Type: binlogEvent[4],
            ServerId: BinaryPrimitives.ReadUInt32LittleEndian(binlogEvent[5..]),
            SizeBytes: BinaryPrimitives.ReadUInt32LittleEndian(binlogEvent[9..]),
            NextPositionBytes: BinaryPrimitives.ReadUInt32LittleEndian(binlogEvent[13..]),
            Flags: BinaryPrimitives.ReadUInt16LittleEndian(binlogEvent[17..]));
    }
}
