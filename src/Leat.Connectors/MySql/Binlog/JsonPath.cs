using System.Buffers;
using System.Text;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>One step of a path: a member by its key, or an element by its number.</summary>
internal readonly ref struct JsonLeg
{
    /// <summary>A member.</summary>
    public JsonLeg(ReadOnlySpan<byte> key)
    {
        Key = key;
        IsMember = true;
    }

    /// <summary>An element.</summary>
    public JsonLeg(int index, bool fromEnd) => (Index, FromEnd) = (index, fromEnd);

    /// <summary>Whether it names a member.</summary>
    public bool IsMember { get; }

    /// <summary>The member's key, unescaped.</summary>
    public ReadOnlySpan<byte> Key { get; }

    /// <summary>The element, counted from the front, or from the last one backwards.</summary>
    public int Index { get; }

    /// <summary>Whether <see cref="Index"/> counts from the last element.</summary>
    public bool FromEnd { get; }
}

/// <summary>Reads a path as MySQL writes it into JSON diffs: <c>$.name."quoted \"name\""[3][last-1]</c>, leg by leg.</summary>
/// <remarks>Source: MySQL reference manual, "JSON Path Syntax". Wildcards and ranges do not occur there and are refused.</remarks>
internal ref struct JsonPath
{
    private readonly Span<byte> _unescaped;
    private ReadOnlySpan<byte> _rest;

    /// <summary>A reader before the first leg.</summary>
    /// <param name="path">UTF-8.</param>
    /// <param name="room">Where keys with escapes are written: at least as long as the path.</param>
    /// <exception cref="MySqlFormatException">Does not begin with $.</exception>
    public JsonPath(ReadOnlySpan<byte> path, Span<byte> room)
    {
        if (path.IsEmpty || path[0] != (byte)'$')
            throw Malformed(path);
        _rest = path[1..];
        _unescaped = room;
    }

    /// <summary>Whether there is another leg.</summary>
    public readonly bool HasMore => !_rest.IsEmpty;

    /// <summary>The next leg; its key is valid until the next is read.</summary>
    /// <exception cref="MySqlFormatException">Not the syntax above.</exception>
    public JsonLeg Next()
    {
        var whole = _rest;
        switch (_rest[0])
        {
            case (byte)'.' when _rest.Length > 1 && _rest[1] == (byte)'"':
                _rest = _rest[2..];
                return new(QuotedKey(whole));
            case (byte)'.':
                var end = _rest[1..].IndexOfAny((byte)'.', (byte)'[');
                var key = end < 0 ? _rest[1..] : _rest.Slice(1, end);
                if (key.IsEmpty || key[0] == (byte)'*')
                    throw Malformed(whole);
                _rest = _rest[(key.Length + 1)..];
                return new(key);
            case (byte)'[':
                var close = _rest.IndexOf((byte)']');
                if (close < 0)
                    throw Malformed(whole);
                var cell = _rest[1..close];
                _rest = _rest[(close + 1)..];
                return Cell(cell, whole);
            default:
                throw Malformed(whole);
        }
    }

    private static JsonLeg Cell(ReadOnlySpan<byte> cell, ReadOnlySpan<byte> whole)
    {
        var fromEnd = cell.StartsWith("last"u8);
        if (fromEnd)
        {
            cell = cell[4..];
            if (cell.IsEmpty)
                return new(0, fromEnd: true);
            if (cell[0] != (byte)'-')
                throw Malformed(whole);
            cell = cell[1..];
        }

        return System.Buffers.Text.Utf8Parser.TryParse(cell, out int index, out var used) && used == cell.Length && index >= 0
            ? new(index, fromEnd)
            : throw Malformed(whole);
    }

    // A JSON string behind its first quote.
    private ReadOnlySpan<byte> QuotedKey(ReadOnlySpan<byte> whole)
    {
        var length = 0;
        while (!_rest.IsEmpty && _rest[0] != (byte)'"')
        {
            if (_rest[0] != (byte)'\\')
            {
                _unescaped[length++] = _rest[0];
                _rest = _rest[1..];
                continue;
            }

            if (_rest.Length < 2)
                throw Malformed(whole);
            if (_rest[1] == (byte)'u')
            {
                length += Unicode(_unescaped[length..], whole);
                continue;
            }

            _unescaped[length++] = _rest[1] switch
            {
                (byte)'b' => (byte)'\b',
                (byte)'t' => (byte)'\t',
                (byte)'n' => (byte)'\n',
                (byte)'f' => (byte)'\f',
                (byte)'r' => (byte)'\r',
                (byte)'"' or (byte)'\\' or (byte)'/' => _rest[1],
                _ => throw Malformed(whole),
            };
            _rest = _rest[2..];
        }

        if (_rest.IsEmpty)
            throw Malformed(whole);
        _rest = _rest[1..];
        return _unescaped[..length];
    }

    private int Unicode(Span<byte> target, ReadOnlySpan<byte> whole)
    {
        const int EscapeBytes = 6;
        Span<char> units = stackalloc char[2];
        var count = 0;
        do
        {
            if (_rest.Length < EscapeBytes || !System.Buffers.Text.Utf8Parser.TryParse(_rest[2..EscapeBytes], out ushort unit, out var used, 'x') || used != 4)
                throw Malformed(whole);
            units[count++] = (char)unit;
            _rest = _rest[EscapeBytes..];
        }
        while (count == 1 && char.IsHighSurrogate(units[0]) && _rest.StartsWith("\\u"u8));

        return Encoding.UTF8.TryGetBytes(units[..count], target, out var written) ? written : throw Malformed(whole);
    }

    private static MySqlFormatException Malformed(ReadOnlySpan<byte> rest) => MySqlFormatException.Unexpected("JSON path", "$ and legs such as .name or [3]", rest.Length);
}
