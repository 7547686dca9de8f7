using System.Buffers;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;

namespace Leat.Connectors.MySql;

/// <summary>How far a first snapshot is: tables read to their end, and the last key read of the table under way.</summary>
/// <param name="Done">Tables finished.</param>
/// <param name="Table">The table under way; <see langword="null"/> between tables.</param>
/// <param name="After">Its last key, each value as text (bytes as hexadecimal digits); empty before the first row.</param>
/// <param name="Rows">Rows read so far.</param>
internal sealed record SnapshotCursor(IReadOnlyList<string> Done, string? Table, IReadOnlyList<string> After, long Rows);

/// <summary>Where a MariaDB source stands: the last transaction of each domain, and for people the file and offset at one server.</summary>
/// <remarks>
/// As text: <c>{"server_id":1,"gtid":"0-1-42","file":"bin.000002","offset":1234}</c>, while a snapshot runs with
/// <c>"snapshot":{"done":["shop.a"],"table":"shop.b","after":["17"],"rows":1000}</c>. Capture resumes by <c>gtid</c> alone; file and offset
/// prove that the server's history is still the one that was read. Offset 0: not known.
/// XA transactions under way stand in <c>"prepared":[{"xid":"X'6162',X'',1","transaction":"0-1-40","at":17}]</c>, <c>at</c> where their rows are parked.
/// </remarks>
internal sealed class MySqlPosition : IPosition
{
    private byte[] _file = [];
    private byte[] _snapshot = [];
    private byte[] _prepared = [];

    /// <summary>@@server_id of the server that was read.</summary>
    public uint ServerId { get; set; }

    /// <summary>All transactions up to these are passed.</summary>
    public GtidPosition Gtids { get; set; } = new();

    /// <summary>Name of the binlog file.</summary>
    public string File { get; private set; } = "";

    /// <summary>End of the last transaction in the file, in bytes.</summary>
    public long Offset { get; set; }

    /// <summary>The snapshot under way; <see langword="null"/> when there is none.</summary>
    public SnapshotCursor? Snapshot { get; private set; }

    /// <summary>XA transactions that are prepared at this place and not ended.</summary>
    public ImmutableArray<PreparedTransaction> Prepared { get; private set; } = [];

    /// <summary>The highest number of a table's shape at this place; 0 when there is none.</summary>
    public uint Shapes { get; set; }

    /// <summary>Becomes the same as another.</summary>
    public void CopyFrom(MySqlPosition other)
    {
        ServerId = other.ServerId;
        Gtids = other.Gtids.Copy();
        SetFile(other._file);
        Offset = other.Offset;
        Shapes = other.Shapes;
        SetSnapshot(other.Snapshot);
        SetPrepared(other.Prepared);
    }

    /// <summary>Forgets file and offset.</summary>
    public void Forget()
    {
        SetFile([]);
        Offset = 0;
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
        const int FixedBytes = 128;
        var span = target.GetSpan(FixedBytes + Gtids.Count * (Gtid.MaxTextBytes + 1) + _file.Length + _snapshot.Length + _prepared.Length);
        var at = Put(span, 0, "{\"server_id\":"u8);
        ServerId.TryFormat(span[at..], out var written, default, CultureInfo.InvariantCulture);
        at = Put(span, at + written, ",\"gtid\":\""u8);
        var first = true;
        foreach (var gtid in Gtids.Domains)
        {
            if (!first)
                span[at++] = (byte)',';
            first = false;
            at += gtid.Format(span[at..]);
        }

        at = Put(span, at, "\",\"file\":\""u8);
        at = Put(span, at, _file);
        at = Put(span, at, "\",\"offset\":"u8);
        Offset.TryFormat(span[at..], out written, default, CultureInfo.InvariantCulture);
        at += written;
        if (Shapes > 0)
        {
            at = Put(span, at, ",\"shapes\":"u8);
            Shapes.TryFormat(span[at..], out written, default, CultureInfo.InvariantCulture);
            at += written;
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
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("gtid", out var gtid) || !GtidPosition.TryParse(gtid.GetString() ?? "", out var gtids))
                return false;
            position.Gtids = gtids;
            position.ServerId = root.TryGetProperty("server_id", out var server) ? server.GetUInt32() : 0;
            position.SetFile(Encoding.UTF8.GetBytes(root.TryGetProperty("file", out var file) ? file.GetString() ?? "" : ""));
            position.Offset = root.TryGetProperty("offset", out var offset) ? offset.GetInt64() : 0;
            position.Shapes = root.TryGetProperty("shapes", out var shapes) ? shapes.GetUInt32() : 0;
            if (root.TryGetProperty("snapshot", out var snapshot))
                position.SetSnapshot(ReadSnapshot(snapshot));
            if (root.TryGetProperty("prepared", out var prepared))
                position.SetPrepared(PreparedTransactions.Read(prepared));
            return true;
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            return false; // the caller says what would be understood
        }
    }

    private static int Put(Span<byte> target, int at, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(target[at..]);
        return at + bytes.Length;
    }

    private static byte[] WriteSnapshot(SnapshotCursor cursor)
    {
        var text = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(text);
        json.WriteStartObject();
        json.WriteStartArray("done");
        foreach (var table in cursor.Done)
            json.WriteStringValue(table);
        json.WriteEndArray();
        if (cursor.Table is not null)
            json.WriteString("table", cursor.Table);
        json.WriteStartArray("after");
        foreach (var value in cursor.After)
            json.WriteStringValue(value);
        json.WriteEndArray();
        json.WriteNumber("rows", cursor.Rows);
        json.WriteEndObject();
        json.Flush();
        return text.WrittenSpan.ToArray();
    }

    private static SnapshotCursor ReadSnapshot(JsonElement json) => new(
        [.. json.GetProperty("done").EnumerateArray().Select(table => table.GetString() ?? "")],
        json.TryGetProperty("table", out var table) ? table.GetString() : null,
        [.. json.GetProperty("after").EnumerateArray().Select(value => value.GetString() ?? "")],
        json.TryGetProperty("rows", out var rows) ? rows.GetInt64() : 0);
}
