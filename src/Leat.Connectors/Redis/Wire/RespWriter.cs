using System.Buffers;
using System.Buffers.Text;

namespace Leat.Connectors.Redis.Wire;

/// <summary>Writes commands as arrays of texts into a buffer that is used again and again.</summary>
public sealed class RespWriter
{
    private readonly ArrayBufferWriter<byte> _buffer = new(64 * 1024);

    /// <summary>All commands written since <see cref="Clear"/>.</summary>
    public ReadOnlyMemory<byte> Written => _buffer.WrittenMemory;

    /// <summary>Forgets all commands and keeps the room.</summary>
    public void Clear() => _buffer.ResetWrittenCount();

    /// <summary>Begins a command of that many parts, its name included.</summary>
    public void BeginCommand(int parts) => WriteHeader((byte)'*', parts);

    /// <summary>Writes a part of the command.</summary>
    public void WritePart(ReadOnlySpan<byte> part)
    {
        WriteHeader((byte)'$', part.Length);
        _buffer.Write(part);
        _buffer.Write("\r\n"u8);
    }

    /// <summary>Writes bytes made by <see cref="PreparePart"/>, or a whole prepared command.</summary>
    public void WritePrepared(ReadOnlySpan<byte> prepared) => _buffer.Write(prepared);

    /// <summary>Writes a whole command. Not for the hot path.</summary>
    public void WriteCommand(params ReadOnlySpan<byte[]> parts)
    {
        BeginCommand(parts.Length);
        foreach (var part in parts)
            WritePart(part);
    }

    /// <summary>A part with its length and line breaks, made once and written often.</summary>
    public static byte[] PreparePart(ReadOnlySpan<byte> part)
    {
        var writer = new RespWriter();
        writer.WritePart(part);
        return writer.Written.ToArray();
    }

    private void WriteHeader(byte type, int number)
    {
        var room = _buffer.GetSpan(16);
        room[0] = type;
        Utf8Formatter.TryFormat(number, room[1..], out var digits);
        room[digits + 1] = (byte)'\r';
        room[digits + 2] = (byte)'\n';
        _buffer.Advance(digits + 3);
    }
}
