using System.Diagnostics;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Demo;
using Leat.IntegrationTests.MySql.Servers;
using Leat.Output;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary><c>leat decode</c> on the files of real servers, beside MariaDB's own program and beside what the same server's stream gives.</summary>
public sealed class DecodeTests
{
    private const int Tables = 12;

    [Theory]
    [InlineData(TestProduct.MariaDb, 1)]
    [InlineData(TestProduct.MariaDb, 2)]
    [InlineData(TestProduct.MariaDb, 3)]
    [InlineData(TestProduct.MariaDb11, 4)]
    [InlineData(TestProduct.MySql56, 5)]
    [InlineData(TestProduct.MySql9, 6)]
    [InlineData(TestProduct.MySql9, 7)]
    public async Task The_verbose_lines_are_those_of_mariadb_binlog_byte_for_byte(TestProduct product, int seed) =>
        await CompareAsync(await TestServer.SharedAsync(product), seed, before: "");

    [Fact]
    public async Task So_are_those_of_compressed_events()
    {
        await using var server = await TestServer.StartAsync(TestProduct.MariaDb, "--log-bin-compress=1", "--log-bin-compress-min-len=10");

        await CompareAsync(server, seed: 8, before: "");
    }

    [Fact]
    public async Task The_verbose_lines_of_a_compressed_transaction_are_those_of_the_same_one_plain()
    {
        var server = await TestServer.SharedAsync(TestProduct.MySql9);

        var plain = await PrintAsync(await ChangeAsync(server, 9, "", "same"));
        var compressed = await PrintAsync(await ChangeAsync(server, 9, "SET binlog_transaction_compression = ON", "same"));

        Assert.Contains("### UPDATE `same`", Encoding.Latin1.GetString(plain), StringComparison.Ordinal);
        Assert.Equal(plain, compressed);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MariaDb11)]
    [InlineData(TestProduct.MySql9)]
    public async Task A_file_gives_the_changes_that_its_server_streams(TestProduct product)
    {
        var server = await TestServer.SharedAsync(product);
        var database = server.NextDatabase();
        await server.ExecuteAsync(
            $"""
            CREATE DATABASE {database};
            CREATE TABLE {database}.t (id INT UNSIGNED PRIMARY KEY, n DECIMAL(20, 5), name VARCHAR(20), l CHAR(5) CHARACTER SET latin1, b BLOB, e ENUM('x', 'y'), s SET('p', 'q'),
              at TIMESTAMP(3) NULL, dt DATETIME(6), t TIME(2), y YEAR, d DATE, f FLOAT, g DOUBLE, bits BIT(9))
            """);
        await using var source = server.Source(database);
        var from = await source.CurrentPositionAsync(TestContext.Current.CancellationToken);
        var files = await FilesOfAsync(server, () => server.ExecuteAsync(
            $"""
            INSERT INTO {database}.t VALUES (4000000000, -1.5, 'hé', 'ü', X'00FF', 'y', 'p,q', '2024-02-29 12:00:00.125', '2024-02-29 12:00:00.123456', '-10:00:00.5', 2024, '2024-02-29', 1.5, 0.1, b'101');
            INSERT INTO {database}.t (id) VALUES (2), (3);
            START TRANSACTION; UPDATE {database}.t SET n = id; DELETE FROM {database}.t WHERE id = 2; COMMIT;
            START TRANSACTION; DELETE FROM {database}.t; ROLLBACK;
            UPDATE {database}.t SET id = 5 WHERE id = 3;
            TRUNCATE TABLE {database}.t
            """));

        using var streamed = new StringWriter();
        using (var writer = new PrintingWriter(streamed))
        {
            var until = await source.CurrentPositionAsync(TestContext.Current.CancellationToken);
            await source.RunAsync(new() { From = from, Until = until }, writer, TestContext.Current.CancellationToken);
            writer.Flush();
        }

        var decoded = await DecodeAsync(files, database);
        Assert.Equal(streamed.ToString(), decoded);
        Assert.Equal(9, decoded.Count(letter => letter == '\n'));
    }

    private static async Task CompareAsync(TestServer server, int seed, string before)
    {
        TestServers.Require(ProgramRun.Find("mariadb-binlog") is not null, "mariadb-binlog (Debian package mariadb-client)");
        var files = await ChangeAsync(server, seed, before, server.NextDatabase());

        var theirs = await MariaDbBinlogAsync(files);
        Assert.True(theirs.Length > 10_000, $"mariadb-binlog printed only {theirs.Length} bytes");
        Assert.Equal(Encoding.Latin1.GetString(theirs), Encoding.Latin1.GetString(await PrintAsync(files)));
    }

    private static async Task<string[]> ChangeAsync(TestServer server, int seed, string before, string database)
    {
        await server.ExecuteAsync($"DROP DATABASE IF EXISTS {database}; CREATE DATABASE {database}");
        return await FilesOfAsync(server, async () =>
        {
            await using var connection = await server.OpenAsync();
            if (before.Length > 0)
                await connection.ExecuteAsync(before, TestContext.Current.CancellationToken);
            foreach (var statement in new RandomTables(seed, server.IsMariaDb).Statements(database, Tables))
                await connection.ExecuteAsync(statement, TestContext.Current.CancellationToken);
        });
    }

    /// <summary>The closed files with all that was done meanwhile.</summary>
    private static async Task<string[]> FilesOfAsync(TestServer server, Func<Task> change)
    {
        await server.ExecuteAsync("FLUSH BINARY LOGS");
        var first = (await server.QueryAsync("SHOW BINARY LOGS"))[^1][0];
        await change();
        await server.ExecuteAsync("FLUSH BINARY LOGS");
        var all = (await server.QueryAsync("SHOW BINARY LOGS")).Select(row => row[0]).ToList();
        return [.. all[all.IndexOf(first)..^1].Select(name => Path.Combine(server.DataFolder, name))];
    }

    private static async Task<byte[]> MariaDbBinlogAsync(string[] files)
    {
        using var lines = new MemoryStream();
        foreach (var file in files)
        {
            var start = new ProcessStartInfo("mariadb-binlog", ["--no-defaults", "-v", "--base64-output=decode-rows", file]) { RedirectStandardOutput = true };
            using var process = Process.Start(start) ?? throw new InvalidOperationException("mariadb-binlog did not start");
            using var output = new MemoryStream();
            await process.StandardOutput.BaseStream.CopyToAsync(output, TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, process.ExitCode);
            foreach (var line in Encoding.Latin1.GetString(output.ToArray()).Split('\n').Where(line => line.StartsWith("###", StringComparison.Ordinal)))
                lines.Write(Encoding.Latin1.GetBytes($"{line}\n"));
        }

        return lines.ToArray();
    }

    private static async Task<byte[]> PrintAsync(string[] files)
    {
        using var pipe = new MemoryStream();
        await using var output = new StreamWriter(pipe, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
        Assert.Equal(0, await RunAsync(output, ["decode", .. files, "--format", "verbose"]));
        return pipe.ToArray();
    }

    private static async Task<string> DecodeAsync(string[] files, string database)
    {
        using var output = new StringWriter();
        Assert.Equal(0, await RunAsync(output, ["decode", .. files, "--tables", $"{database}.*"]));
        return output.ToString();
    }

    private static async Task<int> RunAsync(TextWriter output, string[] args)
    {
        using var error = new StringWriter();
        var terminal = new Terminal { Out = output, Error = error, IsOutTerminal = false, IsErrorTerminal = false, Variable = _ => null };
        var exitCode = await LeatProgram.RunAsync(args, terminal, TestContext.Current.CancellationToken);
        return exitCode == 0 ? 0 : throw new InvalidOperationException(error.ToString());
    }
}
