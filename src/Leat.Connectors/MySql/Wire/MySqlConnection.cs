using System.Buffers;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;

namespace Leat.Connectors.MySql.Wire;

/// <summary>One connection to a MySQL-protocol server: signs in, runs commands one after another, or carries a replication stream.</summary>
/// <remarks>For one user at a time. After any exception but <see cref="MySqlServerException"/> it is unusable and only to be disposed.</remarks>
public sealed class MySqlConnection : IAsyncDisposable
{
    /// <summary>Most bytes of one packet taken from a server, 64 MiB: the largest record of the log.</summary>
    public const int MaxPacketBytes = 64 * 1024 * 1024;

    // Command numbers. Source: MariaDB knowledge base, "Text Protocol".
    private const byte ComQuit = 1;
    private const byte ComQuery = 3;
    private const byte ComPing = 14;

    private readonly Socket _socket;
    private readonly PacketBuffer _buffer = new(MaxPacketBytes);
    private Stream _stream;

    private MySqlConnection(Socket socket, ServerHandshake hello)
    {
        _socket = socket;
        _stream = new NetworkStream(socket, ownsSocket: false);
        Server = hello;
    }

    /// <summary>What the server said of itself.</summary>
    public ServerHandshake Server { get; private set; }

    /// <summary>Whether another command can be sent.</summary>
    public bool IsUsable { get; private set; } = true;

    /// <summary>Whether received bytes are waiting to be read, here or in the system.</summary>
    public bool HasInput => _buffer.WaitingBytes > 0 || _socket.Available > 0;

    /// <summary>Whether the last packet taken is only the front of one above <see cref="MaxPacketBytes"/>; only after <see cref="CutOversized"/>.</summary>
    public bool PacketIsCut => _buffer.IsCut;

    internal bool MoreAnswers { get; set; }

    /// <summary>Connects and signs in.</summary>
    /// <exception cref="MySqlConnectionException">Unreachable, no trusted TLS, or a sign-in that is not ours to give.</exception>
    /// <exception cref="MySqlServerException">The server refuses: wrong password (1045), too many connections (1040), host not allowed (1130).</exception>
    /// <exception cref="MySqlFormatException">What answers is not a MySQL-protocol server.</exception>
    public static async ValueTask<MySqlConnection> OpenAsync(MySqlEndpoint endpoint, TimeProvider time, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(endpoint.ConnectTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        var socket = endpoint.Socket is null
            ? new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }
            : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        MySqlConnection? connection = null;
        try
        {
            if (endpoint.Socket is null)
            {
                await socket.ConnectAsync(endpoint.Host, endpoint.Port, either.Token);
                KeepAlive(socket);
            }
            else
            {
                await socket.ConnectAsync(new UnixDomainSocketEndPoint(endpoint.Socket), either.Token);
            }

            connection = new(socket, new("", 0, 0, [], ""));
            await connection.SignInAsync(endpoint, either.Token);
            return connection;
        }
        catch (Exception problem)
        {
            if (connection is not null)
            {
                connection.IsUsable = false; // not signed in: nothing to say goodbye to
                await connection.DisposeAsync();
            }

            socket.Dispose();
            if (timeout.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
                throw new MySqlConnectionException(ConnectionFault.Unreachable, $"no answer in {endpoint.ConnectTimeout.TotalSeconds:0.#} s", problem);
            if (problem is SocketException or MySqlConnectionException { Fault: ConnectionFault.Lost })
                throw new MySqlConnectionException(ConnectionFault.Unreachable, problem.Message, problem);
            throw;
        }
    }

    /// <summary>Runs a command that may give rows.</summary>
    public ValueTask<MySqlResult> QueryAsync(string sql, CancellationToken cancellationToken) => QueryAsync(Encoding.UTF8.GetBytes(sql), cancellationToken);

    /// <summary>Runs a command in UTF-8 that may give rows.</summary>
    public async ValueTask<MySqlResult> QueryAsync(ReadOnlyMemory<byte> sql, CancellationToken cancellationToken)
    {
        await SendAsync(ComQuery, sql, cancellationToken);
        return await ReadAnswerAsync(cancellationToken);
    }

    /// <summary>Runs a command for its effect.</summary>
    public ValueTask<Executed> ExecuteAsync(string sql, CancellationToken cancellationToken) =>
        ExecuteAsync(Encoding.UTF8.GetBytes(sql), cancellationToken);

    /// <summary>Runs a command, or with <see cref="MySqlEndpoint.MultiStatements"/> several, for the effect; affected rows and warnings are summed up.</summary>
    /// <param name="sql">UTF-8; up to the server's <c>max_allowed_packet</c>. Not copied when large: unchanged until this returns.</param>
    /// <param name="cancellationToken">Gives up waiting; the connection is unusable then.</param>
    /// <exception cref="MySqlServerException">The first statement that failed; later ones were not run.</exception>
    public ValueTask<Executed> ExecuteAsync(ReadOnlyMemory<byte> sql, CancellationToken cancellationToken) => ExecuteAsync(sql, each: null, cancellationToken);

    /// <summary>The same, and tells what each statement did.</summary>
    /// <param name="sql">As above.</param>
    /// <param name="each">Gets the affected rows of each statement; <see langword="null"/>: nobody asks.</param>
    /// <param name="cancellationToken">As above.</param>
    /// <exception cref="MySqlServerException">The first statement that failed; later ones were not run.</exception>
    public async ValueTask<Executed> ExecuteAsync(ReadOnlyMemory<byte> sql, List<long>? each, CancellationToken cancellationToken)
    {
        await SendAsync(ComQuery, sql, cancellationToken);
        var total = default(Executed);
        do
        {
            var payload = await ReadPacketAsync(cancellationToken);
            ServerAnswer.ThrowIfError(payload.Span);
            if (!payload.IsEmpty && payload.Span[0] == ServerAnswer.Ok)
            {
                var one = ServerAnswer.ReadOk(payload.Span, out var more);
                MoreAnswers = more;
                each?.Add(one.AffectedRows);
                total = new(total.AffectedRows + one.AffectedRows, one.LastInsertId, total.Warnings + one.Warnings);
                continue;
            }

            await using var rows = new MySqlResult(this, await ReadColumnsAsync(payload, cancellationToken));
            while (await rows.ReadRowAsync(cancellationToken))
            {
                // Rows of a command run for its effect are of no interest.
            }
        }
        while (MoreAnswers);
        return total;
    }

    /// <summary>Asks whether the server is still there.</summary>
    public async ValueTask PingAsync(CancellationToken cancellationToken)
    {
        await SendAsync(ComPing, ReadOnlyMemory<byte>.Empty, cancellationToken);
        ServerAnswer.ThrowIfError((await ReadPacketAsync(cancellationToken)).Span);
    }

    /// <summary>Sends a command whose answer the caller reads packet by packet.</summary>
    public async ValueTask SendAsync(byte command, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(!IsUsable, this);
        MoreAnswers = false;
        _buffer.NextSequence = 0;
        await WriteAsync(command, body, cancellationToken);
    }

    /// <summary>From now on a packet above <see cref="MaxPacketBytes"/> is no failure: its first 16 MiB are given, and the rest is dropped.</summary>
    public void CutOversized() => _buffer.CutsOversized = true;

    /// <summary>Takes the next packet of those already received; false when none has fully arrived.</summary>
    /// <param name="payload">Valid until the next call of this object.</param>
    public bool TryTakePacket(out ReadOnlyMemory<byte> payload)
    {
        try
        {
            return _buffer.TryTakeMemory(out payload);
        }
        catch (MySqlFormatException)
        {
            IsUsable = false;
            throw;
        }
    }

    /// <summary>Takes what has arrived of the rest of a packet of which <see cref="PacketIsCut"/> was true; what is not taken so is dropped.</summary>
    /// <param name="part">Valid until the next call of this object.</param>
    /// <param name="isLast">Whether the packet ends with it.</param>
    public bool TryTakePart(out ReadOnlyMemory<byte> part, out bool isLast) => _buffer.TryTakePart(out part, out isLast);

    /// <summary>Waits for more bytes. Only after <see cref="TryTakePacket"/> returned false.</summary>
    public async ValueTask ReceiveAsync(CancellationToken cancellationToken)
    {
        try
        {
            var received = await _stream.ReadAsync(_buffer.Free(), cancellationToken);
            if (received == 0)
                throw new MySqlConnectionException(ConnectionFault.Lost, "the server closed the connection");
            _buffer.Received(received);
        }
        catch (IOException lost)
        {
            IsUsable = false;
            throw new MySqlConnectionException(ConnectionFault.Lost, lost.Message, lost);
        }
        catch
        {
            IsUsable = false; // cancelled or closed: where the next packet starts is not known
            throw;
        }
    }

    /// <summary>Says goodbye if possible, and closes.</summary>
    public async ValueTask DisposeAsync()
    {
        if (IsUsable)
        {
            IsUsable = false;
            try
            {
                _buffer.NextSequence = 0;
                await WriteAsync(ComQuit, ReadOnlyMemory<byte>.Empty, CancellationToken.None);
            }
            catch (MySqlConnectionException)
            {
                // Gone already; there is nobody to say goodbye to.
            }
        }

        await _stream.DisposeAsync();
        _socket.Dispose();
        _buffer.Dispose();
    }

    internal async ValueTask<ReadOnlyMemory<byte>> ReadPacketAsync(CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> payload;
        while (!TryTakePacket(out payload))
            await ReceiveAsync(cancellationToken);
        return payload;
    }

    private async ValueTask<MySqlResult> ReadAnswerAsync(CancellationToken cancellationToken)
    {
        var payload = await ReadPacketAsync(cancellationToken);
        ServerAnswer.ThrowIfError(payload.Span);
        if (payload.IsEmpty || payload.Span[0] != ServerAnswer.Ok)
            return new(this, await ReadColumnsAsync(payload, cancellationToken));
        ServerAnswer.ReadOk(payload.Span, out _);
        return new(this, []);
    }

    private async ValueTask<ResultColumn[]> ReadColumnsAsync(ReadOnlyMemory<byte> payload, CancellationToken cancellationToken)
    {
        var count = ColumnCount(payload.Span);
        var columns = new ResultColumn[count];
        for (var i = 0; i < count; i++)
            columns[i] = ResultColumn.Read((await ReadPacketAsync(cancellationToken)).Span);
        var end = await ReadPacketAsync(cancellationToken);
        if (!ServerAnswer.IsEof(end.Span))
            throw MySqlFormatException.Unexpected("end of columns", "an EOF packet", end.Length);
        return columns;
    }

    private static int ColumnCount(ReadOnlySpan<byte> payload)
    {
        // We never announce that we could send files: a server that asks for one is up to no good.
        if (!payload.IsEmpty && payload[0] == ServerAnswer.LocalFile)
            throw MySqlFormatException.LocalFile(Encoding.UTF8.GetString(payload[1..]));
        var fields = new WireReader(payload);
        var count = fields.ReadLength();
        const int MostColumns = 4096; // the server's own limit of a table and of a select list
        return count is > 0 and <= MostColumns ? (int)count : throw MySqlFormatException.Unexpected("number of columns", $"1 to {MostColumns}", (long)count);
    }

    private async ValueTask SignInAsync(MySqlEndpoint endpoint, CancellationToken cancellationToken)
    {
        const int HandshakeLimitBytes = 64 * 1024;
        _buffer.LimitBytes = HandshakeLimitBytes;
        Server = ServerHandshake.Read((await ReadPacketAsync(cancellationToken)).Span);
        var capabilities = Capabilities.LongPassword | Capabilities.LongFlag | Capabilities.Protocol41 | Capabilities.Transactions
            | Capabilities.SecureConnection | Capabilities.PluginAuth
            | (endpoint.MultiStatements ? Capabilities.MultiStatements | Capabilities.MultiResults : 0) | (endpoint.CountsFoundRows ? Capabilities.FoundRows : 0);
        if (endpoint.Tls != TlsMode.Off)
        {
            if ((Server.Offered & Capabilities.Tls) == 0)
                throw new MySqlConnectionException(ConnectionFault.Tls, "the server offers no TLS");
            capabilities |= Capabilities.Tls;
            await WriteAsync(null, ClientHandshake.TlsRequest(capabilities), cancellationToken);
            if (_buffer.WaitingBytes != 0)
                throw new MySqlConnectionException(ConnectionFault.Tls, "the server sent clear text where the TLS handshake begins");
            _stream = await TlsUpgrade.RunAsync(_stream, endpoint, cancellationToken);
        }

        var exchange = new SignInExchange(endpoint, Server, await ReadPublicKeyAsync(endpoint, cancellationToken));
        await WriteAsync(null, ClientHandshake.SignIn(capabilities, endpoint.User, exchange.Plugin, exchange.Begin()), cancellationToken);
        while (exchange.GoesOn((await ReadPacketAsync(cancellationToken)).Span, out var answer))
        {
            if (answer is not null)
                await WriteAsync(null, answer, cancellationToken);
        }

        _buffer.LimitBytes = MaxPacketBytes;
    }

    private static async ValueTask<string?> ReadPublicKeyAsync(MySqlEndpoint endpoint, CancellationToken cancellationToken)
    {
        if (endpoint.ServerPublicKeyFile is not { } file)
            return null;
        try
        {
            return await File.ReadAllTextAsync(file, cancellationToken);
        }
        catch (Exception problem) when (problem is IOException or UnauthorizedAccessException)
        {
            throw new MySqlConnectionException(ConnectionFault.ServerKey, problem.Message, problem);
        }
    }

    // Sends one packet, or as many as a body of 16 MiB and more needs. Small ones leave in one call.
    private async ValueTask WriteAsync(byte? command, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        const int CopyBytes = 256 * 1024;
        var total = body.Length + (command is null ? 0 : 1);
        var rented = ArrayPool<byte>.Shared.Rent(Math.Min(total, CopyBytes) + PacketBuffer.HeaderBytes + 1);
        try
        {
            var sent = 0;
            int part;
            do
            {
                part = Math.Min(total - sent, PacketBuffer.FullPart);
                var front = WriteHeader(rented, part, sent == 0 ? command : null);
                var from = sent == 0 || command is null ? sent : sent - 1;
                var content = body.Slice(from, part - (front - PacketBuffer.HeaderBytes));
                if (content.Length <= CopyBytes)
                {
                    content.CopyTo(rented.AsMemory(front));
                    await _stream.WriteAsync(rented.AsMemory(0, front + content.Length), cancellationToken);
                }
                else
                {
                    await _stream.WriteAsync(rented.AsMemory(0, front), cancellationToken);
                    await _stream.WriteAsync(content, cancellationToken);
                }

                sent += part;
            }
            while (part == PacketBuffer.FullPart);
        }
        catch (IOException lost)
        {
            IsUsable = false;
            throw new MySqlConnectionException(ConnectionFault.Lost, lost.Message, lost);
        }
        catch
        {
            IsUsable = false; // half a packet may have left
            throw;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private int WriteHeader(byte[] target, int length, byte? command)
    {
        (target[0], target[1], target[2], target[3]) = ((byte)length, (byte)(length >> 8), (byte)(length >> 16), _buffer.NextSequence++);
        if (command is null)
            return PacketBuffer.HeaderBytes;
        target[PacketBuffer.HeaderBytes] = command.Value;
        return PacketBuffer.HeaderBytes + 1;
    }

    // A peer that lost power never says so: half a minute of silence to the system's probes closes the connection.
    private static void KeepAlive(Socket socket)
    {
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 15);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
        socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 3);
    }
}
