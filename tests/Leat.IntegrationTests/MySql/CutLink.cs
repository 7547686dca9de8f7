using System.Net;
using System.Net.Sockets;

namespace Leat.IntegrationTests.MySql;

/// <summary>A network that breaks once: the first connection that carries so many bytes from the server is reset there; all others are carried whole.</summary>
internal sealed class CutLink : IAsyncDisposable
{
    private const int ChunkBytes = 16 * 1024;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _target;
    private readonly long _cutAfter;
    private readonly Task _accepting;
    private int _cuts;

    /// <summary>Listens on a free port of 127.0.0.1.</summary>
    /// <param name="target">The server's port on 127.0.0.1.</param>
    /// <param name="cutAfter">Bytes from the server after which a connection is reset.</param>
    public CutLink(int target, long cutAfter)
    {
        (_target, _cutAfter) = (target, cutAfter);
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port; // bound on the line above
        _accepting = AcceptAsync();
    }

    /// <summary>Where to connect instead of the server.</summary>
    public int Port { get; }

    /// <summary>Connections that were reset: 0 or 1.</summary>
    public int Cuts => Volatile.Read(ref _cuts);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _accepting;
        _listener.Dispose();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var connections = new List<Task>();
        try
        {
            while (true)
                connections.Add(CarryAsync(await _listener.AcceptAsync(_stop.Token)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task CarryAsync(Socket client)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        using (client)
        {
            await server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
            await Task.WhenAll(PumpAsync(client, server, long.MaxValue, broken), PumpAsync(server, client, _cutAfter, broken));
        }
    }

    private async Task PumpAsync(Socket from, Socket to, long limit, CancellationTokenSource broken)
    {
        var buffer = new byte[ChunkBytes];
        long carried = 0;
        try
        {
            while (await from.ReceiveAsync(buffer, broken.Token) is > 0 and var received)
            {
                carried += received;
                if (carried > limit && Interlocked.CompareExchange(ref _cuts, 1, 0) == 0)
                {
                    to.LingerState = new(enable: true, seconds: 0);
                    await broken.CancelAsync();
                    return;
                }

                await to.SendAsync(buffer.AsMemory(0, received), broken.Token);
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception end) when (end is SocketException or OperationCanceledException)
        {
            await broken.CancelAsync(); // either side is gone, or the test is over
        }
    }
}
