using System.Buffers.Binary;
using Leat.Connectors.MySql.Compression;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>The events of a TRANSACTION_PAYLOAD, one after the other: all of a transaction behind its GTID, compressed.</summary>
/// <remarks>
/// <code>
/// field    type, length, value, all length-encoded: 1 size of the data, 2 algorithm (0: zstd, 255: none), 3 size once inflated; type 0 ends the fields
/// data     events without checksums
/// </code>
/// What is inflated at a time is one event and little more. Source: MySQL server, <c>Transaction_payload_event</c>.
/// </remarks>
/// <param name="mostEventBytes">Largest event that is taken.</param>
internal sealed class TransactionPayload(int mostEventBytes = MySqlConnection.MaxPacketBytes) : IDisposable
{
    private const byte Zstd = 0;
    private const byte Plain = 255;
    private const int UsualBytes = 64 * 1024;

    private ZstdReader? _zstd;
    private byte[] _buffer = [];
    private int _at;
    private int _have;
    private int _dataAt;
    private int _eventBytes;
    private bool _isPlain;
    private ulong _left;

    /// <summary>Whether a payload has been begun and not ended.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Begins a payload.</summary>
    /// <param name="body">Of the event; the same is given to <see cref="TryNext"/>.</param>
    /// <exception cref="MySqlFormatException">Malformed, or compressed by something else.</exception>
    public void Open(ReadOnlySpan<byte> body)
    {
        ulong? dataBytes = null;
        ulong algorithm = Plain;
        ulong? inflated = null;
        var fields = new WireReader(body);
        for (var type = fields.ReadLength(); type != 0; type = fields.ReadLength())
        {
            var value = new WireReader(fields.ReadLengthBytes());
            switch (type)
            {
                case 1:
                    dataBytes = value.ReadLength();
                    break;
                case 2:
                    algorithm = value.ReadLength();
                    break;
                case 3:
                    inflated = value.ReadLength();
                    break;
                default:
                    break; // later servers may say more; nothing depends on it
            }
        }

        if (algorithm is not Zstd and not Plain)
            throw MySqlFormatException.Unexpected("compression of a transaction", "0 (zstd) or 255 (none)", (long)Math.Min(algorithm, long.MaxValue));
        if (dataBytes is { } bytes && bytes != (ulong)fields.RemainingBytes)
            throw MySqlFormatException.Unexpected("size of a compressed transaction", $"{fields.RemainingBytes}", (long)Math.Min(bytes, long.MaxValue));
        _isPlain = algorithm == Plain;
        _left = _isPlain ? (ulong)fields.RemainingBytes : inflated ?? throw MySqlFormatException.Unexpected("size of a transaction once inflated", "told", 0);
        _dataAt = body.Length - fields.RemainingBytes;
        (_at, _have, _eventBytes) = (0, 0, 0);
        IsOpen = true;
        if (_isPlain)
            return;
        if (_zstd is null)
            _zstd = new();
        else
            _zstd.Reset();
    }

    /// <summary>The next event, valid until the one after is asked for; false behind the last.</summary>
    /// <exception cref="MySqlFormatException">Damaged, or an event larger than any that is taken.</exception>
    public bool TryNext(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> binlogEvent)
    {
        binlogEvent = default;
        _at += _eventBytes;
        _eventBytes = 0;
        if (!Fill(body, EventHeader.Bytes))
        {
            if (_at != _have || _left != 0 || _dataAt != body.Length || !(_isPlain || _zstd is { IsAtFrameEnd: true }))
                throw MySqlFormatException.Short((int)Math.Min(_left + EventHeader.Bytes, int.MaxValue), _have - _at);
            return false;
        }

        var size = BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(_at + 9));
        if (size < EventHeader.Bytes || size > mostEventBytes)
            throw MySqlFormatException.Unexpected("binlog event size", $"{EventHeader.Bytes} to {mostEventBytes}", size);
        if (!Fill(body, (int)size))
            throw MySqlFormatException.Short((int)size, _have - _at);
        _eventBytes = (int)size;
        binlogEvent = _buffer.AsSpan(_at, _eventBytes);
        return true;
    }

    /// <summary>Gives the last event again at the next call.</summary>
    public void Repeat() => _eventBytes = 0;

    /// <summary>Ends the payload.</summary>
    public void Close()
    {
        IsOpen = false;
        if (_buffer.Length > PacketBuffer.UsualBytes)
            _buffer = [];
    }

    /// <summary>Gives the memory of the library back.</summary>
    public void Dispose() => _zstd?.Dispose();

    // Makes that many bytes stand at the front, or says that there are not as many. The buffer grows by what comes, not by what is claimed.
    private bool Fill(ReadOnlySpan<byte> body, int wanted)
    {
        while (_have - _at < wanted)
        {
            if (_at > 0 && _buffer.Length - _at < wanted)
            {
                _buffer.AsSpan(_at, _have - _at).CopyTo(_buffer);
                (_at, _have) = (0, _have - _at);
            }

            if (_have == _buffer.Length)
                Array.Resize(ref _buffer, Math.Max(UsualBytes, _buffer.Length * 2));
            var room = _buffer.AsSpan(_have);
            var before = (_dataAt, _have);
            Read(body, room);
            if ((_dataAt, _have) == before)
                return false;
        }

        return true;
    }

    private void Read(ReadOnlySpan<byte> body, Span<byte> room)
    {
        var data = body[_dataAt..];
        int got, used;
        if (_isPlain)
        {
            got = used = Math.Min(data.Length, room.Length);
            data[..got].CopyTo(room);
        }
        else
        {
            got = data.IsEmpty && _zstd is { IsAtFrameEnd: true } ? used = 0 : _zstd!.Read(data, room, out used); // made when the payload was begun
        }

        if ((ulong)got > _left)
            throw MySqlFormatException.Unexpected("size of a transaction once inflated", "what its front tells", (long)Math.Min((ulong)_have + (ulong)got, long.MaxValue));
        _left -= (ulong)got;
        _have += got;
        _dataAt += used;
    }
}
