using System.Buffers.Binary;
using System.Text;

namespace Leat.Connectors.MySql.Wire;

/// <summary>What the server and we can do; the bits of the protocol's capability flags that we know.</summary>
[Flags]
public enum Capabilities : uint
{
    /// <summary>Always sent; on MariaDB its absence would announce extended capabilities.</summary>
    LongPassword = 0x1,

    /// <summary>An UPDATE counts the rows that it found, also those that were as they shall be.</summary>
    FoundRows = 0x2,

    /// <summary>Column flags of two bytes.</summary>
    LongFlag = 0x4,

    /// <summary>Version 4.1 of the protocol.</summary>
    Protocol41 = 0x200,

    /// <summary>TLS.</summary>
    Tls = 0x800,

    /// <summary>Status flags in OK packets.</summary>
    Transactions = 0x2000,

    /// <summary>Native password of 4.1.</summary>
    SecureConnection = 0x8000,

    /// <summary>Several statements in one query.</summary>
    MultiStatements = 0x10000,

    /// <summary>Several answers to one query.</summary>
    MultiResults = 0x20000,

    /// <summary>Named sign-in plugins.</summary>
    PluginAuth = 0x80000,
}

/// <summary>The first packet of a connection: who the server is and what it offers.</summary>
/// <param name="Version">The server's version, e.g. <c>10.11.6-MariaDB</c>, without MariaDB's compatibility prefix <c>5.5.5-</c>.</param>
/// <param name="ConnectionId">The server's number of this connection.</param>
/// <param name="Offered">What the server can do.</param>
/// <param name="Scramble">20 random bytes for the password.</param>
/// <param name="Plugin">The sign-in plugin that the server would like.</param>
/// <remarks>Source: MariaDB knowledge base, "Connection", "Initial Handshake Packet"; protocol version 10.</remarks>
public sealed record ServerHandshake(string Version, uint ConnectionId, Capabilities Offered, byte[] Scramble, string Plugin)
{
    /// <summary>Bytes of the password scramble.</summary>
    public const int ScrambleBytes = 20;

    /// <summary>Whether the server is MariaDB, by its own words.</summary>
    public bool IsMariaDb => Version.Contains("MariaDB", StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads the packet.</summary>
    /// <exception cref="MySqlServerException">The server refuses to talk: too many connections, host not allowed.</exception>
    /// <exception cref="MySqlFormatException">Another protocol version, or malformed.</exception>
    public static ServerHandshake Read(ReadOnlySpan<byte> payload)
    {
        ServerAnswer.ThrowIfError(payload);
        var fields = new WireReader(payload);
        var protocol = fields.ReadByte();
        if (protocol != 10)
            throw MySqlFormatException.Unexpected("protocol version", "10", protocol);
        var version = Encoding.UTF8.GetString(fields.ReadUntilZero());
        var connection = fields.ReadUInt32();
        var scramble = new byte[ScrambleBytes];
        fields.ReadBytes(8).CopyTo(scramble);
        fields.ReadByte();
        var offered = (uint)fields.ReadUInt16();
        fields.ReadBytes(3); // character set and status: we set our own
        offered |= (uint)fields.ReadUInt16() << 16;
        fields.ReadBytes(11); // scramble length, reserved
        fields.ReadBytes(ScrambleBytes - 8).CopyTo(scramble.AsSpan(8));
        fields.ReadUntilZero();
        var plugin = (offered & (uint)Capabilities.PluginAuth) != 0 ? Encoding.UTF8.GetString(fields.ReadUntilZero()) : NativePassword.Plugin;
        const string Prefix = "5.5.5-";
        return new(version.StartsWith(Prefix, StringComparison.Ordinal) ? version[Prefix.Length..] : version, connection, (Capabilities)offered, scramble, plugin);
    }
}

/// <summary>Writes our side of the handshake.</summary>
public static class ClientHandshake
{
    /// <summary>utf8mb4_general_ci: the character set that we send and want to be answered in.</summary>
    public const byte Utf8Mb4 = 45;

    private const int FixedBytes = 32;

    /// <summary>The request to go on under TLS: the fixed front of the answer, sent in clear text.</summary>
    public static byte[] TlsRequest(Capabilities capabilities)
    {
        var packet = new byte[FixedBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(packet, (uint)capabilities);
        BinaryPrimitives.WriteUInt32LittleEndian(packet.AsSpan(4), 1 << 30);
        packet[8] = Utf8Mb4;
        return packet;
    }

    /// <summary>The sign-in: who we are, the plugin that we begin with, and its answer to the server's scramble.</summary>
    /// <param name="capabilities">As in the request for TLS, if there was one.</param>
    /// <param name="user">Account.</param>
    /// <param name="plugin">Name of the plugin.</param>
    /// <param name="answer">At most 255 bytes.</param>
    public static byte[] SignIn(Capabilities capabilities, string user, string plugin, ReadOnlySpan<byte> answer) =>
    [
        .. TlsRequest(capabilities),
        .. Encoding.UTF8.GetBytes(user), 0,
        (byte)answer.Length, .. answer,
        .. Encoding.ASCII.GetBytes(plugin), 0,
    ];
}
