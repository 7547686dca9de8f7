namespace Leat.Connectors.MySql.Wire;

/// <summary>The server sent bytes that the protocol does not allow, or that pass one of our limits. The only exception of the parsers.</summary>
public sealed class MySqlFormatException(string message) : Exception(message)
{
    /// <summary>What passed one of our limits, in bytes; 0 when the exception tells of something else.</summary>
    public long OversizedBytes { get; private init; }

    /// <summary>A structure ends before its last field.</summary>
    public static MySqlFormatException Short(int wantedBytes, int leftBytes) =>
        new($"The server's packet ends early: {wantedBytes} more bytes were expected, {leftBytes} are left.");

    /// <summary>A packet, once joined, passes the limit.</summary>
    public static MySqlFormatException TooLarge(long bytes, int limitBytes) =>
        new($"The server sent a packet of at least {bytes} bytes; at most {limitBytes} are taken.") { OversizedBytes = bytes };

    /// <summary>Packets came in another order than sent: bytes were lost or invented.</summary>
    public static MySqlFormatException OutOfSequence(byte expected, byte got) =>
        new($"The server's packet has sequence number {got} where {expected} was expected.");

    /// <summary>A field has a value that it cannot have.</summary>
    public static MySqlFormatException Unexpected(string field, string expected, long got) =>
        new($"The server's {field} is {got}; expected {expected}.");

    /// <summary>The server asks for a file of this machine, which no command of ours invites.</summary>
    public static MySqlFormatException LocalFile(string name) =>
        new($"The server asks for the file '{name}' of this machine, which Leat never sends.");
}
