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

        Assert.All(names, name => Assert.NotNull(Charset.Find(name)));
        foreach (var name in names.Where(name => CharsetTables.Names().Any(table => table.Name == name)))
            Assert.Empty(await DifferencesAsync(connection, Charset.Find(name)!)); // not null: found above
    }

    [Fact]
    public async Task The_tables_are_made_of_the_servers_answers()
    {
        // The newest has all of them; what it takes for ascii only MariaDB and older ones show in all 256.
        var (newest, maria) = (await TestServer.SharedAsync(TestProduct.MySql9), await TestServer.SharedAsync(TestProduct.MariaDb));
        await using var asked = await newest.OpenAsync();
        await PrepareAsync(asked, newest.NextDatabase());
        await using var other = await maria.OpenAsync();
        await PrepareAsync(other, maria.NextDatabase());
        using var file = new MemoryStream();
        var differences = new List<string>();
        foreach (var (name, mostBytes) in CharsetTables.Names())
        {
            var points = CharsetFile.Points(name, mostBytes, await AnswersAsync(name == "ascii" ? other : asked, name, mostBytes));
            CharsetFile.Append(file, name, mostBytes, points);
            if (!points.AsSpan().SequenceEqual(CharsetTables.Points(name)))
                differences.Add(name);
        }

        if (Environment.GetEnvironmentVariable("LEAT_CHARSETS") is { Length: > 0 } path)
            await File.WriteAllBytesAsync(path, file.ToArray(), Token);
        Assert.Empty(differences);
    }

    private static async Task PrepareAsync(MySqlConnection connection, string database)
    {
        await connection.ExecuteAsync($"SET SESSION sql_mode = '', sql_log_bin = 0; CREATE DATABASE {database}; USE {database}", Token);
        await connection.ExecuteAsync("CREATE TABLE codes (code VARBINARY(4) PRIMARY KEY, bytes INT)", Token);
        foreach (var some in Codes().Chunk(CodesOfAStatement))
            await connection.ExecuteAsync($"INSERT INTO codes VALUES {string.Join(',', some.Select(code => $"(X'{Convert.ToHexString(code)}',{code.Length})"))}", Token);
    }

    private static async Task<List<string>> DifferencesAsync(MySqlConnection connection, Charset charset)
    {
        var answers = await AnswersAsync(connection, charset.Name, charset.MostBytes);
        return
        [
            .. answers.Where(answer => charset.ToText(answer.Code) != answer.Text)
                .Select(answer => $"{charset.Name} {Convert.ToHexString(answer.Code)}: '{answer.Text}', not '{charset.ToText(answer.Code)}'"),
        ];
    }

    // Columns of some servers change what they do not take: those codes no row can have.
    private static async Task<List<(byte[] Code, string Text)>> AnswersAsync(MySqlConnection connection, string charset, int mostBytes)
    {
        var lengths = mostBytes switch { 4 => "1, 2, 4", 3 => "1, 2, 3", 2 => "1, 2", _ => "1" };
        await connection.ExecuteAsync($"DROP TABLE IF EXISTS t; CREATE TABLE t (code VARBINARY(4) PRIMARY KEY, v VARCHAR(4) CHARACTER SET {charset})", Token);
        await connection.ExecuteAsync($"INSERT IGNORE INTO t SELECT code, code FROM codes WHERE bytes IN ({lengths})", Token);
        var answers = new List<(byte[], string)>();
        await using var answer = await connection.QueryAsync("SELECT code, CONVERT(v USING utf8mb4) FROM t WHERE code = CAST(v AS BINARY)", Token);
        while (await answer.ReadRowAsync(Token))
            answers.Add((answer.Value(0).ToArray(), answer.Text(1) ?? ""));
        return answers;
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
