using Leat.Connectors.MySql.Charsets;
using Leat.Connectors.MySql.Wire;
using Leat.IntegrationTests.MySql.Servers;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>The servers are asked for the character of every sequence of bytes that a column of a character set takes; the tables must say the same.</summary>
public sealed class CharsetTests
{
    private const int CodesOfAStatement = 4_000;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [Trait("case", "17")]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    [InlineData(TestProduct.MySql56)]
    [InlineData(TestProduct.MySql9)]
    public async Task Every_character_of_every_set_is_the_servers(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        await using var connection = await server.OpenAsync();
        await PrepareAsync(connection, server.NextDatabase());
        var names = new List<string>();
        await using (var answer = await connection.QueryAsync("SELECT CHARACTER_SET_NAME FROM information_schema.CHARACTER_SETS WHERE CHARACTER_SET_NAME <> 'binary'", Token))
        {
            while (await answer.ReadRowAsync(Token))
                names.Add(answer.Text(0) ?? "");
        }

        Assert.Empty(names.Where(name => Charset.Find(name) is null));
        foreach (var name in names.Where(name => CharsetTables.Names().Any(table => table.Name == name)))
            Assert.Empty(await DifferencesAsync(connection, Charset.Find(name)!)); // not null: found above
    }

    private static async Task PrepareAsync(MySqlConnection connection, string database)
    {
        await connection.ExecuteAsync($"SET SESSION sql_mode = '', sql_log_bin = 0; CREATE DATABASE {database}; USE {database}", Token);
        await connection.ExecuteAsync("CREATE TABLE codes (code VARBINARY(4) PRIMARY KEY, bytes INT)", Token);
        foreach (var some in Codes().Chunk(CodesOfAStatement))
            await connection.ExecuteAsync($"INSERT INTO codes VALUES {string.Join(',', some.Select(code => $"(X'{Convert.ToHexString(code)}',{code.Length})"))}", Token);
    }

    // Columns of some servers change what they do not take: those codes no row can have.
    private static async Task<List<string>> DifferencesAsync(MySqlConnection connection, Charset charset)
    {
        var lengths = charset switch { { Name: "gb18030" } => "1, 2, 4", { MostBytes: 3 } => "1, 2, 3", { MostBytes: 2 } => "1, 2", _ => "1" };
        await connection.ExecuteAsync($"DROP TABLE IF EXISTS t; CREATE TABLE t (code VARBINARY(4) PRIMARY KEY, v VARCHAR(4) CHARACTER SET {charset.Name})", Token);
        await connection.ExecuteAsync($"INSERT IGNORE INTO t SELECT code, code FROM codes WHERE bytes IN ({lengths})", Token);
        var differences = new List<string>();
        await using var answer = await connection.QueryAsync("SELECT code, CONVERT(v USING utf8mb4) FROM t WHERE code = CAST(v AS BINARY)", Token);
        while (await answer.ReadRowAsync(Token))
        {
            var code = answer.Value(0).ToArray();
            var text = answer.Text(1);
            if (charset.ToText(code) != text)
                differences.Add($"{charset.Name} {Convert.ToHexString(code)}: '{text}', not '{charset.ToText(code)}'");
        }

        return differences;
    }

    // All of one byte; of two; behind 8F of three; and of four those of gb18030 for the first plane, and some beyond.
    private static IEnumerable<byte[]> Codes()
    {
        for (var first = 0; first < 256; first++)
            yield return [(byte)first];
        for (var first = 0x80; first < 256; first++)
        {
            for (var second = 0x21; second < 256; second++)
                yield return [(byte)first, (byte)second];
        }

        for (var second = 0xA1; second < 0xFF; second++)
        {
            for (var third = 0xA1; third < 0xFF; third++)
                yield return [CharsetTable.TripleLead, (byte)second, (byte)third];
        }

        foreach (var first in new byte[] { 0x81, 0x82, 0x83, 0x84, 0x8F, 0x90, 0xE3, 0xE4, 0xFE })
        {
            for (var middle = 0; middle < 10 * 126; middle++)
            {
                for (var fourth = '0'; fourth <= '9'; fourth++)
                    yield return [first, (byte)('0' + middle / 126), (byte)(0x81 + middle % 126), (byte)fourth];
            }
        }
    }
}
