using System.Text;

namespace Leat.Connectors.MySql.Wire;

/// <summary>The last word of a command: how many rows it changed.</summary>
/// <param name="AffectedRows">Rows inserted, changed or deleted; an upsert that changes a row counts 2.</param>
/// <param name="LastInsertId">The first generated id; 0 without one.</param>
/// <param name="Warnings">Number of warnings.</param>
public readonly record struct Executed(long AffectedRows, ulong LastInsertId, int Warnings);

/// <summary>Reads the packets that the server answers commands with.</summary>
/// <remarks>Source: MariaDB knowledge base, "Result Set Packets", "OK_Packet", "ERR_Packet", "EOF_Packet".</remarks>
public static class ServerAnswer
{
    /// <summary>First byte of an OK packet.</summary>
    public const byte Ok = 0x00;

    /// <summary>First byte of a request for a local file, which is always refused.</summary>
    public const byte LocalFile = 0xFB;

    /// <summary>First byte of an EOF packet (shorter than 9 bytes) and of a change of sign-in plugin.</summary>
    public const byte Eof = 0xFE;

    /// <summary>First byte of an error.</summary>
    public const byte Error = 0xFF;

    private const ushort MoreResults = 0x8;

    /// <summary>Whether the packet ends columns, rows or a stream.</summary>
    public static bool IsEof(ReadOnlySpan<byte> payload) => payload.Length is > 0 and < 9 && payload[0] == Eof;

    /// <summary>Throws the server's error when the packet is one.</summary>
    public static void ThrowIfError(ReadOnlySpan<byte> payload)
    {
        if (!payload.IsEmpty && payload[0] == Error)
            throw ReadError(payload);
    }

    /// <summary>Reads an error packet, with or without its SQL state.</summary>
    public static MySqlServerException ReadError(ReadOnlySpan<byte> payload)
    {
        var fields = new WireReader(payload);
        fields.ReadByte();
        var code = fields.ReadUInt16();
        var state = "HY000";
        if (fields.RemainingBytes >= 6 && fields.Rest[0] == (byte)'#')
            state = Encoding.ASCII.GetString(fields.ReadBytes(6)[1..]);
        return new(code, state, Encoding.UTF8.GetString(fields.Rest));
    }

    /// <summary>Reads an OK packet, and whether another answer follows.</summary>
    public static Executed ReadOk(ReadOnlySpan<byte> payload, out bool more)
    {
        var fields = new WireReader(payload);
        fields.ReadByte();
        var affected = (long)fields.ReadLength();
        var id = fields.ReadLength();
        more = (fields.ReadUInt16() & MoreResults) != 0;
        return new(affected, id, fields.ReadUInt16());
    }

    /// <summary>Whether another answer follows the rows that this EOF packet ends.</summary>
    public static bool MoreAfterEof(ReadOnlySpan<byte> payload)
    {
        var fields = new WireReader(payload);
        fields.ReadBytes(3);
        return (fields.ReadUInt16() & MoreResults) != 0;
    }
}

/// <summary>A column of a result.</summary>
/// <param name="Name">Its name or alias.</param>
/// <param name="CharacterSet">Number of its collation; 63 for bytes.</param>
/// <param name="Type">The protocol's type number.</param>
/// <param name="Flags">NOT NULL is 1, UNSIGNED is 32.</param>
public readonly record struct ResultColumn(string Name, ushort CharacterSet, byte Type, ushort Flags)
{
    /// <summary>Reads a column definition.</summary>
    public static ResultColumn Read(ReadOnlySpan<byte> payload)
    {
        var fields = new WireReader(payload);
        for (var i = 0; i < 4; i++)
            fields.ReadLengthBytes(); // catalog, schema, table alias, table
        var name = fields.ReadLengthText();
        fields.ReadLengthBytes(); // name in the table
        fields.ReadLength(); // length of what follows
        var characterSet = fields.ReadUInt16();
        fields.ReadUInt32(); // display length
        var type = fields.ReadByte();
        return new(name, characterSet, type, fields.ReadUInt16());
    }
}
