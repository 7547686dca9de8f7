using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Leat.Changes;

namespace Leat.Demo;

/// <summary>How a private Redis is started.</summary>
public sealed record PrivateRedisOptions
{
    /// <summary>Folder for its log and, when persistence is switched on by arguments, its data; created when missing.</summary>
    public required string Folder { get; init; }

    /// <summary>TCP port; 0 picks a free one. Default 0.</summary>
    public int Port { get; init; }

    /// <summary>More server arguments, e.g. <c>--requirepass</c>, <c>secret</c>.</summary>
    public IReadOnlyList<string> Arguments { get; init; } = [];

    /// <summary>The server's program with what stands before its arguments; empty: the one that is installed. Default empty.</summary>
    public IReadOnlyList<string> Program { get; init; } = [];
}

/// <summary>A Redis server of our own on a loopback port, in memory only, for the demo and for tests. Never the system's service.</summary>
public sealed class PrivateRedis : IAsyncDisposable
{
    private const int StartsWithNewPort = 3;

    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(20);

    private readonly PrivateRedisOptions _options;
    private ServerProcess _server;

    private PrivateRedis(PrivateRedisOptions options, ServerProcess server, int port)
    {
        _options = options;
        _server = server;
        Port = port;
    }

    /// <summary>Whether the server is installed.</summary>
    public static bool IsInstalled => Program is not null;

    // Debian's redis-tools carries the server's program under its checker's name, and becomes the server by the name it is called with:
    // so the package with the system service is not needed.
    private static string? Program => ProgramRun.Find("redis-server") ?? ProgramRun.Find("redis-check-rdb");

    /// <summary>TCP port on 127.0.0.1.</summary>
    public int Port { get; }

    /// <summary>Address as configuration files write it, e.g. <c>127.0.0.1:21234</c>.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>The server's process id.</summary>
    public int ProcessId => _server.ProcessId;

    /// <summary>Starts a server and returns when it answers.</summary>
    /// <exception cref="LeatException">Not installed, or it did not start; the message carries the end of its log.</exception>
    public static async Task<PrivateRedis> StartAsync(PrivateRedisOptions options, CancellationToken cancellationToken)
    {
        var folder = Path.GetFullPath(options.Folder);
        options = options with { Folder = folder };
        Directory.CreateDirectory(folder);
        for (var attempt = 1; ; attempt++)
        {
            var port = options.Port != 0 ? options.Port : FreePorts.Next();
            try
            {
                return new(options, await LaunchAsync(options, port, cancellationToken), port);
            }
            catch (LeatException error) when (options.Port == 0 && attempt < StartsWithNewPort && error.What.Contains("Address already in use", StringComparison.Ordinal))
            {
                continue; // somebody was faster; another port
            }
        }
    }

    /// <summary>Sends one command through <c>redis-cli</c> and gives what it prints, without the last line end.</summary>
    public async Task<string> CommandAsync(CancellationToken cancellationToken, params string[] command) =>
        (await ProgramRun.RunAsync(
            ProgramRun.Require("redis-cli", "redis-tools"),
            ["-h", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), .. command], input: "", cancellationToken)).TrimEnd('\n');

    /// <summary>Ends the server as a crash would (SIGKILL); <see cref="RestartAsync"/> brings it back, empty.</summary>
    public Task KillAsync() => _server.KillAsync();

    /// <summary>Stops the server if it still runs and starts it again on the same port.</summary>
    public async Task RestartAsync(CancellationToken cancellationToken)
    {
        await _server.DisposeAsync();
        _server = await LaunchAsync(_options, Port, cancellationToken);
    }

    /// <summary>Stops the server: SIGTERM, after ten seconds SIGKILL. Its folder stays.</summary>
    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private static async Task<ServerProcess> LaunchAsync(PrivateRedisOptions options, int port, CancellationToken cancellationToken)
    {
        var program = options.Program;
        if (program.Count == 0)
        {
            var link = Path.Combine(options.Folder, "redis-server");
            File.Delete(link);
            File.CreateSymbolicLink(link, Program ?? throw DemoErrors.ProgramMissing("redis-server", "redis-tools"));
            program = [link];
        }

        string[] command =
        [
            .. program, "--bind", "127.0.0.1", "--port", port.ToString(CultureInfo.InvariantCulture),
            "--dir", options.Folder, "--save", "", "--appendonly", "no", "--daemonize", "no", .. options.Arguments,
        ];
        var log = Path.Combine(options.Folder, "redis.log");
        File.Delete(log);
        var server = await ServerProcess.StartAsync("Redis", log, socket: "", command, cancellationToken);
        try
        {
            await server.WaitUntilReadyAsync(token => AnswersAsync(port, token), StartLimit, cancellationToken);
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    // PONG will do, or the demand to sign in; but not that it is still reading its data.
    private static async Task<bool> AnswersAsync(int port, CancellationToken cancellationToken)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, port), cancellationToken);
            await socket.SendAsync("PING\r\n"u8.ToArray(), cancellationToken);
            var answer = new byte[64];
            var length = await socket.ReceiveAsync(answer, cancellationToken);
            return length > 0 && !answer.AsSpan(0, length).StartsWith("-LOADING"u8);
        }
        catch (SocketException)
        {
            return false; // not listening yet
        }
    }
}
