using System.Net;
using System.Net.Sockets;
using System.Text;
using Leat.Connectors.Redis.Wire;

namespace Leat.Tests.Redis;

/// <summary>A server made of bytes: for each connection it answers PING, CLIENT and CLUSTER, and each other request with the next script, whatever was asked.</summary>
internal sealed class FakeRedis : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Queue<string> _scripts;
    private readonly Task _serving;

    public FakeRedis(params string[] scripts)
    {
        _scripts = new(scripts);
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>What arrived, one entry for each script that was played.</summary>
    public List<string> Received { get; } = [];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Stop();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (!_stop.IsCancellationRequested)
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                await ServeAsync(client.GetStream());
            }
        }
        catch (Exception error) when (error is OperationCanceledException or IOException or ObjectDisposedException or SocketException)
        {
            // The test is over, or it closed its connection.
        }
    }

    private async Task ServeAsync(NetworkStream stream)
    {
        var buffer = new byte[1024 * 1024];
        var length = 0;
        while (true)
        {
            var read = await stream.ReadAsync(buffer.AsMemory(length), _stop.Token);
            if (read == 0)
                return;
            length += read;
            if (FirstOfWhole(buffer.AsSpan(0, length)) is not { } first)
                continue;

            var text = Encoding.Latin1.GetString(buffer, 0, length);
            length = 0;
            if (Canned(first, text) is { } answer)
            {
                await stream.WriteAsync(Encoding.Latin1.GetBytes(answer), _stop.Token);
                continue;
            }

            Received.Add(text);
            var script = _scripts.Dequeue();
            if (script.Length == 0)
                return; // hangs up
            await stream.WriteAsync(Encoding.Latin1.GetBytes(script.Replace("PING ", "", StringComparison.Ordinal)), _stop.Token);
        }
    }

    private string? Canned(string command, string text) => command switch
    {
        "PING" when _scripts.Count == 0 || !_scripts.Peek().StartsWith("PING ", StringComparison.Ordinal) => "+PONG\r\n",
        "CLIENT" => text.Contains("LIST", StringComparison.Ordinal) ? "$0\r\n\r\n" : "+OK\r\n",
        "CLUSTER" => "-ERR This instance has cluster support disabled\r\n",
        _ => null,
    };

    // The first command's name, when what has arrived is nothing but whole commands.
    private static string? FirstOfWhole(ReadOnlySpan<byte> arrived)
    {
        var reader = new RespReader(arrived);
        string? first = null;
        while (reader.ConsumedBytes < arrived.Length)
        {
            if (!RespReply.TryRead(ref reader, out var command))
                return null;
            first ??= command!.Items[0].Text;
        }

        return first;
    }
}
