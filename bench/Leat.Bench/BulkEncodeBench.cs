using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Connectors.Elasticsearch;
using Leat.Connectors.Elasticsearch.Wire;

namespace Leat.Bench;

/// <summary>What a row costs on its way into a <c>_bulk</c> body, and an item of the answer on its way out, without any network.</summary>
internal static class BulkEncodeBench
{
    private const int RowsPerRequest = 1_000;
    private const int Rounds = 5;

    private static readonly TableSchema Orders = new(
        new("bench", "orders"),
        [
            new() { Name = "id", Kind = ColumnKind.Int64 }, new() { Name = "customer_id", Kind = ColumnKind.Int32 }, new() { Name = "sku", Kind = ColumnKind.String },
            new() { Name = "qty", Kind = ColumnKind.Int32 }, new() { Name = "price", Kind = ColumnKind.Decimal, Precision = 12, Scale = 2 },
            new() { Name = "status", Kind = ColumnKind.Int8 }, new() { Name = "created", Kind = ColumnKind.DateTime, Scale = 6 },
            new() { Name = "updated", Kind = ColumnKind.Timestamp }, new() { Name = "name", Kind = ColumnKind.String }, new() { Name = "email", Kind = ColumnKind.String },
            new() { Name = "score", Kind = ColumnKind.Float64 }, new() { Name = "note", Kind = ColumnKind.String },
        ],
        [0]);

    /// <summary>Arguments: thousands of rows.</summary>
    public static void Run(string[] args)
    {
        var requests = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 1_000;
        var options = new ElasticsearchSinkOptions { Urls = [new("http://localhost:9200")], Index = new Dictionary<string, AddressTemplate> { [""] = Template("orders") } };
        var request = new BulkBatch(options, new("bench", Guid.Empty, 1, 0, 1, 0));
        var (batch, keys) = (Operations(), new BatchKeys());
        var answer = Encoding.UTF8.GetBytes("{\"took\":1,\"errors\":false,\"items\":[" + string.Join(',', Enumerable.Repeat(
            """{"index":{"_index":"orders","_id":"123456","_version":140737488355333,"result":"created","_shards":{"total":2,"successful":1,"failed":0},"_seq_no":1,"_primary_term":1,"status":201}}""",
            RowsPerRequest)) + "]}");
        for (var round = 0; round <= Rounds; round++)
        {
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            var begin = Used();
            for (var i = 0; i < requests; i++)
                Encode(request, keys, batch);
            var encode = (Used() - begin).TotalNanoseconds;
            begin = Used();
            var items = 0;
            for (var i = 0; i < requests; i++)
                items += Read(answer);
            var read = (Used() - begin).TotalNanoseconds;
            if (round > 0) // the first compiles
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"encode={encode / items:F0} ns/row ({request.Body.Length / RowsPerRequest} B/row)  read={read / items:F0} ns/item ({answer.Length / RowsPerRequest} B/item)  allocated={(GC.GetAllocatedBytesForCurrentThread() - allocated) / items} B/row"));
        }
    }

    // The processor's time, not the clock's: others may use the machine.
    private static TimeSpan Used() => Environment.CpuUsage.TotalTime;

    private static void Encode(BulkBatch request, BatchKeys keys, Operation[] batch)
    {
        request.Cut();
        keys.Look(batch, coalesce: true, request);
        for (var row = 0; row < batch.Length; row++)
            request.Add(batch[row], row, found: null);
    }

    private static int Read(byte[] answer)
    {
        var items = 0;
        var reader = new BulkReader(answer);
        while (reader.TryRead(out var item))
            items += BulkAnswers.Classify(BulkActionKind.Index, item.Status, item.Type, item.Reason) == BulkVerdict.Applied ? 1 : 0;
        return items;
    }

    private static Operation[] Operations()
    {
        var shape = new Shape
        {
            Alias = "orders", Schema = Orders, Key = Orders.Key, Columns = [.. Orders.Columns.Select((column, ordinal) => new ShapeColumn(column.Name, ordinal))],
        };
        return
        [
            .. Enumerable.Range(0, RowsPerRequest).Select(number => new Operation
            {
                Kind = OperationKind.Index, Cause = ChangeKind.Insert, Offset = number, CommittedAtMicros = 0, Shape = shape, Row = Row(number), KeyHash = (ulong)number * 0x9E3779B97F4A7C15,
            }),
        ];
    }

    private static byte[] Row(int number)
    {
        var bytes = new byte[512];
        var row = new RowWriter(bytes, Orders.Columns.Length);
        row.WriteUInt64((ulong)(1_000_000 + number));
        row.WriteUInt32((uint)number);
        row.WriteString("SKU-0012345");
        row.WriteUInt32(7);
        row.WriteString("1234.50");
        row.WriteByte(1);
        row.WriteUInt64(Temporal.DateTime(2024, 1, 31, 12, 30, 15, 123456));
        row.WriteUInt64(1_706_702_400_000_000);
        row.WriteString("Some Customer Name");
        row.WriteString("customer@example.com");
        row.WriteUInt64(BitConverter.DoubleToUInt64Bits(number / 7.0));
        row.WriteString("A note of about forty letters, more or less");
        return bytes[..row.WrittenBytes];
    }

    private static AddressTemplate Template(string text) => AddressTemplate.TryParse(text, out var template) ? template : throw new ArgumentException(text, nameof(text));
}
