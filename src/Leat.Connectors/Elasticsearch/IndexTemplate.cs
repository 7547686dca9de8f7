using System.Text;
using System.Text.Json;
using Leat.Changes;

namespace Leat.Connectors.Elasticsearch;

/// <summary>The index template that fits the tables of one index: shown, or put in place when that is asked for.</summary>
/// <param name="Name">Its name at the server.</param>
/// <param name="Alias">The tables it is for, for people.</param>
/// <param name="Path">Where it is put.</param>
/// <param name="Json">Its body.</param>
internal sealed record IndexTemplate(string Name, string Alias, string Path, string Json)
{
    private const int Priority = 150; // above those that come with the servers (100), below most people's own
    private const int MostScaledDigits = 15; // a scaled_float goes through a double
    private const int KeywordCharacters = 256; // as the servers map a text that they see for the first time

    /// <summary>One template for each index or pattern of the shapes.</summary>
    public static IReadOnlyList<IndexTemplate> For(IReadOnlyList<DocumentAddress> addresses, ElasticsearchSinkOptions options, ElasticsearchProduct product) =>
        [.. addresses.GroupBy(address => address.IndexPattern).Select(group => Make(group.Key, [.. group], options, product))];

    private static IndexTemplate Make(string pattern, IReadOnlyList<DocumentAddress> tables, ElasticsearchSinkOptions options, ElasticsearchProduct product)
    {
        var name = "leat-" + string.Concat(pattern.Select(letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) ? letter : '-')).Trim('-');
        using var body = new MemoryStream();
        using (var json = new Utf8JsonWriter(body))
        {
            json.WriteStartObject();
            json.WriteStartArray("index_patterns");
            json.WriteStringValue(pattern);
            json.WriteEndArray();
            if (product.HasComposableTemplates)
            {
                json.WriteNumber("priority", Priority);
                json.WriteStartObject("template");
                WriteMappings(tables, options, product, json);
                json.WriteEndObject();
            }
            else
            {
                WriteMappings(tables, options, product, json);
            }

            json.WriteEndObject();
        }

        var path = product.HasComposableTemplates ? $"/_index_template/{name}" : $"/_template/{name}";
        return new(name, string.Join(", ", tables.Select(table => table.Shape.Alias)), path, Encoding.UTF8.GetString(body.ToArray()));
    }

    private static void WriteMappings(IReadOnlyList<DocumentAddress> tables, ElasticsearchSinkOptions options, ElasticsearchProduct product, Utf8JsonWriter json)
    {
        json.WriteStartObject("mappings");
        json.WriteStartObject("properties");
        var seen = new HashSet<string>();
        foreach (var (shape, column) in tables.SelectMany(table => table.Shape.Columns.Select(column => (table.Shape, column))))
        {
            if (!seen.Add(column.Name))
                continue;
            json.WriteStartObject(column.Name);
            WriteType(shape.Schema.Columns[column.Ordinal], product, json);
            json.WriteEndObject();
        }

        if (options.Join is { } join)
            WriteJoin(join, json);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteJoin(JoinOptions join, Utf8JsonWriter json)
    {
        var parents = join.Tables.Values.Where(table => table.Parent is null).Select(table => table.Name).Distinct().ToList();
        if (parents.Count != 1)
            return; // which child belongs to which parent is not told
        json.WriteStartObject(join.Field);
        json.WriteString("type", "join");
        json.WriteStartObject("relations");
        json.WriteStartArray(parents[0]);
        foreach (var child in join.Tables.Values.Where(table => table.Parent is not null).Select(table => table.Name).Distinct())
            json.WriteStringValue(child);
        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteType(Column column, ElasticsearchProduct product, Utf8JsonWriter json)
    {
        var type = column.Kind switch
        {
            ColumnKind.Int8 => "byte",
            ColumnKind.Int16 or ColumnKind.UInt8 or ColumnKind.Year => "short",
            ColumnKind.Int32 or ColumnKind.UInt16 => "integer",
            ColumnKind.Int64 or ColumnKind.UInt32 => "long",
            ColumnKind.UInt64 => product.HasUnsignedLong ? "unsigned_long" : "keyword",
            ColumnKind.Bit when column.Length < 64 => "long",
            ColumnKind.Bit => product.HasUnsignedLong ? "unsigned_long" : "keyword",
            ColumnKind.Float32 => "float",
            ColumnKind.Float64 => "double",
            ColumnKind.Decimal => column.Precision <= MostScaledDigits ? "scaled_float" : "keyword",
            ColumnKind.Binary => "binary",
            ColumnKind.Json => "object",
            ColumnKind.Date or ColumnKind.DateTime or ColumnKind.Timestamp => "date",
            ColumnKind.String => "text",
            _ => "keyword",
        };
        json.WriteString("type", type);
        switch (type)
        {
            case "scaled_float":
                json.WriteNumber("scaling_factor", Math.Pow(10, column.Scale));
                break;
            case "date":
                json.WriteString("format", "strict_date_optional_time");
                json.WriteBoolean("ignore_malformed", true);
                break;
            case "object":
                json.WriteBoolean("enabled", false);
                break;
            case "text":
                json.WriteStartObject("fields");
                json.WriteStartObject("keyword");
                json.WriteString("type", "keyword");
                json.WriteNumber("ignore_above", KeywordCharacters);
                json.WriteEndObject();
                json.WriteEndObject();
                break;
        }
    }
}
