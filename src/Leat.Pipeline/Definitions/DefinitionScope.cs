using System.Text;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Transform.Expressions;
using Leat.Transform.Plan.Rules;

namespace Leat.Pipeline.Definitions;

/// <summary>What an expression may say where it stands.</summary>
/// <param name="Names">Names of tables and collections that may stand before a column's; empty in a table's own rules, where the plan judges them.</param>
/// <param name="HasAggregates">Whether it may compute something of several rows.</param>
internal sealed record ExpressionPlace(IReadOnlyCollection<string> Names, bool HasAggregates)
{
    /// <summary>One row of one table.</summary>
    public static ExpressionPlace Row { get; } = new([], HasAggregates: false);
}

/// <summary>What the readers of one file share: its text, for places inside expressions, and the problems.</summary>
internal sealed class DefinitionScope(ReadOnlyMemory<byte> content, List<Finding> problems)
{
    private const string Expected = "an SQL expression, such as coalesce(note, '')";

    private string[]? _lines;

    private string[] Lines => _lines ??= Encoding.UTF8.GetString(content.Span).TrimStart('\uFEFF').Split('\n');

    /// <summary>Notes a problem.</summary>
    public void Add(Finding problem) => problems.Add(problem);

    /// <summary>What came from the environment or a file is never printed, whatever it was meant for.</summary>
    public static string Shown(ConfigNode? node, string text) => node switch
    {
        ConfigScalar { IsSecret: true, Written: { } written } => written,
        ConfigList list => list.Items.OfType<ConfigScalar>().FirstOrDefault(item => item.IsSecret && item.Text == text)?.Written ?? text,
        _ => text,
    };

    /// <summary>The expression under a key of <paramref name="reader"/>; <see langword="null"/> when there is none, or none that can be understood.</summary>
    public WrittenExpression? Expression(ConfigReader reader, string key, ExpressionPlace place) =>
        reader.Node(key, SettingForm.Text) is { } node ? Expression(node, $"{reader.Path}.{key}", place) : null;

    /// <summary>The computed columns of a block: a name and an expression for each, in order.</summary>
    public IEnumerable<SetRule> Set(ConfigReader reader, string key, ExpressionPlace place)
    {
        if (reader.Map(key) is not { } block)
            yield break;
        foreach (var entry in block.Entries())
        {
            if (Expression(block.Node(entry.Key, SettingForm.Text) ?? entry.Value, $"{block.Path}.{entry.Key}", place) is { } expression)
                yield return new(entry.Key, expression);
        }
    }

    /// <summary>A text as a person wrote it, with its place; only its form is looked at, for columns are known once the tables are.</summary>
    public WrittenExpression? Expression(ConfigNode node, string path, ExpressionPlace place)
    {
        if (node is not ConfigScalar { Text: { } text } scalar || string.IsNullOrWhiteSpace(text))
        {
            Add(ConfigErrors.Invalid(node.Location, path, ConfigReader.Describe(node), Expected));
            return null;
        }

        var written = Written(scalar, text);
        try
        {
            if (!place.HasAggregates)
                Filter.Parse(text);
            else if (!scalar.IsSecret)
                CheckQualifiers(Transform.Expressions.Expression.Parse(text), written, path, place);
            else
                Transform.Expressions.Expression.Parse(text);
            return written;
        }
        catch (ExpressionException error)
        {
            Add(DefinitionErrors.Condition(written.At(error.Line, error.Column), path, error.Code, written.ProblemOf(error), written.RemedyOf(error)));
        }

        return null;
    }

    // Whether a table has the column is known once its shape is; whether there is such a table, now.
    private void CheckQualifiers(Expression expression, WrittenExpression written, string path, ExpressionPlace place)
    {
        var references = expression.References.Concat(expression.Aggregates.SelectMany(aggregate => aggregate.Argument?.References ?? []));
        foreach (var stray in references.Where(reference => reference.Qualifier is { } name && !place.Names.Contains(name)))
        {
            var name = stray.Qualifier!; // filtered above
            Add(DefinitionErrors.UnknownAlias(written.At(stray.Line, stray.Column), path, name, Nearest.Of(name, place.Names), place.Names));
        }
    }

    /// <summary>The text with its place in the file.</summary>
    public WrittenExpression Written(ConfigScalar scalar, string text)
    {
        if (scalar.IsSecret)
            return new(text, scalar.Location, IsInline: false) { IsSecret = true, Shown = scalar.Written ?? "" };
        return new TextPlaces(Lines, scalar.Location).Find(text) switch
        {
            [] => new(text, scalar.Location, IsInline: false),
            [var whole] => new(text, whole.At, IsInline: true),
            var parts => new(text, parts[0].At, IsInline: false) { Segments = parts },
        };
    }
}
