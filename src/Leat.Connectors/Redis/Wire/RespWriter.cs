using System.Buffers.Text;

namespace Leat.Connectors.Redis.Wire;

/// <summary>Writes commands as arrays of texts into a buffer that is used again and again.</summary>
public sealed class RespWriter
{
    // Type, ten digits, CR LF; and the CR LF after a text.
    private const int HeaderBytes = 13;
    private const int EndBytes = 2;

    private byte[] _buffer = new byte[4096];
    private int _length;

    /// <summary>All commands written since <see cref="Clear"/>.</summary>
    public ReadOnlyMemory<byte> Written => _buffer.AsMemory(0, _length);

    /// <summary>Bytes written since <see cref="Clear"/>.</summary>
    public int WrittenBytes => _length;

    /// <summary>Forgets all commands and keeps the room.</summary>
    public void Clear() => _length = 0;

    /// <summary>Begins a command of that many parts, its name included.</summary>
    public void BeginCommand(int parts)
    {
        Ensure(HeaderBytes);
        WriteHeader((byte)'*', parts);
    }

    /// <summary>Writes a part of the command.</summary>
    public void WritePart(ReadOnlySpan<byte> part)
    {
        Ensure(HeaderBytes + part.Length + EndBytes);
        WriteHeader((byte)'$', part.Length);
        part.CopyTo(_buffer.AsSpan(_length));
        _length += part.Length;
        _buffer[_length++] = (byte)'\r';
        _buffer[_length++] = (byte)'\n';
    }

    /// <summary>Writes a part of the command that is a number.</summary>
    public void WritePart(long number)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(number, digits, out var length);
        WritePart(digits[..length]);
    }

    /// <summary>Writes bytes made by <see cref="PreparePart"/>, or a whole prepared command.</summary>
    public void WritePrepared(ReadOnlySpan<byte> prepared)
    {
        Ensure(prepared.Length);
        prepared.CopyTo(_buffer.AsSpan(_length));
        _length += prepared.Length;
    }

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

    /// <summary>A whole command without values, made once and written often.</summary>
    public static byte[] PrepareCommand(params ReadOnlySpan<byte[]> parts)
    {
        var writer = new RespWriter();
        writer.WriteCommand(parts);
        return writer.Written.ToArray();
    }

    private void WriteHeader(byte type, int number)
    {
        _buffer[_length++] = type;
        Utf8Formatter.TryFormat(number, _buffer.AsSpan(_length), out var digits);
        _length += digits;
        _buffer[_length++] = (byte)'\r';
        _buffer[_length++] = (byte)'\n';
    }

    private void Ensure(int bytes)
    {
        if (_buffer.Length - _length < bytes)
            Array.Resize(ref _buffer, Math.Max(_buffer.Length * 2, _length + bytes));
    }
}
