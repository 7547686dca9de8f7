using System.Net;
using System.Net.Sockets;

namespace Leat.IntegrationTests.PostgreSql;

/// <summary>A network that carries everything until it is armed: then the server's bytes end after so many more, and with them the connection.</summary>
internal sealed class ArmedLink : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stop = new();
    private readonly int _target;
    private readonly Task _accepting;
    private long _left = long.MaxValue;

    public ArmedLink(int target)
    {
        _target = target;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port; // bound on the line above
        _accepting = AcceptAsync();
    }

    public int Port { get; }

    /// <summary>Lets so many bytes from the server through, and then ends its connection.</summary>
    public void Arm(long bytes) => Volatile.Write(ref _left, bytes);

    /// <summary>Carries everything again.</summary>
    public void Disarm() => Volatile.Write(ref _left, long.MaxValue);

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
            await Task.WhenAll(PumpAsync(client, server, isAnswer: false, broken), PumpAsync(server, client, isAnswer: true, broken));
        }
    }

    private async Task PumpAsync(Socket from, Socket to, bool isAnswer, CancellationTokenSource broken)
    {
        var buffer = new byte[16 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, broken.Token) is > 0 and var received)
            {
                var armed = isAnswer && Volatile.Read(ref _left) < long.MaxValue;
                var passed = armed ? (int)Math.Clamp(Volatile.Read(ref _left), 0, received) : received;
                await to.SendAsync(buffer.AsMemory(0, passed), broken.Token);
                if (armed && Interlocked.Add(ref _left, -received) <= 0)
                    break;
            }
        }
        catch (Exception end) when (end is SocketException or OperationCanceledException)
        {
            // Either side is gone, or the test is over: the other direction ends too.
        }

        await broken.CancelAsync();
    }
}
