using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql.Compression;
using Leat.Connectors.MySql.Shapes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>What the reader of the stream has to do after an event.</summary>
internal enum Decoded
{
    /// <summary>Go on.</summary>
    Nothing = 0,

    /// <summary>Commit the writer's transaction.</summary>
    Commit,

    /// <summary>Nothing to write, but something to tell: a transaction without captured rows or a rolled-back one was passed, or the server lives.</summary>
    Passed,

    /// <summary>Read the shape of <see cref="BinlogDecoder.WantedShape"/>, then give the same event again.</summary>
    NeedShape,

    /// <summary>Wait until the writer has room, then give the same event again: it is one of many rows.</summary>
    NeedRoom,

    /// <summary>Wait for <see cref="PreparedTransactions.FinishAsync"/>, then commit or advance as it says.</summary>
    Prepared,
}

/// <summary>Turns binlog events into the writer's transactions and rows. No socket, no waiting: events in, calls out.</summary>
/// <remarks>
/// Rows of captured tables are decoded straight into the writer; of other events little more than the header is looked at.
/// A transaction is opened at its first captured row, so that nothing is told of those that have none.
/// </remarks>
internal sealed class BinlogDecoder
{
    private const int ChecksumBytes = 4;
    private const byte Crc32Algorithm = 1;

    private readonly string _source;
    private readonly ITableShapes _shapes;
    private readonly IChangeWriter _writer;
    private readonly RowEvents _rows;
    private readonly byte[] _transactionId = new byte[Gtid.MaxTextBytes];
    private readonly CompressedPart _inflated = new();
    private bool _checksums;
    private Gtid _gtid;
    private uint _gtidSeconds;
    private bool _standalone;
    private AlterPhase _alter;
    private bool _open;
    private int _transactionIdBytes;

    /// <summary>A decoder that goes on at a position, which it keeps up to date.</summary>
    /// <param name="source">The source's name, for messages.</param>
    /// <param name="position">Where the stream stands.</param>
    /// <param name="shapes">The captured tables.</param>
    /// <param name="writer">Who takes the changes.</param>
    /// <param name="checksums">Whether the first events, before the file describes itself, end in a checksum.</param>
    public BinlogDecoder(string source, MySqlPosition position, ITableShapes shapes, IChangeWriter writer, bool checksums)
    {
        (_source, Position, _shapes, _writer, _checksums) = (source, position, shapes, writer, checksums);
        _rows = new(source, shapes, writer);
        Prepared = new(source, position, writer);
    }

    /// <summary>Up to where transactions are passed.</summary>
    public MySqlPosition Position { get; }

    /// <summary>XA transactions under way.</summary>
    public PreparedTransactions Prepared { get; }

    /// <summary>The table whose shape is needed.</summary>
    public TableName WantedShape => _rows.WantedShape;

    /// <summary>Whether a transaction has begun and not ended.</summary>
    public bool InTransaction { get; private set; }

    /// <summary>Whether all of these transactions are passed, or are the one that the stream is in.</summary>
    public bool HasPassed(GtidPosition gtids)
    {
        var passed = Position.Gtids.Copy();
        if (InTransaction)
            passed.Set(_gtid);
        return passed.HasReached(gtids);
    }

    /// <summary>Rows told so far.</summary>
    public long Rows => _rows.Count;

    /// <summary>Takes one whole event: header, body and checksum.</summary>
    /// <exception cref="MySqlFormatException">Malformed, or its checksum does not fit.</exception>
    /// <exception cref="PauseException">Something that capture cannot pass without losing or guessing.</exception>
    public Decoded Apply(ReadOnlySpan<byte> binlogEvent)
    {
        var header = EventHeader.Read(binlogEvent);
        var body = binlogEvent[EventHeader.Bytes..];
        if (header.Type == EventType.FormatDescription)
            return DescribeFormat(binlogEvent, body);
        if (_checksums)
            body = CheckSum(binlogEvent, header);

        switch (header.Type)
        {
            case EventType.TableMap:
                return _rows.Map(body, header) ? Decoded.Nothing : Decoded.NeedShape;
            case EventType.WriteRowsV1 or EventType.WriteRowsV2 or EventType.WriteRowsCompressedV1 or EventType.WriteRowsCompressed:
                return AddRows(ChangeKind.Insert, body, header);
            case EventType.UpdateRowsV1 or EventType.UpdateRowsV2 or EventType.UpdateRowsCompressedV1 or EventType.UpdateRowsCompressed:
                return AddRows(ChangeKind.Update, body, header);
            case EventType.DeleteRowsV1 or EventType.DeleteRowsV2 or EventType.DeleteRowsCompressedV1 or EventType.DeleteRowsCompressed:
                return AddRows(ChangeKind.Delete, body, header);
            case EventType.Gtid:
                BeginGroup(body, header);
                return Decoded.Nothing;
            case EventType.Xid:
                return EndGroup(header, committed: true);
            case EventType.Query or EventType.QueryCompressed:
                return Query(body, header, moreBytes: 0);
            case EventType.ExecuteLoadQuery:
                return Query(body, header, moreBytes: 13); // file number, where the name stands, what to do with duplicates
            case EventType.XaPrepare:
                return EndXa(header, Prepared.Prepare(body, _transactionId.AsSpan(0, _transactionIdBytes), _open));
            case EventType.Rotate:
                Rotate(body);
                return Decoded.Nothing;
            default:
                Other(header, body);

                // A heartbeat is a sign of life, and says that the stream is at its end.
                return header.Type == EventType.Heartbeat && !InTransaction ? Decoded.Passed : Decoded.Nothing;
        }
    }

    private Decoded DescribeFormat(ReadOnlySpan<byte> binlogEvent, ReadOnlySpan<byte> body)
    {
        // 2 version, 50 server version, 4 time, 1 header length, one byte an event type; then 1 checksum algorithm and always its 4 bytes.
        const int LeastBytes = 2 + 50 + 4 + 1 + 1 + ChecksumBytes;
        const ushort BinlogVersion = 4;
        if (body.Length < LeastBytes)
            throw MySqlFormatException.Short(LeastBytes, body.Length);
        var version = BinaryPrimitives.ReadUInt16LittleEndian(body);
        if (version != BinlogVersion)
            throw MySqlFormatException.Unexpected("binlog version", "4", version);
        var algorithm = body[^(ChecksumBytes + 1)];
        if (algorithm > Crc32Algorithm)
            throw MySqlFormatException.Unexpected("binlog checksum algorithm", "0 or 1", algorithm);
        _checksums = algorithm == Crc32Algorithm;
        if (_checksums)
            CheckSum(binlogEvent, EventHeader.Read(binlogEvent));
        _rows.ForgetMaps();
        if (InTransaction)
            EndGroup(default, committed: false); // the server went down inside it: it never committed
        return Decoded.Nothing;
    }

    private ReadOnlySpan<byte> CheckSum(ReadOnlySpan<byte> binlogEvent, EventHeader header)
    {
        if (binlogEvent.Length < EventHeader.Bytes + ChecksumBytes)
            throw MySqlFormatException.Short(EventHeader.Bytes + ChecksumBytes, binlogEvent.Length);
        var end = binlogEvent.Length - ChecksumBytes;
        if (Crc32.Of(binlogEvent[..end]) != BinaryPrimitives.ReadUInt32LittleEndian(binlogEvent[end..]))
            throw MySqlErrors.ChecksumWrong(_source, Position, header.Type, header.SizeBytes);
        return binlogEvent[EventHeader.Bytes..end];
    }

    private Decoded AddRows(ChangeKind kind, ReadOnlySpan<byte> body, EventHeader header)
    {
        if (!_rows.IsWanted(body))
            return Decoded.Nothing;
        Open();
        _rows.Add(kind, body, header.Type);
        return Decoded.Nothing;
    }

    private void Open()
    {
        if (_open)
            return;
        _open = true;
        Prepared.Begin(_transactionId.AsSpan(0, _transactionIdBytes), _gtidSeconds * 1_000_000L);
    }

    private void BeginGroup(ReadOnlySpan<byte> body, EventHeader header)
    {
        const byte Standalone = 1;
        var fields = new WireReader(body);
        var sequence = fields.ReadUInt64();
        _gtid = new(fields.ReadUInt32(), header.ServerId, sequence);
        var flags = fields.ReadByte();
        _transactionIdBytes = _gtid.Format(_transactionId);
        _gtidSeconds = header.TimestampSeconds;
        _standalone = (flags & Standalone) != 0;
        _alter = AlterPhases.Read(ref fields, flags);
        InTransaction = true;
    }

    private Decoded EndGroup(EventHeader header, bool committed)
    {
        var told = _open;
        _open = InTransaction = false;
        Prepared.Reset();
        if (told && !committed)
            _writer.Rollback();
        if (header.SizeBytes == 0)
            return Decoded.Nothing;
        Position.Gtids.Set(_gtid);
        Position.Shapes = _shapes.Newest;
        Position.Offset = NextOffset(header.NextPositionBytes);
        return told && committed ? Decoded.Commit : Decoded.Passed;
    }

    // Headers carry 32 bits of an offset that can pass 4 GiB; newer servers write 0 inside transactions, which says nothing.
    private long NextOffset(uint low)
    {
        const uint NearTheEnd = 0xC000_0000;
        const uint NearTheFront = 0x4000_0000;
        if (low == 0)
            return 0;
        var wrapped = (uint)Position.Offset > NearTheEnd && low < NearTheFront;
        return (Position.Offset & ~0xFFFF_FFFFL | low) + (wrapped ? 0x1_0000_0000L : 0);
    }

    private Decoded Query(ReadOnlySpan<byte> body, EventHeader header, int moreBytes)
    {
        var query = QueryEvent.Read(body, moreBytes);
        if (header.Type == EventType.QueryCompressed)
            query = query.WithText(_inflated.Inflate(query.Text));
        var text = query.Text;
        if (text.SequenceEqual("BEGIN"u8))
            return Decoded.Nothing;
        if (text.SequenceEqual("COMMIT"u8))
            return EndGroup(header, committed: true);
        if (text.StartsWith("XA "u8))
            return XaStatement(text, header);
        Statement(query.Statement(_shapes.CharsetOf), Encoding.UTF8.GetString(query.Database), query.SqlMode, out var ends, out var committed);
        return ends || _standalone ? EndGroup(header, committed) : Decoded.Nothing;
    }

    private void Statement(string sql, string database, ulong sqlMode, out bool ends, out bool committed)
    {
        ends = false;
        committed = true;
        switch (StatementText.KindOf(sql))
        {
            case StatementKind.Commit:
                ends = true;
                break;
            case StatementKind.Rollback:
                ends = true;
                committed = false;
                break;
            case StatementKind.RollbackToSavepoint when _open:
                throw MySqlErrors.PartialRollback(_source, _gtid);
            case StatementKind.RowsAsStatement:
                if (Mentioned(sql, database) is { } changed)
                    throw MySqlErrors.StatementFormat(_source, _gtid, changed, sql);
                break;
            case StatementKind.Definition when _alter is AlterPhase.None or AlterPhase.Commit:
                Defined(_shapes.Apply(sql, database, sqlMode, _gtid.ToString()));
                break;
        }
    }

    // A statement that defines, empties, drops or renames tables. Those that have lost their rows are told so, in its transaction.
    private void Defined(StatementEffect effect)
    {
        foreach (var schema in effect.Emptied)
        {
            Open();
            _writer.BeginRow(0);
            _writer.EndRow(ChangeKind.Truncate, schema, 0, 0);
        }

        if (effect.TouchesShapes)
            _rows.ForgetPrograms();
        if (effect.ReadAgain.Count > 0)
            throw MySqlErrors.RowsUnseen(_source, _gtid.ToString(), effect.ReadAgain[0].Table, effect.ReadAgain[0].Reason);
    }

    private TableName? Mentioned(string sql, string database)
    {
        foreach (var table in _shapes.Known)
        {
            if (StatementText.Mentions(sql, database, table))
                return table;
        }

        return null;
    }

    // The server names the file also when a stream begins, whose place in that file we may know better.
    private void Rotate(ReadOnlySpan<byte> body)
    {
        var fields = new WireReader(body);
        var offset = (long)fields.ReadUInt64();
        if (Position.HasFile(fields.Rest))
            return;
        Position.Offset = offset;
        Position.SetFile(fields.Rest);
    }

    private void Other(EventHeader header, ReadOnlySpan<byte> body)
    {
        if (header.Type == EventType.Incident)
            throw MySqlErrors.Incident(_source, Position, IncidentText(body));
        if (!EventType.ChangesNothing(header.Type) && (header.Flags & EventHeader.Ignorable) == 0)
            throw MySqlErrors.UnknownEvent(_source, Position, header.Type);
        if (!InTransaction && header.NextPositionBytes > Position.Offset)
            Position.Offset = header.NextPositionBytes; // what stands between transactions: a quiet stream is at its file's end
    }

    // Two bytes of what happened (1: events were lost), then the server's words behind their length.
    private static string IncidentText(ReadOnlySpan<byte> body)
    {
        var fields = new WireReader(body);
        var number = fields.ReadUInt16();
        var text = Encoding.UTF8.GetString(fields.RemainingBytes > 0 ? fields.ReadBytes(fields.ReadByte()) : default);
        return text.Length > 0 ? text : string.Create(CultureInfo.InvariantCulture, $"incident {number}");
    }

    // Statements of XA are groups of their own, but for the first and the last of those that prepare.
    private Decoded XaStatement(ReadOnlySpan<byte> sql, EventHeader header)
    {
        var toFinish = Prepared.Statement(sql, _transactionId.AsSpan(0, _transactionIdBytes), _gtidSeconds * 1_000_000L, out var ends);
        return ends ? EndXa(header, toFinish) : Decoded.Nothing;
    }

    private Decoded EndXa(EventHeader header, bool toFinish)
    {
        _open = false; // what is open is neither committed nor dropped, but finished
        EndGroup(header, committed: true);
        return toFinish ? Decoded.Prepared : Decoded.Passed;
    }
}
