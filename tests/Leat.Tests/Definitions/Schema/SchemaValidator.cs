using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Leat.Tests.Definitions.Schema;

/// <summary>Judges a value by the part of JSON Schema that the configuration's schema uses; a word that it does not know is an error.</summary>
internal sealed class SchemaValidator(JsonObject schema)
{
    /// <summary>What is wrong with a value, each with its place; empty when it is right.</summary>
    public IReadOnlyList<string> Problems(JsonNode? value) => [.. Problems(schema, value, "")];

    private IEnumerable<string> Problems(JsonObject schema, JsonNode? value, string at) =>
        schema.SelectMany(word => Problems(schema, word.Key, word.Value, value, at));

    private IEnumerable<string> Problems(JsonObject schema, string word, JsonNode? rule, JsonNode? value, string at) => word switch
    {
        "$schema" or "title" or "description" or "default" or "$defs" => [],
        "$ref" => Problems(Definition((string)rule!), value, at), // a $ref is a text
        "type" => Types(rule).Contains(TypeOf(value)) || (TypeOf(value) == "integer" && Types(rule).Contains("number")) ? [] : [$"{at}: not {rule!.ToJsonString()}"],
        "enum" => rule!.AsArray().Any(one => JsonNode.DeepEquals(one, value)) ? [] : [$"{at}: not one of {rule.ToJsonString()}"],
        "pattern" => value is JsonValue text && text.TryGetValue<string>(out var written) && !Regex.IsMatch(written, (string)rule!) ? [$"{at}: not like {rule}"] : [],
        "minimum" => TypeOf(value) == "integer" && (long)value! < (long)rule! ? [$"{at}: less than {rule}"] : [],
        "maximum" => TypeOf(value) == "integer" && (long)value! > (long)rule! ? [$"{at}: more than {rule}"] : [],
        "minProperties" => value is JsonObject block && block.Count < (int)rule! ? [$"{at}: fewer than {rule} keys"] : [],
        "maxProperties" => value is JsonObject block && block.Count > (int)rule! ? [$"{at}: more than {rule} keys"] : [],
        "required" => value is JsonObject block ? rule!.AsArray().Where(key => !block.ContainsKey((string)key!)).Select(key => $"{at}: no {key}") : [],
        "properties" => value is JsonObject block
            ? rule!.AsObject().Where(key => block.ContainsKey(key.Key)).SelectMany(key => Problems(key.Value!.AsObject(), block[key.Key], $"{at}/{key.Key}")) : [],
        "additionalProperties" => value is JsonObject block
            ? block.Where(key => schema["properties"]?.AsObject().ContainsKey(key.Key) != true).SelectMany(key => Other(rule!, key.Value, $"{at}/{key.Key}")) : [],
        "items" => value is JsonArray list ? list.SelectMany((item, index) => Problems(rule!.AsObject(), item, $"{at}/{index}")) : [],
        "anyOf" => AnyOf(rule!.AsArray(), value, at),
        _ => [$"the schema has a word that the test does not know: {word}"],
    };

    private IEnumerable<string> AnyOf(JsonArray rules, JsonNode? value, string at)
    {
        var tries = rules.Select(rule => Problems(rule!.AsObject(), value, at).ToArray()).ToArray();
        return tries.Any(problems => problems.Length == 0) ? [] : [$"{at}: none of what is possible: {string.Join("; ", tries.SelectMany(problems => problems))}"];
    }

    private IEnumerable<string> Other(JsonNode rule, JsonNode? value, string at) =>
        rule is JsonObject schema ? Problems(schema, value, at) : [$"{at}: unknown"];

    private JsonObject Definition(string reference) => schema["$defs"]![reference["#/$defs/".Length..]]!.AsObject();

    private static string[] Types(JsonNode? rule) => rule is JsonArray several ? [.. several.Select(type => (string)type!)] : [(string)rule!];

    private static string TypeOf(JsonNode? value) => value switch
    {
        null => "null",
        JsonObject => "object",
        JsonArray => "array",
        JsonValue one when one.TryGetValue<bool>(out _) => "boolean",
        JsonValue one when one.TryGetValue<long>(out _) => "integer",
        JsonValue one when one.TryGetValue<double>(out _) => "number",
        _ => "string",
    };
}
