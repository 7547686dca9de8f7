using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace Leat.Connectors.Elasticsearch;

/// <summary>One part of a template: text, a column, or a column's date in a form such as <c>yyyy.MM</c>.</summary>
/// <param name="IsColumn">Whether <paramref name="Text"/> is a column's name.</param>
/// <param name="Text">The text, or the name.</param>
/// <param name="DateForm">How a date is written; <see langword="null"/>: the column's text.</param>
internal readonly record struct TemplatePart(bool IsColumn, string Text, string? DateForm);

/// <summary>A text with places for columns: <c>orders-{created|yyyy.MM}</c>. <c>{table}</c> is the table's name in the pipeline, <c>{{</c> and <c>}}</c> are braces.</summary>
public sealed class AddressTemplate
{
    private AddressTemplate(string text, IReadOnlyList<TemplatePart> parts)
    {
        Text = text;
        Parts = parts;
    }

    /// <summary>As written.</summary>
    public string Text { get; }

    /// <summary>Texts and columns in order.</summary>
    internal IReadOnlyList<TemplatePart> Parts { get; }

    /// <summary>Reads a template; false for an empty one, a brace without its partner, nothing between braces, or letters that are no date's.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out AddressTemplate? template)
    {
        template = null;
        var parts = new List<TemplatePart>();
        var literal = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            var letter = text[i];
            if (letter is '{' or '}' && i + 1 < text.Length && text[i + 1] == letter)
            {
                literal.Append(letter);
                i++;
                continue;
            }

            if (letter == '}')
                return false;
            if (letter != '{')
            {
                literal.Append(letter);
                continue;
            }

            var end = text.IndexOf('}', i);
            if (end < 0 || !TryPlace(text[(i + 1)..end], out var place))
                return false;
            if (literal.Length > 0)
                parts.Add(new(false, literal.ToString(), null));
            literal.Clear();
            parts.Add(place);
            i = end;
        }

        if (literal.Length > 0)
            parts.Add(new(false, literal.ToString(), null));
        if (parts.Count == 0)
            return false;
        template = new(text, parts);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    private static bool TryPlace(string text, out TemplatePart place)
    {
        var bar = text.IndexOf('|', StringComparison.Ordinal);
        var (name, form) = bar < 0 ? (text, null) : (text[..bar], text[(bar + 1)..]);
        place = new(true, name, form);
        return name.Length > 0 && (form is null || DateForm.IsValid(form));
    }
}
