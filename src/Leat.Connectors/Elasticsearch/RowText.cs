using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.Elasticsearch.Wire;

namespace Leat.Connectors.Elasticsearch;

/// <summary>A template tied to a shape: writes the text for a row.</summary>
internal sealed class RowText
{
    private const int MostScalarBytes = 40;

    private readonly (int Ordinal, byte[] Literal, string? DateForm)[] _parts;
    private readonly SearchValues<byte>? _escaped;
    private readonly ArrayBufferWriter<byte> _value = new(64);

    private RowText((int Ordinal, byte[] Literal, string? DateForm)[] parts, SearchValues<byte>? escaped)
    {
        _parts = parts;
        _escaped = escaped;
        Prefix = parts[0].Ordinal < 0 ? Encoding.UTF8.GetString(parts[0].Literal) : "";
        Columns = [.. parts.Where(part => part.Ordinal >= 0).Select(part => part.Ordinal).Distinct()];
    }

    /// <summary>The text before the first column: every text of the shape begins with it.</summary>
    public string Prefix { get; }

    /// <summary>Ordinals of the columns in it.</summary>
    public IReadOnlyList<int> Columns { get; }

    /// <summary>Whether it is the same text for every row.</summary>
    public bool IsConstant => Columns.Count == 0;

    /// <summary>The template with a <c>*</c> for each column: a pattern that all its texts match.</summary>
    public string Pattern => string.Concat(_parts.Select(part => part.Ordinal < 0 ? Encoding.UTF8.GetString(part.Literal) : "*"));

    /// <summary>Its texts, and between them a <see langword="null"/> for each column, with the form when that is a date.</summary>
    public IEnumerable<(string? Literal, string? DateForm)> Parts => _parts.Select(part => (part.Ordinal < 0 ? Encoding.UTF8.GetString(part.Literal) : null, part.DateForm));

    /// <summary>Ties a template to a shape; columns by their delivered names.</summary>
    /// <param name="shape">The shape.</param>
    /// <param name="template">The template.</param>
    /// <param name="asIdentity">Whether different values must give different texts: then what separates columns is escaped inside them.</param>
    /// <exception cref="PauseException">A column is not there, has no dates, or two stand side by side in an identity.</exception>
    public static RowText Create(Shape shape, AddressTemplate template, bool asIdentity)
    {
        var parts = new List<(int Ordinal, byte[] Literal, string? DateForm)>();
        foreach (var (isColumn, text, form) in template.Parts)
        {
            if (!isColumn || text == "table")
            {
                // Texts side by side count as one.
                var bytes = Encoding.UTF8.GetBytes(isColumn ? shape.Alias : text);
                if (parts.Count > 0 && parts[^1].Ordinal < 0)
                    parts[^1] = (-1, [.. parts[^1].Literal, .. bytes], null);
                else
                    parts.Add((-1, bytes, null));
                continue;
            }

            if (asIdentity && parts.Count > 0 && parts[^1].Ordinal >= 0)
                throw ElasticsearchErrors.NothingBetween(shape.Alias, template.Text);
            var ordinal = OrdinalOf(shape, template, text);
            if (form is not null && !DateForm.Fits(shape.Schema.Columns[ordinal].Kind))
                throw ElasticsearchErrors.NoDate(shape.Alias, template.Text, text);
            parts.Add((ordinal, [], form));
        }

        return Make(parts, asIdentity);
    }

    /// <summary>The key's columns with a <c>:</c> between them.</summary>
    public static RowText OfKey(Shape shape)
    {
        var parts = new List<(int Ordinal, byte[] Literal, string? DateForm)>();
        foreach (var ordinal in shape.Key)
        {
            if (parts.Count > 0)
                parts.Add((-1, [(byte)':'], null));
            parts.Add((ordinal, [], null));
        }

        return Make(parts, asIdentity: true);
    }

    /// <summary>Writes the text of a row; false when one of its columns is NULL or absent.</summary>
    public bool Write(ref RowReader row, JsonBuffer target)
    {
        var complete = true;
        foreach (var (ordinal, literal, form) in _parts)
        {
            if (ordinal < 0)
            {
                target.Raw(literal);
            }
            else if (!row.Seek(ordinal))
            {
                complete = false;
            }
            else if (form is not null)
            {
                target.Advance(DateForm.Write(ref row, form, target.Room(form.Length)));
            }
            else if (row.Column.Kind is ColumnKind.Int32 or ColumnKind.Int64 or ColumnKind.Int16 or ColumnKind.Int8)
            {
                target.Number(row.Int64);
            }
            else
            {
                WriteValue(ref row, target);
            }
        }

        return complete;
    }

    // With one column its text stands as it is; with several, a reader can cut the text apart again.
    private static RowText Make(List<(int Ordinal, byte[] Literal, string? DateForm)> parts, bool asIdentity)
    {
        var (first, last) = (parts.FindIndex(part => part.Ordinal >= 0), parts.FindLastIndex(part => part.Ordinal >= 0));
        var escaped = asIdentity && first < last
            ? SearchValues.Create([(byte)'%', .. parts[first..last].Where(part => part.Ordinal < 0).Select(part => part.Literal[0])])
            : null;
        return new([.. parts], escaped);
    }

    private void WriteValue(ref RowReader row, JsonBuffer target)
    {
        _value.ResetWrittenCount();
        if (row.Column.Kind == ColumnKind.Binary)
            WriteBase64(row.Bytes);
        else
            ValueText.Write(ref row, _value);
        var value = _value.WrittenSpan;
        if (_escaped is null)
        {
            target.Raw(value);
            return;
        }

        while (true)
        {
            var special = value.IndexOfAny(_escaped);
            target.Raw(special < 0 ? value : value[..special]);
            if (special < 0)
                return;
            target.Raw((byte)'%');
            target.Raw(HexDigit(value[special] >> 4));
            target.Raw(HexDigit(value[special] & 15));
            value = value[(special + 1)..];
        }
    }

    private void WriteBase64(ReadOnlySpan<byte> bytes)
    {
        System.Buffers.Text.Base64Url.EncodeToUtf8(bytes, _value.GetSpan(bytes.Length * 2 + MostScalarBytes), out _, out var written);
        _value.Advance(written);
    }

    private static int OrdinalOf(Shape shape, AddressTemplate template, string name)
    {
        foreach (var column in shape.Columns)
        {
            if (column.Name == name)
                return column.Ordinal;
        }

        foreach (var ordinal in shape.Key)
        {
            if (shape.Schema.Columns[ordinal].Name == name)
                return ordinal;
        }

        throw ElasticsearchErrors.NoSuchColumn(shape.Alias, template.Text, name);
    }

    private static byte HexDigit(int value) => (byte)(value < 10 ? '0' + value : 'A' + value - 10);
}
