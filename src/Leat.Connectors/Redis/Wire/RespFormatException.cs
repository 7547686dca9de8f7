namespace Leat.Connectors.Redis.Wire;

/// <summary>Bytes that are not the Redis protocol, or more than is ever taken.</summary>
public sealed class RespFormatException(string message) : Exception(message)
{
    internal static RespFormatException UnknownType(byte type) => new($"A reply begins with byte 0x{type:X2}, which no reply of RESP2 does.");

    internal static RespFormatException BadNumber() => new("A reply has a number that is none.");

    internal static RespFormatException LineTooLong() => new($"A reply has a line of more than {RespReader.MaxLineBytes} bytes.");

    internal static RespFormatException TooLarge(long count, long most) => new($"A reply announces {count}, more than the {most} that are taken.");

    internal static RespFormatException MissingLineBreak() => new("A reply's text is not followed by CR LF.");

    internal static RespFormatException Unexpected(RespKind kind) => new($"A reply of kind {kind} came where another was due.");
}
