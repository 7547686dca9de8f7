using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql.Compression;
using Leat.Connectors.MySql.Shapes;
using Leat.Connectors.MySql.Snapshots;
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

    /// <summary>Give <see cref="PreparedTransactions"/> the one that it calls <see cref="PreparedTransactions.Unknown"/>, then the same event again.</summary>
    NeedPrepared,
}

/// <summary>What an answer says of the event.</summary>
internal static class DecodedAnswers
{
    /// <summary>Whether the same event is to be given again.</summary>
    public static bool IsHeldUp(this Decoded decoded) => decoded is Decoded.NeedShape or Decoded.NeedRoom or Decoded.NeedPrepared;
}

/// <summary>Turns binlog events into the writer's transactions and rows. No socket, no waiting: events in, calls out.</summary>
/// <remarks>
/// Rows of captured tables are decoded straight into the writer; of other events little more than the header is looked at.
/// A transaction is opened at its first captured row, so that nothing is told of those that have none.
/// </remarks>
internal sealed partial class BinlogDecoder : IDisposable
{
    private const int ChecksumBytes = 4;
    private const byte Crc32Algorithm = 1;

    private readonly string _source;
    private readonly ITableShapes _shapes;
    private readonly IChangeWriter _writer;
    private readonly RowEvents _rows;
    private readonly CurrentTransaction _transaction = new();
    private readonly FilePlace _place = new();
    private readonly CompressedPart _inflated = new();
    private bool _checksums;
    private bool _isDescribed;
    private bool _isRepeated;
    private bool _open;
    private long _leastOffset;
    private List<TableName>? _readAgain;

    /// <summary>A decoder that goes on at a position, which it keeps up to date.</summary>
    /// <param name="source">The source's name, for messages.</param>
    /// <param name="position">Where the stream stands.</param>
    /// <param name="shapes">The captured tables.</param>
    /// <param name="writer">Who takes the changes.</param>
    /// <param name="checksums">Whether the first events, before the file describes itself, end in a checksum.</param>
    public BinlogDecoder(string source, MySqlPosition position, ITableShapes shapes, IChangeWriter writer, bool checksums)
    {
        (_source, Position, _shapes, _writer, _checksums) = (source, position, shapes, writer, checksums);
        _rows = new(source, shapes, writer) { MayPass = (table, reason) => Unread?.TryPass(table, TransactionName, reason) is true };
        Prepared = new(position, writer);
    }

    /// <summary>Up to where transactions are passed.</summary>
    public MySqlPosition Position { get; }

    /// <summary>Tables whose rows were changed by a statement without being told, since the last call: they have to be read again.</summary>
    public IReadOnlyList<TableName>? TakeReadAgain()
    {
        var tables = _readAgain;
        _readAgain = null;
        return tables;
    }

    /// <summary>The writer itself, where it keeps the heartbeat table's rows back; else <see langword="null"/>.</summary>
    public WatchingWriter? Watching { get; init; }

    /// <summary>Tables that will be read as a whole; <see langword="null"/>: none.</summary>
    public IUnreadTables? Unread { get; init; }

    /// <summary>XA transactions under way.</summary>
    public PreparedTransactions Prepared { get; }

    /// <summary>The table whose shape is needed.</summary>
    public TableName WantedShape => _rows.WantedShape;

    /// <summary>Whether a transaction has begun and not ended.</summary>
    public bool InTransaction { get; private set; }

    /// <summary>Where in its file the last transaction begins, in bytes; -1: not known.</summary>
    public long TransactionOffset { get; private set; } = -1;

    /// <summary>The server's name of the last transaction.</summary>
    public string TransactionName => _transaction.ToString();

    /// <summary>Whether the set that a file begins with is taken as the position's, when that has none yet: so a server that has got GTIDs is followed by them.</summary>
    public bool AdoptsGtids { get; init; }

    /// <summary>Whether all up to a place is passed, or is of the transaction that the stream is in.</summary>
    public bool HasPassed(MySqlPosition place)
    {
        var passed = new MySqlPosition();
        passed.CopyFrom(Position);
        if (InTransaction)
            _transaction.AddTo(passed);
        return passed.HasReached(place);
    }

    /// <summary>Rows told so far.</summary>
    public long Rows => _rows.Count;

    /// <summary>Takes one whole event: header, body and checksum.</summary>
    /// <exception cref="MySqlFormatException">Malformed, or its checksum does not fit.</exception>
    /// <exception cref="PauseException">Something that capture cannot pass without losing or guessing.</exception>
    public Decoded Apply(ReadOnlySpan<byte> binlogEvent)
    {
        var header = EventHeader.Read(binlogEvent);
        if (_payload is { IsOpen: true })
            return GoOnInPayload(binlogEvent, header);
        var body = binlogEvent[EventHeader.Bytes..];
        if (header.Type == EventType.FormatDescription)
            return DescribeFormat(binlogEvent, body);
        if (!_isDescribed && header.Type == EventType.Rotate)
            _checksums = Crc32.IsAtEndOf(binlogEvent);
        if (_checksums)
            body = CheckSum(binlogEvent, header);
        if (!_isRepeated)
        {
            Position.PassedBytes += header.SizeBytes;
            Move(header);
        }

        _isRepeated = false;
        return header.Type == EventType.TransactionPayload ? OpenPayload(binlogEvent, header, body) : Take(binlogEvent, header, body);
    }

    // An event of the stream, or of a payload; then the payload is the event that stands in the file.
    private Decoded Take(ReadOnlySpan<byte> binlogEvent, EventHeader header, ReadOnlySpan<byte> body)
    {
        switch (header.Type)
        {
            case EventType.TableMap:
                _isRepeated = !_rows.Map(body, header);
                return _isRepeated ? Decoded.NeedShape : Decoded.Nothing;
            case EventType.WriteRowsV1 or EventType.WriteRowsV2 or EventType.WriteRowsCompressedV1 or EventType.WriteRowsCompressed:
                return AddRows(ChangeKind.Insert, body, header);
            case EventType.UpdateRowsV1 or EventType.UpdateRowsV2 or EventType.UpdateRowsCompressedV1 or EventType.UpdateRowsCompressed
                or EventType.PartialUpdateRows:
                return AddRows(ChangeKind.Update, body, header);
            case EventType.DeleteRowsV1 or EventType.DeleteRowsV2 or EventType.DeleteRowsCompressedV1 or EventType.DeleteRowsCompressed:
                return AddRows(ChangeKind.Delete, body, header);
            case EventType.Xid:
                return EndGroup(binlogEvent, committed: true);
            case EventType.Query or EventType.QueryCompressed:
                return Query(binlogEvent, body, header, moreBytes: 0);
            case EventType.ExecuteLoadQuery:
                return Query(binlogEvent, body, header, moreBytes: 13); // file number, where the name stands, what to do with duplicates
            case EventType.XaPrepare:
                return EndXa(binlogEvent, Prepared.Prepare(body, _transaction.Id, _open));
            case EventType.Rotate:
                Rotate(body);
                return Decoded.Nothing;
            case EventType.Heartbeat or EventType.HeartbeatV2:
                return Heartbeat(header, body);
            case var type when EventType.BeginsGroup(type):
                BeginGroup(body, header);
                return Decoded.Nothing;
            default:
                Other(binlogEvent, header, body);
                return Decoded.Nothing;
        }
    }

    /// <summary>Takes the front of an event above <see cref="MySqlConnection.MaxPacketBytes"/>: goes on with <see cref="ApplyPart"/> when it is a compressed transaction, and passes over it when nothing captured is in it.</summary>
    /// <exception cref="PauseException">Something captured is, and is too large to be recorded.</exception>
    public Decoded ApplyFront(ReadOnlySpan<byte> front)
    {
        var header = EventHeader.ReadFront(front);
        Position.PassedBytes += header.SizeBytes;
        Move(header);
        if (header.Type == EventType.TransactionPayload)
            return OpenPayloadFront(header, front[EventHeader.Bytes..]);
        if (EventType.IsRows(header.Type))
        {
            if (_rows.IsWanted(front[EventHeader.Bytes..]))
                throw MySqlErrors.RowTooLarge(_source, _transaction.ToString(), _rows.CurrentTable, header.SizeBytes);
        }
        else if (!EventType.ChangesNothing(header.Type) && (header.Flags & EventHeader.Ignorable) == 0 && !MayPassAll("a statement that is too large"))
        {
            throw MySqlErrors.EventTooLarge(_source, Position, header.Type, header.SizeBytes);
        }

        return Decoded.Nothing;
    }

    // Of the events that stand in the file, the end is counted. A format description that the server repeats for us says that it stands nowhere.
    private void Move(EventHeader header)
    {
        if ((header.Flags & EventHeader.Artificial) != 0 || header.Type is EventType.Heartbeat or EventType.HeartbeatV2 or EventType.Rotate)
            return;
        if (_leastOffset > 0 && !EventType.IsHousekeeping(header.Type))
        {
            if (_place.End < _leastOffset)
                _place.Set(_leastOffset, isKnown: false);
            _leastOffset = 0;
        }

        _place.Pass(header);
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
        _isDescribed = true;
        if (_checksums)
            CheckSum(binlogEvent, EventHeader.Read(binlogEvent));
        _rows.ForgetMaps();
        var header = EventHeader.Read(binlogEvent);
        if (header.NextPositionBytes != 0)
            _place.Pass(header);
        if (InTransaction)
            DropGroup(); // the server went down inside it: it never committed
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
        if (Watching is not null && _rows.CurrentTable == Watching.Heartbeat)
            return AddHeartbeat(Watching, kind, body, header);
        Open();
        try
        {
            _rows.Add(kind, body, header.Type);
        }
        catch (MySqlFormatException compressed) when (compressed.OversizedBytes > 0)
        {
            throw MySqlErrors.RowTooLarge(_source, _transaction.ToString(), _rows.CurrentTable, compressed.OversizedBytes);
        }

        return Decoded.Nothing;
    }

    // A row of ours: nobody is told, so no transaction is opened.
    private Decoded AddHeartbeat(WatchingWriter watching, ChangeKind kind, ReadOnlySpan<byte> body, EventHeader header)
    {
        watching.IsHeartbeatNext = true;
        _rows.Add(kind, body, header.Type);
        watching.IsHeartbeatNext = false;
        return Decoded.Nothing;
    }

    private void Open()
    {
        if (_open)
            return;
        _open = true;
        Prepared.Begin(_transaction.Id, _transaction.CommittedAtMicros);
    }

    private void BeginGroup(ReadOnlySpan<byte> body, EventHeader header)
    {
        if (header.Type == EventType.Gtid)
        {
            _transaction.BeginMariaDb(body, header);
            if (_transaction.IsXaPrepare)
                Prepared.Start();
        }
        else if (header.Type == EventType.TaggedGtid)
            _transaction.BeginTagged(body, header);
        else
            _transaction.BeginMySql(body, header, Position.File, _place.End - header.SizeBytes);
        InTransaction = true;
        TransactionOffset = _place.IsKnown ? _place.End - header.SizeBytes : -1;
    }

    // Where the server names no transactions, the first event of one does.
    private void BeginUnnamed(EventHeader header)
    {
        _transaction.BeginUnnamed(header, Position.File, _place.End - header.SizeBytes);
        InTransaction = true;
    }

    private void DropGroup()
    {
        if (_open)
            _writer.Rollback();
        _open = InTransaction = false;
        Prepared.Reset();
    }

    private Decoded EndGroup(ReadOnlySpan<byte> lastEvent, bool committed)
    {
        var told = _open && committed;
        if (_open && !committed)
            _writer.Rollback();
        _open = InTransaction = false;
        Prepared.Reset();
        _transaction.PassTo(Position);
        Position.Shapes = _shapes.Newest;
        Stand(lastEvent);
        return told ? Decoded.Commit : Decoded.Passed;
    }

    // Notes that all up to the end of this event is passed, and how to know it again.
    private void Stand(ReadOnlySpan<byte> lastEvent)
    {
        Position.Offset = _place.IsKnown ? _place.End : 0;
        if (!_place.IsKnown || lastEvent.IsEmpty)
            Position.ForgetMark();
        else if (_checksums)
            Position.SetMark(_place.End - lastEvent.Length, BinaryPrimitives.ReadUInt32LittleEndian(lastEvent[^ChecksumBytes..]));
        else
            Position.SetMark(_place.End - lastEvent.Length, Crc32.Of(lastEvent));
    }

    private Decoded Query(ReadOnlySpan<byte> binlogEvent, ReadOnlySpan<byte> body, EventHeader header, int moreBytes)
    {
        if (!InTransaction)
            BeginUnnamed(header);
        var query = QueryEvent.Read(body, moreBytes);
        if (header.Type == EventType.QueryCompressed)
            query = query with { Text = _inflated.Inflate(query.Text) };
        var text = query.Text;
        if (text.StartsWith("XA "u8))
            return XaStatement(binlogEvent, text);
        if (text.SequenceEqual("BEGIN"u8))
        {
            _transaction.IsStatement = false;
            return Decoded.Nothing;
        }

        if (text.SequenceEqual("COMMIT"u8))
            return EndGroup(binlogEvent, committed: true);
        Statement(query.Statement(_shapes.CharsetOf), Encoding.UTF8.GetString(query.Database), query.SqlMode, out var ends, out var committed);
        return ends || _transaction.IsStatement ? EndGroup(binlogEvent, committed) : Decoded.Nothing;
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
                if (!MayPassAll("a part was undone"))
                    throw MySqlErrors.PartialRollback(_source, TransactionName);
                _writer.Rollback();
                _open = false;
                break;
            case StatementKind.RowsAsStatement:
                var changed = Mentioned(sql, database).Where(table => Unread?.TryPass(table, TransactionName, "a statement") is not true).ToList();
                if (changed.Count > 0)
                    throw MySqlErrors.StatementFormat(_source, TransactionName, changed, sql);
                break;
            case StatementKind.Definition when _transaction.Alter is AlterPhase.None or AlterPhase.Commit:
                Defined(_shapes.Apply(sql, database, sqlMode, _transaction.ToString()));
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
            (_readAgain ??= []).AddRange(effect.ReadAgain.Select(one => one.Table));
    }

    private IEnumerable<TableName> Mentioned(string sql, string database) => _shapes.Known.Where(table => StatementText.Mentions(sql, database, table));

    private bool MayPassAll(string reason) => Unread?.TryPassAll(TransactionName, reason) is true;

    // The server names the file also when a stream begins, whose place in that file we may know better.
    private void Rotate(ReadOnlySpan<byte> body)
    {
        var fields = new WireReader(body);
        var offset = (long)fields.ReadUInt64();
        _place.Set(offset, isKnown: true);
        _leastOffset = 0;
        if (Position.HasFile(fields.Rest))
        {
            _leastOffset = Position.Offset;
            return;
        }

        Position.Offset = offset;
        Position.ForgetMark();
        Position.SetFile(fields.Rest);
    }

    // A sign of life, which says that the stream is at its end, and where that is.
    private Decoded Heartbeat(EventHeader header, ReadOnlySpan<byte> body)
    {
        if (InTransaction)
            return Decoded.Nothing;
        var offset = header.Type == EventType.HeartbeatV2 ? HeartbeatV2.OffsetIn(body) : FilePlace.Nearest(Position.Offset, header.NextPositionBytes);
        Position.Offset = Math.Max(Position.Offset, offset);
        return Decoded.Passed;
    }

    private void Other(ReadOnlySpan<byte> binlogEvent, EventHeader header, ReadOnlySpan<byte> body)
    {
        if (header.Type == EventType.Incident && !MayPassAll($"the server lost changes: {IncidentText(body)}"))
            throw MySqlErrors.Incident(_source, Position, IncidentText(body));
        if (header.Type != EventType.Incident && !EventType.ChangesNothing(header.Type) && (header.Flags & EventHeader.Ignorable) == 0
            && !MayPassAll(string.Create(CultureInfo.InvariantCulture, $"an event of the unknown type {header.Type}")))
            throw MySqlErrors.UnknownEvent(_source, Position, header.Type);
        if (AdoptsGtids && header.Type == EventType.PreviousGtids)
            Position.Gtids ??= MySqlGtids.Decode(body);

        // What stands between transactions: a quiet stream is at its file's end.
        if (EventType.IsHousekeeping(header.Type) && !InTransaction && (header.Flags & EventHeader.Artificial) == 0 && _place.End > Position.Offset)
            Stand(binlogEvent);
    }

    // Two bytes of what happened (1: events were lost), then the server's words behind their length.
    private static string IncidentText(ReadOnlySpan<byte> body)
    {
        var fields = new WireReader(body);
        var number = fields.ReadUInt16();
        var text = Encoding.UTF8.GetString(fields.RemainingBytes > 0 ? fields.ReadBytes(fields.ReadByte()) : default);
        return text.Length > 0 ? text : string.Create(CultureInfo.InvariantCulture, $"incident {number}");
    }

    // XA COMMIT and XA ROLLBACK are groups of their own; XA START and XA END stand in the group that prepares.
    private Decoded XaStatement(ReadOnlySpan<byte> binlogEvent, ReadOnlySpan<byte> sql)
    {
        _transaction.IsStatement = false;
        var toFinish = Prepared.Statement(sql, _transaction.Id, _transaction.CommittedAtMicros, out var ends);
        _isRepeated = Prepared.Unknown is not null;
        if (_isRepeated)
            return Decoded.NeedPrepared;
        return ends ? EndXa(binlogEvent, toFinish) : Decoded.Nothing;
    }

    private Decoded EndXa(ReadOnlySpan<byte> binlogEvent, bool toFinish)
    {
        _open = false; // what is open is neither committed nor dropped, but finished
        EndGroup(binlogEvent, committed: true);
        return toFinish ? Decoded.Prepared : Decoded.Passed;
    }
}
