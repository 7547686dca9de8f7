using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Leat.Changes;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan.Rules;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Bench;

/// <summary>What the engine itself costs: rows out of memory into the synced log, and through a pipeline into a sink that takes everything.</summary>
internal static class SyntheticBench
{
    /// <summary>Arguments: ROWS ROWS-PER-TRANSACTION LANES (0: capture only) FOLDER [shaped]: with a condition and two computed columns.</summary>
    public static async Task Run(string[] args)
    {
        var rows = int.Parse(args[0], CultureInfo.InvariantCulture);
        var lanes = int.Parse(args[2], CultureInfo.InvariantCulture);
        var source = new RowSource(rows, int.Parse(args[1], CultureInfo.InvariantCulture));
        var sink = new TakingSink();
        var table = new TableRule { Alias = "rows", Table = RowSource.Schema.Table, Location = default };
        if (args.Length > 4)
        {
            WrittenExpression condition = new("a >= 0 AND b LIKE 'x%'", default, IsInline: true);
            table = table with
            {
                Where = condition.Text, WhereWritten = condition,
                Set = [new("twice", new("a * 2", default, IsInline: true)), new("short", new("left(c, 10)", default, IsInline: true))],
            };
        }

        var file = new LeatFile
        {
            Path = "bench.yaml",
            Sources = [new("bench", "memory", _ => source, default)],
            Pipelines = lanes == 0
                ? []
                :
                [
                    new()
                    {
                        Name = "taking", From = "bench", SinkKind = "taking", OpenSink = _ => sink, Lanes = lanes, Location = default,
                        Tables = [table],
                    },
                ],
            Log = new() { Folder = args[3] },
        };
        await using var engine = Engine.Open(file, NullLoggerFactory.Instance, TimeProvider.System);
        using var stop = new CancellationTokenSource();
        var begin = Stopwatch.GetTimestamp();
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        var running = engine.RunAsync(stop.Token);
        while (!running.IsCompleted && !Done(engine, lanes > 0, rows))
            await Task.Delay(2);
        var seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        var used = (Process.GetCurrentProcess().TotalProcessorTime - cpu).TotalSeconds;
        var collections = GC.CollectionCount(0);
        await stop.CancelAsync();
        await running;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"rows={rows} lanes={lanes} seconds={seconds:F3} rows/s={rows / seconds:F0} cpu={used * 1e6 / rows:F2}us/row collections={collections} peak={Process.GetCurrentProcess().PeakWorkingSet64 >> 20}MiB"));
    }

    private static bool Done(Engine engine, bool delivered, long rows)
    {
        var status = engine.Status();
        var source = status.Sources[0];
        return source.Changes == rows && source.ReadableOffset == source.EndOffset && source.Position == rows.ToString(CultureInfo.InvariantCulture)
            && (!delivered || status.Pipelines[0].Accounting.Applied == rows);
    }

    private sealed class RowSource(int rows, int rowsPerTransaction) : ISource
    {
        public static readonly TableSchema Schema = new(
            new("bench", "rows"),
            [
                new() { Name = "id", Kind = ColumnKind.Int64 }, new() { Name = "a", Kind = ColumnKind.Int64 },
                new() { Name = "b", Kind = ColumnKind.String }, new() { Name = "c", Kind = ColumnKind.String },
            ],
            [0]);

        private static readonly byte[] Text = Encoding.ASCII.GetBytes(new string('x', 90));

        public async ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken)
        {
            var position = new Position();
            var schema = writer.Define(Schema);
            while (position.Rows < rows)
            {
                writer.Begin("0-1-42"u8, 1_700_000_000_000_001);
                for (var i = 0; i < rowsPerTransaction && position.Rows < rows; i++)
                {
                    var row = new RowWriter(writer.BeginRow(300), 4);
                    row.WriteUInt64((ulong)position.Rows++);
                    row.WriteUInt64(17);
                    row.WriteBytes(Text);
                    row.WriteBytes(Text);
                    writer.EndRow(ChangeKind.Insert, schema, 0, row.WrittenBytes);
                }

                await writer.CommitAsync(position, position.Rows < rows, cancellationToken);
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        }

        public ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken) => new([]);

        public ValueTask<SourcePosition> CurrentPositionAsync(CancellationToken cancellationToken) => new(new SourcePosition("0"));

        public ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken) => new(new SourcePosition(text));

        public ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken) => new([Schema]);

        public async IAsyncEnumerable<SourceRow> ReadTableAsync(
            TableSchema table, SourcePosition? captured, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            yield break;
        }

        public ValueTask<bool[]> ExistingAsync(
            TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken) =>
            new(new bool[rows.Count]);

        public ValueTask DisposeAsync() => default;

        private sealed class Position : IPosition
        {
            public long Rows { get; set; }

            public void WriteTo(IBufferWriter<byte> target)
            {
                Rows.TryFormat(target.GetSpan(20), out var bytes, default, CultureInfo.InvariantCulture);
                target.Advance(bytes);
            }
        }
    }

    private sealed class TakingSink : ISink, ISinkLane
    {
        public long? CommittedOffset => null;

        public ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) => new([]);

        public ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) => new(new SinkTraits());

        public ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken) => new(this);

        public ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            answers.Span.Fill(Answer.Applied);
            return default;
        }

        public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row) => new("", []);

        public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
        {
            await Task.CompletedTask;
            yield break;
        }

        public ValueTask DisposeAsync() => default;
    }
}
