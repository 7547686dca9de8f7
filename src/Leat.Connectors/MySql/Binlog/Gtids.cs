using System.Text;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>All transactions up to a place in a server's history, in that product's own words. Changes as the stream goes on.</summary>
public abstract class Gtids
{
    /// <summary>Whether no transaction has been passed.</summary>
    public abstract bool IsEmpty { get; }

    /// <summary>The most bytes that <see cref="Format"/> writes.</summary>
    public abstract int MaxTextBytes { get; }

    /// <summary>Whether every transaction of <paramref name="other"/> has been passed; never, when that is of another product.</summary>
    public abstract bool HasReached(Gtids other);

    /// <summary>A copy that does not change with this one.</summary>
    public abstract Gtids Copy();

    /// <summary>Writes the text as ASCII, as the product's own statements take it, and returns its length. Allocates nothing.</summary>
    public abstract int Format(Span<byte> target);

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new byte[MaxTextBytes];
        return Encoding.ASCII.GetString(text.AsSpan(0, Format(text)));
    }

    /// <summary>Reads either product's words, told apart by the colon that only a MySQL set has; the empty text is MariaDB's.</summary>
    public static bool TryParse(string text, out Gtids gtids)
    {
        if (text.Contains(':', StringComparison.Ordinal))
        {
            var isSet = MySqlGtids.TryParse(text, out var set);
            gtids = set;
            return isSet;
        }

        var isList = MariaDbGtids.TryParse(text, out var list);
        gtids = list;
        return isList;
    }
}
