using System.Globalization;
using Leat.Demo;
using Leat.IntegrationTests.PostgreSql;
using Npgsql;
using Xunit;

[assembly: AssemblyFixture(typeof(SharedPostgreSql))]

namespace Leat.IntegrationTests.PostgreSql;

/// <summary>One PostgreSQL for all tests of a run that need no server of their own.</summary>
public sealed class SharedPostgreSql : IAsyncDisposable
{
    private readonly SemaphoreSlim _turn = new(1, 1);
    private PrivatePostgreSql? _server;

    public async Task<PrivatePostgreSql> ServerAsync()
    {
        await _turn.WaitAsync();
        try
        {
            return _server ??= await PrivatePostgreSql.StartAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        _turn.Dispose();
    }
}

/// <summary>A PostgreSQL of our own on a loopback port; superuser <c>leat</c> without a password. Never the system's service.</summary>
/// <remarks>PostgreSQL refuses to run as root: then its files belong to nobody and it runs as that. Stopped by its process id, and dies with the test program.</remarks>
public sealed class PrivatePostgreSql : IAsyncDisposable
{
    private const string Package = "postgresql";
    private const string Nobody = "65534";
    private const int StartsWithNewPort = 3;
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(20);

    private readonly string _folder;
    private readonly string[] _arguments;
    private ServerProcess _server;
    private int _databases;

    private PrivatePostgreSql(string folder, string[] arguments, ServerProcess server, int port)
    {
        (_folder, _arguments, _server, Port) = (folder, arguments, server, port);
    }

    /// <summary>Whether server and client are installed.</summary>
    public static bool IsInstalled => Programs is not null;

    /// <summary>TCP port on 127.0.0.1, and the number in the socket's name.</summary>
    public int Port { get; }

    /// <summary>The folder of the Unix socket.</summary>
    public string SocketFolder => _folder;

    /// <summary>The data folder.</summary>
    public string DataFolder => Path.Combine(_folder, "data");

    // Debian keeps the server's programs in a folder of its version.
    private static string? Programs => Directory.Exists("/usr/lib/postgresql")
        ? Directory.EnumerateDirectories("/usr/lib/postgresql").Select(version => Path.Combine(version, "bin")).Where(bin => File.Exists(Path.Combine(bin, "initdb"))).Order(StringComparer.Ordinal).LastOrDefault()
        : null;

    /// <summary>Starts one; dispose it.</summary>
    public static async Task<PrivatePostgreSql> StartAsync(params string[] arguments)
    {
        TestServers.Require(IsInstalled, "PostgreSQL");
        var folder = Directory.CreateTempSubdirectory("leat-pg-").FullName;
        if (Environment.IsPrivilegedProcess)
            await ProgramRun.RunAsync("chown", [Nobody, folder], "", CancellationToken.None);
        var initdb = Command("initdb", "-D", Path.Combine(folder, "data"), "-U", "leat", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8");
        await ProgramRun.RunAsync(initdb[0], initdb[1..], "", CancellationToken.None);
        for (var attempt = 1; ; attempt++)
        {
            var port = FreePorts.Next();
            try
            {
                return new(folder, arguments, await LaunchAsync(folder, arguments, port), port);
            }
            catch (Leat.Changes.LeatException error) when (attempt < StartsWithNewPort && error.What.Contains("Address already in use", StringComparison.Ordinal))
            {
                continue; // somebody was faster; another port
            }
        }
    }

    /// <summary>A name that no test had before.</summary>
    public string NextDatabase() => string.Create(CultureInfo.InvariantCulture, $"t{Interlocked.Increment(ref _databases)}");

    /// <summary>How to connect.</summary>
    public string ConnectionString(string database) =>
        string.Create(CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Port};Username=leat;Database={database};Pooling=false;SSL Mode=Disable;Timeout=5");

    /// <summary>Opens a connection; dispose it.</summary>
    public async Task<NpgsqlConnection> OpenAsync(string database = "postgres")
    {
        var connection = new NpgsqlConnection(ConnectionString(database));
        await connection.OpenAsync();
        return connection;
    }

    /// <summary>Runs statements, each by itself committed.</summary>
    public async Task ExecuteAsync(string sql, string database = "postgres")
    {
        await using var connection = await OpenAsync(database);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Ends the server as a crash would (SIGQUIT to all its processes); <see cref="RestartAsync"/> brings it back.</summary>
    public Task CrashAsync() => StopAsync("-QUIT");

    /// <summary>Stops the server if it still runs and starts it again on the same port and data.</summary>
    public async Task RestartAsync()
    {
        await StopAsync("-INT");
        await _server.DisposeAsync();
        _server = await LaunchAsync(_folder, _arguments, Port);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync("-INT");
        await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    // Asked by SIGTERM it would wait until every client has gone.
    private async Task StopAsync(string signal)
    {
        if (!_server.HasExited)
            await ProgramRun.RunAsync("kill", [signal, _server.ProcessId.ToString(CultureInfo.InvariantCulture)], "", CancellationToken.None);
        try
        {
            await _server.WaitForExitAsync().WaitAsync(StopLimit, TimeProvider.System);
        }
        catch (TimeoutException)
        {
            await _server.KillAsync(); // it waits for a session that does not end
        }
    }

    private static async Task<ServerProcess> LaunchAsync(string folder, string[] arguments, int port)
    {
        var log = Path.Combine(Path.GetTempPath(), $"leat-pg-{Path.GetFileName(folder)}.log");
        File.Delete(log);
        string[] fixedArguments =
        [
            "-D", Path.Combine(folder, "data"), "-k", folder, "-p", port.ToString(CultureInfo.InvariantCulture), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off",
            "-c", "shared_buffers=64MB", "-c", "max_wal_size=256MB", "-c", "log_min_messages=fatal",
        ];
        var server = await ServerProcess.StartAsync("PostgreSQL", log, "", Command("postgres", [.. fixedArguments, .. arguments]), CancellationToken.None);
        try
        {
            await server.WaitUntilReadyAsync(_ => AnswersAsync(port), StartLimit, CancellationToken.None);
            File.Delete(log);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    private static async Task<bool> AnswersAsync(int port)
    {
        try
        {
            await using var connection = new NpgsqlConnection(string.Create(
                CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={port};Username=leat;Database=postgres;Pooling=false;SSL Mode=Disable;Timeout=2"));
            await connection.OpenAsync();
            return true;
        }
        catch (NpgsqlException)
        {
            return false; // not listening yet, or still starting
        }
    }

    private static string[] Command(string program, params string[] arguments)
    {
        string[] command = [Path.Combine(Programs ?? "", program), .. arguments];
        return Environment.IsPrivilegedProcess
            ? ["setpriv", $"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups", "env", "HOME=/tmp", .. command]
            : command;
    }
}
