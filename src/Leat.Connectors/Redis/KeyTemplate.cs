using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Leat.Connectors.Redis;

/// <summary>A key with places for columns: <c>order:{id}</c>. <c>{table}</c> is the table's name in the pipeline, <c>{{</c> and <c>}}</c> are braces.</summary>
public sealed class KeyTemplate
{
    private KeyTemplate(string text, IReadOnlyList<(bool IsColumn, string Text)> parts)
    {
        Text = text;
        Parts = parts;
    }

    /// <summary>As written.</summary>
    public string Text { get; }

    /// <summary>Literal texts and names in order.</summary>
    internal IReadOnlyList<(bool IsColumn, string Text)> Parts { get; }

    /// <summary>Reads a template; false for an empty one, a brace without its partner, or nothing between braces.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out KeyTemplate? template)
    {
        template = null;
        var parts = new List<(bool, string)>();
        var literal = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            var letter = text[i];
            if (letter is '{' or '}' && i + 1 < text.Length && text[i + 1] == letter)
            {
                literal.Append(letter);
                i++;
            }
            else if (letter == '{')
            {
                var end = text.IndexOf('}', i);
                if (end <= i + 1)
                    return false;
                if (literal.Length > 0)
                    parts.Add((false, literal.ToString()));
                literal.Clear();
                parts.Add((true, text[(i + 1)..end]));
                i = end;
            }
            else if (letter == '}')
            {
                return false;
            }
            else
            {
                literal.Append(letter);
            }
        }

        if (literal.Length > 0)
            parts.Add((false, literal.ToString()));
        if (parts.Count == 0)
            return false;
        template = new(text, parts);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Text;
}
