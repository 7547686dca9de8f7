using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Leat.Changes;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis;

/// <summary>One signed-in connection. Used from one task at a time; after any exception it is only good for disposal.</summary>
internal sealed class RedisConnection : IAsyncDisposable
{
    private readonly RedisSinkOptions _options;
    private readonly TimeProvider _time;
    private readonly Stream _stream;
    private byte[] _received = new byte[64 * 1024];
    private int _start;
    private int _end;

    private RedisConnection(RedisSinkOptions options, TimeProvider time, Stream stream)
    {
        _options = options;
        _time = time;
        _stream = stream;
    }

    /// <summary>Where the server listens, in messages.</summary>
    public string Address => _options.Address;

    /// <summary>Takes the items of replies one by one until it has all that it waits for.</summary>
    public delegate bool ItemHandler(in RespItem item);

    /// <summary>Connects, signs in and selects the database.</summary>
    /// <exception cref="RetriableException">Nobody there, or not ready.</exception>
    /// <exception cref="PauseException">Refused.</exception>
    public static async Task<RedisConnection> OpenAsync(RedisSinkOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Stream? stream = null;
        using var limit = new CancellationTokenSource(options.ConnectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            await socket.ConnectAsync(options.Host, options.Port, either.Token);
            stream = new NetworkStream(socket, ownsSocket: true);
            if (options.Tls)
                stream = await RedisTls.ProtectAsync(stream, options, either.Token);
        }
        catch (Exception cause)
        {
            var reason = stream is null ? "no connection" : "no answer to the TLS handshake; does the port speak TLS?";
            await (stream?.DisposeAsync() ?? default);
            socket.Dispose();
            if (cause is OperationCanceledException && !cancellationToken.IsCancellationRequested)
                throw RedisErrors.Unreachable(options.Address, string.Create(CultureInfo.InvariantCulture, $"{reason} ({options.ConnectTimeout.TotalSeconds} s)"), cause);

            if (cause is SocketException or IOException)
                throw RedisErrors.Unreachable(options.Address, cause.Message, cause);
            throw;
        }

        var connection = new RedisConnection(options, time, stream);
        try
        {
            await connection.SignInAsync(cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Connects to the first of the addresses that answers and is no replica. With one address, to that.</summary>
    /// <exception cref="RetriableException">Nobody there, or not ready.</exception>
    /// <exception cref="PauseException">Refused.</exception>
    public static async Task<RedisConnection> OpenPrimaryAsync(RedisSinkOptions options, TimeProvider time, CancellationToken cancellationToken)
    {
        if (options.OtherAddresses.Count == 0)
            return await OpenAsync(options, time, cancellationToken);
        RetriableException? first = null;
        foreach (var address in options.Addresses)
        {
            try
            {
                var connection = await OpenAsync(options.At(address), time, cancellationToken);
                if (!await connection.IsReplicaAsync(cancellationToken))
                    return connection;
                await connection.DisposeAsync();
                first ??= RedisErrors.Busy(address.ToString(), "READONLY it is a replica");
            }
            catch (RetriableException unavailable)
            {
                first ??= unavailable;
            }
        }

        throw first!; // there are at least two addresses, and each has failed
    }

    /// <summary>Gives the connection a name, after closing all others that bear it: what they sent and the server has not read yet is dropped.</summary>
    /// <exception cref="PauseException">The user may not do that.</exception>
    public async ValueTask TakeNameAsync(string name, CancellationToken cancellationToken)
    {
        var bytes = Encoding.ASCII.GetBytes(name);
        var others = (await ConfirmAsync(["CLIENT"u8.ToArray(), "LIST"u8.ToArray()], RedisErrors.NotPermitted, cancellationToken)).Text
            .Split('\n').Select(line => line.Split(' ')).Where(fields => fields.Contains($"name={name}"));
        foreach (var other in others)
        {
            // One that went away by itself in the meantime is no longer there to be closed: not an error to us.
            var id = Encoding.ASCII.GetBytes(other[0]["id=".Length..]);
            await ConfirmAsync(["CLIENT"u8.ToArray(), "KILL"u8.ToArray(), "ID"u8.ToArray(), id], RedisErrors.NotPermitted, cancellationToken);
        }

        await ConfirmAsync(["CLIENT"u8.ToArray(), "SETNAME"u8.ToArray(), bytes], RedisErrors.NotPermitted, cancellationToken);
    }

    /// <summary>Sends commands and hands the items of their replies to <paramref name="handler"/> until it says that all have come.</summary>
    /// <exception cref="RetriableException">The connection was lost, or no answer came in time.</exception>
    public async ValueTask ExchangeAsync(ReadOnlyMemory<byte> commands, ItemHandler handler, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(_options.AnswerTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            await _stream.WriteAsync(commands, either.Token);
            await _stream.FlushAsync(either.Token);
            while (!HandleItems(handler))
                await ReceiveAsync(either.Token);
        }
        catch (OperationCanceledException cause) when (!cancellationToken.IsCancellationRequested)
        {
            throw RedisErrors.Lost(_options.Address, $"no answer within {_options.AnswerTimeout.TotalSeconds} s", cause);
        }
        catch (Exception cause) when (cause is IOException or SocketException or RespFormatException)
        {
            throw RedisErrors.Lost(_options.Address, cause.Message, cause);
        }
    }

    /// <summary>Sends commands and returns their replies whole. Not for the hot path.</summary>
    /// <exception cref="RetriableException">The connection was lost, or no answer came in time.</exception>
    public async ValueTask<IReadOnlyList<RespReply>> AskAsync(RespWriter commands, int replies, CancellationToken cancellationToken)
    {
        var received = new List<RespReply>(replies);
        using var limit = new CancellationTokenSource(_options.AnswerTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            await _stream.WriteAsync(commands.Written, either.Token);
            await _stream.FlushAsync(either.Token);
            while (!TakeReplies(received, replies))
                await ReceiveAsync(either.Token);
            return received;
        }
        catch (OperationCanceledException cause) when (!cancellationToken.IsCancellationRequested)
        {
            throw RedisErrors.Lost(_options.Address, $"no answer within {_options.AnswerTimeout.TotalSeconds} s", cause);
        }
        catch (Exception cause) when (cause is IOException or SocketException or RespFormatException)
        {
            throw RedisErrors.Lost(_options.Address, cause.Message, cause);
        }
    }

    /// <summary>Sends one command and returns its reply, whatever it is. Not for the hot path.</summary>
    public async ValueTask<RespReply> AskAsync(CancellationToken cancellationToken, params byte[][] command)
    {
        var writer = new RespWriter();
        writer.WriteCommand(command);
        return (await AskAsync(writer, 1, cancellationToken))[0];
    }

    /// <summary>Sends one command and returns its reply, unless that is an error.</summary>
    /// <exception cref="LeatException">It was an error.</exception>
    public async ValueTask<RespReply> NeedAsync(CancellationToken cancellationToken, params byte[][] command)
    {
        var reply = await AskAsync(cancellationToken, command);
        return reply.Kind == RespKind.Error ? throw RedisErrors.Classify(_options.Address, reply.Text) ?? RedisErrors.NotPermitted(_options.Address, reply.Text) : reply;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _stream.DisposeAsync();

    // A node of a cluster may well be one: the cluster tells who owns what.
    private async ValueTask<bool> IsReplicaAsync(CancellationToken cancellationToken)
    {
        var info = (await NeedAsync(cancellationToken, "INFO"u8.ToArray())).Text;
        return info.Contains("\nrole:slave", StringComparison.Ordinal) && !info.Contains("\ncluster_enabled:1", StringComparison.Ordinal);
    }

    private async Task SignInAsync(CancellationToken cancellationToken)
    {
        if (_options.Password is { } password)
        {
            var user = _options.User is { } name ? new[] { Encoding.UTF8.GetBytes(name) } : [];
            await ConfirmAsync(["AUTH"u8.ToArray(), .. user, Encoding.UTF8.GetBytes(password)], RedisErrors.SignInRefused, cancellationToken);
        }

        await ConfirmAsync(["PING"u8.ToArray()], RedisErrors.NotPermitted, cancellationToken);
        if (_options.Database > 0)
        {
            await ConfirmAsync(
                ["SELECT"u8.ToArray(), Encoding.ASCII.GetBytes(FormattableString.Invariant($"{_options.Database}"))],
                (address, answer) => RedisErrors.SettingRefused(address, "database", answer), cancellationToken);
        }
    }

    private async Task<RespReply> ConfirmAsync(byte[][] command, Func<string, string, LeatException> refused, CancellationToken cancellationToken)
    {
        var writer = new RespWriter();
        writer.WriteCommand(command);
        RespReply reply;
        try
        {
            reply = (await AskAsync(writer, 1, cancellationToken))[0];
        }
        catch (RetriableException lost) when (lost.InnerException is RespFormatException cause)
        {
            throw RedisErrors.NotRedis(_options.Address, cause.Message);
        }

        return reply.Kind == RespKind.Error
            ? throw RedisErrors.Classify(_options.Address, reply.Text) ?? refused(_options.Address, reply.Text)
            : reply;
    }

    private bool HandleItems(ItemHandler handler)
    {
        var reader = new RespReader(_received.AsSpan(_start, _end - _start));
        var done = false;
        while (!done && reader.TryRead(out var item))
            done = handler(item);
        _start += reader.ConsumedBytes;
        return done;
    }

    private bool TakeReplies(List<RespReply> received, int replies)
    {
        while (received.Count < replies)
        {
            var reader = new RespReader(_received.AsSpan(_start, _end - _start));
            if (!RespReply.TryRead(ref reader, out var reply) || reply is null)
                return false;
            received.Add(reply);
            _start += reader.ConsumedBytes;
        }

        return true;
    }

    private async ValueTask ReceiveAsync(CancellationToken cancellationToken)
    {
        if (_start > 0)
        {
            _received.AsSpan(_start, _end - _start).CopyTo(_received);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _received.Length)
            Array.Resize(ref _received, _received.Length * 2);
        var read = await _stream.ReadAsync(_received.AsMemory(_end), cancellationToken);
        if (read == 0)
            throw new EndOfStreamException("the server closed the connection");
        _end += read;
    }
}
