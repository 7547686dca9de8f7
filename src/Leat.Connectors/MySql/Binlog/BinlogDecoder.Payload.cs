using Leat.Connectors.MySql.Compression;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

// Compressed transactions of MySQL: one event that holds all of the others. No place inside can be resumed at.
internal sealed partial class BinlogDecoder
{
    // Between two of these, rows are taken without waiting.
    private const long BytesBetweenWaits = 8 * 1024 * 1024;

    private TransactionPayload? _payload;

    /// <summary>Whether an event above <see cref="MySqlConnection.MaxPacketBytes"/> is being read part by part.</summary>
    public bool TakesParts => _payload is { IsOpen: true, IsInParts: true };

    /// <summary>Gives back what the library for compressed transactions holds.</summary>
    public void Dispose() => _payload?.Dispose();

    private Decoded OpenPayload(ReadOnlySpan<byte> binlogEvent, EventHeader header, ReadOnlySpan<byte> body)
    {
        Open(body, body.Length);
        return GoOnInPayload(binlogEvent, header);
    }

    private Decoded OpenPayloadFront(EventHeader header, ReadOnlySpan<byte> front)
    {
        Open(front, header.SizeBytes - EventHeader.Bytes - (_checksums ? ChecksumBytes : 0));
        return ApplyPart(front, isLast: false);
    }

    private void Open(ReadOnlySpan<byte> front, long bodyBytes)
    {
        _payload ??= new();
        try
        {
            _payload.Open(front, bodyBytes);
        }
        catch (DllNotFoundException)
        {
            throw MySqlErrors.NoZstd(_source, ZstdNative.Library);
        }
    }

    /// <summary>Takes the next part of a compressed transaction while <see cref="TakesParts"/>; its end is given before the checksum, which is not verified then.</summary>
    /// <param name="part">Given again after <see cref="Decoded.NeedShape"/> and <see cref="Decoded.NeedRoom"/>.</param>
    /// <param name="isLast">Whether the event ends with it.</param>
    public Decoded ApplyPart(ReadOnlySpan<byte> part, bool isLast)
    {
        var payload = _payload ?? throw new InvalidOperationException("no payload");
        var isOver = true;
        try
        {
            var decoded = TakeNested(payload, default, part);
            var isHeldUp = decoded.IsHeldUp();
            if (!isHeldUp && payload.NeedsMore)
                payload.NextPart(isLast);
            isOver = !isHeldUp && !payload.NeedsMore;
            return decoded;
        }
        finally
        {
            if (isOver)
                payload.Close();
        }
    }

    // Also when the same event is given again, after a shape was read or the writer waited for.
    private Decoded GoOnInPayload(ReadOnlySpan<byte> binlogEvent, EventHeader header)
    {
        var payload = _payload ?? throw new InvalidOperationException("no payload");
        if (header.Type != EventType.TransactionPayload)
            throw new InvalidOperationException("the event of the payload that is open was expected again");
        var isHeldUp = false;
        try
        {
            var decoded = TakeNested(payload, binlogEvent, binlogEvent[EventHeader.Bytes..^(_checksums ? ChecksumBytes : 0)]);
            isHeldUp = decoded.IsHeldUp();
            return decoded;
        }
        finally
        {
            if (!isHeldUp)
                payload.Close();
        }
    }

    private Decoded TakeNested(TransactionPayload payload, ReadOnlySpan<byte> binlogEvent, ReadOnlySpan<byte> body)
    {
        var ended = Decoded.Nothing;
        for (long passed = 0; payload.TryNext(body, out var inner);)
        {
            var header = EventHeader.Read(inner);
            if (ended != Decoded.Nothing || header.Type is EventType.TransactionPayload or EventType.FormatDescription or EventType.Rotate)
                throw MySqlFormatException.Unexpected("type of an event in a compressed transaction", "one before its end", header.Type);
            ended = Take(binlogEvent, header, inner[EventHeader.Bytes..]);
            if (ended is Decoded.NeedShape or Decoded.NeedPrepared)
            {
                payload.Repeat();
                return ended;
            }

            passed += inner.Length;
            if (ended == Decoded.Nothing && passed > BytesBetweenWaits)
                return Decoded.NeedRoom;
        }

        return ended;
    }
}
