using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Sockets;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Leat.Demo;
using Leat.IntegrationTests.MySql.Servers;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

[assembly: AssemblyFixture(typeof(SharedServers))]

namespace Leat.IntegrationTests.MySql.Servers;

/// <summary>A private server of any product on a loopback port, with row binlog; user <c>root</c> without a password.</summary>
/// <remarks>Each has data, temporary files and socket in a folder of its own. It is stopped by its process id, and dies with the test program.</remarks>
public sealed class TestServer : IAsyncDisposable
{
    private const int StartsWithNewPort = 3;
    private static int _replicas = 100_000;
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly string _folder;
    private readonly ServerProgram _program;
    private ServerProcess _server;
    private int _databases;

    private TestServer(TestProduct product, string folder, ServerProgram program, ServerProcess server, int port)
    {
        Product = product;
        _folder = folder;
        _program = program;
        _server = server;
        Port = port;
    }

    /// <summary>What kind of server this is.</summary>
    public TestProduct Product { get; }

    /// <summary>Whether it is one of the two MariaDBs.</summary>
    public bool IsMariaDb => Product is TestProduct.MariaDb or TestProduct.MariaDb11;

    /// <summary>TCP port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>Path of the Unix socket.</summary>
    public string Socket => SocketIn(_folder);

    /// <summary>The data folder: binlog files are <c>bin.000001</c> and so on; MySQL 9 has its certificates there.</summary>
    public string DataFolder => Path.Combine(_folder, "data");

    /// <summary>What the server printed.</summary>
    public string LogFile => Path.Combine(_folder, "server.log");

    /// <summary>Root over TCP, in clear text; a command may hold several statements.</summary>
    public MySqlEndpoint Endpoint => new() { Host = "127.0.0.1", Port = Port, User = "root", MultiStatements = true };

    /// <summary>A server of the test's own; dispose it.</summary>
    /// <param name="product">Which.</param>
    /// <param name="serverArguments">Settings such as <c>--log-bin-compress=1</c>; they win over the usual ones.</param>
    public static async Task<TestServer> StartAsync(TestProduct product, params string[] serverArguments)
    {
        TestServers.Require(ServerProgram.IsInstalled(product), ServerProgram.Missing(product));
        var cancellationToken = TestContext.Current.CancellationToken;
        var program = await ServerProgram.FindAsync(product);
        program = program with { Arguments = [.. program.Arguments, .. serverArguments] };
        var folder = TestRunFolder.New();
        Directory.CreateDirectory(Path.Combine(folder, "tmp"));
        await ProgramRun.RunAsync("cp", ["-a", "--reflink=auto", program.Template, Path.Combine(folder, "data")], input: "", cancellationToken);
        for (var attempt = 1; ; attempt++)
        {
            var port = FreePorts.Next();
            try
            {
                return new(product, folder, program, await LaunchAsync(folder, program, port, cancellationToken), port);
            }
            catch (LeatException error) when (attempt < StartsWithNewPort && error.What.Contains("already in use", StringComparison.Ordinal))
            {
                continue; // somebody was faster; another port
            }
        }
    }

    /// <summary>The one server of a product that all tests without settings of their own share. Not to be stopped, nor its binlog purged or reset.</summary>
    public static Task<TestServer> SharedAsync(TestProduct product) => SharedServers.GetAsync(product);

    /// <summary>A name for a database that no other test of this server uses.</summary>
    public string NextDatabase() => string.Create(CultureInfo.InvariantCulture, $"s{Interlocked.Increment(ref _databases):D3}");

    /// <summary>A new connection as root.</summary>
    public ValueTask<MySqlConnection> OpenAsync() => MySqlConnection.OpenAsync(Endpoint, TimeProvider.System, TestContext.Current.CancellationToken);

    /// <summary>Runs statements on a connection of their own.</summary>
    public async Task ExecuteAsync(string sql)
    {
        await using var connection = await OpenAsync();
        await connection.ExecuteAsync(sql, TestContext.Current.CancellationToken);
    }

    /// <summary>The rows of a query as text; NULL is the word <c>NULL</c>.</summary>
    public async Task<IReadOnlyList<string[]>> QueryAsync(string sql)
    {
        await using var connection = await OpenAsync();
        return await QueryAsync(connection, sql);
    }

    /// <summary>The same over a connection of the test's own.</summary>
    public static async Task<IReadOnlyList<string[]>> QueryAsync(MySqlConnection connection, string sql)
    {
        await using var result = await connection.QueryAsync(sql, TestContext.Current.CancellationToken);
        var rows = new List<string[]>();
        while (await result.ReadRowAsync(TestContext.Current.CancellationToken))
            rows.Add([.. Enumerable.Range(0, result.Columns.Count).Select(column => result.Text(column) ?? "NULL")]);
        return rows;
    }

    /// <summary>
    /// Removes all binlog files but the newest. A server keeps a file, without a word, that a connection still reads; MariaDB also one that its checkpoint has not passed.
    /// </summary>
    public async Task PurgeBinlogAsync()
    {
        for (var files = await QueryAsync("SHOW BINARY LOGS"); files.Count > 1; files = await QueryAsync("SHOW BINARY LOGS"))
            await ExecuteAsync($"PURGE BINARY LOGS TO '{files[^1][0]}'");
    }

    /// <summary>A source of the tables of a database, signed in as root.</summary>
    public MySqlSource Source(string database, SnapshotMode snapshot = SnapshotMode.Never, string tables = "*") => new(
        new() { Endpoint = Endpoint with { MultiStatements = false }, Tables = [new(database, tables)], Snapshot = snapshot, ServerId = NextReplicaId() },
        new("shop", NullLoggerFactory.Instance, TimeProvider.System));

    /// <summary>A replica number that no other source of this program has: two with one number cut each other off.</summary>
    public static uint NextReplicaId() => (uint)Interlocked.Increment(ref _replicas);

    /// <summary>Ends the server as a crash would (SIGKILL); <see cref="RestartAsync"/> brings it back.</summary>
    public Task KillAsync() => _server.KillAsync();

    /// <summary>Stops the server if it still runs, and starts it again on the same port and data with more settings, if any are given.</summary>
    public async Task RestartAsync(params string[] moreArguments)
    {
        await _server.DisposeAsync();
        _server = await LaunchAsync(
            _folder, _program with { Arguments = [.. _program.Arguments, .. moreArguments] }, Port, TestContext.Current.CancellationToken);
    }

    /// <summary>Stops the server and removes its folder: with those of all tests a disk would fill.</summary>
    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    private static string SocketIn(string folder) => Path.Combine(folder, "sock");

    private static async Task<ServerProcess> LaunchAsync(string folder, ServerProgram program, int port, CancellationToken cancellationToken)
    {
        var log = Path.Combine(folder, "server.log");
        File.Delete(log);
        string[] command =
        [
            .. program.Command, $"--user={Environment.UserName}", $"--datadir={Path.Combine(folder, "data")}",
            $"--tmpdir={Path.Combine(folder, "tmp")}", $"--socket={SocketIn(folder)}", $"--pid-file={Path.Combine(folder, "pid")}",
            string.Create(CultureInfo.InvariantCulture, $"--port={port}"), "--bind-address=127.0.0.1", "--log-bin=bin", "--server-id=1", "--binlog-format=ROW",
            "--sync-binlog=0", "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=32M", "--performance-schema=OFF", "--skip-name-resolve",
            "--character-set-server=utf8mb4", .. program.Arguments,
        ];
        var server = await ServerProcess.StartAsync(program.Name, log, SocketIn(folder), command, cancellationToken);
        try
        {
            await server.WaitUntilReadyAsync(token => GreetsAsync(port, token), StartLimit, cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    // Ready means that the server speaks first: a greeting whose payload begins with protocol version 10.
    private static async Task<bool> GreetsAsync(int port, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync("127.0.0.1", port, cancellationToken);
            var greeting = new byte[256];
            return await socket.ReceiveAsync(greeting, cancellationToken) > 4 && greeting[4] == 10;
        }
        catch (SocketException)
        {
            return false; // not listening yet
        }
    }
}

/// <summary>The shared server of each product, started when first asked for and stopped at the end of the run.</summary>
public sealed class SharedServers : IAsyncDisposable
{
    private static readonly ConcurrentDictionary<TestProduct, Lazy<Task<TestServer>>> Servers = new();

    public async ValueTask DisposeAsync()
    {
        foreach (var server in Servers.Values)
        {
            if (server.Value.IsCompletedSuccessfully)
                await (await server.Value).DisposeAsync();
        }
    }

    internal static Task<TestServer> GetAsync(TestProduct product)
    {
        TestServers.Require(ServerProgram.IsInstalled(product), ServerProgram.Missing(product));
        return Servers.GetOrAdd(product, static asked => new(() => TestServer.StartAsync(asked))).Value;
    }
}
