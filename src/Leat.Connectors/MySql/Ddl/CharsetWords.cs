namespace Leat.Connectors.MySql.Ddl;

/// <summary>What statements need to know of character sets: how wide a character can be, and which set a collation belongs to.</summary>
internal static class CharsetWords
{
    // Source: MySQL reference manual, "Supported Character Sets and Collations", column Maxlen.
    private static readonly Dictionary<string, int> Widths = new(StringComparer.OrdinalIgnoreCase)
    {
        ["armscii8"] = 1, ["ascii"] = 1, ["big5"] = 2, ["binary"] = 1, ["cp1250"] = 1, ["cp1251"] = 1, ["cp1256"] = 1, ["cp1257"] = 1, ["cp850"] = 1,
        ["cp852"] = 1, ["cp866"] = 1, ["cp932"] = 2, ["dec8"] = 1, ["eucjpms"] = 3, ["euckr"] = 2, ["gb18030"] = 4, ["gb2312"] = 2, ["gbk"] = 2,
        ["geostd8"] = 1, ["greek"] = 1, ["hebrew"] = 1, ["hp8"] = 1, ["keybcs2"] = 1, ["koi8r"] = 1, ["koi8u"] = 1, ["latin1"] = 1, ["latin2"] = 1,
        ["latin5"] = 1, ["latin7"] = 1, ["macce"] = 1, ["macroman"] = 1, ["sjis"] = 2, ["swe7"] = 1, ["tis620"] = 1, ["ucs2"] = 2, ["ujis"] = 3,
        ["utf16"] = 4, ["utf16le"] = 4, ["utf32"] = 4, ["utf8"] = 3, ["utf8mb3"] = 3, ["utf8mb4"] = 4,
    };

    /// <summary>Most bytes of a character.</summary>
    /// <exception cref="DdlUnclearException">Not a character set of the servers.</exception>
    public static int WidthOf(string charset) => Widths.TryGetValue(charset, out var width) ? width : throw new DdlUnclearException($"character set '{charset}' is not known");

    /// <summary>The one name of a character set.</summary>
    public static string Canonical(string charset)
    {
        WidthOf(charset);
        var name = charset.ToLowerInvariant();
        return name == "utf8" ? "utf8mb3" : name;
    }

    /// <summary>The character set that a clause means.</summary>
    /// <param name="clause">As written.</param>
    /// <param name="usual">What holds when it does not say.</param>
    /// <param name="byDefault">What DEFAULT means.</param>
    public static string Of(CharsetClause clause, string usual, string byDefault)
    {
        if (string.Equals(clause.Charset, "DEFAULT", StringComparison.OrdinalIgnoreCase))
            return OfCollation(clause.Collation) ?? byDefault;
        return clause.Charset is { } charset ? Canonical(charset) : OfCollation(clause.Collation) ?? usual;
    }

    /// <summary>The character set of a collation, which its name begins with; <see langword="null"/> for one that is for any, e.g. <c>uca1400_ai_ci</c>.</summary>
    public static string? OfCollation(string? collation)
    {
        if (collation is null)
            return null;
        var end = collation.IndexOf('_', StringComparison.Ordinal);
        var front = end < 0 ? collation : collation[..end];
        return Widths.ContainsKey(front) ? Canonical(front) : null;
    }
}
