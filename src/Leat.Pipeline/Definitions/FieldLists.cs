using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Transform.Plan.Rules;

namespace Leat.Pipeline.Definitions;

/// <summary>Reads lists of columns, each by its own name or, as <c>{ name: column }</c>, by another.</summary>
internal sealed class FieldLists(DefinitionScope scope)
{
    private const string Expected = "a column, or { name: column } for one that gets another name";

    /// <summary>The list under a key; a single column counts as a list of one.</summary>
    public ImmutableArray<FieldRule> Of(ConfigReader block, string key)
    {
        var path = $"{block.Path}.{key}";
        var nodes = block.Node(key, SettingForm.Columns) switch { null => [], ConfigList list => list.Items, var single => [single] };
        var fields = ImmutableArray.CreateBuilder<FieldRule>();
        foreach (var node in nodes)
        {
            foreach (var field in Fields(node, path))
                Add(fields, field, node, path);
        }

        return fields.ToImmutable();
    }

    private IEnumerable<FieldRule> Fields(ConfigNode node, string path)
    {
        switch (node)
        {
            case ConfigScalar { Text: { Length: > 0 } column }:
                yield return new(column, column);
                break;
            case ConfigMap { Entries.Count: > 0 } map:
                foreach (var entry in map.Entries)
                {
                    if (entry.Value is ConfigScalar { Text: { Length: > 0 } renamed })
                        yield return new(entry.Key, renamed);
                    else
                        scope.Add(ConfigErrors.Invalid(entry.Value.Location, $"{path}.{entry.Key}", ConfigReader.Describe(entry.Value), "the name of a column"));
                }

                break;
            default:
                scope.Add(ConfigErrors.Invalid(node.Location, path, ConfigReader.Describe(node), Expected));
                break;
        }
    }

    private void Add(ImmutableArray<FieldRule>.Builder fields, FieldRule field, ConfigNode node, string path)
    {
        var value = node is ConfigMap map ? map.Entries.First(entry => entry.Key == field.Name).Value : node;
        var shown = DefinitionScope.Shown(value, field.Column);
        if (fields.Any(other => other.Column == field.Column))
            scope.Add(DefinitionErrors.ColumnTwice(node.Location, path, shown));
        else if (fields.Any(other => other.Name == field.Name))
            scope.Add(DefinitionErrors.NameTwice(node.Location, path, node is ConfigMap ? field.Name : shown));
        else
            fields.Add(field);
    }
}
