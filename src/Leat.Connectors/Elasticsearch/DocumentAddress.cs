using System.Security.Cryptography;
using System.Text;
using Leat.Changes;
using Leat.Connectors.Elasticsearch.Wire;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Where the documents of one shape live: index, id and routing of a row. Has buffers of its own: for one user at a time.</summary>
internal sealed class DocumentAddress
{
    /// <summary>Longest id that the servers take.</summary>
    public const int MostIdBytes = 512;

    private const int MostIndexBytes = 255;

    private readonly RowText _index;
    private readonly RowText _id;
    private readonly RowText? _routing;
    private readonly JsonBuffer _text = new(256);
    private IndexNames? _names;

    /// <summary>Ties the sink's templates to a shape.</summary>
    /// <exception cref="PauseException">They do not fit it.</exception>
    public DocumentAddress(Shape shape, ElasticsearchSinkOptions options)
    {
        Shape = shape;
        Join = options.Join?.Tables.GetValueOrDefault(shape.Alias);
        if (options.Join is not null && Join is null)
            throw ElasticsearchErrors.NotInJoin(shape.Alias);
        _index = RowText.Create(shape, Of(options.Index, shape.Alias) ?? throw ElasticsearchErrors.NoIndex(shape.Alias), asIdentity: false);
        _id = Of(options.Id, shape.Alias) is { } id ? RowText.Create(shape, id, asIdentity: true) : RowText.OfKey(shape);
        CheckId(Of(options.Id, shape.Alias)?.Text);
        if (_index.IsConstant && !IsIndexName(_index.Pattern))
            throw ElasticsearchErrors.BadIndexName(shape.Alias, _index.Pattern);
        var routing = Join?.Parent ?? Of(options.Routing, shape.Alias);
        _routing = routing is null ? null : RowText.Create(shape, routing, asIdentity: Join?.Parent is not null);
        IsFixed = _index.Columns.Concat(_routing?.Columns ?? []).All(column => shape.Key.Contains(column));
    }

    /// <summary>The shape.</summary>
    public Shape Shape { get; }

    /// <summary>The place of the shape's documents in a join; <see langword="null"/> when there is none.</summary>
    public JoinTable? Join { get; }

    /// <summary>Whether the key alone tells the address, so that it never changes while the key does not.</summary>
    public bool IsFixed { get; }

    /// <summary>Whether there is one index for all rows.</summary>
    public bool HasOneIndex => _index.IsConstant;

    /// <summary>Whether documents carry a routing.</summary>
    public bool HasRouting => _routing is not null;

    /// <summary>A name or pattern of all indexes of the shape.</summary>
    public string IndexPattern => _index.IsConstant ? _index.Pattern : _index.Pattern.ToLowerInvariant();

    /// <summary>Whether a row tells everything that index and routing are made of; one of which the source left columns out need not.</summary>
    public bool IsToldBy(ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(Shape.Schema, row);
        foreach (var ordinal in _index.Columns)
        {
            reader.Seek(ordinal);
            if (reader.IsAbsent)
                return false;
        }

        foreach (var ordinal in _routing?.Columns ?? [])
        {
            reader.Seek(ordinal);
            if (reader.IsAbsent)
                return false;
        }

        return true;
    }

    /// <summary>Whether documents of the shape may be in an index: <see cref="IndexPattern"/> matches others' as well.</summary>
    /// <param name="index">The name under which the server keeps it. What a date stands in may go on behind it, for an alias is another name for such an index.</param>
    public bool MayBe(string index) => HasOneIndex || (_names ??= new(_index)).Matches(index);

    /// <summary>What all ids begin with.</summary>
    public string IdPrefix => _id.Prefix;

    /// <summary>Writes the index of a row, made fit to be a name: letters small, what a name may not have as <c>%2f</c>.</summary>
    /// <returns>False when it cannot be a name even so: too long, or beginning with a letter that may not come first.</returns>
    public bool WriteIndex(ref RowReader row, JsonBuffer target)
    {
        var start = target.Length;
        if (_index.IsConstant)
            return _index.Write(ref row, target);

        _text.Cut();
        _index.Write(ref row, _text);
        WriteNameLetters(_text.Written, target);
        return IsName(target.Written[start..]);
    }

    /// <summary>Makes a text fit to be part of an index's name.</summary>
    public static void WriteNameLetters(ReadOnlySpan<byte> text, JsonBuffer target)
    {
        foreach (var letter in text)
        {
            if (IsNameLetter(letter))
            {
                target.Raw(letter);
            }
            else if (letter is >= (byte)'A' and <= (byte)'Z')
            {
                target.Raw((byte)(letter | 0x20));
            }
            else
            {
                target.Raw((byte)'%');
                target.Raw(Encoding.ASCII.GetBytes(Convert.ToHexStringLower([letter])));
            }
        }
    }

    /// <summary>Writes the id of a row; one that is too long as its SHA-256 in 64 hexadecimal digits. False when it would be empty.</summary>
    public bool WriteId(ref RowReader row, JsonBuffer target)
    {
        var start = target.Length;
        _id.Write(ref row, target);
        var bytes = target.Length - start;
        if (bytes > MostIdBytes)
        {
            var hash = Convert.ToHexStringLower(SHA256.HashData(target.Written[start..]));
            target.Cut(start);
            target.Raw(Encoding.ASCII.GetBytes(hash));
        }

        return bytes > 0;
    }

    /// <summary>Writes the routing of a row; nothing when there is none. False when a document of a join lacks its parent.</summary>
    public bool WriteRouting(ref RowReader row, JsonBuffer target)
    {
        if (_routing is null)
            return true;
        var start = target.Length;
        var complete = _routing.Write(ref row, target);
        if (!complete)
            target.Cut(start);
        return complete || Join?.Parent is null;
    }

    /// <summary>Whether a text can be the name of an index.</summary>
    public static bool IsIndexName(string name)
    {
        var bytes = Encoding.UTF8.GetBytes(name);
        return IsName(bytes) && !bytes.AsSpan().ContainsAnyExcept(NameLetters);
    }

    private static readonly System.Buffers.SearchValues<byte> NameLetters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_.+!$&'()=@[]^`{}~;%"u8);

    private static bool IsNameLetter(byte letter) => letter is >= (byte)'a' and <= (byte)'z' or >= (byte)'0' and <= (byte)'9' or (byte)'-' or (byte)'_' or (byte)'.';

    private static bool IsName(ReadOnlySpan<byte> name) =>
        name.Length is > 0 and <= MostIndexBytes && name[0] is not ((byte)'-' or (byte)'_' or (byte)'+') && !name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8);

    private static AddressTemplate? Of(IReadOnlyDictionary<string, AddressTemplate> templates, string alias) =>
        templates.TryGetValue(alias, out var template) || templates.TryGetValue("", out template) ? template : null;

    private void CheckId(string? template)
    {
        foreach (var ordinal in Shape.Key)
        {
            if (!_id.Columns.Contains(ordinal))
                throw ElasticsearchErrors.IdLacksColumn(Shape.Alias, template ?? "", Shape.Schema.Columns[ordinal].Name);
        }

        foreach (var ordinal in _id.Columns)
        {
            if (!Shape.Key.Contains(ordinal))
                throw ElasticsearchErrors.IdNotOfKey(Shape.Alias, template ?? "", Shape.Schema.Columns[ordinal].Name);
        }
    }
}
