using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Leat.Tests.Redis;

/// <summary>A server made of bytes: for each connection it answers PING and CLIENT, then each pipeline with the next script, whatever was asked.</summary>
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
        var text = "";
        while (true)
        {
            var read = await stream.ReadAsync(buffer, _stop.Token);
            if (read == 0)
                return;
            text += Encoding.Latin1.GetString(buffer, 0, read);
            if (text.EndsWith("PING\r\n", StringComparison.Ordinal) && (_scripts.Count == 0 || !_scripts.Peek().StartsWith("PING ", StringComparison.Ordinal)))
            {
                await stream.WriteAsync("+PONG\r\n"u8.ToArray(), _stop.Token);
            }
            else if (text.Contains("CLIENT\r\n", StringComparison.Ordinal))
            {
                await stream.WriteAsync(text.Contains("LIST", StringComparison.Ordinal) ? "$0\r\n\r\n"u8.ToArray() : "+OK\r\n"u8.ToArray(), _stop.Token);
            }
            else if (text.EndsWith("EXEC\r\n", StringComparison.Ordinal) || text.EndsWith("PING\r\n", StringComparison.Ordinal))
            {
                Received.Add(text);
                var script = _scripts.Dequeue();
                if (script.Length == 0)
                    return; // hangs up
                await stream.WriteAsync(Encoding.Latin1.GetBytes(script.Replace("PING ", "", StringComparison.Ordinal)), _stop.Token);
            }
            else
            {
                continue;
            }

            text = "";
        }
    }
}
