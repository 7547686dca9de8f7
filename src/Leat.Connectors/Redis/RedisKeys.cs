using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.Redis;

/// <summary>Makes the keys of one shape. Two rows with different keys at the source never get one key here.</summary>
/// <remarks>
/// With one column in the template its text stands as it is. With several, <c>%</c> and the first letters of the texts between the
/// columns are written as <c>%3A</c> inside the values, so that a reader can cut the key apart again. NULL, which a key holds only when all
/// columns of a table without a key stand in for one, is <c>%NULL</c>; <c>%</c> is escaped there, too.
/// </remarks>
internal sealed class RedisKeys
{
    private readonly (int Ordinal, byte[] Literal)[] _parts;
    private readonly SearchValues<byte>? _escaped;
    private readonly ArrayBufferWriter<byte> _value = new(256);

    private RedisKeys((int Ordinal, byte[] Literal)[] parts, string prefix, bool hasNulls)
    {
        _parts = parts;
        Prefix = prefix;
        var columns = parts.Count(part => part.Ordinal >= 0);
        if (columns > 1 || hasNulls)
            _escaped = SearchValues.Create([(byte)'%', .. Between(parts).Select(literal => literal[0])]);
    }

    /// <summary>The text before the first column: every key of the shape begins with it.</summary>
    public string Prefix { get; }

    /// <summary>Fits a template to a shape.</summary>
    /// <exception cref="PauseException">The template lacks a key column, uses another, or has two with nothing between.</exception>
    public static RedisKeys Create(Shape shape, KeyTemplate template)
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
            parts.Add((OrdinalOf(shape, template, text), []));
        }

        AddLiteral();
        foreach (var ordinal in shape.Key)
        {
            if (!parts.Any(part => part.Ordinal == ordinal))
                throw RedisErrors.ColumnMissing(shape.Alias, template.Text, NameOf(shape, ordinal));
        }

        return new([.. parts], prefix ?? "", shape.Key.Any(ordinal => shape.Schema.Columns[ordinal].Nullable && shape.Schema.IsKeyless));

        void AddLiteral()
        {
            if (literal.Length > 0)
                parts.Add((-1, Encoding.UTF8.GetBytes(literal.ToString())));
            literal.Clear();
        }
    }

    /// <summary>Writes the key of a row.</summary>
    public void Write(ref RowReader row, ArrayBufferWriter<byte> target)
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
                target.Write("%NULL"u8);
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
    }

    private static IEnumerable<byte[]> Between((int Ordinal, byte[] Literal)[] parts)
    {
        var (first, last) = (Array.FindIndex(parts, part => part.Ordinal >= 0), Array.FindLastIndex(parts, part => part.Ordinal >= 0));
        return parts[first..last].Where(part => part.Ordinal < 0).Select(part => part.Literal);
    }

    private static int OrdinalOf(Shape shape, KeyTemplate template, string name)
    {
        foreach (var ordinal in shape.Key)
        {
            if (NameOf(shape, ordinal) == name)
                return ordinal;
        }

        throw RedisErrors.ColumnNotInKey(shape.Alias, template.Text, name);
    }

    private static string NameOf(Shape shape, int ordinal)
    {
        foreach (var column in shape.Columns)
        {
            if (column.Ordinal == ordinal)
                return column.Name;
        }

        return shape.Schema.Columns[ordinal].Name;
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

    private static byte HexDigit(int value) => (byte)(value < 10 ? '0' + value : 'A' + value - 10);
}
