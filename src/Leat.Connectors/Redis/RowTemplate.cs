using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.Redis;

/// <summary>A template fitted to a shape: makes the text of a key or a member out of a row. Two rows with different values never get one text.</summary>
/// <remarks>
/// With one column in the template its text stands as it is. With several, <c>%</c> and the first letters of the texts between the
/// columns are written as <c>%3A</c> inside the values, so that a reader can cut the text apart again. NULL is empty text; where all columns of a
/// table without a key stand in for one, it is <c>%NULL</c>, and <c>%</c> is escaped there, too. Has a buffer of its own: one user at a time.
/// </remarks>
internal sealed class RowTemplate
{
    private readonly (int Ordinal, byte[] Literal)[] _parts;
    private readonly SearchValues<byte>? _escaped;
    private readonly bool _tellsNull;
    private readonly ArrayBufferWriter<byte> _value = new(256);

    private RowTemplate((int Ordinal, byte[] Literal)[] parts, string prefix, TableSchema schema)
    {
        _parts = parts;
        Prefix = prefix;
        Ordinals = [.. parts.Where(part => part.Ordinal >= 0).Select(part => part.Ordinal)];
        _tellsNull = schema.IsKeyless && Ordinals.Any(ordinal => schema.Columns[ordinal].Nullable);
        if (Ordinals.Count > 1 || _tellsNull)
            _escaped = SearchValues.Create([(byte)'%', .. Between(parts).Select(literal => literal[0])]);
    }

    private static ReadOnlySpan<byte> Null => "%NULL"u8;

    /// <summary>The text before the first column: all that is made begins with it.</summary>
    public string Prefix { get; }

    /// <summary>The columns, as ordinals into the shape's schema.</summary>
    public IReadOnlyList<int> Ordinals { get; }

    /// <summary>Whether it has no columns: always the same text.</summary>
    public bool IsConstant => Ordinals.Count == 0;

    /// <summary>Fits a template to a shape.</summary>
    /// <exception cref="PauseException">The template names a column that is none, or has two with nothing between.</exception>
    public static RowTemplate Create(Shape shape, KeyTemplate template)
    {
        var parts = new List<(int Ordinal, byte[] Literal)>();
        var literal = new StringBuilder();
        var prefix = default(string);
        foreach (var (isColumn, text) in template.Parts)
        {
            if (!isColumn || text == "table")
            {
                literal.Append(isColumn ? shape.Alias : text);
                continue;
            }

            if (literal.Length == 0 && parts.Count > 0)
                throw RedisErrors.NothingBetween(shape.Alias, template.Text);
            prefix ??= literal.ToString();
            AddLiteral();
            var ordinal = OrdinalOf(shape, text);
            parts.Add((ordinal >= 0 ? ordinal : throw RedisErrors.NoSuchColumn(shape.Alias, $"template '{template.Text}'", text), []));
        }

        prefix ??= literal.ToString();
        AddLiteral();
        return new([.. parts], prefix, shape.Schema);

        void AddLiteral()
        {
            if (literal.Length > 0)
                parts.Add((-1, Encoding.UTF8.GetBytes(literal.ToString())));
            literal.Clear();
        }
    }

    /// <summary>Ordinal of a column by the name under which it is delivered, else by its own; -1 when there is none.</summary>
    public static int OrdinalOf(Shape shape, string name)
    {
        foreach (var column in shape.Columns)
        {
            if (column.Name == name)
                return column.Ordinal;
        }

        return shape.Schema.Find(name);
    }

    /// <summary>The name under which a column is delivered, else its own.</summary>
    public static string NameOf(Shape shape, int ordinal)
    {
        foreach (var column in shape.Columns)
        {
            if (column.Ordinal == ordinal)
                return column.Name;
        }

        return shape.Schema.Columns[ordinal].Name;
    }

    /// <summary>Writes the text of a row; false when a column is absent from it, so that the text is not known.</summary>
    public bool Write(ref RowReader row, ArrayBufferWriter<byte> target)
    {
        foreach (var (ordinal, literal) in _parts)
        {
            if (ordinal < 0)
            {
                target.Write(literal);
                continue;
            }

            if (!row.Seek(ordinal))
            {
                if (row.IsAbsent)
                    return false;
                if (_tellsNull)
                    target.Write(Null);
                continue;
            }

            if (_escaped is null)
            {
                ValueText.Write(ref row, target);
                continue;
            }

            _value.ResetWrittenCount();
            ValueText.Write(ref row, _value);
            WriteEscaped(_value.WrittenSpan, target);
        }

        return true;
    }

    /// <summary>Cuts a text apart: the bytes of each column that is not NULL by its ordinal; <see langword="null"/> when the template cannot have made it.</summary>
    public Dictionary<int, byte[]>? Read(ReadOnlySpan<byte> text)
    {
        var values = new Dictionary<int, byte[]>();
        for (var i = 0; i < _parts.Length; i++)
        {
            var (ordinal, literal) = _parts[i];
            if (ordinal < 0)
            {
                if (!text.StartsWith(literal))
                    return null;
                text = text[literal.Length..];
                continue;
            }

            // Up to the text behind it; behind the last column that stands at the very end.
            var next = i + 1 < _parts.Length ? _parts[i + 1].Literal : [];
            var isLast = i + 2 >= _parts.Length;
            var end = next.Length == 0 ? text.Length : isLast ? text.Length - next.Length : text.IndexOf(next);
            if (end >= 0 && _tellsNull && text[..end].SequenceEqual(Null))
            {
                text = text[end..];
                continue;
            }

            if (end < 0 || Unescape(text[..end]) is not { } value)
                return null;
            if (values.TryGetValue(ordinal, out var earlier) && !earlier.AsSpan().SequenceEqual(value))
                return null;
            values[ordinal] = value;
            text = text[end..];
        }

        return text.IsEmpty ? values : null;
    }

    private static IEnumerable<byte[]> Between((int Ordinal, byte[] Literal)[] parts)
    {
        var (first, last) = (Array.FindIndex(parts, part => part.Ordinal >= 0), Array.FindLastIndex(parts, part => part.Ordinal >= 0));
        return parts[first..last].Where(part => part.Ordinal < 0).Select(part => part.Literal);
    }

    private void WriteEscaped(ReadOnlySpan<byte> value, ArrayBufferWriter<byte> target)
    {
        while (true)
        {
            var special = value.IndexOfAny(_escaped!); // called only with several columns, then it is there
            target.Write(special < 0 ? value : value[..special]);
            if (special < 0)
                return;

            var code = target.GetSpan(3);
            code[0] = (byte)'%';
            code[1] = HexDigit(value[special] >> 4);
            code[2] = HexDigit(value[special] & 15);
            target.Advance(3);
            value = value[(special + 1)..];
        }
    }

    private byte[]? Unescape(ReadOnlySpan<byte> text)
    {
        if (_escaped is null)
            return text.ToArray();
        var value = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] != (byte)'%')
            {
                value.Add(text[i]);
                continue;
            }

            if (i + 2 >= text.Length || !char.IsAsciiHexDigit((char)text[i + 1]) || !char.IsAsciiHexDigit((char)text[i + 2]))
                return null;
            value.Add((byte)((ValueOf(text[i + 1]) << 4) | ValueOf(text[i + 2])));
            i += 2;
        }

        return [.. value];
    }

    private static int ValueOf(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;

    private static byte HexDigit(int value) => (byte)(value < 10 ? '0' + value : 'A' + value - 10);
}
