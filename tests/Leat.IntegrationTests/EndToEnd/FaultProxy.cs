using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>What happens to a direction of a connection once so many bytes were carried.</summary>
internal enum LinkEnd
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The connection ends in both directions; what was carried before still arrives.</summary>
    Cut,

    /// <summary>This direction ends, the other goes on.</summary>
    HalfClose,

    /// <summary>Both sides are told that the connection was reset (RST); what was under way is lost.</summary>
    Reset,

    /// <summary>Nothing moves in this direction any more, until <see cref="FaultProxy.Release"/>.</summary>
    Stall,

    /// <summary>All bits of the next byte are turned over; everything else is carried.</summary>
    Flip,

    /// <summary>From here on bytes are taken and thrown away: the sender believes that they arrived.</summary>
    Swallow,
}

/// <summary>How one direction of a connection behaves. The default carries everything as it comes.</summary>
internal sealed record LinkFaults
{
    /// <summary>How long each piece takes.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>How much longer it takes at most; chosen for each piece.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>Bytes that pass in a second; <see langword="null"/>: as many as come.</summary>
    public int? BytesPerSecond { get; init; }

    /// <summary>Most bytes that are carried together; 1 parts every byte from the next.</summary>
    public int PieceBytes { get; init; } = 64 * 1024;

    /// <summary>Bytes that are carried before <see cref="Then"/>.</summary>
    public long After { get; init; }

    /// <summary>What happens after so many.</summary>
    public LinkEnd Then { get; init; }
}

/// <summary>How both directions of a connection behave.</summary>
internal sealed record ConnectionFaults
{
    /// <summary>A network without faults.</summary>
    public static ConnectionFaults None { get; } = new();

    public LinkFaults ToServer { get; init; } = new();

    public LinkFaults ToClient { get; init; } = new();

    /// <summary>Whether connections are taken and ended at once.</summary>
    public bool IsRefused { get; init; }

    /// <summary>The same in both directions.</summary>
    public static ConnectionFaults Both(LinkFaults faults) => new() { ToServer = faults, ToClient = faults };
}

/// <summary>A network between a program and a server on this machine that behaves as a test wants, for each connection anew.</summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<Carrier, bool> _open = [];
    private readonly TimeProvider _time;
    private readonly Random _random;
    private readonly int _target;
    private readonly Task _accepting;
    private TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _connections;
    private int _struck;

    /// <summary>Listens on a free port of 127.0.0.1.</summary>
    /// <param name="target">The server's port on 127.0.0.1.</param>
    /// <param name="time">Measures delays; <see langword="null"/>: the system's.</param>
    /// <param name="seed">Decides the jitter.</param>
    public FaultProxy(int target, TimeProvider? time = null, int seed = 1)
    {
        (_target, _time, _random) = (target, time ?? TimeProvider.System, new(seed));
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port; // bound on the line above
        _accepting = AcceptAsync();
    }

    /// <summary>Where to connect instead of the server.</summary>
    public int Port { get; }

    /// <summary>How a new connection behaves, by its number from 0 on.</summary>
    public Func<int, ConnectionFaults> Script { get; set; } = static _ => ConnectionFaults.None;

    /// <summary>Connections that were made.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>Directions of connections whose <see cref="LinkFaults.Then"/> has come.</summary>
    public int Struck => Volatile.Read(ref _struck);

    /// <summary>Lets everything go on that stalls.</summary>
    public void Release() =>
        Interlocked.Exchange(ref _released, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();

    /// <summary>Resets every connection that is open.</summary>
    public void ResetAll()
    {
        foreach (var carrier in _open.Keys)
            carrier.Reset();
    }

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
            {
                var client = await _listener.AcceptAsync(_stop.Token);
                connections.Add(CarryAsync(client, Script(_connections)));
                Interlocked.Increment(ref _connections);
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    private async Task CarryAsync(Socket client, ConnectionFaults faults)
    {
        using var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        using (client)
        {
            if (faults.IsRefused)
                return;
            client.NoDelay = true;
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
            }
            catch (Exception end) when (end is SocketException or OperationCanceledException)
            {
                return; // the server is down, or the test is over: so is the connection
            }

            var carrier = new Carrier(this, client, server, broken);
            _open[carrier] = true;
            await Task.WhenAll(carrier.PumpAsync(client, server, faults.ToServer), carrier.PumpAsync(server, client, faults.ToClient));
            _open.TryRemove(carrier, out _);
        }
    }

    private TimeSpan JitterOf(LinkFaults faults)
    {
        lock (_random)
            return faults.Jitter * _random.NextDouble();
    }

    /// <summary>One connection.</summary>
    private sealed class Carrier(FaultProxy proxy, Socket client, Socket server, CancellationTokenSource broken)
    {
        public void Reset()
        {
            foreach (var side in (Socket[])[client, server])
            {
                try
                {
                    side.LingerState = new(enable: true, seconds: 0); // closing it sends RST
                    side.Close();
                }
                catch (ObjectDisposedException)
                {
                    // It ended by itself just now.
                }
            }
        }

        // A side that closes in order is heard to its end by the other; one that is reset takes the other with it. What is under way arrives even when its sender is dead.
        public async Task PumpAsync(Socket from, Socket to, LinkFaults faults)
        {
            var buffer = new byte[faults.PieceBytes];
            long carried = 0;
            var then = faults.Then;
            try
            {
                while (true)
                {
                    // Up to the byte at which something happens, and not one further.
                    var room = then is LinkEnd.None or LinkEnd.Swallow ? buffer.Length : (int)Math.Min(buffer.Length, Math.Max(1, faults.After - carried));
                    if (await from.ReceiveAsync(buffer.AsMemory(0, room), broken.Token) is not (> 0 and var received))
                        break;
                    await PassAsync(faults, received);
                    if (then != LinkEnd.None && carried >= faults.After)
                    {
                        // Taken before anybody is told: whoever sees that it has come may release it at once.
                        var released = Volatile.Read(ref proxy._released).Task;
                        Interlocked.Increment(ref proxy._struck);
                        if (!await StrikeAsync(then, buffer, from, to, released))
                            return;
                        then = LinkEnd.None;
                    }

                    await to.SendAllAsync(buffer.AsMemory(0, received), broken.Token);
                    carried += received;
                }

                to.Shutdown(SocketShutdown.Send);
            }
            catch (Exception end) when (end is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                await broken.CancelAsync(); // either side is gone, or the test is over
            }
        }

        // Whether the connection goes on with what is in the buffer.
        private async Task<bool> StrikeAsync(LinkEnd end, byte[] buffer, Socket from, Socket to, Task released)
        {
            switch (end)
            {
                case LinkEnd.Cut:
                    to.Shutdown(SocketShutdown.Send); // in order, so that all before it arrives however slow the reader is
                    await broken.CancelAsync();
                    return false;
                case LinkEnd.HalfClose:
                    to.Shutdown(SocketShutdown.Send);
                    return false;
                case LinkEnd.Reset:
                    Reset();
                    await broken.CancelAsync();
                    return false;
                case LinkEnd.Stall:
                    await released.WaitAsync(broken.Token);
                    return true;
                case LinkEnd.Swallow:
                    while (await from.ReceiveAsync(buffer, broken.Token) > 0)
                    {
                    }

                    return false;
                default:
                    buffer[0] ^= 0xFF;
                    return true;
            }
        }

        private async Task PassAsync(LinkFaults faults, int bytes)
        {
            var wait = faults.Delay + proxy.JitterOf(faults);
            if (faults.BytesPerSecond is { } rate)
                wait += TimeSpan.FromSeconds((double)bytes / rate);
            if (wait > TimeSpan.Zero)
                await Task.Delay(wait, proxy._time, broken.Token);
        }
    }
}

/// <summary>Sending all of it.</summary>
internal static class SocketSending
{
    public static async Task SendAllAsync(this Socket socket, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (!bytes.IsEmpty)
            bytes = bytes[await socket.SendAsync(bytes, cancellationToken)..];
    }
}
