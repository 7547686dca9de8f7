using System.Globalization;
using Leat.Changes;
using Leat.Connectors.Redis;
using Leat.Connectors.Redis.Wire;
using Leat.Demo;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.Redis;

/// <summary>One private Redis for all tests of a class.</summary>
public class RedisFixture : IAsyncLifetime
{
    private PrivateRedis? _server;

    public PrivateRedis Server => _server ?? throw new InvalidOperationException("not started");

    public virtual async ValueTask InitializeAsync() => _server = await PrivateRedis.StartAsync(new() { Folder = TestRunFolder.New(), Program = Program }, CancellationToken.None);

    protected virtual IReadOnlyList<string> Program => [];

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    public RedisSinkOptions Options(params (string Alias, string Template)[] keys) => new()
    {
        Host = "127.0.0.1",
        Port = Server.Port,
        Keys = keys.ToDictionary(pair => pair.Alias, pair => KeyTemplate.TryParse(pair.Template, out var template) ? template : throw new ArgumentException(pair.Template)),
    };

    public static RedisSink Sink(RedisSinkOptions options) => new(options, new("p", NullLoggerFactory.Instance, TimeProvider.System));

    /// <summary>Runs one command as the server's own client would print it, on a connection of its own.</summary>
    public Task<string> AskAsync(params string[] command) => AskAsync(Server.Port, command);

    /// <summary>The same of any server on this machine.</summary>
    public static async Task<string> AskAsync(int port, params string[] command)
    {
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync("127.0.0.1", port, TestContext.Current.CancellationToken);
        var writer = new RespWriter();
        writer.WriteCommand([.. command.Select(System.Text.Encoding.UTF8.GetBytes)]);
        var stream = client.GetStream();
        await stream.WriteAsync(writer.Written, TestContext.Current.CancellationToken);
        var buffer = new byte[1024 * 1024];
        var length = 0;
        while (true)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(length), TestContext.Current.CancellationToken);
            if (read == 0)
                throw new EndOfStreamException($"the server ended the connection before its answer was whole, after {length} bytes");
            length += read;
            var reader = new RespReader(buffer.AsSpan(0, length));
            if (RespReply.TryRead(ref reader, out var reply))
                return Print(reply!);
        }
    }

    private static string Print(RespReply reply) => reply.Kind switch
    {
        RespKind.Array => string.Join(' ', reply.Items.Select(Print)),
        RespKind.Integer => reply.Number.ToString(CultureInfo.InvariantCulture),
        _ => reply.Text,
    };
}

/// <summary>The same with Redis 8, which tests/servers fetches.</summary>
public sealed class Redis8Fixture : RedisFixture
{
    private static readonly string Root = Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"),
        "leat", "servers", "redis-8", "root");

    public static bool IsInstalled => Directory.Exists(Root);

    // Unpacked packages bring the C library that they were built for: their own loader starts them.
    public static IReadOnlyList<string> Command
    {
        get
        {
            var libraries = Directory.GetDirectories(Path.Combine(Root, "usr", "lib"), "*-linux-gnu*").Single();
            return [Directory.GetFiles(libraries, "ld-linux-*.so.*").Single(), "--library-path", libraries, Path.Combine(Root, "usr", "bin", "redis-server")];
        }
    }

    protected override IReadOnlyList<string> Program => Command;

    public override async ValueTask InitializeAsync()
    {
        if (IsInstalled)
            await base.InitializeAsync();
    }
}
