using Leat.Changes;

namespace Leat.Connectors.MySql;

/// <summary>Which tables a source captured up to a position: kept there as the patterns of the file, so that a table added to the file is found, and read.</summary>
internal static class CapturedTables
{
    private const char Excluded = '!';

    /// <summary>The patterns of a file as a text: one a line, those of tables left out after an exclamation mark.</summary>
    public static string Of(MySqlSourceOptions options) =>
        string.Join('\n', options.Tables.Select(pattern => $"{pattern}").Concat(options.Exclude.Select(pattern => $"{Excluded}{pattern}")));

    /// <summary>Tables that are captured now and were not before.</summary>
    /// <param name="before">The text at the position; empty: not known, so that none is taken for new.</param>
    /// <param name="options">The settings of now.</param>
    /// <param name="tables">All tables that are captured now.</param>
    public static IEnumerable<TableName> Added(string before, MySqlSourceOptions options, IEnumerable<TableName> tables)
    {
        if (before.Length == 0 || before == Of(options))
            return [];
        var lines = before.Split('\n');
        var old = options with
        {
            Tables = [.. lines.Where(line => line[0] != Excluded).Select(Read)],
            Exclude = [.. lines.Where(line => line[0] == Excluded).Select(line => Read(line[1..]))],
        };
        return tables.Where(table => !old.IsCaptured(table));
    }

    private static TablePattern Read(string text) => TablePattern.TryParse(text, out var pattern) ? pattern : new("", "");
}
