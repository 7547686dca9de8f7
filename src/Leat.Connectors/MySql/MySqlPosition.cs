using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Snapshots;

namespace Leat.Connectors.MySql;

/// <summary>Where a source stands: at which server, after which transactions, and at which place of which binlog file.</summary>
/// <remarks>
/// As text, from MariaDB and from MySQL: <c>{"server_id":1,"gtid":"0-1-42","file":"bin.000002","offset":1234,"event":"1203:89abcdef"}</c>,
/// <c>{"server_id":1,"server_uuid":"…","gtid":"…:1-42","file":"binlog.000002","offset":1234,"event":"1203:89abcdef"}</c>; from MySQL without GTIDs <c>gtid</c> is
/// absent; while a snapshot runs there is <c>"snapshot":{…}</c>, see <see cref="SnapshotCursor"/>.
/// Where there are GTIDs capture resumes by them, at any server of the same history; file, offset and <c>event</c> (where the last event began, and its CRC-32)
/// prove that the history of a server is still the one that was read. Offset 0: not known.
/// XA transactions under way stand in <c>"prepared":[{"xid":"X'6162',X'',1","transaction":"0-1-40","at":17}]</c>, <c>at</c> where their rows are parked.
/// </remarks>
internal sealed class MySqlPosition : IPosition
{
    private byte[] _file = [];
    private byte[] _uuid = [];
    private byte[] _snapshot = [];
    private byte[] _captured = [];
    private byte[] _prepared = [];

    /// <summary>@@server_id of the server that was read.</summary>
    public uint ServerId { get; set; }

    /// <summary>@@server_uuid of the MySQL server that was read; empty for MariaDB, which has none.</summary>
    public string ServerUuid { get; private set; } = "";

    /// <summary>All transactions that are passed; <see langword="null"/> where the server names none.</summary>
    public Gtids? Gtids { get; set; } = new MariaDbGtids();

    /// <summary>Name of the binlog file.</summary>
    public string File { get; private set; } = "";

    /// <summary>End of the last transaction in the file, in bytes.</summary>
    public long Offset { get; set; }

    /// <summary>Where the last event of that transaction begins; 0 when not known.</summary>
    public long MarkOffset { get; private set; }

    /// <summary>The CRC-32 of that event.</summary>
    public uint MarkCrc { get; private set; }

    /// <summary>The snapshot under way; <see langword="null"/> when there is none.</summary>
    public SnapshotCursor? Snapshot { get; private set; }

    /// <summary>XA transactions that are prepared at this place and not ended.</summary>
    public ImmutableArray<PreparedTransaction> Prepared { get; private set; } = [];

    /// <inheritdoc/>
    public long PassedBytes { get; set; }

    /// <summary>The place in words, for messages: <c>GTID 0-1-42</c>, <c>binlog.000002:1234</c> or <c>the beginning</c>.</summary>
    public string Place => Gtids is { IsEmpty: false } gtids ? $"GTID {gtids}" : Gtids is null && File.Length > 0 ? $"{File}:{Offset}" : "the beginning";

    /// <summary>The highest number of a table's shape at this place; 0 when there is none.</summary>
    public uint Shapes { get; set; }

    /// <summary>Which tables are captured up to here, see <see cref="CapturedTables"/>; empty in positions of older versions.</summary>
    public string Captured { get; private set; } = "";

    /// <summary>Becomes the same as another.</summary>
    public void CopyFrom(MySqlPosition other)
    {
        ServerId = other.ServerId;
        SetServerUuid(other.ServerUuid);
        Gtids = other.Gtids?.Copy();
        SetFile(other._file);
        Offset = other.Offset;
        SetMark(other.MarkOffset, other.MarkCrc);
        Shapes = other.Shapes;
        SetCaptured(other.Captured);
        SetSnapshot(other.Snapshot);
        SetPrepared(other.Prepared);
    }

    /// <summary>Whether every transaction up to <paramref name="other"/> has been passed: by GTIDs where both have them, else by place in the files of one server.</summary>
    public bool HasReached(MySqlPosition other)
    {
        if (Gtids is not null && other.Gtids is not null)
            return Gtids.HasReached(other.Gtids);
        if (!IsOf(other.ServerId, other.ServerUuid) || File.Length == 0 || other.File.Length == 0)
            return false;
        var files = CompareFiles(File, other.File);
        return files != 0 ? files > 0 : Offset >= other.Offset;
    }

    /// <summary>Whether it was read at that server.</summary>
    public bool IsOf(uint serverId, string serverUuid) =>
        ServerUuid.Length > 0 || serverUuid.Length > 0 ? ServerUuid == serverUuid : ServerId == serverId;

    /// <summary>Below 0 when the first file is the older one: bin.999999 is followed by bin.1000000.</summary>
    public static int CompareFiles(string a, string b) => a.Length != b.Length ? a.Length.CompareTo(b.Length) : string.CompareOrdinal(a, b);

    /// <summary>Forgets file and offset.</summary>
    public void Forget()
    {
        SetFile([]);
        Offset = 0;
        ForgetMark();
    }

    /// <summary>Forgets the last event.</summary>
    public void ForgetMark() => SetMark(0, 0);

    /// <summary>Notes the last event passed.</summary>
    /// <param name="offset">Where it begins.</param>
    /// <param name="crc">The CRC-32 of its bytes.</param>
    public void SetMark(long offset, uint crc) => (MarkOffset, MarkCrc) = (offset, crc);

    /// <summary>Notes the server.</summary>
    public void SetServerUuid(string uuid)
    {
        if (ServerUuid == uuid)
            return;
        ServerUuid = uuid;
        _uuid = Encoding.ASCII.GetBytes(uuid);
    }

    /// <summary>Whether it stands in that file.</summary>
    public bool HasFile(ReadOnlySpan<byte> file) => file.SequenceEqual(_file);

    /// <summary>Goes on in another file.</summary>
    public void SetFile(ReadOnlySpan<byte> file)
    {
        if (HasFile(file))
            return;
        _file = file.ToArray();
        File = Encoding.UTF8.GetString(file);
    }

    /// <summary>Goes on in another file, or at another place of the same; the last event is not known then.</summary>
    public void SetFile(string file, long offset)
    {
        SetFile(Encoding.UTF8.GetBytes(file));
        Offset = offset;
        ForgetMark();
    }

    /// <summary>Notes which tables are captured.</summary>
    public void SetCaptured(string patterns)
    {
        Captured = patterns;
        _captured = patterns.Length == 0 ? [] : JsonEncodedText.Encode(patterns).EncodedUtf8Bytes.ToArray();
    }

    /// <summary>Notes which transactions are prepared.</summary>
    public void SetPrepared(ImmutableArray<PreparedTransaction> prepared)
    {
        Prepared = prepared;
        _prepared = prepared.IsEmpty ? [] : PreparedTransactions.Write(prepared);
    }

    /// <summary>Notes how far the snapshot is.</summary>
    public void SetSnapshot(SnapshotCursor? cursor)
    {
        Snapshot = cursor;
        _snapshot = cursor is null ? [] : WriteSnapshot(cursor);
    }

    /// <inheritdoc/>
    public void WriteTo(IBufferWriter<byte> target)
    {
        const int FixedBytes = 256;
        var span = target.GetSpan(FixedBytes + (Gtids?.MaxTextBytes ?? 0) + _uuid.Length + _file.Length + _captured.Length + _snapshot.Length + _prepared.Length);
        var at = Put(span, 0, "{\"server_id\":"u8);
        at = Put(span, at, ServerId);
        if (_uuid.Length > 0)
        {
            at = Put(span, at, ",\"server_uuid\":\""u8);
            at = Put(span, at, _uuid);
            span[at++] = (byte)'"';
        }

        if (Gtids is not null)
        {
            at = Put(span, at, ",\"gtid\":\""u8);
            at += Gtids.Format(span[at..]);
            span[at++] = (byte)'"';
        }

        at = Put(span, at, ",\"file\":\""u8);
        at = Put(span, at, _file);
        at = Put(span, at, "\",\"offset\":"u8);
        at = Put(span, at, Offset);
        if (MarkOffset > 0)
        {
            at = Put(span, at, ",\"event\":\""u8);
            at = Put(span, at, MarkOffset);
            span[at++] = (byte)':';
            MarkCrc.TryFormat(span[at..], out var written, "x8", CultureInfo.InvariantCulture);
            at += written;
            span[at++] = (byte)'"';
        }

        if (Shapes > 0)
        {
            at = Put(span, at, ",\"shapes\":"u8);
            at = Put(span, at, Shapes);
        }

        if (_captured.Length > 0)
        {
            at = Put(span, at, ",\"captured\":\""u8);
            at = Put(span, at, _captured);
            span[at++] = (byte)'"';
        }

        if (_snapshot.Length > 0)
        {
            at = Put(span, at, ",\"snapshot\":"u8);
            at = Put(span, at, _snapshot);
        }

        if (_prepared.Length > 0)
        {
            at = Put(span, at, ",\"prepared\":"u8);
            at = Put(span, at, _prepared);
        }

        span[at++] = (byte)'}';
        target.Advance(at);
    }

    /// <summary>The text, for status and tests.</summary>
    public override string ToString()
    {
        var text = new ArrayBufferWriter<byte>();
        WriteTo(text);
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    /// <summary>Reads the JSON text; false when it is not one of ours.</summary>
    public static bool TryParse(string text, out MySqlPosition position)
    {
        position = new();
        try
        {
            using var json = JsonDocument.Parse(text);
            var root = json.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("server_id", out var server) && !root.TryGetProperty("gtid", out _))
                return false;
            position.ServerId = server.ValueKind == JsonValueKind.Undefined ? 0 : server.GetUInt32();
            position.SetServerUuid(root.TryGetProperty("server_uuid", out var uuid) ? uuid.GetString() ?? "" : "");
            position.SetFile(Encoding.UTF8.GetBytes(root.TryGetProperty("file", out var file) ? file.GetString() ?? "" : ""));
            position.Offset = root.TryGetProperty("offset", out var offset) ? offset.GetInt64() : 0;
            if (!ReadGtids(root, position) || !ReadMark(root, position))
                return false;
            position.Shapes = root.TryGetProperty("shapes", out var shapes) ? shapes.GetUInt32() : 0;
            position.SetCaptured(root.TryGetProperty("captured", out var captured) ? captured.GetString() ?? "" : "");
            if (root.TryGetProperty("snapshot", out var snapshot))
                position.SetSnapshot(SnapshotCursor.Read(snapshot));
            if (root.TryGetProperty("prepared", out var prepared))
                position.SetPrepared(PreparedTransactions.Read(prepared));
            return true;
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            return false; // the caller says what would be understood
        }
    }

    private static bool ReadGtids(JsonElement json, MySqlPosition position)
    {
        position.Gtids = null;
        if (!json.TryGetProperty("gtid", out var value))
            return position.ServerUuid.Length > 0 && position.File.Length > 0;
        var text = value.GetString() ?? "";
        var isGtids = Gtids.TryParse(text, out var gtids);
        position.Gtids = text.Length == 0 && position.ServerUuid.Length > 0 ? new MySqlGtids() : gtids;
        return isGtids;
    }

    private static bool ReadMark(JsonElement json, MySqlPosition position)
    {
        if (!json.TryGetProperty("event", out var mark))
            return true;
        var parts = (mark.GetString() ?? "").Split(':');
        if (parts.Length != 2 || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var offset)
            || !uint.TryParse(parts[1], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var crc))
            return false;
        position.SetMark(offset, crc);
        return true;
    }

    private static int Put(Span<byte> target, int at, long number)
    {
        number.TryFormat(target[at..], out var written, default, CultureInfo.InvariantCulture);
        return at + written;
    }

    private static int Put(Span<byte> target, int at, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(target[at..]);
        return at + bytes.Length;
    }

    private static byte[] WriteSnapshot(SnapshotCursor cursor)
    {
        var text = new ArrayBufferWriter<byte>();
        cursor.WriteTo(text);
        return text.WrittenSpan.ToArray();
    }
}
