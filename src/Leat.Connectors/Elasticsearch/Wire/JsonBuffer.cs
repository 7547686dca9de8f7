using System.Buffers;
using System.Buffers.Text;

namespace Leat.Connectors.Elasticsearch.Wire;

/// <summary>A request body under construction: JSON as UTF-8 in one buffer that is used again and again. Grows, never shrinks below what a request needed.</summary>
internal sealed class JsonBuffer(int firstBytes = 4096)
{
    private const int MostEscapedBytes = 6; // \u001f

    // RFC 8259, section 7: quotation mark, reverse solidus and the control characters have to be escaped; nothing else.
    private static readonly SearchValues<byte> Escaped = SearchValues.Create([.. Enumerable.Range(0, 32).Select(code => (byte)code), (byte)'"', (byte)'\\']);

    private byte[] _bytes = new byte[firstBytes];

    /// <summary>Bytes written so far.</summary>
    public int Length { get; private set; }

    /// <summary>What was written.</summary>
    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Length);

    /// <summary>The same, for a request; valid until the next write.</summary>
    public ReadOnlyMemory<byte> Memory => _bytes.AsMemory(0, Length);

    /// <summary>Forgets everything, or everything after a place.</summary>
    public void Cut(int length = 0) => Length = length;

    /// <summary>Room for so many bytes behind what was written; <see cref="Advance"/> says how many were used.</summary>
    public Span<byte> Room(int bytes)
    {
        if (_bytes.Length - Length < bytes)
            Array.Resize(ref _bytes, checked((int)Math.Max(Math.Min(2L * _bytes.Length, Array.MaxLength), (long)Length + bytes)));
        return _bytes.AsSpan(Length);
    }

    /// <summary>Counts bytes that were put into <see cref="Room"/>.</summary>
    public void Advance(int bytes) => Length += bytes;

    /// <summary>Writes bytes as they are.</summary>
    public void Raw(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        Length += bytes.Length;
    }

    /// <summary>Writes one ASCII letter.</summary>
    public void Raw(byte letter)
    {
        Room(1)[0] = letter;
        Length++;
    }

    /// <summary>Replaces a byte that was written.</summary>
    public void Replace(int at, byte letter) => _bytes[at] = letter;

    /// <summary>Makes spaces of all line breaks from a place on.</summary>
    public void ReplaceBreaks(int from)
    {
        foreach (ref var letter in _bytes.AsSpan(from, Length - from))
        {
            if (letter is (byte)'\n' or (byte)'\r')
                letter = (byte)' ';
        }
    }

    /// <summary>Writes a whole number.</summary>
    public void Number(long value)
    {
        Utf8Formatter.TryFormat(value, Room(20), out var written);
        Length += written;
    }

    /// <summary>Writes a whole number.</summary>
    public void Number(ulong value)
    {
        Utf8Formatter.TryFormat(value, Room(20), out var written);
        Length += written;
    }

    /// <summary>Writes a string with its quotation marks.</summary>
    public void Text(ReadOnlySpan<byte> utf8)
    {
        var room = Room(utf8.Length + 2);
        room[0] = (byte)'"';
        Length++;
        Escape(utf8);
        Raw((byte)'"');
    }

    /// <summary>Writes the inside of a string.</summary>
    public void Escape(ReadOnlySpan<byte> utf8)
    {
        while (true)
        {
            var special = utf8.IndexOfAny(Escaped);
            if (special < 0)
            {
                Raw(utf8);
                return;
            }

            Raw(utf8[..special]);
            WriteEscaped(utf8[special]);
            utf8 = utf8[(special + 1)..];
        }
    }

    private void WriteEscaped(byte letter)
    {
        var room = Room(MostEscapedBytes);
        var shortForm = letter switch
        {
            (byte)'"' => (byte)'"',
            (byte)'\\' => (byte)'\\',
            (byte)'\n' => (byte)'n',
            (byte)'\r' => (byte)'r',
            (byte)'\t' => (byte)'t',
            _ => (byte)0,
        };
        room[0] = (byte)'\\';
        if (shortForm != 0)
        {
            room[1] = shortForm;
            Length += 2;
            return;
        }

        "u00"u8.CopyTo(room[1..]);
        room[4] = HexDigit(letter >> 4);
        room[5] = HexDigit(letter & 15);
        Length += MostEscapedBytes;
    }

    private static byte HexDigit(int value) => (byte)(value < 10 ? '0' + value : 'a' + value - 10);
}
