using System.Globalization;
using System.Text;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>MySQL's binary JSON against the text that the server itself makes of it.</summary>
public sealed class JsonTests
{
    private static readonly string[] Values =
    [
        "'{}'", "'[]'", "'null'", "'true'", "'false'", "'0'", "'-1'", "'\"\"'", "'[[], {}, [{}]]'", "'{\"b\": 1, \"a\": [1, 2], \"\": null, \"aa\": 3}'",
        "'[32767, 32768, -32768, -32769, 65535, 65536, 2147483647, 2147483648, -2147483648, -2147483649, 4294967295, 4294967296]'",
        "'[9223372036854775807, 9223372036854775808, -9223372036854775808, 18446744073709551615, 18446744073709551616]'",
        "'[0.0, -0.0, 1.0, 1.5, -1.5, 1e20, 1e-20, 1e15, 1e14, 123456789012345680, 1234567890123456.7, 12345678901234567890, 1e16, 1e17, 1.2345e16, 0.1, 0.00001]'",
        "'[1e-5, 1.5e-13, 1e-14, 1e-15, 1.25e-14, 1.7976931348623157e308, 5e-324, 2.2250738585072014e-308, 3.141592653589793, 100000.0, 0.30000000000000004]'",
        "JSON_ARRAY(-0e0, 1e0, 1e15, 999999999999999e0, 9999999999999999e0, 1e100, -1.5e-300)",
        "JSON_ARRAY(1.50, -0.05, 0.0, -12345678901234567890.123456789, 99999999999999999999999999999999999999999999999999999999999999999, 0.000000000000000000000000000001)",
        "JSON_ARRAY(CAST('2015-01-15 23:24:25.12' AS DATETIME(3)), CAST('2015-01-15' AS DATE), CAST('23:24:25.120' AS TIME(3)), CAST('-838:59:59' AS TIME), CAST('00:00:00' AS TIME))",
        "JSON_ARRAY(CAST('-00:00:00.5' AS TIME(6)), CAST('100:01:02' AS TIME), CAST('0000-00-00' AS DATETIME), TIMESTAMP'2024-02-29 01:02:03.000004', CAST('9999-12-31' AS DATE), CAST('0001-01-01' AS DATE))",
        "JSON_ARRAY(b'1010', x'cafe', x'', _binary'abc', CAST('x' AS BINARY(5)), ST_GeomFromText('POINT(1 2)'))",
        "JSON_OBJECT('k', CAST(REPEAT('x', 200) AS BINARY))", "JSON_ARRAY(CAST(REPEAT('y', 57) AS BINARY), CAST(REPEAT('y', 58) AS BINARY), CAST(REPEAT('y', 114) AS BINARY))",
        "JSON_EXTRACT(JSON_ARRAY(x'00'), '$[0]')", "CAST(CAST('2020-02-02' AS DATE) AS JSON)", "CAST(1.25 AS JSON)", "JSON_QUOTE(CONCAT(CHAR(127 USING utf8mb4), 'é漢𝄞\\\\\\\"/'))",
        "JSON_ARRAY('quote \" back \\\\ slash / tab \\t line \\n return \\r', CHAR(1 USING utf8mb4), CHAR(8 USING utf8mb4), CHAR(12 USING utf8mb4), CHAR(31 USING utf8mb4), CHAR(0 USING utf8mb4))",
        "JSON_OBJECT('key \" \\n', 1, 'ключ', 2, REPEAT('k', 300), 3)", "JSON_ARRAY(REPEAT('s', 127), REPEAT('t', 128), REPEAT('u', 20000))",
        "JSON_ARRAY(REPEAT('v', 70000), 1, 70000, -70000, 2147483648, JSON_OBJECT('a', 65536))", "CAST(CONCAT(REPEAT('[', 100), REPEAT(']', 100)) AS JSON)",
        "CAST(CONCAT('[1', REPEAT(', 70000', 30000), ']') AS JSON)", "JSON_OBJECT('a', REPEAT('w', 70000), 'b', 1, 'c', 70000, 'd', 4294967295, 'e', -5, 'f', true, 'g', JSON_ARRAY(1, '2'))",
    ];

    [Fact]
    public async Task Every_document_becomes_the_servers_own_text()
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);
        var database = server.NextDatabase();
        await server.ExecuteAsync($"CREATE DATABASE {database}; CREATE TABLE {database}.j (id INT PRIMARY KEY, d JSON)");
        var random = new Random(7);
        var documents = Values.Concat(Enumerable.Range(0, 400).Select(_ => $"'{Document(random, depth: 0)}'")).ToList();
        var insert = new StringBuilder($"USE {database}; SET NAMES utf8mb4, sql_mode = '';");
        for (var i = 0; i < documents.Count; i++)
            insert.Append(CultureInfo.InvariantCulture, $"INSERT INTO j VALUES ({i}, {documents[i]});");
        insert.Append("INSERT INTO j VALUES (-1, NULL)");

        var events = await BinlogFile.WrittenByAsync(server, insert.ToString());
        var captured = BinlogFile.Decode(events, database).Changes.ToDictionary(change => change.Values(change.After)[0] ?? "", change => change.Values(change.After)[1] ?? "NULL");
        var shown = await server.QueryAsync($"SELECT id, CAST(d AS CHAR) FROM {database}.j");

        Assert.Equal(documents.Count + 1, shown.Count);
        foreach (var row in shown)
            Assert.True(row[1] == captured[row[0]], $"{(row[0] == "-1" ? "NULL" : documents[int.Parse(row[0], CultureInfo.InvariantCulture)])}\nserver: {row[1]}\nours:   {captured[row[0]]}");
    }

    /// <summary>JSON text as it stands in an SQL string.</summary>
    internal static string Document(Random random, int depth)
    {
        switch (random.Next(depth > 4 ? 8 : 12))
        {
            case 0:
                return random.Next(3) switch { 0 => "null", 1 => "true", _ => "false" };
            case 1:
                return random.NextInt64(long.MinValue, long.MaxValue).ToString(CultureInfo.InvariantCulture);
            case 2:
                return (random.Next(-40_000, 80_000)).ToString(CultureInfo.InvariantCulture);
            case 3:
                return Finite(random).ToString("R", CultureInfo.InvariantCulture);
            case 4:
                return ((random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-20, 20))).ToString("R", CultureInfo.InvariantCulture);
            case 5 or 6 or 7:
                return $"\"{Text(random)}\"";
            case 8 or 9:
                return $"[{string.Join(',', Enumerable.Range(0, random.Next(6)).Select(_ => Document(random, depth + 1)))}]";
            default:
                return $"{{{string.Join(',', Enumerable.Range(0, random.Next(6)).Select(i => $"\"{Text(random)}{i}\": {Document(random, depth + 1)}"))}}}";
        }
    }

    private static double Finite(Random random)
    {
        var value = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
        return double.IsFinite(value) ? value : 1.5;
    }

    private static string Text(Random random)
    {
        string[] pieces = ["a", "Zz", " ", "é", "漢字", "𝄞", "\\\\\"", "\\\\n", "\\\\u0001", "\\\\u001f", "/", "{", "long ", "\u007f", "''"];
        return string.Concat(Enumerable.Range(0, random.Next(random.Next(8) == 0 ? 60 : 5)).Select(_ => pieces[random.Next(pieces.Length)]));
    }
}
