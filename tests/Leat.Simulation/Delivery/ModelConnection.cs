using System.Buffers;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Leat.Changes;

namespace Leat.Simulation.Delivery;

/// <summary>The model's outside system as one process sees it.</summary>
internal sealed class ModelConnection(Model model) : ISource
{
    public async ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken)
    {
        var at = run.From is { } from ? int.Parse(from.Text, CultureInfo.InvariantCulture) : 0;
        if (model.SaysWhereItStands && at >= model.Transactions)
            await writer.AdvanceAsync(new Position(at), moreInput: false, cancellationToken);
        while (true)
        {
            for (; at < model.Transactions; at++)
                await TellAsync(writer, at, cancellationToken);
            var waiting = model.More.Join();
            if (at == model.Transactions)
                await model.More.WaitAsync(waiting, cancellationToken);
        }
    }

    public ValueTask<SourcePosition> CurrentPositionAsync(CancellationToken cancellationToken) =>
        new(new SourcePosition(model.Transactions.ToString(CultureInfo.InvariantCulture)));

    public ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken) => new(model.Tables);

    public ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken) => new([]);

    public ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken) => new(new SourcePosition(text));

    public async IAsyncEnumerable<SourceRow> ReadTableAsync(TableSchema table, SourcePosition? captured, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var row in model.RowsOf(table))
            yield return new(table, row);
    }

    public ValueTask<bool[]> ExistingAsync(TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken) =>
        new(rows.Select(row => model.Has(table, IdOf(table, row.Span))).ToArray());

    public ValueTask DisposeAsync() => default;

    private static int IdOf(TableSchema table, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(table, row);
        reader.Seek(table.Key[0]);
        return (int)reader.Int64;
    }

    private async ValueTask TellAsync(IChangeWriter writer, int number, CancellationToken cancellationToken)
    {
        writer.Begin(Encoding.ASCII.GetBytes($"t{number}"), 1_000_000L * number);
        foreach (var change in model.Told(number))
        {
            var schema = writer.Define(change.Table);
            var room = writer.BeginRow(change.Before.Length + change.After.Length);
            change.Before.CopyTo(room);
            change.After.CopyTo(room[change.Before.Length..]);
            writer.EndRow(change.Kind, schema, change.Before.Length, change.After.Length);
        }

        await writer.CommitAsync(new Position(number + 1), moreInput: number + 1 < model.Transactions, cancellationToken);
    }

    private sealed class Position(int transactions) : IPosition
    {
        public void WriteTo(IBufferWriter<byte> target) => target.Write(Encoding.ASCII.GetBytes(transactions.ToString(CultureInfo.InvariantCulture)));
    }
}
