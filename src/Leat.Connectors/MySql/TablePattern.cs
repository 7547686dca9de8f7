using Leat.Changes;

namespace Leat.Connectors.MySql;

/// <summary>A name of tables as written in the file: <c>shop.orders</c>, <c>shop.*</c>, <c>shop.order_*</c>; a star stands for any letters.</summary>
public sealed record TablePattern(string Database, string Name)
{
    /// <summary>Whether it can stand for more than one table.</summary>
    public bool HasStar => Database.Contains('*', StringComparison.Ordinal) || Name.Contains('*', StringComparison.Ordinal);

    /// <summary>Reads <c>database.table</c>; false when there is no dot or a part is empty.</summary>
    public static bool TryParse(string text, out TablePattern pattern)
    {
        var read = TableName.TryParse(text, out var name);
        pattern = new(name.Database ?? "", name.Name ?? "");
        return read;
    }

    /// <summary>Whether it stands for the table. Letters count as written.</summary>
    public bool Matches(TableName table) => Fits(Database, table.Database) && Fits(Name, table.Name);

    /// <inheritdoc/>
    public override string ToString() => $"{Database}.{Name}";

    private static bool Fits(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        var star = pattern.IndexOf('*');
        if (star < 0)
            return pattern.SequenceEqual(text);
        if (!text.StartsWith(pattern[..star]))
            return false;
        var rest = pattern[(star + 1)..];
        for (var from = star; from <= text.Length; from++)
        {
            if (Fits(rest, text[from..]))
                return true;
        }

        return false;
    }
}
