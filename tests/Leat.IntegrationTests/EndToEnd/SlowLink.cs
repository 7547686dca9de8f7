using System.Net;
using System.Net.Sockets;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>A network between the program and a server: everything takes a while in both directions, and what is under way arrives even when its sender is dead.</summary>
internal sealed class SlowLink : IAsyncDisposable
{
    private const int ChunkBytes = 64 * 1024;

    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stop = new();
    private readonly TimeSpan _delay;
    private readonly int _target;
    private readonly Task _accepting;

    /// <summary>Listens on a free port of 127.0.0.1.</summary>
    /// <param name="target">The server's port on 127.0.0.1.</param>
    /// <param name="delay">How long each piece takes, in each direction.</param>
    public SlowLink(int target, TimeSpan delay)
    {
        _target = target;
        _delay = delay;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port; // bound on the line above
        _accepting = AcceptAsync();
    }

    /// <summary>Where to connect instead of the server.</summary>
    public int Port { get; }

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
        using (client)
        using (var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true })
        using (var broken = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token))
        {
            client.NoDelay = true;
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
            }
            catch (Exception end) when (end is SocketException or OperationCanceledException)
            {
                return; // the server is down, or the test is over: so is the connection
            }

            await Task.WhenAll(PumpAsync(client, server, broken), PumpAsync(server, client, broken));
        }
    }

    // A side that closes in order is heard to its end by the other; one that is reset takes the other with it.
    private async Task PumpAsync(Socket from, Socket to, CancellationTokenSource broken)
    {
        var buffer = new byte[ChunkBytes];
        try
        {
            while (await from.ReceiveAsync(buffer, broken.Token) is > 0 and var received)
            {
                await Task.Delay(_delay, TimeProvider.System, broken.Token);
                await to.SendAsync(buffer.AsMemory(0, received), broken.Token);
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch (Exception end) when (end is SocketException or OperationCanceledException)
        {
            await broken.CancelAsync();
        }
    }
}
