using System.Text;
using System.Text.RegularExpressions;
using Leat.Changes;

namespace Leat.Transform.Plan;

/// <summary>Which tables an entry of a pipeline takes.</summary>
public sealed class TableMatch
{
    private readonly TableSelection _selection;
    private readonly Regex? _pattern;

    /// <summary>Of an entry.</summary>
    /// <exception cref="ArgumentException">Its pattern is no regular expression, or one that needs backtracking.</exception>
    public TableMatch(TableSelection selection)
    {
        _selection = selection;
        _pattern = selection.Pattern is { } pattern ? new($@"\A(?:{pattern.Expression})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant) : null;
    }

    /// <summary>Whether the entry takes a table.</summary>
    public bool Takes(TableName table) => _pattern is null ? _selection.Table == table : _pattern.IsMatch(table.ToString());

    /// <summary>What tells a table from the others of the entry: the groups that the pattern captured, joined by <c>_</c>; its whole name without groups.</summary>
    public string ShardOf(TableName table)
    {
        var groups = _pattern?.Match(table.ToString()).Groups;
        return groups is { Count: > 1 } ? string.Join('_', groups.Values.Skip(1).Select(group => group.Value)) : table.ToString();
    }

    /// <summary>The column that tells the tables apart and a table's value of it; <see langword="null"/> when nothing does.</summary>
    internal (string Column, byte[] Value)? ShardValueOf(TableName table) =>
        _selection.Pattern?.ShardColumn is { } column ? (column, Encoding.UTF8.GetBytes(ShardOf(table))) : null;
}
