using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Compression;
using Leat.Connectors.MySql.Wire;
using Leat.Tests.MySql;

namespace Leat.Simulation.Fuzz.Targets;

/// <summary>The compressed end of MariaDB's events.</summary>
internal sealed class CompressedEventTarget : FuzzTarget
{
    public override string Name => "mysql-compressed";

    // Deflate makes up to 1032 bytes of one.
    public override long BytesEach => 1100;

    public override IEnumerable<byte[]> Seeds() =>
        [EventBytes.Compressed([1, 2, 3]), EventBytes.Compressed(new byte[3000]), EventBytes.Compressed([.. Enumerable.Range(0, 700).Select(i => (byte)(i * i >> 3))])];

    public override void Run(byte[] input)
    {
        try
        {
            var inflated = new CompressedPart().Inflate(input);
            Promise(inflated.Length <= input.Length * 1032L, "more was inflated than deflate can hold");
        }
        catch (MySqlFormatException)
        {
            return; // declared
        }
    }
}

/// <summary>MySQL's compressed transactions: fields, zstd, and the events within.</summary>
internal sealed class PayloadTarget : FuzzTarget
{
    private const int MostEventBytes = 128 * 1024;

    public override string Name => "mysql-payload";

    // The buffer while it grows to the largest event.
    public override long FixedBytes => 4 * MostEventBytes;

    public override IReadOnlyList<byte[]> Dictionary { get; } = [[0x28, 0xB5, 0x2F, 0xFD], [2, 1, 0], [2, 3, 0xFC, 255, 0], [0]];

    public override IEnumerable<byte[]> Seeds()
    {
        byte[][] events = [EventBytes.Query("BEGIN"), EventBytes.TableMap(), EventBytes.Rows(EventType.WriteRowsV1, EventBytes.Image(1, "a")), EventBytes.Xid(6)];
        foreach (var isZstd in new[] { true, false })
            yield return EventBytes.Payload(isZstd, 1, events)[EventHeader.Bytes..^4];
    }

    public override void Run(byte[] input)
    {
        using var payload = new TransactionPayload(MostEventBytes);
        long bytes = 0;
        try
        {
            payload.Open(input);
            while (payload.TryNext(input, out var one))
            {
                Promise(EventHeader.Read(one).SizeBytes == one.Length && one.Length <= MostEventBytes, "an event is not of its own size");
                bytes += one.Length;
                if (bytes > 16 * MostEventBytes)
                    return; // some hundred bytes of zstd can be as long as one likes; the decoder stops in between, too
            }
        }
        catch (MySqlFormatException)
        {
            return; // declared
        }
    }
}

/// <summary>MySQL's binary JSON, and diffs to it: two bytes of the document's length, the document, the diffs.</summary>
internal sealed class JsonTarget : FuzzTarget
{
    /// <summary>A document with every type: {"a": [1, "x", null, {}], "b": 1.5, "c": -70000, "d": decimal, "e": date, "f": bytes}.</summary>
    public static readonly byte[] Document = Convert.FromHexString(
        "00" + "0600" + "7B00" // object of 6 in 123 bytes
        + "2E000100" + "2F000100" + "30000100" + "31000100" + "32000100" + "33000100" // keys
        + "023400" + "0B5000" + "075800" + "0F5C00" + "0F6200" + "0F6C00" // values
        + "616263646566" // abcdef
        + "04001C00" + "050100" + "0C1000" + "040000" + "001200" + "0178" + "00000400" + "0000000000000000" // [1, "x", null, {}]
        + "000000000000F83F" + "90EEFEFF" + "F60402018005" + "0C08000000002CB819" + "00" + "FC03010203" + "00000000000000000000");

    private readonly JsonEditor _editor = new();

    public override string Name => "mysql-json";

    // Text of the largest document, and the editor's nodes while they grow.
    public override long FixedBytes => 256 * 1024;

    public override long BytesEach => 256;

    // A document whose members share bytes is written until its text has become too long.
    public override long StepsEach => 2_000;

    public override IReadOnlyList<byte[]> Dictionary { get; } =
        [.. new[] { "$.a", "$.a[0]", "$.a[last]", "$.a[last-1]", "$.\"b\"", "$.\"\\u0041\\\"\"", "$.zz", "[3]", ".f" }.Select(Encoding.ASCII.GetBytes), [0, 0, 0, 4, 0], [4, 1]];

    public override IEnumerable<byte[]> Seeds()
    {
        yield return Input(Document, []);
        yield return Input(Document, [.. Diff(0, "$.a[0]", [5, 7, 0]), .. Diff(1, "$.a[1]", [0x0C, 1, (byte)'y']), .. Diff(2, "$.b", null), .. Diff(1, "$.zz", [4, 1])]);
        yield return Input(Document, [.. Diff(0, "$.a", Document), .. Diff(1, "$.a.\"q\\\"\\u0041\"", [4, 0]), .. Diff(2, "$.a.a[last]", null), .. Diff(0, "$.a.a[last-1]", [4, 2])]);
        yield return Input([5, 1, 0], []);
        yield return Input([], [.. Diff(0, "$.a", [4, 0])]);
    }

    public override void Run(byte[] input)
    {
        if (input.Length < 2)
            return;
        var split = Math.Min(BitConverter.ToUInt16(input), input.Length - 2);
        var document = input.AsSpan(2, split);
        var diffs = input.AsSpan(2 + split);
        var target = new byte[JsonText.MaxBytes(document.Length + diffs.Length)];
        try
        {
            RequireJson(target.AsSpan(0, JsonText.Write(document, target)));
            var written = _editor.Apply(document, diffs, target);
            if (written >= 0)
                RequireJson(target.AsSpan(0, written));
        }
        catch (MySqlFormatException)
        {
            return; // declared
        }
    }

    private static byte[] Input(byte[] document, byte[] diffs) => [.. BitConverter.GetBytes((ushort)document.Length), .. document, .. diffs];

    private static byte[] Diff(byte operation, string path, byte[]? value) =>
        [operation, (byte)path.Length, .. Encoding.ASCII.GetBytes(path), .. value is null ? [] : (byte[])[(byte)value.Length, .. value]];

    // Whatever is no error must be JSON, but for strings that are no UTF-8, which the server would not store.
    private static void RequireJson(ReadOnlySpan<byte> text)
    {
        if (!Utf8.IsValid(text))
            return;
        var reader = new Utf8JsonReader(text, new() { MaxDepth = JsonValue.MaxDepth + 1 });
        try
        {
            while (reader.Read())
                continue;
        }
        catch (JsonException)
        {
            Promise(false, $"no JSON: {Encoding.UTF8.GetString(text)}");
        }
    }
}

/// <summary>Rows of PARTIAL_UPDATE_ROWS of a table with two JSON columns.</summary>
internal sealed class PartialUpdateTarget : FuzzTarget
{
    private static readonly MySqlTable Table = new(
        new("d", "t"),
        [
            ColumnRules.Make(new() { Name = "id", Type = ColumnType.Long, Metadata = 0 }), ColumnRules.Make(new() { Name = "d", Type = ColumnType.Json, Metadata = 4 }),
            ColumnRules.Make(new() { Name = "v", Type = ColumnType.VarChar, Metadata = 20, Charset = "utf8mb4" }), ColumnRules.Make(new() { Name = "e", Type = ColumnType.Json, Metadata = 4 }),
        ],
        [0]);

    public override string Name => "mysql-partial-update";

    public override long FixedBytes => 256 * 1024;

    public override long BytesEach => 256;

    public override long StepsEach => 2_000;

    public override IReadOnlyList<byte[]> Dictionary { get; } = [.. new[] { "$.a", "$.b", "$.a[0]" }.Select(Encoding.ASCII.GetBytes), [1, 3], [1, 1], [0]];

    public override IEnumerable<byte[]> Seeds()
    {
        byte[] document = [.. BitConverter.GetBytes(JsonTarget.Document.Length), .. JsonTarget.Document];
        byte[] before = [0xF0, 1, 0, 0, 0, .. document, 1, (byte)'v', .. document];
        byte[] diff = [0, 3, (byte)'$', (byte)'.', (byte)'b', 2, 4, 1];
        byte[] diffs = [.. BitConverter.GetBytes(diff.Length), .. diff];
        yield return [15, 15, .. before, 1, 3, 0xF0, 1, 0, 0, 0, .. diffs, 1, (byte)'w', .. diffs];
        yield return [15, 15, .. before, 1, 1, 0xF8, 1, 0, 0, 0, .. diffs, 1, (byte)'w', .. before, 0, 0xF2, 1, 0, 0, 0, 1, (byte)'w', .. document];
        yield return [1, 14, 0xFE, 1, 0, 0, 0, 1, 3, 0xF8, .. diffs, 1, (byte)'w', .. diffs];
    }

    public override void Run(byte[] input)
    {
        if (input.Length < 2)
            return;
        var updates = new PartialUpdates(Table);
        ReadOnlySpan<byte> rows = input.AsSpan(2);
        try
        {
            while (!rows.IsEmpty)
            {
                var left = rows.Length;
                var row = updates.Next(ref rows, input.AsSpan(0, 1), input.AsSpan(1, 1), out var misfit);
                Promise(rows.Length < left, "a row took no bytes");
                if (misfit >= 0)
                    return;
                if ((input[0] & 15) != 15 || (updates.Present[0] & 15) != 15)
                    continue;
                var target = new byte[updates.Program.MaxBytes(2, row.Length)];
                var read = RowDecoder.Decode(updates.Program, row, target, out var before);
                read += RowDecoder.Decode(updates.Program, row[read..], target.AsSpan(before), out var after);
                Promise(read == row.Length, "the images that were made are not those of the table");
            }
        }
        catch (MySqlFormatException)
        {
            return; // declared
        }
    }
}
