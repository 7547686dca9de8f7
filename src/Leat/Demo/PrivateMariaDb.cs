using System.Globalization;
using System.Net.Sockets;
using Leat.Changes;

namespace Leat.Demo;

/// <summary>How a private MariaDB is started.</summary>
public sealed record PrivateMariaDbOptions
{
    /// <summary>Folder for data, log and socket; created when missing. A data folder left there by an earlier instance is used again.</summary>
    public required string Folder { get; init; }

    /// <summary>A fresh data folder to copy instead of creating one (40 ms instead of 2 s); see <see cref="PrivateMariaDb.CreateTemplateAsync"/>.</summary>
    public string? Template { get; init; }

    /// <summary>TCP port; 0 picks a free one. Default 0.</summary>
    public int Port { get; init; }

    /// <summary>More server arguments; they come last and so win over the defaults.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>Whether the folder is removed when the server is disposed of. Default <see langword="false"/>.</summary>
    public bool IsTemporary { get; init; }
}

/// <summary>A MariaDB server of our own on a loopback port, with row binlog, for the demo and for tests. Never the system's service.</summary>
/// <remarks>User <c>root</c> without a password may sign in over the socket and from 127.0.0.1. Stopped, and killed with us should we die.</remarks>
public sealed class PrivateMariaDb : IAsyncDisposable
{
    private const string Package = "mariadb-server-core";
    private const int StartsWithNewPort = 3;

    /// <summary>A Unix socket's path may take 107 bytes.</summary>
    private const int MaxSocketPathBytes = 107;

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private readonly PrivateMariaDbOptions _options;
    private ServerProcess _server;

    private PrivateMariaDb(PrivateMariaDbOptions options, ServerProcess server, int port, string socket)
    {
        _options = options;
        _server = server;
        Port = port;
        Socket = socket;
    }

    /// <summary>Whether server and client program are installed.</summary>
    public static bool IsInstalled => ProgramRun.Find("mariadbd") is not null && ProgramRun.Find("mariadb") is not null;

    /// <summary>TCP port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>Path of the Unix socket.</summary>
    public string Socket { get; }

    /// <summary>The server's data folder.</summary>
    public string DataFolder => DataFolderOf(_options.Folder);

    /// <summary>The server's process id.</summary>
    public int ProcessId => _server.ProcessId;

    /// <summary>Creates a fresh data folder, to be copied by <see cref="StartAsync"/>. Takes about two seconds.</summary>
    public static async Task CreateTemplateAsync(string folder, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        await ProgramRun.RunAsync(
            ProgramRun.Require("mariadb-install-db", Package),
            [
                "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
                $"--datadir={folder}", $"--tmpdir={folder}", $"--user={Environment.UserName}", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=0",
            ],
            input: "", cancellationToken);
    }

    /// <summary>Starts a server and returns when it greets connections.</summary>
    /// <exception cref="LeatException">Not installed, or it did not start; the message carries the end of its log.</exception>
    public static async Task<PrivateMariaDb> StartAsync(PrivateMariaDbOptions options, CancellationToken cancellationToken)
    {
        var folder = Path.GetFullPath(options.Folder);
        options = options with { Folder = folder };
        Directory.CreateDirectory(folder);
        var data = DataFolderOf(folder);
        if (!Directory.Exists(data))
        {
            if (options.Template is null)
                await CreateTemplateAsync(data, cancellationToken);
            else
                await ProgramRun.RunAsync("cp", ["-a", "--reflink=auto", options.Template, data], input: "", cancellationToken);
        }

        var socket = SocketIn(folder);
        for (var attempt = 1; ; attempt++)
        {
            var port = options.Port != 0 ? options.Port : FreePorts.Next();
            try
            {
                return new(options, await LaunchAsync(options, port, socket, cancellationToken), port, socket);
            }
            catch (LeatException error) when (options.Port == 0 && attempt < StartsWithNewPort && error.What.Contains("Address already in use", StringComparison.Ordinal))
            {
                continue; // somebody was faster; another port
            }
        }
    }

    /// <summary>Runs statements as root over the socket.</summary>
    /// <exception cref="LeatException">A statement failed; the message has the server's words.</exception>
    public Task ExecuteAsync(string sql, CancellationToken cancellationToken) => ClientAsync(sql, cancellationToken);

    /// <summary>Runs a query as root over the socket and gives the rows' columns as the client prints them: NULL is the word <c>NULL</c>.</summary>
    public async Task<IReadOnlyList<string[]>> QueryAsync(string sql, CancellationToken cancellationToken)
    {
        var printed = await ClientAsync(sql, cancellationToken);
        return [.. printed.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t'))];
    }

    /// <summary>Ends the server as a crash would (SIGKILL); <see cref="RestartAsync"/> brings it back.</summary>
    public Task KillAsync() => _server.KillAsync();

    /// <summary>Stops the server if it still runs and starts it again on the same port and data.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken)
    {
        await _server.DisposeAsync();
        _server = await LaunchAsync(_options, Port, Socket, cancellationToken);
    }

    /// <summary>Stops the server: SIGTERM, after ten seconds SIGKILL. Its folder stays, unless it is <see cref="PrivateMariaDbOptions.IsTemporary"/>.</summary>
    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        if (_options.IsTemporary && Directory.Exists(_options.Folder))
            Directory.Delete(_options.Folder, recursive: true);
    }

    private static string DataFolderOf(string folder) => Path.Combine(folder, "data");

    private static string SocketIn(string folder)
    {
        var socket = Path.Combine(folder, "mysql.sock");
        return socket.Length <= MaxSocketPathBytes ? socket : Path.Combine(Path.GetTempPath(), $"leat-{Guid.NewGuid():N}.sock");
    }

    private static async Task<ServerProcess> LaunchAsync(PrivateMariaDbOptions options, int port, string socket, CancellationToken cancellationToken)
    {
        // A server that starts removes every temporary table in its folder for them: in the system's own, those of other servers too.
        var temporary = Directory.CreateDirectory(Path.Combine(options.Folder, "tmp")).FullName;
        string[] command =
        [
            ProgramRun.Require("mariadbd", Package), "--no-defaults", $"--user={Environment.UserName}", $"--datadir={DataFolderOf(options.Folder)}",
            $"--tmpdir={temporary}", $"--socket={socket}", $"--pid-file={Path.Combine(options.Folder, "mysql.pid")}", "--bind-address=127.0.0.1",
            string.Create(CultureInfo.InvariantCulture, $"--port={port}"),
            "--log-bin=bin", "--server-id=1", "--binlog-format=ROW", "--binlog-row-metadata=FULL", "--gtid-strict-mode=1",
            "--innodb-buffer-pool-size=64M", "--innodb-log-file-size=48M", "--performance-schema=off", "--skip-name-resolve",
            "--character-set-server=utf8mb4", .. options.Arguments,
        ];
        var log = Path.Combine(options.Folder, "mariadbd.log");
        File.Delete(log);
        var server = await ServerProcess.StartAsync("MariaDB", log, socket, command, cancellationToken);
        try
        {
            await server.WaitUntilReadyAsync(token => GreetsAsync(socket, token), StartLimit, cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    // Ready means that the server speaks first: a greeting packet whose payload begins with protocol version 10.
    private static async Task<bool> GreetsAsync(string path, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
            var greeting = new byte[256];
            var read = await socket.ReceiveAsync(greeting, cancellationToken);
            return read > 4 && greeting[4] == 10;
        }
        catch (SocketException)
        {
            return false; // not listening yet
        }
    }

    private Task<string> ClientAsync(string sql, CancellationToken cancellationToken) => ProgramRun.RunAsync(
        ProgramRun.Require("mariadb", "mariadb-client-core"),
        ["--no-defaults", "--protocol=socket", $"--socket={Socket}", "--user=root", "--batch", "--skip-column-names", "--default-character-set=utf8mb4"],
        sql, cancellationToken);
}
