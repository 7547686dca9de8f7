using System.Buffers.Text;

namespace Leat.Connectors.Redis.Wire;

/// <summary>What an item of a reply is.</summary>
public enum RespKind
{
    /// <summary>A word such as <c>OK</c> or <c>QUEUED</c>.</summary>
    Simple = 0,

    /// <summary>An error: its code, a space, its words.</summary>
    Error = 1,

    /// <summary>A whole number.</summary>
    Integer = 2,

    /// <summary>Text or bytes.</summary>
    Bulk = 3,

    /// <summary>Nothing where text could be.</summary>
    Null = 4,

    /// <summary>The start of an array: <see cref="RespItem.Number"/> items follow.</summary>
    Array = 5,

    /// <summary>Nothing where an array could be.</summary>
    NullArray = 6,
}

/// <summary>One item of a reply; arrays are told by their start, and their items follow one by one.</summary>
public readonly ref struct RespItem
{
    /// <summary>What it is.</summary>
    public required RespKind Kind { get; init; }

    /// <summary>The number of an Integer, the count of an Array; 0 otherwise.</summary>
    public long Number { get; init; }

    /// <summary>The text of a Simple, Error or Bulk, without line breaks of the protocol; valid as long as the input.</summary>
    public ReadOnlySpan<byte> Text { get; init; }
}

/// <summary>Cuts the bytes that a server sends into items of RESP2. Pure: bytes in, items out.</summary>
/// <remarks>
/// <code>
/// +text CRLF    -code words CRLF    :number CRLF    $length CRLF bytes CRLF    $-1 CRLF    *count CRLF items    *-1 CRLF
/// </code>
/// Source: "Redis serialization protocol specification", version 2.
/// </remarks>
public ref struct RespReader(ReadOnlySpan<byte> input)
{
    /// <summary>Longest line of a word, an error or a number, in bytes; the server's own limit for lines.</summary>
    public const int MaxLineBytes = 64 * 1024;

    /// <summary>Longest text, in bytes: twice the largest record of a stream.</summary>
    public const int MaxBulkBytes = 128 * 1024 * 1024;

    /// <summary>Most items of one array: fields and values of the largest hash that is read.</summary>
    public const int MaxItems = 1024 * 1024;

    private readonly ReadOnlySpan<byte> _input = input;

    /// <summary>Bytes of whole items read so far.</summary>
    public int ConsumedBytes { get; private set; }

    /// <summary>Reads the next item; false, consuming nothing, when it has not arrived whole.</summary>
    /// <exception cref="RespFormatException">Not the protocol, or beyond a limit; told before anything of that size is held.</exception>
    public bool TryRead(out RespItem item)
    {
        item = default;
        var rest = _input[ConsumedBytes..];
        if (rest.IsEmpty)
            return false;

        var kind = rest[0];
        if (kind is not ((byte)'+' or (byte)'-' or (byte)':' or (byte)'$' or (byte)'*'))
            throw RespFormatException.UnknownType(kind);

        var end = rest[..Math.Min(rest.Length, MaxLineBytes)].IndexOf("\r\n"u8);
        if (end < 0)
            return rest.Length < MaxLineBytes ? false : throw RespFormatException.LineTooLong();

        var line = rest[1..end];
        var next = end + 2;
        switch (kind)
        {
            case (byte)'+':
                item = new() { Kind = RespKind.Simple, Text = line };
                break;
            case (byte)'-':
                item = new() { Kind = RespKind.Error, Text = line };
                break;
            case (byte)':':
                item = new() { Kind = RespKind.Integer, Number = ReadNumber(line) };
                break;
            case (byte)'*':
                var count = ReadCount(line, MaxItems);
                item = count < 0 ? new() { Kind = RespKind.NullArray } : new() { Kind = RespKind.Array, Number = count };
                break;
            default:
                var length = (int)ReadCount(line, MaxBulkBytes);
                if (length < 0)
                {
                    item = new() { Kind = RespKind.Null };
                    break;
                }

                if (rest.Length - next < length + 2)
                    return false;
                if (!rest.Slice(next + length, 2).SequenceEqual("\r\n"u8))
                    throw RespFormatException.MissingLineBreak();
                item = new() { Kind = RespKind.Bulk, Text = rest.Slice(next, length) };
                next += length + 2;
                break;
        }

        ConsumedBytes += next;
        return true;
    }

    private static long ReadCount(ReadOnlySpan<byte> line, long most)
    {
        var count = ReadNumber(line);
        if (count < -1 || count > most)
            throw RespFormatException.TooLarge(count, most);
        return count;
    }

    private static long ReadNumber(ReadOnlySpan<byte> line) =>
        Utf8Parser.TryParse(line, out long number, out var consumed) && consumed == line.Length ? number : throw RespFormatException.BadNumber();
}
