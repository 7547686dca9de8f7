using System.Globalization;
using System.Text;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>The transaction that the stream is in: its name, when it committed, and how it will end. One object, filled again and again.</summary>
/// <remarks>
/// Named by MariaDB's GTID event (162), MySQL's (33, 34 for none, 42 with a tag), or, where the server names none, by the place where it begins.
/// Sources: MariaDB knowledge base, "GTID_EVENT"; MySQL server, libs/mysql/binlog/event/control_events.h, Gtid_event.
/// </remarks>
internal sealed class CurrentTransaction
{
    private const byte AnonymousGtid = 34;
    private readonly byte[] _id = new byte[byte.MaxValue];
    private int _idBytes;
    private Gtid _gtid;
    private GtidSource? _source;
    private long _number;
    private Naming _naming;

    private enum Naming
    {
        None = 0,
        MariaDb,
        MySql,
        Place,
    }

    /// <summary>The name as it stands in changes, ASCII: <c>0-1-42</c>, <c>uuid:42</c>, <c>uuid:tag:42</c> or <c>file:offset</c>.</summary>
    public ReadOnlySpan<byte> Id => _id.AsSpan(0, _idBytes);

    /// <summary>When it committed where it was made, in microseconds since 1970 UTC; MariaDB and MySQL before 8.0 tell whole seconds.</summary>
    public long CommittedAtMicros { get; private set; }

    /// <summary>Whether one statement is all of it, and ends it.</summary>
    public bool IsStatement { get; set; }

    /// <summary>Whether it prepares an XA transaction, by MariaDB's words; MySQL has a statement for that.</summary>
    public bool IsXaPrepare { get; private set; }

    /// <summary>What MariaDB says of an ALTER that is logged twice.</summary>
    public AlterPhase Alter { get; private set; }

    /// <summary>Takes MariaDB's GTID event.</summary>
    public void BeginMariaDb(ReadOnlySpan<byte> body, EventHeader header)
    {
        const byte Standalone = 1;
        const byte PreparedXa = 64;
        var fields = new WireReader(body);
        var sequence = fields.ReadUInt64();
        _gtid = new(fields.ReadUInt32(), header.ServerId, sequence);
        var flags = fields.ReadByte();
        _naming = Naming.MariaDb;
        _idBytes = _gtid.Format(_id);
        CommittedAtMicros = header.TimestampSeconds * 1_000_000L;
        IsStatement = (flags & Standalone) != 0;
        IsXaPrepare = (flags & PreparedXa) != 0;
        Alter = AlterPhases.Read(ref fields, flags);
    }

    /// <summary>Takes MySQL's GTID event without a tag, or the one that stands in its place while GTIDs are off.</summary>
    public void BeginMySql(ReadOnlySpan<byte> body, EventHeader header, string file, long offset)
    {
        const byte HasLogicalTimes = 2;
        Begin(header);
        var fields = new WireReader(body);
        fields.ReadByte(); // flags
        var uuid = fields.ReadBytes(GtidSource.UuidBytes);
        var number = (long)fields.ReadUInt64();
        if (header.Type == AnonymousGtid)
            Name(file, offset);
        else
            Name(uuid, default, number);
        const int LogicalTimesBytes = 1 + 8 + 8;
        const int TimeBytes = 7;
        if (fields.RemainingBytes < LogicalTimesBytes + TimeBytes || fields.ReadByte() != HasLogicalTimes)
            return;
        fields.ReadBytes(LogicalTimesBytes - 1);

        // Seven bytes of microseconds, whose highest bit says that the time at the first server follows.
        const ulong OriginalFollows = 1UL << 55;
        var time = ReadTime(ref fields);
        if ((time & OriginalFollows) == 0)
            CommittedAtMicros = (long)time;
        else if (fields.RemainingBytes >= TimeBytes && ReadTime(ref fields) is > 0 and var original)
            CommittedAtMicros = (long)original;
        else
            CommittedAtMicros = (long)(time & ~OriginalFollows);
    }

    /// <summary>Takes MySQL's GTID event with a tag: numbered fields, of which later versions may have more.</summary>
    /// <exception cref="MySqlFormatException">It has no name, or a field that must be understood is not known.</exception>
    public void BeginTagged(ReadOnlySpan<byte> body, EventHeader header)
    {
        Begin(header);
        var fields = new WireReader(body);
        var version = SerializedFields.ReadUnsigned(ref fields);
        if (version != 1)
            throw MySqlFormatException.Unexpected("version of a GTID event's fields", "1", (long)version);
        SerializedFields.ReadUnsigned(ref fields); // size of it all, which the header has told
        var lastNeeded = SerializedFields.ReadUnsigned(ref fields);
        Span<byte> uuid = stackalloc byte[GtidSource.UuidBytes];
        ReadOnlySpan<byte> tag = default;
        long number = 0, immediate = 0, original = 0;
        while (fields.RemainingBytes > 0)
        {
            switch (SerializedFields.ReadUnsigned(ref fields))
            {
                case 0 or 8 or 9 or 10 or 11: // flags, length, versions, ticket
                    SerializedFields.ReadUnsigned(ref fields);
                    break;
                case 1:
                    for (var i = 0; i < uuid.Length; i++)
                        uuid[i] = (byte)SerializedFields.ReadUnsigned(ref fields);
                    break;
                case 2:
                    number = SerializedFields.ReadSigned(ref fields);
                    break;
                case 3:
                    tag = fields.ReadBytes((int)Math.Min(SerializedFields.ReadUnsigned(ref fields), int.MaxValue));
                    break;
                case 4 or 5: // logical times
                    SerializedFields.ReadSigned(ref fields);
                    break;
                case 6:
                    immediate = (long)SerializedFields.ReadUnsigned(ref fields);
                    break;
                case 7:
                    original = (long)SerializedFields.ReadUnsigned(ref fields);
                    break;
                case var unknown when unknown <= lastNeeded:
                    throw MySqlFormatException.Unexpected("field of a GTID event", "0 to 11", (long)unknown);
                default:
                    fields.ReadBytes(fields.RemainingBytes); // of a later version, and needless by its own words
                    break;
            }
        }

        if (number <= 0 || tag.Length > GtidSource.MaxTagBytes)
            throw MySqlFormatException.Unexpected("number in a GTID event", "1 or more", number);
        Name(uuid, tag, number);
        CommittedAtMicros = original > 0 ? original : immediate > 0 ? immediate : CommittedAtMicros;
    }

    /// <summary>Begins one that the server does not name.</summary>
    public void BeginUnnamed(EventHeader header, string file, long offset)
    {
        Begin(header);
        Name(file, offset);
    }

    /// <summary>Says that it ended: a position has passed it.</summary>
    public void PassTo(MySqlPosition position)
    {
        AddTo(position);
        _naming = Naming.None;
    }

    /// <summary>Adds it to what a position has passed.</summary>
    public void AddTo(MySqlPosition position)
    {
        if (_naming == Naming.MariaDb && position.Gtids is MariaDbGtids last)
            last.Set(_gtid);
        else if (_naming == Naming.MySql && _source is not null && position.Gtids is MySqlGtids set)
            set.Add(_source, _number);
    }

    /// <summary>Its name.</summary>
    public override string ToString() => Encoding.UTF8.GetString(Id);

    // MySQL ends a transaction that did not begin with BEGIN at its only statement.
    private void Begin(EventHeader header)
    {
        CommittedAtMicros = header.TimestampSeconds * 1_000_000L;
        IsStatement = true;
        Alter = AlterPhase.None;
    }

    private void Name(ReadOnlySpan<byte> uuid, ReadOnlySpan<byte> tag, long number)
    {
        if (_source is null || !_source.Is(uuid, tag))
            _source = new(uuid, tag);
        (_naming, _number) = (Naming.MySql, number);
        _idBytes = _source.Format(_id, number);
    }

    private void Name(string file, long offset)
    {
        const int NumberBytes = 20;
        _naming = Naming.Place;
        var kept = Math.Min(file.Length, (_id.Length - NumberBytes) / 4);
        var at = Encoding.UTF8.GetBytes(file.AsSpan(0, kept), _id);
        _id[at++] = (byte)':';
        offset.TryFormat(_id.AsSpan(at), out var written, default, CultureInfo.InvariantCulture);
        _idBytes = at + written;
    }

    private static ulong ReadTime(ref WireReader fields) => fields.ReadUInt48() | (ulong)fields.ReadByte() << 48;
}
