using System.Collections.Immutable;
using System.Text.RegularExpressions;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Transform.Plan.Rules;

namespace Leat.Pipeline.Definitions;

/// <summary>A table of a document by the names that a join may call it: its alias, and the name that the document gives its rows.</summary>
/// <param name="Alias">The alias.</param>
/// <param name="As">The other name; <see langword="null"/> without one.</param>
internal readonly record struct JoinSide(string Alias, string? As)
{
    /// <summary>Whether a qualifier means this table.</summary>
    public bool Is(string name) => name == Alias || name == As;
}

/// <summary>Reads the conditions of joins: <c>order_items.order_id = orders.id AND …</c>, with the sides of each equation in either order.</summary>
internal sealed partial class JoinConditions(DefinitionScope scope)
{
    /// <summary>The condition under <c>on</c>; <see langword="null"/> when it is none.</summary>
    /// <param name="block">The merge or nest.</param>
    /// <param name="joined">The table that is joined.</param>
    /// <param name="to">The table that it is joined to.</param>
    public JoinRule? Of(ConfigReader block, JoinSide joined, JoinSide to)
    {
        var example = $"{joined.Alias}.{Singular(to.Alias)}_id = {to.Alias}.id";
        if (block.RequiredText("on", example) is not { Length: > 0 } text || block.Node("on") is not ConfigScalar scalar)
        {
            if (block.Node("on") is ConfigScalar { Text: "" } empty)
                scope.Add(DefinitionErrors.BadJoin(empty.Location, $"{block.Path}.on", "it is empty", example));
            return null;
        }

        var path = $"{block.Path}.on";
        var written = scope.Written(scalar, text);
        var pairs = ImmutableArray.CreateBuilder<(string, string)>();
        var at = 0;
        while (at < text.Length)
        {
            var match = Equation().Match(text, at);
            if (!match.Success)
            {
                scope.Add(DefinitionErrors.BadJoin(Place(written, at), path, written.IsSecret ? "this is something else" : $"'{Rest(text, at)}' is something else", example));
                return null;
            }

            if (Pair(match, joined, to, written, path) is not { } pair)
                return null;
            if (pairs.Contains(pair))
                scope.Add(DefinitionErrors.BadJoin(Place(written, at), path, "it says the same twice", example));
            pairs.Add(pair);
            at = match.Index + match.Length;
        }

        return new(pairs.ToImmutable(), written.Location);
    }

    private (string Joined, string To)? Pair(Match match, JoinSide joined, JoinSide to, WrittenExpression written, string path)
    {
        var (left, right) = (match.Groups["left"], match.Groups["right"]);
        var (leftTable, rightTable) = (Name(left), Name(right));
        var (leftColumn, rightColumn) = (Name(match.Groups["leftColumn"]), Name(match.Groups["rightColumn"]));

        // A table that is joined to itself goes by the name that the document gives it; its own name is the other one's then.
        if (joined.Alias == to.Alias)
            joined = joined with { Alias = joined.As ?? joined.Alias };
        if (joined.Is(leftTable) && to.Is(rightTable))
            return (leftColumn, rightColumn);
        if (joined.Is(rightTable) && to.Is(leftTable))
            return (rightColumn, leftColumn);

        var stray = joined.Is(leftTable) || (to.Is(leftTable) && !joined.Is(rightTable) && !to.Is(rightTable)) ? right : left;
        if (joined.Alias.Length > 0 && to.Alias.Length > 0) // a table that is not there is told already
            scope.Add(DefinitionErrors.JoinOfOthers(Place(written, stray.Index), path, written.IsSecret ? "…" : Name(stray), joined.Alias, to.Alias));
        return null;
    }

    private static FileLocation Place(WrittenExpression written, int offset)
    {
        var before = written.Text.AsSpan(0, offset + CountWhite(written.Text.AsSpan(offset)));
        return written.At(before.Count('\n') + 1, before.Length - before.LastIndexOf('\n'));
    }

    private static int CountWhite(ReadOnlySpan<char> text) => text.Length - text.TrimStart().Length;

    private static string Rest(string text, int at)
    {
        const int shown = 40;
        var rest = text[at..].Trim();
        return rest.Length <= shown ? rest : $"{rest[..shown]}…";
    }

    private static string Name(Group name) => name.Value is ['`' or '"', .. var inner, _] ? inner : name.Value;

    private static string Singular(string alias) => alias.EndsWith('s') ? alias[..^1] : alias;

    [GeneratedRegex("""
        \G\s*
        (?<left>[A-Za-z_][\w$-]*|`[^`]+`|"[^"]+")\s*\.\s*(?<leftColumn>[\w$]+|`[^`]+`|"[^"]+")
        \s*=\s*
        (?<right>[A-Za-z_][\w$-]*|`[^`]+`|"[^"]+")\s*\.\s*(?<rightColumn>[\w$]+|`[^`]+`|"[^"]+")
        \s*(?:AND(?=\s+\S)|\z)
        """, RegexOptions.IgnoreCase | RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant)]
    private static partial Regex Equation();
}
