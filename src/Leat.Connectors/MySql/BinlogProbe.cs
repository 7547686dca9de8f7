using System.Buffers.Binary;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Looks into the binlog files of a server, each time on a connection of its own: what stands at a place, with what a file begins.</summary>
/// <param name="open">Opens a connection, ready for statements.</param>
internal sealed class BinlogProbe(Func<CancellationToken, ValueTask<MySqlConnection>> open)
{
    // The number of nobody: with it no replica is cut off, as one with our own number would be.
    internal const uint NoServerId = 0;

    /// <summary>Looks at one event: its header, the whole of it, and its body without a checksum. Returns whether to go on.</summary>
    public delegate bool Look(EventHeader header, ReadOnlySpan<byte> binlogEvent, ReadOnlySpan<byte> body);

    /// <summary>Gives the events of a file to <paramref name="look"/> from a place on, until that has seen enough or the binlog ends.</summary>
    /// <exception cref="MySqlServerException">There is no such file, or no event begins there.</exception>
    public async ValueTask ReadAsync(string file, uint offset, Look look, CancellationToken cancellationToken)
    {
        await using var connection = await open(cancellationToken);
        await DumpRequest.StartFileAsync(connection, file, NoServerId, cancellationToken, offset);
        var checksums = false;
        while (true)
        {
            var packet = await connection.ReadPacketAsync(cancellationToken);
            ServerAnswer.ThrowIfError(packet.Span);
            if (ServerAnswer.IsEof(packet.Span) || !Take(packet.Span, look, ref checksums))
                return;
        }
    }

    /// <summary>Whether the event that begins at a place is still the one with that CRC-32.</summary>
    public async ValueTask<bool> IsSameAsync(string file, long offset, uint crc, CancellationToken cancellationToken)
    {
        var isSame = false;
        try
        {
            await ReadAsync(file, (uint)offset, (header, binlogEvent, body) =>
            {
                if (IsAboutTheStream(header))
                    return true;
                var hasChecksum = body.Length + EventHeader.Bytes < binlogEvent.Length;
                isSame = crc == (hasChecksum ? BinaryPrimitives.ReadUInt32LittleEndian(binlogEvent[^4..]) : Crc32.Of(binlogEvent));
                return false;
            }, cancellationToken);
        }
        catch (MySqlServerException refused) when (refused.Code == MySqlErrors.MasterFatal)
        {
            return false; // beyond the file's end, or inside something else: no event begins there
        }
        catch (MySqlFormatException)
        {
            return false; // what stands there is no event
        }

        return isSame;
    }

    /// <summary>All transactions before a file: what its first events say.</summary>
    public async ValueTask<Gtids?> BeforeAsync(string file, CancellationToken cancellationToken)
    {
        Gtids? before = null;
        await ReadAsync(file, DumpRequest.FileHeadBytes, (header, _, body) =>
        {
            before = TransactionsBefore(header, body);
            return before is null && (IsAboutTheStream(header) || header.Type == EventType.StartEncryption);
        }, cancellationToken);
        return before;
    }

    /// <summary>When a file was begun.</summary>
    public async ValueTask<DateTimeOffset> BegunAsync(string file, CancellationToken cancellationToken)
    {
        var begun = DateTimeOffset.UnixEpoch;
        await ReadAsync(file, DumpRequest.FileHeadBytes, (header, _, _) =>
        {
            if (header.Type != EventType.FormatDescription)
                return true;
            begun = DateTimeOffset.FromUnixTimeSeconds(header.TimestampSeconds);
            return false;
        }, cancellationToken);
        return begun;
    }

    /// <summary>What an event at the front of a file says of the transactions before it; <see langword="null"/> when it is another.</summary>
    public static Gtids? TransactionsBefore(EventHeader header, ReadOnlySpan<byte> body)
    {
        if (header.Type == EventType.PreviousGtids)
            return MySqlGtids.Decode(body);
        if (header.Type != EventType.GtidList)
            return null;

        // 28 bits of count, 4 of flags; then domain, server and number of each. Source: MariaDB knowledge base, "GTID_LIST_EVENT".
        const uint CountMask = 0x0FFF_FFFF;
        var fields = new WireReader(body);
        var gtids = new MariaDbGtids();
        for (var left = fields.ReadUInt32() & CountMask; left > 0; left--)
        {
            var gtid = new Gtid(fields.ReadUInt32(), fields.ReadUInt32(), fields.ReadUInt64());
            if (gtid.Sequence >= gtids.SequenceOf(gtid.Domain))
                gtids.Set(gtid);
        }

        return gtids;
    }

    private static bool IsAboutTheStream(EventHeader header) =>
        header.Type is EventType.Rotate or EventType.FormatDescription || (header.Flags & EventHeader.Artificial) != 0;

    private static bool Take(ReadOnlySpan<byte> packet, Look look, ref bool checksums)
    {
        if (packet.IsEmpty || packet[0] != ServerAnswer.Ok)
            throw MySqlFormatException.Unexpected("first byte of a binlog packet", "0", packet.IsEmpty ? -1 : packet[0]);
        var binlogEvent = packet[1..];
        var header = EventHeader.Read(binlogEvent);
        var body = binlogEvent[EventHeader.Bytes..];
        const int ChecksumBytes = 4;
        if (header.Type == EventType.FormatDescription)
            checksums = body.Length > ChecksumBytes && body[^(ChecksumBytes + 1)] == 1;
        else if ((header.Flags & EventHeader.Artificial) != 0 ? Crc32.IsAtEndOf(binlogEvent) : checksums && body.Length >= ChecksumBytes)
            body = body[..^ChecksumBytes];
        return look(header, binlogEvent, body);
    }
}
