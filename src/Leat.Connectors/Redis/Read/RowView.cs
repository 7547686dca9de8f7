using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.Redis.Wire;
using Leat.Connectors.Redis.Write;

namespace Leat.Connectors.Redis.Read;

/// <summary>What the server should hold for a row and what it does hold, in the same canonical text. Has buffers of its own: one user at a time.</summary>
internal sealed class RowView(RedisTable table, bool isGuarded)
{
    private readonly RowJson _json = new(table.Shape);
    private int[]? _hiddenColumns;

    /// <summary>How rows are kept.</summary>
    public RedisTable Table { get; } = table;

    private Shape Shape => Table.Shape;

    private bool IsDocument => Table.Rule.Structure == RedisStructure.Json || (Table.Rule.Structure == RedisStructure.String && Table.Value < 0);

    /// <summary>The text of a key: itself, or in hexadecimal when it is no text.</summary>
    public static string TextOf(ReadOnlySpan<byte> key) => Utf8.IsValid(key) ? Encoding.UTF8.GetString(key) : "0x" + Convert.ToHexString(key);

    /// <summary>What the server should hold.</summary>
    public TargetRow Expect(ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(Shape.Schema, row);
        var name = Locate(ref reader);
        switch (Table.Rule.Structure)
        {
            case RedisStructure.String or RedisStructure.Json when IsDocument:
                var places = PlacesOf(ref reader);
                using (var document = JsonDocument.Parse(_json.Of(ref reader).ToArray()))
                    return new(name, [.. FieldsOf(document.RootElement, places)]);
            case RedisStructure.Hash or RedisStructure.Stream:
                return new(name, [.. FieldsOf(ref reader, Shape.Columns.Select(column => column.Ordinal)), .. PlacesOf(ref reader)]);
            case RedisStructure.String:
                var fields = FieldsOf(ref reader, PlaceColumns);
                reader.Seek(Table.Value);
                fields.Add(new(RowTemplate.NameOf(Shape, Table.Value), ValueText.Of(ref reader) ?? ""));
                return new(name, [.. fields]);
            case RedisStructure.SortedSet:
                fields = FieldsOf(ref reader, PlaceColumns);
                fields.Add(new("(score)", ScoreOf(ref reader)));
                return new(name, [.. fields]);
            default:
                return new(name, [.. FieldsOf(ref reader, PlaceColumns)]);
        }
    }

    /// <summary>Makes key and member of a row, and the text that names them.</summary>
    public string Locate(ref RowReader row)
    {
        Table.KeyText.ResetWrittenCount();
        Table.MemberText.ResetWrittenCount();
        Table.Key.Write(ref row, Table.KeyText);
        Table.Member?.Write(ref row, Table.MemberText);
        return Table.Rule.Structure == RedisStructure.Stream ? $"{TextOf(Table.KeyText.WrittenSpan)} row {RowKeyOf(ref row)}" : NameOf(Table.KeyText.WrittenSpan, Table.MemberText.WrittenSpan);
    }

    /// <summary>Writes the command that reads what <see cref="Locate"/> made the key of.</summary>
    public void WriteFind(RespWriter commands)
    {
        var isSet = Table.Member is not null;
        commands.BeginCommand(isSet ? 3 : 2);
        commands.WritePart(ReadCommand);
        commands.WritePart(Table.KeyText.WrittenSpan);
        if (isSet)
            commands.WritePart(Table.MemberText.WrittenSpan);
    }

    /// <summary>The row that a reply to <see cref="WriteFind"/> tells, or <see langword="null"/>.</summary>
    public TargetRow? Found(ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, RespReply reply)
    {
        if (reply.Kind == RespKind.Error)
            return Foreign(key, reply.Text);
        return Table.Rule.Structure switch
        {
            RedisStructure.Hash => HashRow(key, reply),
            RedisStructure.Set => reply.Number == 0 ? null : MemberRow(key, member, null),
            RedisStructure.SortedSet => reply.Kind == RespKind.Bulk ? MemberRow(key, member, reply.Text) : null,
            _ => reply.Kind == RespKind.Bulk ? ValueRow(key, reply.Bytes) : null,
        };
    }

    /// <summary>Writes the command that reads a whole key of a structure that holds one row in each.</summary>
    public void WriteRead(byte[] key, RespWriter commands) => commands.WriteCommand(ReadCommand, key);

    /// <summary>A member of a set as a row.</summary>
    public TargetRow MemberRow(ReadOnlySpan<byte> key, ReadOnlySpan<byte> member, string? score)
    {
        var name = NameOf(key, member);
        if (Table.Key.Read(key) is not { } parts || Table.Member?.Read(member) is not { } memberParts)
            return new(name, [new("(foreign)", "a member that the template cannot make")]);
        foreach (var (ordinal, value) in memberParts)
            parts[ordinal] = value;
        var fields = PlaceFields(parts);
        if (score is not null)
            fields.Add(new("(score)", CanonicalScore(score)));
        return new(name, [.. fields]);
    }

    /// <summary>An entry of a stream as the row that it tells, with what happened to it.</summary>
    public (TargetRow Row, bool IsRemoval) EntryRow(byte[] key, RespReply entry)
    {
        var fields = entry.Items.Count > 1 ? entry.Items[1].Items : [];
        var values = new Dictionary<string, byte[]>();
        for (var i = 2; i + 1 < fields.Count; i += 2) // behind the change
            values[fields[i].Text] = fields[i + 1].Bytes;
        List<KeyValuePair<string, string?>> row = [.. Columns(values), .. PlacesOf(key)];
        var name = string.Join(' ', Shape.Key.Select(ordinal => row.Find(field => field.Key == RowTemplate.NameOf(Shape, ordinal)).Value ?? ""));
        return (new($"{TextOf(key)} row {name}", [.. row]), fields.Count > 1 && fields[1].Text == "d");
    }

    /// <summary>What stands under a key and is nothing of ours.</summary>
    public TargetRow Foreign(ReadOnlySpan<byte> key, string why) => new(TextOf(key), [new($"(no {Table.Rule.StructureName})", why)]);

    private byte[] ReadCommand => Table.Rule.Structure switch
    {
        RedisStructure.Hash => "HGETALL"u8.ToArray(),
        RedisStructure.Json => "JSON.GET"u8.ToArray(),
        RedisStructure.Set => "SISMEMBER"u8.ToArray(),
        RedisStructure.SortedSet => "ZSCORE"u8.ToArray(),
        _ => "GET"u8.ToArray(),
    };

    private int[] HiddenColumns => _hiddenColumns ??= [.. PlaceColumns.Where(ordinal => !Shape.Columns.Any(column => column.Ordinal == ordinal))];

    // Columns that key and member are made of.
    private IEnumerable<int> PlaceColumns => Table.Key.Ordinals.Concat(Table.Member?.Ordinals ?? []).Distinct().Order();

    private static string NameOf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> member) => member.IsEmpty ? TextOf(key) : $"{TextOf(key)} member {TextOf(member)}";

    private List<KeyValuePair<string, string?>> FieldsOf(ref RowReader row, IEnumerable<int> ordinals)
    {
        var fields = new List<KeyValuePair<string, string?>>();
        foreach (var ordinal in ordinals)
        {
            row.Seek(ordinal);
            fields.Add(new(RowTemplate.NameOf(Shape, ordinal), ValueText.Of(ref row)));
        }

        return fields;
    }

    // Columns that a key is made of and that are not delivered: part of the row, because they tell where it is. Empty text stands for NULL as well.
    private List<KeyValuePair<string, string?>> PlacesOf(ref RowReader row) =>
        [.. FieldsOf(ref row, HiddenColumns).Select(field => new KeyValuePair<string, string?>(field.Key, field.Value is "" ? null : field.Value))];

    private List<KeyValuePair<string, string?>> PlacesOf(ReadOnlySpan<byte> key)
    {
        if (HiddenColumns.Length == 0)
            return [];
        var parts = Table.Key.Read(key);
        return
        [
            .. HiddenColumns.Select(ordinal => new KeyValuePair<string, string?>(
                RowTemplate.NameOf(Shape, ordinal), parts?.GetValueOrDefault(ordinal) is { Length: > 0 } value ? TextOf(ordinal, value) : null)),
        ];
    }

    // NULL in a key or member is empty text, and reads as that.
    private List<KeyValuePair<string, string?>> PlaceFields(Dictionary<int, byte[]> parts) =>
        [.. PlaceColumns.Select(ordinal => new KeyValuePair<string, string?>(
            RowTemplate.NameOf(Shape, ordinal), parts[ordinal].Length == 0 && !Shape.Key.Contains(ordinal) ? null : TextOf(ordinal, parts[ordinal])))];

    private string TextOf(int ordinal, byte[] value) => Shape.Schema.Columns[ordinal].Kind == ColumnKind.Binary ? Convert.ToBase64String(value) : Encoding.UTF8.GetString(value);

    private string RowKeyOf(ref RowReader row)
    {
        var parts = new List<string>();
        foreach (var ordinal in Shape.Key)
        {
            row.Seek(ordinal);
            parts.Add(ValueText.Of(ref row) ?? "");
        }

        return string.Join(' ', parts);
    }

    private string? ScoreOf(ref RowReader row)
    {
        Span<byte> text = stackalloc byte[128];
        var length = row.Seek(Table.Score) ? NumberText.Write(ref row, text) : 0;
        return length == 0 ? null : CanonicalScore(Encoding.ASCII.GetString(text[..length]));
    }

    // Redis counts in doubles and writes them its own way.
    private static string CanonicalScore(string text) =>
        double.TryParse(text.Replace("inf", "Infinity", StringComparison.Ordinal), NumberStyles.Float, CultureInfo.InvariantCulture, out var score) ? score.ToString("R", CultureInfo.InvariantCulture) : text;

    // Null when the key went away meanwhile. What is there and should not be stands at the end, so that a comparison shows it.
    private TargetRow? HashRow(ReadOnlySpan<byte> key, RespReply hash)
    {
        var values = new Dictionary<string, byte[]>();
        for (var i = 0; i + 1 < hash.Items.Count; i += 2)
            values[hash.Items[i].Text] = hash.Items[i + 1].Bytes;
        if (isGuarded)
            values.Remove(GuardedCommands.Field);
        var fields = Columns(values);
        if (Table.Rule.Merge ? fields.All(field => field.Value is null) : hash.Items.Count == 0)
            return null;
        fields.AddRange(PlacesOf(key));
        if (!Table.Rule.Merge)
            fields.AddRange(values.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => new KeyValuePair<string, string?>(pair.Key, Encoding.UTF8.GetString(pair.Value))));
        return new(TextOf(key), [.. fields]);
    }

    // Takes the delivered columns out of what is there.
    private List<KeyValuePair<string, string?>> Columns(Dictionary<string, byte[]> values)
    {
        var fields = new List<KeyValuePair<string, string?>>();
        foreach (var column in Shape.Columns)
        {
            values.Remove(column.Name, out var value);
            fields.Add(new(column.Name, value is null ? null : TextOf(column.Ordinal, value)));
        }

        return fields;
    }

    private TargetRow? ValueRow(ReadOnlySpan<byte> key, byte[] value)
    {
        if (!IsDocument)
        {
            if (Table.Key.Read(key) is not { } parts)
                return Foreign(key, "a key that the template cannot make");
            var fields = PlaceFields(parts);
            fields.Add(new(RowTemplate.NameOf(Shape, Table.Value), TextOf(Table.Value, value)));
            return new(TextOf(key), [.. fields]);
        }

        try
        {
            using var document = JsonDocument.Parse(value);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                return Foreign(key, document.RootElement.GetRawText());
            var fields = FieldsOf(document.RootElement, []);
            if (Table.Rule.Merge && fields.All(field => field.Value is null))
                return null;
            return new(TextOf(key), [.. FieldsOf(document.RootElement, PlacesOf(key))]);
        }
        catch (JsonException)
        {
            return Foreign(key, Encoding.UTF8.GetString(value));
        }
    }

    private List<KeyValuePair<string, string?>> FieldsOf(JsonElement document, List<KeyValuePair<string, string?>> places)
    {
        var fields = new List<KeyValuePair<string, string?>>();
        foreach (var column in Shape.Columns)
            fields.Add(new(column.Name, document.TryGetProperty(column.Name, out var value) ? JsonText.Of(value) : null));
        fields.AddRange(places);
        if (Table.Rule.Merge)
            return fields;
        var own = Shape.Columns.Select(column => column.Name).ToHashSet();
        fields.AddRange(document.EnumerateObject().Where(member => !own.Contains(member.Name)).Select(member => new KeyValuePair<string, string?>(member.Name, JsonText.Of(member.Value))));
        return fields;
    }
}
