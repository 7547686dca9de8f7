using System.Globalization;
using Leat.Changes;
using Leat.Connectors.Redis;
using Leat.Connectors.Redis.Wire;
using Leat.Demo;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.Redis;

/// <summary>One private Redis for all tests of a class.</summary>
public sealed class RedisFixture : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("leat-redis-").FullName;
    private PrivateRedis? _server;

    public PrivateRedis Server => _server ?? throw new InvalidOperationException("not started");

    public async ValueTask InitializeAsync() => _server = await PrivateRedis.StartAsync(new() { Folder = _folder }, CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
            await _server.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    public RedisSinkOptions Options(params (string Alias, string Template)[] keys) => new()
    {
        Host = "127.0.0.1",
        Port = Server.Port,
        Keys = keys.ToDictionary(pair => pair.Alias, pair => KeyTemplate.TryParse(pair.Template, out var template) ? template : throw new ArgumentException(pair.Template)),
    };

    public static RedisSink Sink(RedisSinkOptions options) => new(options, new("p", NullLoggerFactory.Instance, TimeProvider.System));

    /// <summary>Runs one command as the server's own client would print it, on a connection of its own.</summary>
    public async Task<string> AskAsync(params string[] command)
    {
        using var client = new System.Net.Sockets.TcpClient();
        await client.ConnectAsync("127.0.0.1", Server.Port);
        var writer = new RespWriter();
        writer.WriteCommand([.. command.Select(System.Text.Encoding.UTF8.GetBytes)]);
        var stream = client.GetStream();
        await stream.WriteAsync(writer.Written);
        var buffer = new byte[1024 * 1024];
        var length = 0;
        while (true)
        {
            length += await stream.ReadAsync(buffer.AsMemory(length));
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
