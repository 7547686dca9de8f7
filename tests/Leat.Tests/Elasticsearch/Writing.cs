using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Connectors.Elasticsearch;
using Leat.Pipeline.Definitions;
using Leat.Tests.Changes;
using Leat.Tests.Definitions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Elasticsearch;

/// <summary>A small table and its operations, and a sink that writes them as a lane does.</summary>
internal static class Writing
{
    public static readonly TableSchema Orders = new(
        new("shop", "orders"),
        [
            new() { Name = "id", Kind = ColumnKind.Int32 },
            new() { Name = "note", Kind = ColumnKind.String },
            new() { Name = "day", Kind = ColumnKind.Date },
            new() { Name = "customer", Kind = ColumnKind.Int32 },
        ],
        [0]);

    public static readonly Shape OrdersShape = ShapeOf("orders", Orders);

    public static Shape ShapeOf(string alias, TableSchema schema) => new()
    {
        Alias = alias,
        Schema = schema,
        Columns = [.. schema.Columns.Select((column, ordinal) => new ShapeColumn(column.Name, ordinal))],
        Key = schema.Key,
    };

    public static byte[] Row(int id, string? note, uint? day = null, int? customer = null) => Rows.Encode(Orders, id, note, day, customer);

    public static Operation Index(long offset, int id, string? note, uint? day = null, int? customer = null) =>
        Make(OperationKind.Index, ChangeKind.Insert, offset, id, Row(id, note, day, customer));

    public static Operation Delete(long offset, int id, uint? day = null, int? customer = null, ChangeKind cause = ChangeKind.Delete) =>
        Make(OperationKind.Delete, cause, offset, id, Row(id, null, day, customer));

    public static Operation Make(OperationKind kind, ChangeKind cause, long offset, int id, byte[] row, byte[]? before = null, Shape? shape = null) => new()
    {
        Kind = kind,
        Cause = cause,
        Offset = offset,
        CommittedAtMicros = 0,
        Shape = shape ?? OrdersShape,
        Row = row,
        Before = before ?? default(ReadOnlyMemory<byte>),
        KeyHash = (ulong)id * 0x9E3779B97F4A7C15,
    };

    /// <summary>Options as a configuration file gives them; fails on problems.</summary>
    public static ElasticsearchSinkOptions Options(string yaml)
    {
        var (options, problems) = Read(yaml);
        Assert.Empty(problems.Where(problem => problem.Severity == Severity.Error).Select(problem => problem.Message));
        return options;
    }

    /// <summary>Options and what is wrong with them; the block in flow style, e.g. <c>{ url: "http://a:1", index: orders }</c>.</summary>
    public static (ElasticsearchSinkOptions Options, IReadOnlyList<Finding> Problems) Read(string yaml)
    {
        var problems = new List<Finding>();
        var map = YamlLoader.Load(System.Text.Encoding.UTF8.GetBytes("sink: " + yaml), "test.yaml", TestConnectors.Environment, problems)!;
        return (ElasticsearchSinkOptions.Read(new((ConfigMap)map.Entries[0].Value, "sink", problems)), problems);
    }

    public static ElasticsearchSink Sink(Uri url, string more = "", ILoggerFactory? loggers = null) =>
        new(Options($"{{ url: \"{url}\", {(more.Contains("index:", StringComparison.Ordinal) ? "" : "index: orders, ")}{more} }}"), new("search", loggers ?? NullLoggerFactory.Instance, TimeProvider.System));

    public static LaneIdentity Lane(uint epoch = 1) => new("p", Guid.Empty, epoch, 0, 1, 0);

    /// <summary>Writes a batch and gives the answers.</summary>
    public static async Task<Answer[]> WriteAsync(ISink sink, params Operation[] batch)
    {
        await using var lane = await sink.OpenLaneAsync(Lane(), TestContext.Current.CancellationToken);
        var answers = new Answer[batch.Length];
        await lane.WriteAsync(batch, answers, TestContext.Current.CancellationToken);
        return answers;
    }

    /// <summary>What a sink reads of a shape: key and fields that are not null.</summary>
    public static async Task<string[]> ShownAsync(ISink sink, Shape? shape = null)
    {
        var rows = new List<string>();
        await foreach (var row in sink.ReadAsync(shape ?? OrdersShape, TestContext.Current.CancellationToken))
            rows.Add(Show(row));
        return [.. rows.Order(StringComparer.Ordinal)];
    }

    public static string Show(TargetRow row) => $"{row.Key}: {string.Join(' ', row.Fields.Where(field => field.Value is not null).Select(field => $"{field.Key}={field.Value}"))}";

    public const long Version1 = 1L << 47;
}
