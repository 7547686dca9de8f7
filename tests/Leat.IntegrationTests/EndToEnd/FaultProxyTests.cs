using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

public sealed class FaultProxyTests : IAsyncLifetime
{
    private readonly Echo _echo = new();

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => default;

    [Fact]
    public async Task Carries_everything_in_both_directions_and_the_end()
    {
        await using var proxy = new FaultProxy(_echo.Port);
        using var client = await ConnectAsync(proxy);
        var sent = new byte[300_000];
        new Random(1).NextBytes(sent);

        var reading = ReadToEndAsync(client);
        await client.SendAllAsync(sent, Cancelled);
        client.Shutdown(SocketShutdown.Send);

        Assert.Equal(sent, await reading);
        Assert.Equal((1, 0), (proxy.Connections, proxy.Struck));
    }

    [Fact]
    public async Task Cuts_at_every_byte_of_an_answer_after_what_was_before()
    {
        await using var proxy = new FaultProxy(_echo.Port) { Script = number => new() { ToClient = new() { After = number, Then = LinkEnd.Cut } } };
        var got = new List<string>();
        for (var i = 0; i < 6; i++)
            got.Add(await AskAsync(proxy, "hello"));

        Assert.Equal(["", "h", "he", "hel", "hell", "hello"], got);
    }

    [Fact]
    public async Task Cuts_a_request_and_the_server_gets_what_was_before()
    {
        await using var proxy = new FaultProxy(_echo.Port) { Script = _ => new() { ToServer = new() { After = 3, Then = LinkEnd.HalfClose } } };

        Assert.Equal("hel", await AskAsync(proxy, "hello"));
        Assert.Equal(1, proxy.Struck);
    }

    [Fact]
    public async Task Half_closed_towards_the_client_still_carries_what_the_client_sends()
    {
        await using var proxy = new FaultProxy(_echo.Port) { Script = _ => new() { ToClient = new() { After = 2, Then = LinkEnd.HalfClose } } };
        using var client = await ConnectAsync(proxy);
        await client.SendAllAsync("hello"u8.ToArray(), Cancelled);
        Assert.Equal("he", Encoding.ASCII.GetString(await ReadToEndAsync(client)));

        await client.SendAllAsync(" again"u8.ToArray(), Cancelled);
        await _echo.HeardAsync("hello again");
    }

    [Fact]
    public async Task Resets_both_sides()
    {
        await using var proxy = new FaultProxy(_echo.Port) { Script = _ => new() { ToClient = new() { After = 2, Then = LinkEnd.Reset } } };
        using var client = await ConnectAsync(proxy);
        await client.SendAllAsync("hello"u8.ToArray(), Cancelled);

        var error = await Assert.ThrowsAsync<SocketException>(() => ReadToEndAsync(client));
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
        Assert.Equal(SocketError.ConnectionReset, await _echo.BrokenAsync());
    }

    [Fact]
    public async Task Resets_every_open_connection_when_asked()
    {
        await using var proxy = new FaultProxy(_echo.Port);
        using var client = await ConnectAsync(proxy);
        await client.SendAllAsync("hello"u8.ToArray(), Cancelled);
        await ReadAsync(client, 5);

        proxy.ResetAll();

        var error = await Assert.ThrowsAsync<SocketException>(() => ReadToEndAsync(client));
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
    }

    [Fact]
    public async Task Stalls_until_released()
    {
        await using var proxy = new FaultProxy(_echo.Port) { Script = _ => new() { ToClient = new() { After = 2, Then = LinkEnd.Stall } } };
        using var client = await ConnectAsync(proxy);
        await client.SendAllAsync("hello"u8.ToArray(), Cancelled);
        Assert.Equal("he", await ReadAsync(client, 2));
        var rest = ReadAsync(client, 3);
        await _echo.HeardAsync("hello");
        Assert.False(rest.IsCompleted);

        while (proxy.Struck == 0)
            await Task.Yield();
        proxy.Release();
        Assert.Equal("llo", await rest);
    }

    [Fact]
    public async Task Turns_over_one_byte()
    {
        await using var proxy = new FaultProxy(_echo.Port) { Script = _ => new() { ToServer = new() { After = 1, Then = LinkEnd.Flip } } };
        using var client = await ConnectAsync(proxy);
        await client.SendAllAsync("hello"u8.ToArray(), Cancelled);
        client.Shutdown(SocketShutdown.Send);

        Assert.Equal([(byte)'h', 'e' ^ 0xFF, (byte)'l', (byte)'l', (byte)'o'], await ReadToEndAsync(client));
    }

    [Fact]
    public async Task Swallows_an_answer_although_the_request_arrived()
    {
        await using var proxy = new FaultProxy(_echo.Port) { Script = _ => new() { ToClient = new() { Then = LinkEnd.Swallow } } };
        using var client = await ConnectAsync(proxy);
        var reading = ReadToEndAsync(client);
        await client.SendAllAsync("hello"u8.ToArray(), Cancelled);
        await _echo.HeardAsync("hello");
        while (proxy.Struck == 0)
            await Task.Yield();

        Assert.False(reading.IsCompleted);
        proxy.ResetAll();
        await Assert.ThrowsAsync<SocketException>(() => reading);
    }

    [Fact]
    public async Task Parts_every_byte_from_the_next()
    {
        var time = new NotedTime();
        await using var proxy = new FaultProxy(_echo.Port, time) { Script = _ => new() { ToServer = new() { PieceBytes = 1, Delay = TimeSpan.FromMilliseconds(7) } } };

        Assert.Equal("hello", await AskAsync(proxy, "hello"));
        Assert.Equal(Enumerable.Repeat(TimeSpan.FromMilliseconds(7), 5), time.Waits);
    }

    [Fact]
    public async Task Delays_by_what_was_asked_and_at_most_the_jitter_more()
    {
        var time = new NotedTime();
        var faults = new LinkFaults { PieceBytes = 1, Delay = TimeSpan.FromMilliseconds(10), Jitter = TimeSpan.FromMilliseconds(20) };
        await using var proxy = new FaultProxy(_echo.Port, time) { Script = _ => new() { ToServer = faults } };

        Assert.Equal("hello, hello", await AskAsync(proxy, "hello, hello"));
        Assert.Equal(12, time.Waits.Count);
        Assert.All(time.Waits, wait => Assert.InRange(wait.TotalMilliseconds, 10, 30));
        Assert.True(time.Waits.Distinct().Count() > 1);
    }

    [Fact]
    public async Task Lets_so_many_bytes_pass_in_a_second()
    {
        var time = new NotedTime();
        await using var proxy = new FaultProxy(_echo.Port, time) { Script = _ => new() { ToServer = new() { PieceBytes = 10, BytesPerSecond = 100 } } };

        Assert.Equal(new string('x', 100), await AskAsync(proxy, new string('x', 100)));
        Assert.Equal(1, time.Waits.Sum(wait => wait.TotalSeconds), precision: 6);
    }

    [Fact]
    public async Task Refuses_the_connections_that_the_script_names()
    {
        await using var proxy = new FaultProxy(_echo.Port) { Script = number => new() { IsRefused = number == 0 } };
        using var client = await ConnectAsync(proxy);

        Assert.Empty(await ReadToEndAsync(client));
        Assert.Equal("hello", await AskAsync(proxy, "hello"));
        Assert.Equal(2, proxy.Connections);
    }

    public ValueTask DisposeAsync() => _echo.DisposeAsync();

    private static async Task<Socket> ConnectAsync(FaultProxy proxy)
    {
        var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(IPAddress.Loopback, proxy.Port, Cancelled);
        return client;
    }

    private static async Task<string> AskAsync(FaultProxy proxy, string text)
    {
        using var client = await ConnectAsync(proxy);
        await client.SendAllAsync(Encoding.ASCII.GetBytes(text), Cancelled);
        client.Shutdown(SocketShutdown.Send);
        return Encoding.ASCII.GetString(await ReadToEndAsync(client));
    }

    private static async Task<string> ReadAsync(Socket socket, int bytes)
    {
        var buffer = new byte[bytes];
        for (var at = 0; at < bytes;)
            at += await socket.ReceiveAsync(buffer.AsMemory(at), Cancelled) is > 0 and var received ? received : throw new EndOfStreamException();
        return Encoding.ASCII.GetString(buffer);
    }

    private static async Task<byte[]> ReadToEndAsync(Socket socket)
    {
        var all = new MemoryStream();
        var buffer = new byte[4096];
        while (await socket.ReceiveAsync(buffer, Cancelled) is > 0 and var received)
            all.Write(buffer, 0, received);
        return all.ToArray();
    }

    /// <summary>Notes how long it was asked to wait, and does not.</summary>
    private sealed class NotedTime : TimeProvider
    {
        public ConcurrentQueue<TimeSpan> Waits { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Waits.Enqueue(dueTime);
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }

    /// <summary>A server that sends back what it gets.</summary>
    private sealed class Echo : IAsyncDisposable
    {
        private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        private readonly CancellationTokenSource _stop = new();
        private readonly TaskCompletionSource<SocketError> _broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly StringBuilder _heard = new();
        private readonly Task _running;

        public Echo()
        {
            _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _listener.Listen();
            Port = ((IPEndPoint)_listener.LocalEndPoint!).Port; // bound on the line above
            _running = RunAsync();
        }

        public int Port { get; }

        public Task<SocketError> BrokenAsync() => _broken.Task;

        public async Task HeardAsync(string text)
        {
            while (true)
            {
                lock (_heard)
                {
                    if (_heard.ToString() == text)
                        return;
                }

                Cancelled.ThrowIfCancellationRequested();
                await Task.Yield();
            }
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running;
            _listener.Dispose();
            _stop.Dispose();
        }

        private async Task RunAsync()
        {
            var all = new List<Task>();
            try
            {
                while (true)
                    all.Add(AnswerAsync(await _listener.AcceptAsync(_stop.Token)));
            }
            catch (OperationCanceledException)
            {
                await Task.WhenAll(all);
            }
        }

        private async Task AnswerAsync(Socket client)
        {
            using var socket = client;
            var buffer = new byte[4096];
            try
            {
                while (await client.ReceiveAsync(buffer, _stop.Token) is > 0 and var received)
                {
                    lock (_heard)
                        _heard.Append(Encoding.ASCII.GetString(buffer, 0, received));
                    await client.SendAllAsync(buffer.AsMemory(0, received), _stop.Token);
                }
            }
            catch (Exception end) when (end is SocketException or OperationCanceledException)
            {
                _broken.TrySetResult(end is SocketException broken ? broken.SocketErrorCode : SocketError.OperationAborted);
            }
        }
    }
}
