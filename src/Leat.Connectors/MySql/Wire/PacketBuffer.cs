using System.Buffers;

namespace Leat.Connectors.MySql.Wire;

/// <summary>Cuts received bytes into packets: 3 bytes length, 1 byte sequence number, payload. No socket: bytes in, payloads out.</summary>
/// <remarks>
/// A payload of 2^24 - 1 bytes goes on in the next packet; such parts are joined in place. The buffer begins small, for most connections carry little; it has
/// 1 MiB once a receive call has filled it, grows while a larger packet arrives, and falls back to 1 MiB once that has been read. Of a packet above the limit the first part can be had, and the others are dropped as they come.
/// </remarks>
public sealed class PacketBuffer : IDisposable
{
    /// <summary>Bytes before each payload.</summary>
    public const int HeaderBytes = 4;

    /// <summary>Payload length that says: goes on in the next packet.</summary>
    public const int FullPart = 0xFFFFFF;

    /// <summary>Usual size: large enough that a receive call costs little a packet, small enough for the second-level cache.</summary>
    public const int UsualBytes = 1024 * 1024;

    /// <summary>First size.</summary>
    public const int FirstBytes = 16 * 1024;

    private readonly int _limitBytes;
    private byte[] _bytes = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private bool _rented = true;
    private int _at;
    private int _have;
    private int _payloadAt;
    private bool _dropping;
    private bool _dropIsLast;
    private int _dropLeft;

    /// <summary>A buffer that refuses packets of more than <paramref name="limitBytes"/> once joined.</summary>
    public PacketBuffer(int limitBytes) => LimitBytes = _limitBytes = limitBytes;

    /// <summary>Most bytes of a packet; can be lowered for the handshake and raised again.</summary>
    public int LimitBytes { get; set; }

    /// <summary>Whether of a packet above the limit the first part is given, <see cref="FullPart"/> bytes, instead of an exception. The limit must be larger than that.</summary>
    public bool CutsOversized { get; set; }

    /// <summary>Whether the last packet taken is only the first part of one above the limit.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Sequence number that the next packet must have.</summary>
    public byte NextSequence { get; set; }

    /// <summary>Bytes received and not taken yet.</summary>
    public int WaitingBytes => _have - _at;

    /// <summary>Where to receive more bytes; never empty. Call only after <see cref="TryTake"/> returned false.</summary>
    public Memory<byte> Free()
    {
        var isFull = _have == _bytes.Length && _bytes.Length < UsualBytes;
        if (isFull || (_at == _have && !_rented))
        {
            var usual = ArrayPool<byte>.Shared.Rent(UsualBytes);
            _bytes.AsSpan(_at, _have - _at).CopyTo(usual);
            (_at, _have) = (0, _have - _at);
            Replace(usual, rented: true);
        }
        else if (_at == _have)
        {
            _at = _have = 0;
        }
        else if (_bytes.Length - _have < _bytes.Length / 4)
        {
            MakeRoom();
        }

        return _bytes.AsMemory(_have);
    }

    /// <summary>Says how many bytes were received into <see cref="Free"/>.</summary>
    public void Received(int bytes) => _have += bytes;

    /// <summary>Takes the next packet's payload, or returns false and takes nothing when it has not fully arrived.</summary>
    /// <param name="payload">Valid until <see cref="Free"/> is called or another packet is taken.</param>
    /// <exception cref="MySqlFormatException">Over the limit, or out of sequence.</exception>
    public bool TryTake(out ReadOnlySpan<byte> payload)
    {
        payload = default;
        if (_dropping && !Drop())
            return false;
        IsCut = false;
        var waiting = _bytes.AsSpan(_at, _have - _at);
        if (waiting.Length < HeaderBytes)
            return false;
        var length = Length(waiting);
        if (length == FullPart)
            return TryTakeJoined(out payload);
        if (length > LimitBytes)
            throw MySqlFormatException.TooLarge(length, LimitBytes);
        CheckSequence(waiting[3], 0);
        if (waiting.Length < HeaderBytes + length)
            return false;

        NextSequence++;
        payload = waiting.Slice(HeaderBytes, length);
        _payloadAt = _at + HeaderBytes;
        _at += HeaderBytes + length;
        return true;
    }

    /// <summary><see cref="TryTake"/> for a caller that keeps the payload over an await.</summary>
    public bool TryTakeMemory(out ReadOnlyMemory<byte> payload)
    {
        payload = default;
        if (!TryTake(out var span))
            return false;
        payload = _bytes.AsMemory(_payloadAt, span.Length);
        return true;
    }

    /// <summary>Gives the memory back.</summary>
    public void Dispose() => Replace([], rented: false);

    private bool TryTakeJoined(out ReadOnlySpan<byte> payload)
    {
        payload = default;
        var waiting = _bytes.AsSpan(_at, _have - _at);
        long joined = 0;
        var parts = 0;
        for (var at = 0; ;)
        {
            if (waiting.Length - at < HeaderBytes)
                return false;
            var length = Length(waiting[at..]);
            joined += length;
            if (joined > LimitBytes && CutsOversized)
                return TakeFirstPart(waiting, out payload);
            if (joined > LimitBytes)
                throw MySqlFormatException.TooLarge(joined, LimitBytes);
            CheckSequence(waiting[at + 3], parts++);
            at += HeaderBytes + length;
            if (at > waiting.Length)
                return false;
            if (length < FullPart)
                break;
        }

        // All parts are here: move each over the header before it, so that the payload lies in one piece.
        var from = 0;
        var to = HeaderBytes;
        for (var part = 0; part < parts; part++)
        {
            var length = Length(waiting[from..]);
            waiting.Slice(from + HeaderBytes, length).CopyTo(waiting[to..]);
            from += HeaderBytes + length;
            to += length;
        }

        NextSequence += (byte)parts;
        payload = waiting[HeaderBytes..to];
        _payloadAt = _at + HeaderBytes;
        _at += from;
        return true;
    }

    private bool TakeFirstPart(ReadOnlySpan<byte> waiting, out ReadOnlySpan<byte> payload)
    {
        NextSequence++;
        payload = waiting.Slice(HeaderBytes, FullPart);
        _payloadAt = _at + HeaderBytes;
        _at += HeaderBytes + FullPart;
        IsCut = _dropping = true;
        (_dropLeft, _dropIsLast) = (0, false);
        return true;
    }

    /// <summary>Takes what has arrived of the rest of a packet that was cut; false when nothing has. What is not taken before the next packet is asked for is dropped.</summary>
    /// <param name="part">Valid as a payload is.</param>
    /// <param name="isLast">Whether the packet ends with it.</param>
    public bool TryTakePart(out ReadOnlyMemory<byte> part, out bool isLast)
    {
        part = default;
        isLast = false;
        while (_dropping)
        {
            part = _bytes.AsMemory(_at, Math.Min(_dropLeft, _have - _at));
            _at += part.Length;
            _dropLeft -= part.Length;
            isLast = _dropLeft == 0 && _dropIsLast;
            _dropping = !isLast;
            if (isLast || part.Length > 0)
                return true;
            if (_have - _at < HeaderBytes)
                return false;
            var header = _bytes.AsSpan(_at, HeaderBytes);
            CheckSequence(header[3], 0);
            NextSequence++;
            _at += HeaderBytes;
            _dropLeft = Length(header);
            _dropIsLast = _dropLeft < FullPart;
        }

        return false;
    }

    // Passes what has arrived of the other parts; true behind the last of them.
    private bool Drop()
    {
        while (TryTakePart(out _, out var isLast))
        {
            if (isLast)
                return true;
        }

        return false;
    }

    private void CheckSequence(byte got, int part)
    {
        var expected = (byte)(NextSequence + part);
        if (got != expected)
            throw MySqlFormatException.OutOfSequence(expected, got);
    }

    private static int Length(ReadOnlySpan<byte> header) => header[0] | header[1] << 8 | header[2] << 16;

    private void MakeRoom()
    {
        var waiting = _have - _at;
        if (waiting <= _bytes.Length / 2)
        {
            _bytes.AsSpan(_at, waiting).CopyTo(_bytes);
            (_at, _have) = (0, waiting);
            return;
        }

        // More than half is one packet still arriving. Doubling stops at the limit, headers of all parts and a full buffer beside it.
        var larger = (int)Math.Min(_bytes.Length * 2L, (long)_limitBytes + (_limitBytes / FullPart + 1) * HeaderBytes + UsualBytes);
        var grown = GC.AllocateUninitializedArray<byte>(Math.Max(larger, waiting + HeaderBytes));
        _bytes.AsSpan(_at, waiting).CopyTo(grown);
        Replace(grown, rented: false);
        (_at, _have) = (0, waiting);
    }

    private void Replace(byte[] bytes, bool rented)
    {
        if (_rented)
            ArrayPool<byte>.Shared.Return(_bytes);
        (_bytes, _rented) = (bytes, rented);
    }
}
