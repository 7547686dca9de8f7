using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Compression;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Offline;

/// <summary>Prints row events as the lines that <c>mariadb-binlog -v --base64-output=decode-rows</c> begins with <c>###</c>.</summary>
internal sealed class VerboseRows(IReadOnlyList<TablePattern> tables, IBufferWriter<byte> output)
{
    private readonly Dictionary<ulong, TableMap> _maps = [];
    private readonly CompressedPart _inflated = new();

    /// <summary>Rows printed.</summary>
    public long Count { get; private set; }

    /// <summary>Numbers of tables hold within one file.</summary>
    public void ForgetMaps() => _maps.Clear();

    /// <summary>Takes a TABLE_MAP.</summary>
    public void Map(ReadOnlySpan<byte> body)
    {
        var fields = new WireReader(body);
        var id = fields.ReadUInt48();
        fields.ReadUInt16();
        _maps[id] = TableMap.Read(fields.Rest);
    }

    /// <summary>Prints the rows of an event.</summary>
    /// <param name="kind">Insert, update or delete.</param>
    /// <param name="body">The event's body without checksum.</param>
    /// <param name="type">The event's type.</param>
    public void Rows(ChangeKind kind, ReadOnlySpan<byte> body, byte type)
    {
        var fields = new WireReader(body);
        var id = fields.ReadUInt48();
        fields.ReadUInt16();
        if (EventType.IsVersion2(type))
            fields.ReadBytes(Math.Max(0, fields.ReadUInt16() - 2));
        var columns = (int)Math.Min(fields.ReadLength(), int.MaxValue - 7);
        var before = fields.ReadBytes((columns + 7) / 8);
        var after = kind == ChangeKind.Update ? fields.ReadBytes((columns + 7) / 8) : default;
        if (!_maps.TryGetValue(id, out var map))
        {
            const ulong EndsStatementOnly = 0xFFFFFF; // a number that stands for no table
            if (id == EndsStatementOnly)
                return;
            throw MySqlFormatException.Unexpected("table number in a row event", "one announced before", (long)id);
        }

        if (tables.Count > 0 && !tables.Any(pattern => pattern.Matches(map.Table)))
            return;
        if (columns != map.Columns)
            throw MySqlFormatException.Unexpected("number of columns in a row event", $"{map.Columns}", columns);
        var rest = EventType.IsCompressed(type) ? _inflated.Inflate(fields.Rest) : fields.Rest;
        if (rest.IsEmpty && kind == ChangeKind.Insert)
        {
            Count++;
            WriteHead("### INSERT INTO "u8, map.Table, " VALUES ()\n"u8);
        }

        while (!rest.IsEmpty)
            rest = Row(kind, map, before, after, rest);
    }

    private ReadOnlySpan<byte> Row(ChangeKind kind, TableMap map, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after, ReadOnlySpan<byte> rest)
    {
        Count++;
        var verb = kind switch { ChangeKind.Insert => "### INSERT INTO "u8, ChangeKind.Update => "### UPDATE "u8, _ => "### DELETE FROM "u8 };
        WriteHead(verb, map.Table, "\n"u8);
        output.Write(kind == ChangeKind.Insert ? "### SET\n"u8 : "### WHERE\n"u8);
        rest = Image(map, before, rest);
        if (kind != ChangeKind.Update)
            return rest;
        if (after.IndexOfAnyExcept((byte)0) < 0)
        {
            output.Write("### SET /* no columns */\n"u8);
            return rest;
        }

        output.Write("### SET\n"u8);
        return Image(map, after, rest);
    }

    private ReadOnlySpan<byte> Image(TableMap map, ReadOnlySpan<byte> present, ReadOnlySpan<byte> image)
    {
        var count = 0;
        for (var i = 0; i < map.Columns; i++)
            count += present[i >> 3] >> (i & 7) & 1;
        var nullBytes = (count + 7) / 8;
        if (image.Length < nullBytes)
            throw MySqlFormatException.Short(nullBytes, image.Length);
        var rest = image[nullBytes..];
        for (int i = 0, at = 0; i < map.Columns; i++)
        {
            if ((present[i >> 3] >> (i & 7) & 1) == 0)
                continue;
            output.Write(Encoding.ASCII.GetBytes(FormattableString.Invariant($"###   @{i + 1}=")));
            if ((image[at >> 3] >> (at & 7) & 1) != 0)
                output.Write("NULL"u8);
            else
                rest = rest[VerboseValue.Write(map.Types[i], map.Metadata[i], rest, output)..];
            output.Write("\n"u8);
            at++;
        }

        return rest;
    }

    private void WriteHead(ReadOnlySpan<byte> verb, TableName table, ReadOnlySpan<byte> end)
    {
        output.Write(verb);
        output.Write(Encoding.UTF8.GetBytes($"`{Doubled(table.Database)}`.`{Doubled(table.Name)}`"));
        output.Write(end);
    }

    private static string Doubled(string name) => name.Replace("`", "``", StringComparison.Ordinal);
}
