using System.Buffers;
using System.Buffers.Text;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Puts JSON text into a span of a fixed size; what does not fit is malformed, since the span has room for all that is not.</summary>
internal ref struct JsonSink(Span<byte> target)
{
    private static readonly SearchValues<byte> Escaped = SearchValues.Create([.. Enumerable.Range(0, 0x20).Select(value => (byte)value), (byte)'"', (byte)'\\']);

    private readonly Span<byte> _target = target;

    /// <summary>Bytes written.</summary>
    public int WrittenBytes { get; private set; }

    /// <summary>One byte.</summary>
    public void Put(byte one) => Room(1)[0] = one;

    /// <summary>Bytes as they are.</summary>
    public void Put(scoped ReadOnlySpan<byte> bytes) => bytes.CopyTo(Room(bytes.Length));

    /// <summary>An integer.</summary>
    public void Put(long number)
    {
        Span<byte> digits = stackalloc byte[20];
        Utf8Formatter.TryFormat(number, digits, out var length);
        Put(digits[..length]);
    }

    /// <summary>A number with that many digits.</summary>
    public void Put(int number, int digits)
    {
        var room = Room(digits);
        for (var i = digits - 1; i >= 0; i--)
        {
            room[i] = (byte)('0' + number % 10);
            number /= 10;
        }
    }

    /// <summary>A string in quotes; escaped are quotes, backslashes and control characters, as the server does.</summary>
    public void PutQuoted(scoped ReadOnlySpan<byte> text)
    {
        Put((byte)'"');
        while (true)
        {
            var plain = text.IndexOfAny(Escaped);
            if (plain < 0)
                break;
            Put(text[..plain]);
            PutEscaped(text[plain]);
            text = text[(plain + 1)..];
        }

        Put(text);
        Put((byte)'"');
    }

    /// <summary>Base64 as the server writes it: a line feed, escaped, after each 76 characters but the last.</summary>
    public void PutBase64(scoped ReadOnlySpan<byte> bytes)
    {
        const int LineBytes = 57;
        while (!bytes.IsEmpty)
        {
            var line = bytes[..Math.Min(LineBytes, bytes.Length)];
            Base64.EncodeToUtf8(line, Room((line.Length + 2) / 3 * 4), out _, out _);
            bytes = bytes[line.Length..];
            if (!bytes.IsEmpty)
                Put("\\n"u8);
        }
    }

    private void PutEscaped(byte one)
    {
        var letter = one switch
        {
            (byte)'"' => (byte)'"',
            (byte)'\\' => (byte)'\\',
            (byte)'\b' => (byte)'b',
            (byte)'\t' => (byte)'t',
            (byte)'\n' => (byte)'n',
            (byte)'\f' => (byte)'f',
            (byte)'\r' => (byte)'r',
            _ => (byte)0,
        };
        if (letter != 0)
        {
            var two = Room(2);
            two[0] = (byte)'\\';
            two[1] = letter;
            return;
        }

        Put("\\u00"u8);
        var hex = Room(2);
        hex[0] = (byte)('0' + (one >> 4));
        hex[1] = (byte)((one & 15) < 10 ? '0' + (one & 15) : 'a' + (one & 15) - 10);
    }

    private Span<byte> Room(int bytes)
    {
        if (bytes > _target.Length - WrittenBytes)
            throw MySqlFormatException.Unexpected("JSON document", $"to become at most {_target.Length} bytes of text", WrittenBytes + (long)bytes);
        WrittenBytes += bytes;
        return _target.Slice(WrittenBytes - bytes, bytes);
    }
}
