using System.Text;
using System.Text.RegularExpressions;
using Leat.Connectors.Elasticsearch.Wire;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Which names the indexes of a template can have: a pattern with stars, which is what servers take, matches those of others as well.</summary>
internal sealed class IndexNames
{
    private readonly Regex _dated;
    private readonly Regex _undated; // a NULL leaves its date out

    /// <summary>The names of a template.</summary>
    public IndexNames(RowText index)
    {
        _dated = new($@"\A{Of(index, "")}(?:\z|[^0-9a-z])", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Singleline);
        _undated = new($@"\A{Of(index, "?")}\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Singleline);
    }

    /// <summary>Whether it is one of them, perhaps with something behind: what the pipeline writes to may be an alias, and the server tells the index.</summary>
    public bool Matches(string name) => _dated.IsMatch(name) || _undated.IsMatch(name);

    // Dates digit by digit; any other column may be any text.
    private static string Of(RowText index, string often) =>
        string.Concat(index.Parts.Select(part => part switch
        {
            { Literal: { } literal } => Regex.Escape(Made(literal)),
            { DateForm: { } form } => $"(?:{Regex.Replace(Regex.Escape(form), "[yMdH]", "[0-9]")}){often}",
            _ => ".*",
        }));

    private static string Made(string literal)
    {
        var text = new JsonBuffer(64);
        DocumentAddress.WriteNameLetters(Encoding.UTF8.GetBytes(literal), text);
        return Encoding.UTF8.GetString(text.Written);
    }
}
