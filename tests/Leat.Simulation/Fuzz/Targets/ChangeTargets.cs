using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Simulation.Fuzz.Targets;

/// <summary>The value of a change's log record: header, row images, values as text and JSON.</summary>
internal sealed class ChangeTarget : FuzzTarget
{
    private static readonly TableSchema Schema = new(
        new("d", "t"),
        [.. Enum.GetValues<ColumnKind>().Select(kind => new Column { Name = kind.ToString(), Kind = kind, Nullable = true, Labels = ["a", "b"], Scale = 3 })],
        [0]);

    private static readonly TableSchema Partial = Schema.As(partial: true);

    public override string Name => "change";

    public override IEnumerable<byte[]> Seeds()
    {
        var row = new byte[512];
        var writer = new RowWriter(row, Schema.Columns.Length);
        foreach (var column in Schema.Columns)
        {
            switch (EncodedRow.WidthOf(column.Kind))
            {
                case 1: writer.WriteByte(1); break;
                case 2: writer.WriteUInt16(2); break;
                case 4: writer.WriteUInt32(3); break;
                case 8: writer.WriteUInt64(4); break;
                default: writer.WriteString("12.5"); break;
            }
        }

        var image = row[..writer.WrittenBytes];
        var bitmap = new byte[EncodedRow.BitmapBytes(Schema.Columns.Length)];
        var partial = new byte[EncodedRow.BitmapBytes(Schema.Columns.Length)];
        Array.Fill(partial, (byte)0xFE);
        var partialHeader = new byte[EncodedChange.HeaderBytes];
        EncodedChange.WriteHeader(partialHeader, ChangeKind.Update, ChangeMarks.HasBefore | ChangeMarks.HasAfter, 8, 0, 0, bitmap.Length + image.Length, default);
        yield return [.. partialHeader, .. bitmap, .. image, .. partial, .. bitmap, 1];
        foreach (var (kind, before, after) in new[] { (ChangeKind.Insert, 0, 1), (ChangeKind.Update, 1, 1), (ChangeKind.Delete, 1, 0) })
        {
            var header = new byte[EncodedChange.HeaderBytes + 5];
            EncodedChange.WriteHeader(header, kind, (ChangeMarks)(before + (after * 2)), 7, 1_700_000_000_000_000, 3, image.Length * before, "0-1-2"u8);
            yield return [.. header, .. before == 1 ? image : [], .. after == 1 ? image : []];
        }

        yield return [1, (byte)ChangeKind.Position, .. "{\"file\":1}"u8];
    }

    public override long BytesEach => 512;

    public override void Run(byte[] input)
    {
        try
        {
            var change = new EncodedChange(input);
            if (change.Kind == ChangeKind.Position)
                return;
            var schema = change.SchemaId % 2 == 0 ? Partial : Schema;
            Walk(schema, change.Before);
            Walk(schema, change.After);
            using var json = new Utf8JsonWriter(Stream.Null, ChangeJson.Options);
            ChangeJson.Write(json, 1, change, schema);
        }
        catch (InvalidDataException)
        {
            return; // declared
        }
    }

    private static void Walk(TableSchema schema, ReadOnlySpan<byte> row)
    {
        if (row.IsEmpty)
            return;
        var reader = new RowReader(schema, row);
        while (reader.Read())
            ValueText.Of(ref reader);
    }
}

/// <summary>The value of a schema record.</summary>
internal sealed class SchemaTarget : FuzzTarget
{
    public override string Name => "schema";

    public override long BytesEach => 1024;

    public override IReadOnlyList<byte[]> Dictionary { get; } =
    [
        .. new[]
        {
            "\"id\":", "\"table\":", "\"database\":", "\"version\":", "\"columns\":[", "\"key\":[", "\"name\":", "\"kind\":", "\"nullable\":true", "\"length\":",
            "\"precision\":", "\"scale\":", "\"labels\":[", "\"type\":", "null", "true", "{}", "[]", "[", "{", "1e400", "\"\\ud800\"", "-1", "1.5", "\"int32\"", "\"\"",
        }.Select(Encoding.ASCII.GetBytes),
    ];

    public override IEnumerable<byte[]> Seeds() =>
    [
        SchemaJson.Write(1, 1, new(new("d", "t"), [new() { Name = "id", Kind = ColumnKind.Int32 }], [0])),
        SchemaJson.Write(2, 3, new(new("shop", "orders.x"), [
            new() { Name = "id", Kind = ColumnKind.Int64 }, new() { Name = "v", Kind = ColumnKind.Decimal, Precision = 10, Scale = 2, Nullable = true },
            new() { Name = "e", Kind = ColumnKind.Enum, Labels = ["a", "b"], SourceType = "enum('a','b')", Length = 3 }], [0, 1])),
    ];

    public override void Run(byte[] input)
    {
        try
        {
            var (id, version, schema) = SchemaJson.Read(input);
            var once = SchemaJson.Write(id, version, schema);
            var (sameId, sameVersion, same) = SchemaJson.Read(once);
            Promise(SchemaJson.Write(sameId, sameVersion, same).AsSpan().SequenceEqual(once), "a shape that was read and written is read as another");
        }
        catch (InvalidDataException)
        {
            return; // declared
        }
    }
}
