using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Leat.Changes;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>A part of a table in the order of its key: the rows after one key, up to and with another.</summary>
/// <param name="After">Each value as <see cref="TextRow.KeyText"/> gives it; empty: from the first row on.</param>
/// <param name="End">The last key; empty: to the end.</param>
internal sealed record KeyRange(ImmutableArray<string> After, ImmutableArray<string> End)
{
    /// <summary>A whole table.</summary>
    public static KeyRange All { get; } = new([], []);
}

/// <summary>How far the reading of one table is.</summary>
internal sealed record TableCursor
{
    /// <summary>The table.</summary>
    public required TableName Table { get; init; }

    /// <summary>The condition on its rows; <see langword="null"/>: all.</summary>
    public string? Where { get; init; }

    /// <summary>Whether targets may hold rows of it already.</summary>
    public bool IsAgain { get; init; }

    /// <summary>Parts that were given to readers, or are left of such, and stand not in the stream yet.</summary>
    public ImmutableArray<KeyRange> Left { get; init; } = [];

    /// <summary>Where the part begins that nobody was given yet; <see langword="null"/> when there is none. Empty: the whole table.</summary>
    public ImmutableArray<string>? Next { get; init; }

    /// <summary>Rows in the stream so far.</summary>
    public long Rows { get; init; }

    /// <summary>Whether the parts that are left are the whole table: one begins where another ends, from the first key to the last.</summary>
    public bool IsWhole
    {
        get
        {
            if (Rows > 0)
                return false;
            ImmutableArray<string> at = [];
            for (var count = 0; count <= Left.Length; count++)
            {
                if (Next is { } next && next.SequenceEqual(at))
                    return true;
                if (Left.FirstOrDefault(part => part.After.SequenceEqual(at)) is not { } found)
                    return false;
                if (found.End.IsEmpty)
                    return true;
                at = found.End;
            }

            return false;
        }
    }
}

/// <summary>How far the snapshots of a source are; part of its position, so that a crash goes on from here.</summary>
/// <remarks>
/// <code>
/// {"first":true,"upto":"shop.b","done":1,"rows":500,
///  "tables":[{"db":"shop","table":"b","where":"id > 5","again":true,"left":[{"after":["1"],"end":["17"]}],"next":["17"],"rows":1000}]}
/// </code>
/// Tables of the first snapshot are read in the order of their names: one name tells which have been begun, however many there are.
/// The older form <c>{"done":["shop.a"],"table":"shop.b","after":["17"],"rows":1000}</c> is read, too.
/// </remarks>
internal sealed record SnapshotCursor
{
    /// <summary>Whether the first snapshot is under way: tables whose names come after <see cref="UpTo"/> are still to be begun.</summary>
    public bool IsFirst { get; init; }

    /// <summary>The last table begun of the first snapshot; empty before any.</summary>
    public string UpTo { get; init; } = "";

    /// <summary>Tables finished.</summary>
    public int Done { get; init; }

    /// <summary>Rows of the finished tables.</summary>
    public long Rows { get; init; }

    /// <summary>Tables begun, or asked for.</summary>
    public ImmutableArray<TableCursor> Tables { get; init; } = [];

    /// <summary>Writes the JSON text.</summary>
    public void WriteTo(IBufferWriter<byte> target)
    {
        using var json = new Utf8JsonWriter(target);
        json.WriteStartObject();
        if (IsFirst)
        {
            json.WriteBoolean("first", true);
            json.WriteString("upto", UpTo);
        }

        json.WriteNumber("done", Done);
        json.WriteNumber("rows", Rows);
        json.WriteStartArray("tables");
        foreach (var table in Tables)
            Write(json, table);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>Reads the JSON text.</summary>
    public static SnapshotCursor Read(JsonElement json)
    {
        var done = json.GetProperty("done");
        if (done.ValueKind == JsonValueKind.Array)
            return ReadOlder(json, done);
        return new()
        {
            IsFirst = json.TryGetProperty("first", out var first) && first.GetBoolean(),
            UpTo = json.TryGetProperty("upto", out var upTo) ? upTo.GetString() ?? "" : "",
            Done = done.GetInt32(),
            Rows = json.GetProperty("rows").GetInt64(),
            Tables = [.. json.GetProperty("tables").EnumerateArray().Select(ReadTable)],
        };
    }

    private static SnapshotCursor ReadOlder(JsonElement json, JsonElement done)
    {
        var names = done.EnumerateArray().Select(name => name.GetString() ?? "").ToList();
        var underWay = json.TryGetProperty("table", out var name) ? name.GetString() : null;
        var rows = json.TryGetProperty("rows", out var count) ? count.GetInt64() : 0;
        ImmutableArray<TableCursor> tables = underWay is not null && TableName.TryParse(underWay, out var table)
            ? [new() { Table = table, Next = Texts(json.GetProperty("after")), Rows = 0 }]
            : [];
        return new()
        {
            IsFirst = true,
            UpTo = names.Append(underWay ?? "").Max(StringComparer.Ordinal) ?? "",
            Done = names.Count,
            Rows = rows,
            Tables = tables,
        };
    }

    private static void Write(Utf8JsonWriter json, TableCursor table)
    {
        json.WriteStartObject();
        json.WriteString("db", table.Table.Database);
        json.WriteString("table", table.Table.Name);
        if (table.Where is not null)
            json.WriteString("where", table.Where);
        if (table.IsAgain)
            json.WriteBoolean("again", true);
        json.WriteStartArray("left");
        foreach (var range in table.Left)
        {
            json.WriteStartObject();
            Write(json, "after", range.After);
            Write(json, "end", range.End);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (table.Next is { } next)
            Write(json, "next", next);
        json.WriteNumber("rows", table.Rows);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, ImmutableArray<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteStringValue(value);
        json.WriteEndArray();
    }

    private static TableCursor ReadTable(JsonElement json) => new()
    {
        Table = new(json.GetProperty("db").GetString() ?? "", json.GetProperty("table").GetString() ?? ""),
        Where = json.TryGetProperty("where", out var where) ? where.GetString() : null,
        IsAgain = json.TryGetProperty("again", out var again) && again.GetBoolean(),
        Left = [.. json.GetProperty("left").EnumerateArray().Select(range => new KeyRange(Texts(range.GetProperty("after")), Texts(range.GetProperty("end"))))],
        Next = json.TryGetProperty("next", out var next) ? Texts(next) : null,
        Rows = json.GetProperty("rows").GetInt64(),
    };

    private static ImmutableArray<string> Texts(JsonElement json) => [.. json.EnumerateArray().Select(value => value.GetString() ?? "")];
}
