using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>A replication connection: gives its events to a decoder until there is something to do, and notices when the server has gone.</summary>
internal sealed class EventStream : IAsyncDisposable
{
    private readonly string _source;
    private readonly MySqlEndpoint _endpoint;
    private readonly MySqlConnection _connection;
    private readonly IChangeWriter _writer;
    private readonly TimeSpan _silence;
    private readonly CancellationToken _stopping;
    private readonly CancellationTokenSource _silent;
    private readonly CancellationTokenRegistration _link;
    private ReadOnlyMemory<byte> _again;
    private bool _saidMore;
    private bool _isLastPart;

    /// <summary>A stream that was started on <paramref name="connection"/>, whose decoder writes to <paramref name="writer"/>.</summary>
    public EventStream(
        string source, MySqlEndpoint endpoint, MySqlConnection connection, IChangeWriter writer, TimeSpan silence, TimeProvider time, CancellationToken stopping)
    {
        (_source, _endpoint, _connection, _writer, _silence, _stopping) = (source, endpoint, connection, writer, silence, stopping);
        connection.CutOversized(); // so that a row too large to be recorded stops its own table only
        _silent = new(Timeout.InfiniteTimeSpan, time);
        _link = stopping.UnsafeRegister(static silent => ((CancellationTokenSource)silent!).Cancel(), _silent); // the state given here
    }

    /// <summary>Says whether more of the stream has arrived already, and remembers the answer: see <see cref="NextAsync"/>.</summary>
    public bool AskMore() => _saidMore = _connection.HasInput;

    /// <summary>Gives events to the decoder until one needs an answer.</summary>
    /// <param name="decoder">Who takes them.</param>
    /// <param name="oneOnly">Return after each event, so that something else can be done between.</param>
    public async ValueTask<Decoded> NextAsync(BinlogDecoder decoder, bool oneOnly)
    {
        while (true)
        {
            var decoded = Drain(decoder, oneOnly, out var isEmpty);
            if (decoded == Decoded.NeedRoom)
            {
                await _writer.WhenRoomAsync(_stopping);
                continue;
            }

            if (decoded != Decoded.Nothing || (oneOnly && !isEmpty))
                return decoded;

            // Whoever was told that more is waiting keeps a batch open for it. It was nothing worth telling, so this is.
            if (_saidMore && !decoder.InTransaction && !_connection.HasInput)
            {
                _saidMore = false;
                return Decoded.Passed;
            }

            // A transaction larger than memory is held up here, between two reads: rows themselves are taken without waiting.
            await _writer.WhenRoomAsync(_stopping);
            await ReceiveAsync();
        }
    }

    /// <summary>Lets go of the timer; the connection is the caller's.</summary>
    public async ValueTask DisposeAsync()
    {
        await _link.DisposeAsync();
        _silent.Dispose();
    }

    private Decoded Drain(BinlogDecoder decoder, bool oneOnly, out bool isEmpty)
    {
        isEmpty = false;
        while (true)
        {
            var packet = _again;
            if (packet.IsEmpty && !(decoder.TakesParts ? _connection.TryTakePart(out packet, out _isLastPart) : _connection.TryTakePacket(out packet)))
            {
                isEmpty = true;
                return Decoded.Nothing;
            }

            _again = default;
            var decoded = Give(decoder, ref packet);
            if (decoded.IsHeldUp())
                _again = packet; // stays where it is as long as nothing is received
            if (decoded != Decoded.Nothing || oneOnly)
                return decoded;
        }
    }

    // Of an event that is larger than a packet may be, the decoder is given the front; and the rest in parts, if it wants them.
    private Decoded Give(BinlogDecoder decoder, ref ReadOnlyMemory<byte> packet)
    {
        if (decoder.TakesParts)
            return decoder.ApplyPart(packet.Span, _isLastPart);
        if (!_connection.PacketIsCut)
            return decoder.Apply(EventOf(packet.Span));
        var front = EventOf(packet.Span);
        packet = packet[(packet.Length - front.Length + EventHeader.Bytes)..]; // the first part, if it is given again
        _isLastPart = false;
        return decoder.ApplyFront(front);
    }

    // Each packet is one event behind a zero byte, or an error, or the end.
    private static ReadOnlySpan<byte> EventOf(ReadOnlySpan<byte> packet)
    {
        ServerAnswer.ThrowIfError(packet);
        if (ServerAnswer.IsEof(packet))
            throw new MySqlConnectionException(ConnectionFault.Lost, "the server ended the binlog stream");
        if (packet.IsEmpty || packet[0] != ServerAnswer.Ok)
            throw MySqlFormatException.Unexpected("first byte of a binlog packet", "0", packet.IsEmpty ? -1 : packet[0]);
        return packet[1..];
    }

    // Only time spent waiting is silence: the stream may stand still for as long as a table is put into it.
    private async ValueTask ReceiveAsync()
    {
        _silent.CancelAfter(_silence);
        try
        {
            await _connection.ReceiveAsync(_silent.Token);
            _silent.CancelAfter(Timeout.InfiniteTimeSpan);
        }
        catch (OperationCanceledException) when (!_stopping.IsCancellationRequested)
        {
            throw MySqlErrors.StreamSilent(_source, _endpoint, _silence);
        }
        catch (OperationCanceledException cancelled)
        {
            throw new OperationCanceledException(cancelled.Message, cancelled, _stopping);
        }
    }
}
