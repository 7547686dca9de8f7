using System.Globalization;
using System.Text;

namespace Leat.IntegrationTests.MySql;

/// <summary>Statements that make tables of random columns and fill, change and empty them with random values; the same for the same seed.</summary>
internal sealed class RandomTables(int seed, bool isMariaDb)
{
    private static readonly string[] Floats =
        ["0", "-0.0", "1.5", "-3.25", "1e10", "1e-10", "123456.789", "1e30", "0.0001", "0.00001", "3.4e38", "100000", "1000000", "999999.5"];

    private static readonly string[] Letters = ["a", "b", "''", "\\\\", "\\n", "\\0", "é", "漢", " ", "%"];

    private readonly Random _random = new(seed);

    /// <summary>One statement after the other.</summary>
    /// <param name="database">Where the tables are.</param>
    /// <param name="tables">How many.</param>
    public IEnumerable<string> Statements(string database, int tables)
    {
        var types = Types();
        yield return "SET sql_mode = '', time_zone = '+00:00'";
        for (var n = 0; n < tables; n++)
        {
            var table = $"`{database}`.`t``{Text(n)}`";
            var columns = Enumerable.Range(0, _random.Next(1, 12)).Select(_ => Pick(types)).ToArray();
            yield return $"CREATE TABLE {table} ({string.Join(", ", columns.Select((column, i) => $"c{Text(i)} {column.Type} NULL"))}) DEFAULT CHARSET utf8mb4";
            yield return $"SET binlog_row_image = {Pick(["FULL", "MINIMAL", "NOBLOB"])}";
            var rows = Enumerable.Range(0, _random.Next(1, 12)).Select(_ => $"({string.Join(", ", columns.Select(Value))})");
            yield return $"INSERT IGNORE INTO {table} VALUES {string.Join(", ", rows)}";
            for (var i = 0; i < 3; i++)
            {
                var changed = _random.Next(columns.Length);
                yield return $"UPDATE IGNORE {table} SET c{Text(changed)} = {Value(columns[changed])} LIMIT 3";
            }

            yield return $"DELETE FROM {table} LIMIT 2";
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private T Pick<T>(IReadOnlyList<T> all) => all[_random.Next(all.Count)];

    private string Value((string Type, Func<string> Value) column) => _random.Next(7) == 0 ? "NULL" : column.Value();

    private List<(string Type, Func<string> Value)> Types()
    {
        var all = new List<(string, Func<string>)>();
        foreach (var (name, bits) in ((string, int)[])[("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64)])
        {
            all.Add((name, () => Integer(bits, isUnsigned: false)));
            all.Add(($"{name} UNSIGNED", () => Integer(bits, isUnsigned: true)));
        }

        foreach (var (digits, scale) in ((int, int)[])[(1, 0), (5, 2), (10, 0), (30, 30), (65, 30), (18, 9), (9, 9)])
            all.Add(($"DECIMAL({Text(digits)},{Text(scale)})", () => Decimal(digits, scale)));
        foreach (var bits in (int[])[1, 7, 8, 9, 33, 64])
            all.Add(($"BIT({Text(bits)})", () => $"b'{Digits(bits, "01")}'"));
        for (var scale = 0; scale <= 6; scale++)
        {
            var fraction = scale;
            all.Add(($"TIME({Text(fraction)})", () => Pick([$"'{Pick(["", "-"])}{Text(_random.Next(838))}:{Sixty()}:{Sixty()}{Fraction(fraction)}'", "'838:59:59'", "'-838:59:59'", "0"])));
            all.Add(($"DATETIME({Text(fraction)})", () => Pick([Moment(Pick([0, 1, 1000, 2024, 9999]), fraction), "0", "'2024-00-00 01:02:03'"])));
            all.Add(($"TIMESTAMP({Text(fraction)})", () => Pick([Moment(_random.Next(1971, 2037), fraction), "0"])));
        }

        all.Add(("FLOAT", () => Pick(Floats)));
        all.Add(("DOUBLE", () => Pick([Pick(Floats), "1.7976931348623157e308", "5e-324", "0.1", "1e22", "1e19", _random.NextDouble().ToString("R", CultureInfo.InvariantCulture)])));
        all.Add(("YEAR", () => Pick(["0", "1901", "2155", "2024"])));
        all.Add(("DATE", () => Pick(["0", "'2024-00-00'", "'9999-12-31'", "'2024-02-29'"])));
        all.Add(("ENUM('a','b','c')", () => Pick(["'a'", "'b'", "'c'", "''"])));
        all.Add(($"ENUM({string.Join(',', Enumerable.Range(0, 300).Select(i => $"'v{Text(i)}'"))})", () => $"'v{Text(_random.Next(300))}'"));
        all.Add(($"SET({string.Join(',', Enumerable.Range(0, 64).Select(i => $"'s{Text(i)}'"))})", () => $"'s{Text(_random.Next(64))},s{Text(_random.Next(64))}'"));
        all.Add(("SET('a','b','c','d','e','f','g','h','i')", () => Pick(["''", "'a'", "'a,i'", "'b,c,d'"])));
        AddTexts(all);
        if (!isMariaDb)
            return all;
        all.Add(("UUID", () => $"'{Digits(8, "0123456789abcdef")}-0000-4000-8000-{Digits(12, "0123456789abcdef")}'"));
        all.Add(("INET6", () => "'::1'"));
        all.Add(("TEXT COMPRESSED", () => Letter(60)));
        all.Add(("VARCHAR(100) COMPRESSED", () => Letter(40)));
        all.Add(("JSON", () => $"'{{\"a\": {Text(_random.Next(10))}}}'"));
        return all;
    }

    private void AddTexts(List<(string, Func<string>)> all)
    {
        foreach (var (type, length) in ((string, int)[])
            [("CHAR(10)", 10), ("CHAR(255)", 40), ("VARCHAR(20)", 20), ("VARCHAR(300)", 100), ("TINYTEXT", 30), ("TEXT", 60), ("MEDIUMTEXT", 60), ("LONGTEXT", 60)])
            all.Add((type, () => Letter(length)));
        all.Add(("CHAR(20) CHARACTER SET latin1", () => "'é\\\\x'"));
        all.Add(("VARCHAR(100) CHARACTER SET utf16", () => Letter(10)));
        foreach (var (type, length) in ((string, int)[])
            [("BINARY(5)", 5), ("BINARY(255)", 100), ("VARBINARY(20)", 20), ("VARBINARY(1000)", 500), ("TINYBLOB", 200), ("BLOB", 300), ("MEDIUMBLOB", 300), ("LONGBLOB", 300)])
            all.Add((type, () => Bytes(length)));
        all.Add(("POINT", () => "ST_GeomFromText('POINT(1 2)')"));
    }

    private string Integer(int bits, bool isUnsigned)
    {
        Int128 least = isUnsigned ? 0 : -(Int128.One << bits - 1);
        var most = least + (Int128.One << bits) - 1;
        return (_random.Next(5) switch { 0 => least, 1 => most, 2 => 0, 3 => isUnsigned ? 2 : -1, _ => least + ((Int128)(ulong)_random.NextInt64() << 1) % (most - least) })
            .ToString(CultureInfo.InvariantCulture);
    }

    private string Decimal(int digits, int scale)
    {
        var whole = Digits(_random.Next(digits - scale + 1), "0123456789");
        return $"{Pick(["", "-"])}{(whole.Length == 0 ? "0" : whole)}{(scale > 0 ? $".{Digits(scale, "0123456789")}" : "")}";
    }

    private string Digits(int count, string from) => string.Create(count, from, (target, all) =>
    {
        foreach (ref var place in target)
            place = all[_random.Next(all.Length)];
    });

    private string Sixty() => _random.Next(60).ToString("D2", CultureInfo.InvariantCulture);

    private string Fraction(int scale) => scale == 0 ? "" : $".{Digits(scale, "0123456789")}";

    private string Moment(int year, int scale) => string.Create(
        CultureInfo.InvariantCulture, $"'{year:D4}-{_random.Next(1, 13):D2}-{_random.Next(1, 29):D2} {_random.Next(24):D2}:{Sixty()}:{Sixty()}{Fraction(scale)}'");

    private string Letter(int most)
    {
        var text = new StringBuilder("'");
        for (var left = _random.Next(most + 1); left > 0; left--)
            text.Append(Pick(Letters));
        return text.Append('\'').ToString();
    }

    private string Bytes(int most)
    {
        var bytes = new byte[_random.Next(most + 1)];
        _random.NextBytes(bytes);
        return $"X'{Convert.ToHexString(bytes)}'";
    }
}
