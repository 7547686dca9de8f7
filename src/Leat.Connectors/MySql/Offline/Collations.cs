namespace Leat.Connectors.MySql.Offline;

/// <summary>Character sets of collation numbers, for when there is no server to ask.</summary>
/// <remarks>
/// Source: information_schema.COLLATIONS of MariaDB 10.11 and 11.8 and of MySQL 9; the numbers below 256 are the same in both products. MariaDB adds
/// 1024 for variants that do not pad, and numbers its UCA 14.0.0 collations from 2048 on in blocks of 256 a character set.
/// </remarks>
internal static class Collations
{
    private const uint NoPad = 1024;
    private const uint FirstUca1400 = 2048;
    private const uint BlockOfUca1400 = 256;

    private static readonly string[] Uca1400 = ["utf8mb3", "utf8mb4", "ucs2", "utf16", "utf32"];

    private static readonly Dictionary<uint, string> Charsets = Read(
        """
        armscii8 32 64
        ascii 11 65
        big5 1 84
        binary 63
        cp1250 26 34 44 66 99
        cp1251 14 23 50-52
        cp1256 57 67
        cp1257 29 58 59
        cp850 4 80
        cp852 40 81
        cp866 36 68
        cp932 95 96
        dec8 3 69
        eucjpms 97 98
        euckr 19 85
        gb18030 248-250
        gb2312 24 86
        gbk 28 87
        geostd8 92 93
        greek 25 70
        hebrew 16 71
        hp8 6 72
        keybcs2 37 73
        koi8r 7 74
        koi8u 22 75
        latin1 5 8 15 31 47-49 94
        latin2 2 9 21 27 77
        latin5 30 78
        latin7 20 41 42 79
        macce 38 43
        macroman 39 53
        sjis 13 88
        swe7 10 82
        tis620 18 89
        ucs2 35 90 128-151 159 640-642
        ujis 12 91
        utf16 54 55 101-124 672-674
        utf16le 56 62
        utf32 60 61 160-183 736-738
        utf8mb3 33 76 83 192-215 223 576-578
        utf8mb4 45 46 224-247 255-323 608-610
        """);

    /// <summary>The character set; <see langword="null"/> for a number that no server we know has.</summary>
    public static string? CharsetOf(uint collation)
    {
        if (Charsets.TryGetValue(collation, out var charset))
            return charset;
        if (collation >= FirstUca1400)
            return Uca1400.ElementAtOrDefault((int)Math.Min((collation - FirstUca1400) / BlockOfUca1400, (uint)Uca1400.Length));
        return collation >= NoPad && Charsets.TryGetValue(collation - NoPad, out charset) ? charset : null;
    }

    private static Dictionary<uint, string> Read(string table)
    {
        var all = new Dictionary<uint, string>();
        foreach (var words in table.Split('\n').Select(line => line.Split(' ')))
        {
            foreach (var range in words.Skip(1).Select(word => word.Split('-').Select(uint.Parse).ToArray()))
            {
                for (var number = range[0]; number <= range[^1]; number++)
                    all[number] = words[0];
            }
        }

        return all;
    }
}
