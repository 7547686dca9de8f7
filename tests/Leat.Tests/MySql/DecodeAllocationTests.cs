using System.Diagnostics.CodeAnalysis;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Shapes;
using Xunit;
using static Leat.Tests.MySql.EventBytes;

namespace Leat.Tests.MySql;

/// <summary>Decoding allocates nothing for a row once it is warm, whatever kind of event the row comes in.</summary>
public sealed class DecodeAllocationTests
{
    private const int RowsAnEvent = 500;

    private static readonly byte[] Json = Convert.FromHexString("00" + "0200" + "2600" + "12000100" + "13000100" + "021400" + "040100" + "61" + "62" + "0200" + "0C00" + "050100" + "0C0A00" + "0178" + "000000000000");

    [Theory]
    [InlineData(EventType.WriteRowsV1)]
    [InlineData(EventType.UpdateRowsV1)]
    [InlineData(EventType.DeleteRowsV1)]
    [InlineData(EventType.WriteRowsV2)]
    [InlineData(EventType.UpdateRowsV2)]
    [InlineData(EventType.DeleteRowsV2)]
    [InlineData(EventType.PartialUpdateRows)]
    public void Rows_with_JSON_take_no_memory(byte type) => Assert.Equal(0, AllocatedBy(RowsOf(type)));

    [Fact]
    public void Rows_of_a_compressed_transaction_take_no_memory() => Assert.Equal(
        0, AllocatedBy(Payload(isZstd: true, 5, [JsonTableMap(), .. Enumerable.Repeat(RowsOf(EventType.WriteRowsV2), 20), .. Enumerable.Repeat(RowsOf(EventType.PartialUpdateRows), 20)])));

    [Theory]
    [InlineData(EventType.WriteRowsCompressedV1, EventType.WriteRowsV1)]
    [InlineData(EventType.UpdateRowsCompressed, EventType.UpdateRowsV2)]
    public void A_compressed_event_takes_what_zlib_does_and_its_rows_nothing(byte type, byte plain)
    {
        const int FrontBytes = 8;
        var rows = RowsOf(plain)[EventHeader.Bytes..^4];
        var front = FrontBytes + (EventType.IsVersion2(plain) ? 2 : 0) + 1 + (plain == EventType.UpdateRowsV2 ? 2 : 1);

        var allocated = AllocatedBy(Event(type, [.. rows[..front], .. Compressed(rows[front..])]));

        Assert.InRange(allocated, 0, 1024);
    }

    // Of one event, after the same event has been decoded often enough for every buffer to have its size.
    private static long AllocatedBy(byte[] rows)
    {
        var writer = new Discard();
        using var decoder = new BinlogDecoder("shop", new(), new Shapes(), writer, checksums: true);
        decoder.Apply(FormatDescription());
        decoder.Apply(Gtid(1));
        decoder.Apply(JsonTableMap());
        for (var i = 0; i < 30; i++)
            decoder.Apply(rows);
        var before = writer.Rows;

        var allocated = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 10; i++)
            decoder.Apply(rows);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;

        Assert.True(writer.Rows - before >= 10 * RowsAnEvent, "The rows were not decoded.");
        return allocated / 10;
    }

    /// <summary>Table d.t (id INT, v VARCHAR(20), j JSON) as number 7.</summary>
    private static byte[] JsonTableMap() => Event(
        EventType.TableMap, [7, 0, 0, 0, 0, 0, 1, 0, 1, (byte)'d', 0, 1, (byte)'t', 0, 3, ColumnType.Long, ColumnType.VarChar, ColumnType.Json, 3, 20, 0, 4, 6]);

    private static byte[] RowsOf(byte type)
    {
        byte[] image = [0xF8, 1, 0, 0, 0, 2, (byte)'v', (byte)'w', .. BitConverter.GetBytes(Json.Length), .. Json];
        byte[] diff = [0, 3, (byte)'$', (byte)'.', (byte)'b', 2, 4, 2, 1, 4, (byte)'$', (byte)'.', (byte)'c', (byte)'c', 2, 4, 1, 2, 6, .. "$.a[0]"u8];
        byte[] partial = [1, 1, 0xF8, 1, 0, 0, 0, 1, (byte)'x', .. BitConverter.GetBytes(diff.Length), .. diff];
        var isUpdate = type is EventType.UpdateRowsV1 or EventType.UpdateRowsV2 or EventType.PartialUpdateRows;
        byte[] row = !isUpdate ? image : type == EventType.PartialUpdateRows ? [.. image, .. partial] : [.. image, .. image];
        byte[] front = [7, 0, 0, 0, 0, 0, 1, 0, .. EventType.IsVersion2(type) ? (byte[])[2, 0] : [], 3, 7, .. isUpdate ? (byte[])[7] : []];
        return Event(type, [.. front, .. Enumerable.Repeat(row, RowsAnEvent).SelectMany(bytes => bytes)]);
    }

    private sealed class Shapes : ITableShapes
    {
        private readonly MySqlTable _table = new(
            new("d", "t"),
            [
                ColumnRules.Make(new() { Name = "id", Type = ColumnType.Long, Metadata = 0 }),
                ColumnRules.Make(new() { Name = "v", Type = ColumnType.VarChar, Metadata = 20, Charset = "utf8mb4" }),
                ColumnRules.Make(new() { Name = "j", Type = ColumnType.Json, Metadata = 4 }),
            ],
            [0]);

        public IReadOnlyCollection<TableName> Known => [_table.Name];

        public uint Newest => 0;

        public bool IsCaptured(TableName table) => true;

        public bool TryResolve(TableMap map, [NotNullWhen(true)] out MySqlTable? table)
        {
            table = _table;
            return true;
        }

        public StatementEffect Apply(string sql, string database, ulong sqlMode, string transaction) => StatementEffect.None;

        public string? CharsetOf(uint collation) => "utf8mb4";
    }

    private sealed class Discard : IChangeWriter
    {
        private readonly byte[] _room = new byte[4 * 1024 * 1024];

        public long Rows { get; private set; }

        public uint Define(TableSchema schema) => 1;

        public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros)
        {
        }

        public Span<byte> BeginRow(int maxBytes) => _room.AsSpan(0, maxBytes);

        public void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes) => Rows++;

        public ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public void Rollback()
        {
        }

        public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => ValueTask.CompletedTask;

        public void Progress(SnapshotProgress progress)
        {
        }
    }
}
