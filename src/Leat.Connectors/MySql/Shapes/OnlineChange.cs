using Leat.Changes;

namespace Leat.Connectors.MySql.Shapes;

/// <summary>Names of the tables with which tools change a table beside itself: a copy that takes its place, and the old one put aside.</summary>
/// <remarks>
/// Source: gh-ost, "Cheatsheet" (<c>_orders_gho</c>, <c>_orders_ghc</c>, <c>_orders_del</c>); Percona Toolkit, "pt-online-schema-change"
/// (<c>_orders_new</c>, <c>_orders_old</c>, with more underscores in front when a name is taken).
/// </remarks>
internal static class OnlineChange
{
    private static readonly string[] Copies = ["_gho", "_new"];
    private static readonly string[] Others = ["_ghc", "_del", "_old"];

    /// <summary>The table that a tool's table stands for; <see langword="null"/> when the name is not of that form.</summary>
    public static TableName? TableOf(TableName table)
    {
        if (!table.Name.StartsWith('_'))
            return null;
        var name = table.Name.TrimStart('_');
        foreach (var ending in Copies.Concat(Others))
        {
            if (name.Length > ending.Length && name.EndsWith(ending, StringComparison.Ordinal))
                return table with { Name = name[..^ending.Length] };
        }

        return null;
    }

    /// <summary>Whether a table is a tool's copy of another, with all its rows.</summary>
    public static bool IsCopyOf(TableName table, TableName original) => Ends(table, Copies) && TableOf(table) == original;

    /// <summary>Whether a table is the old one that a tool has put aside.</summary>
    public static bool IsAsideOf(TableName table, TableName original) => Ends(table, Others) && TableOf(table) == original;

    private static bool Ends(TableName table, string[] endings) => endings.Any(ending => table.Name.EndsWith(ending, StringComparison.Ordinal));
}
