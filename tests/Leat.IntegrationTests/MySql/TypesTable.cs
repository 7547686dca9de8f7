using System.Text.RegularExpressions;
using Leat.IntegrationTests.MySql.Servers;
using Leat.Tests;

namespace Leat.IntegrationTests.MySql;

/// <summary>A line of the second table of TYPES.md.</summary>
/// <param name="Definition">The column's definition behind its name.</param>
/// <param name="Servers">Where it exists: <c>all</c>, or products.</param>
/// <param name="Kind">The kind of its values.</param>
/// <param name="Values">SQL expressions.</param>
internal sealed partial record TypesLine(string Definition, string Servers, string Kind, string[] Values)
{
    /// <summary>Whether the column is created in MariaDB's format of before 10.1.</summary>
    public bool IsOld => Servers.EndsWith(" old", StringComparison.Ordinal);

    /// <summary>All lines.</summary>
    public static IReadOnlyList<TypesLine> Read()
    {
        var lines = File.ReadAllLines(Path.Combine(Repository.Root, "src", "Leat.Connectors", "MySql", "TYPES.md"));
        return
        [
            .. lines.SkipWhile(line => !line.StartsWith("| column | servers |", StringComparison.Ordinal)).Skip(2).TakeWhile(line => line.StartsWith('|'))
                .Select(line => line.Split('|', StringSplitOptions.TrimEntries))
                .Select(cells => new TypesLine(cells[1].Trim('`'), cells[2], cells[3], [.. Quoted().Matches(cells[4]).Select(match => match.Groups[1].Value)])),
        ];
    }

    /// <summary>Whether the line names a server.</summary>
    public bool IsFor(TestProduct product) => Servers == "all" || Servers.Split(", ").Any(name => name switch
    {
        "MariaDB" or "MariaDB old" => product is TestProduct.MariaDb or TestProduct.MariaDb11,
        "MariaDB 11.8" => product == TestProduct.MariaDb11,
        "MySQL" => product is TestProduct.MySql9 or TestProduct.MySql56,
        "MySQL 9" => product == TestProduct.MySql9,
        "MySQL 5.6" => product == TestProduct.MySql56,
        _ => throw new InvalidDataException($"TYPES.md names the server '{name}'"),
    });

    [GeneratedRegex("`([^`]*)`")]
    private static partial Regex Quoted();
}
