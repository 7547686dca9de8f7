using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Leat.Changes.Configuration;

namespace Leat.Tests.Definitions.Schema;

/// <summary>Makes the JSON Schema of the configuration from what its readers were heard asking, and what the document says.</summary>
internal sealed class SchemaWriter(SettingDescriptions descriptions)
{
    private static readonly JsonSerializerOptions Readable = new() { WriteIndented = true, IndentSize = 1, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly JsonObject _blocks = [];

    /// <summary>The schema as a file.</summary>
    public string Write(SettingTree tree)
    {
        var schema = new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "Configuration of Leat",
        };
        foreach (var (key, value) in Block(tree.Root))
            schema[key] = value?.DeepClone();
        schema["$defs"] = new JsonObject
        {
            ["text"] = new JsonObject { ["type"] = new JsonArray("string", "number", "boolean") },
            ["texts"] = new JsonObject { ["anyOf"] = new JsonArray(Ref("text"), ArrayOf(Ref("text"))) },
            ["reference"] = new JsonObject { ["type"] = "string", ["pattern"] = @"\$\{(env|file):" },
            ["duration"] = new JsonObject { ["type"] = "string", ["pattern"] = @"^[0-9]+(ms|s|m|h|d)$" },
            ["size"] = new JsonObject { ["type"] = "string", ["pattern"] = "^[0-9]+(GiB|MiB|KiB|B)$" },
            ["column"] = new JsonObject
            {
                ["anyOf"] = new JsonArray(Ref("text"), new JsonObject { ["type"] = "object", ["minProperties"] = 1, ["additionalProperties"] = Ref("text") }),
            },
            ["columns"] = new JsonObject { ["anyOf"] = new JsonArray(Ref("column"), ArrayOf(Ref("column"))) },
        };
        foreach (var (name, block) in _blocks)
            schema["$defs"]![name] = block?.DeepClone(); // set above
        return schema.ToJsonString(Readable) + "\n";
    }

    private JsonObject Block(SettingNode node)
    {
        var block = new JsonObject { ["type"] = "object" };
        if (node.Children.Count == 0)
            return block;
        if (node.IsNamed)
        {
            if (node.Children.TryGetValue("*", out var child) && Setting(child) is { Count: > 0 } each)
                block["additionalProperties"] = each;
            return block;
        }

        block["properties"] = new JsonObject(node.Children.Values.Select(child => KeyValuePair.Create(child.Key, (JsonNode?)Setting(child))));
        var required = node.Children.Values.Where(child => child.IsRequiredIn(node)).Select(child => (JsonNode?)child.Key).ToArray();
        if (required.Length > 0)
            block["required"] = new JsonArray(required);
        if (node.Key == "sink")
            (block["minProperties"], block["maxProperties"]) = (1, 1);
        block["additionalProperties"] = false;
        return block;
    }

    private JsonObject Setting(SettingNode node)
    {
        var setting = new JsonObject();
        if (node.Key != "*" && descriptions.Find(node.Path) is { } description)
            setting["description"] = description;
        var possible = Possible(node).DistinctBy(schema => schema.ToJsonString()).ToArray();
        if (possible.Length == 1)
        {
            foreach (var (key, value) in possible[0])
                setting[key] = value?.DeepClone();
        }
        else if (possible.Length > 1)
        {
            setting["anyOf"] = new JsonArray([.. possible]);
        }

        // A reader may ask with a default of its own that is not the setting's; what the document says counts.
        var defaults = node.Reads.Where(read => read.Default is { } value && value == descriptions.DefaultOf(node.Path)).Select(Default).DistinctBy(value => value.ToJsonString()).ToArray();
        if (defaults.Length == 1)
            setting["default"] = defaults[0];
        return setting;
    }

    private IEnumerable<JsonObject> Possible(SettingNode node)
    {
        var choices = node.Reads.Where(read => read.Form == SettingForm.Choice).SelectMany(read => read.Choices).Distinct().ToArray();
        if (choices.Length > 0)
            yield return Enum(choices);
        foreach (var read in node.Reads.Where(read => read.Form is not (SettingForm.Choice or SettingForm.Any)).DistinctBy(read => (read.Form, string.Join('|', read.Choices))))
        {
            foreach (var schema in Possible(read, node))
                yield return schema;
        }

        if (node.Blocks > 0 && !node.Reads.Any(read => read.Form is SettingForm.Block or SettingForm.Blocks))
        {
            var block = Block(node);
            block["type"] = new JsonArray("object", "null");
            yield return block;
        }

        if (node.Reads.Any(read => read.Form is SettingForm.Number or SettingForm.Bool or SettingForm.Choice or SettingForm.Duration or SettingForm.Size))
            yield return Ref("reference");
    }

    private IEnumerable<JsonObject> Possible(SettingRead read, SettingNode node)
    {
        switch (read.Form)
        {
            case SettingForm.Text or SettingForm.Secret:
                return [Ref("text")];
            case SettingForm.Number:
                return [new() { ["type"] = "integer", ["minimum"] = Number(read.Least), ["maximum"] = Number(read.Most) }];
            case SettingForm.Bool:
                return [new() { ["type"] = "boolean" }];
            case SettingForm.Duration:
                return [Ref("duration")];
            case SettingForm.Size:
                return [Ref("size")];
            case SettingForm.Texts:
                return read.Choices.Count == 0 ? [Ref("texts")] : [Enum(read.Choices), ArrayOf(Enum(read.Choices))];
            case SettingForm.Columns:
                return [Ref("columns")];
            case SettingForm.Block:
                return [Block(node)];
            default:
                var name = node.Path.Replace("pipelines.*.", "", StringComparison.Ordinal);
                _blocks[name] = Block(node);
                return [Ref(name), ArrayOf(Ref(name))];
        }
    }

    private static JsonObject Enum(IReadOnlyList<string> words)
    {
        var values = words.Select(word => (JsonNode?)word).Concat(words.Where(word => word is "true" or "false").Select(word => (JsonNode?)(word == "true")));
        return new() { ["enum"] = new JsonArray([.. values]) };
    }

    private static JsonNode Default(SettingRead read) => read.Form switch
    {
        SettingForm.Number => Number(read.Default),
        SettingForm.Bool => read.Default == "true",
        _ => read.Default ?? "",
    };

    private static JsonNode Number(string? text) => long.Parse(text ?? "0", CultureInfo.InvariantCulture);

    private static JsonObject Ref(string name) => new() { ["$ref"] = $"#/$defs/{name}" };

    private static JsonObject ArrayOf(JsonObject items) => new() { ["type"] = "array", ["items"] = items };
}
