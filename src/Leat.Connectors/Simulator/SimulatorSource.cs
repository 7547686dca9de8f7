using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.Simulator;

/// <summary>The built-in simulated shop: a source that needs no server. The same seed tells the same history on every machine.</summary>
/// <remarks>
/// First the rows of the shop as it opens, as a snapshot, then its transactions at the rate asked for. A restart recomputes the history up
/// to its position and goes on. Commit times are the real clock's, so that lags mean something; everything else is the seed's.
/// </remarks>
public sealed class SimulatorSource(SimulatorSourceOptions options, ConnectorContext context) : ISource
{
    private const int SnapshotRowsPerTransaction = 500;

    private readonly ConcurrentQueue<(SnapshotRequest Request, TaskCompletionSource Done)> _readAgain = [];
    private long _lastTransaction;

    /// <summary><c>simulator: { seed: 1, customers: 100, rows_per_second: 200 }</c></summary>
    public static SourceKind Kind { get; } = new("simulator", reader =>
    {
        var options = SimulatorSourceOptions.Read(reader);
        return context => new SimulatorSource(options, context);
    });

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken) =>
        new([Finding.Ok("simulator", $"A simulated shop with seed {options.Seed} and {options.Customers} customers; no server is needed.")]);

    /// <inheritdoc/>
    public async ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken)
    {
        var until = run.Until is { } end ? Parse(end).Transaction : long.MaxValue;
        var position = run.From is { } from ? Parse(from) : new() { SnapshotRows = 0 };
        var shop = NewShop();
        var schemas = ShopSchema.Tables.ToDictionary(table => table.Table, writer.Define);
        if (position.SnapshotRows is not null)
            await SnapshotAsync(shop, schemas, position, writer, cancellationToken);
        if (run.SnapshotOnly)
            return;

        shop.RunTo(position.Transaction);
        Volatile.Write(ref _lastTransaction, position.Transaction);
        var pace = new Pace(options.RowsPerSecond, context.Time);
        while (position.Transaction < until)
        {
            cancellationToken.ThrowIfCancellationRequested();
            while (_readAgain.TryDequeue(out var asked))
                await ReadAgainAsync(shop, asked.Request, asked.Done, schemas, position, writer, cancellationToken);
            var transaction = shop.Next();
            var wait = pace.After(transaction.Changes.Count);
            await WriteAsync(transaction, schemas, position, moreInput: wait <= TimeSpan.Zero, writer, cancellationToken);
            Volatile.Write(ref _lastTransaction, position.Transaction);
            if (wait > TimeSpan.Zero)
                await Task.Delay(wait, context.Time, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public ValueTask<SourcePosition> CurrentPositionAsync(CancellationToken cancellationToken) =>
        new(new SimulatorPosition { Transaction = Volatile.Read(ref _lastTransaction) }.ToSourcePosition());

    /// <inheritdoc/>
    public ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken)
    {
        if (text == "now")
            return CurrentPositionAsync(cancellationToken);
        if (!long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var transaction))
            throw SimulatorErrors.BadPosition(text);
        return new(new SimulatorPosition { Transaction = transaction }.ToSourcePosition());
    }

    /// <inheritdoc/>
    public ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken) => new(ShopSchema.Tables);

    /// <inheritdoc/>
    public async IAsyncEnumerable<SourceRow> ReadTableAsync(
        TableSchema table, SourcePosition? captured, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var position = captured is { } text ? Parse(text) : new() { SnapshotRows = 0 };
        var shop = NewShop();
        await Task.Yield(); // recomputing a long history takes a moment
        shop.RunTo(position.Transaction);
        var rows = position.SnapshotRows is { } read
            ? Opening(shop).Take((int)read).Where(row => row.Schema.Table == table.Table)
            : shop.Rows(table);
        var bytes = new byte[ShopEncoder.MaxRowBytes];
        foreach (var row in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return new(row.Schema, bytes.AsMemory(0, ShopEncoder.Write(row, bytes)));
        }
    }

    /// <inheritdoc/>
    /// <remarks>As the shop opens.</remarks>
    public ValueTask<IReadOnlyDictionary<TableName, long>> EstimateRowsAsync(CancellationToken cancellationToken)
    {
        var shop = NewShop();
        return new(ShopSchema.Tables.ToDictionary(table => table.Table, table => (long)shop.Rows(table).Count()));
    }

    /// <inheritdoc/>
    public bool ReadsAgain => true;

    /// <inheritdoc/>
    public async ValueTask<bool[]> ExistingAsync(
        TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken)
    {
        var there = new HashSet<string>(StringComparer.Ordinal);
        await foreach (var row in ReadTableAsync(table, captured, cancellationToken))
            there.Add(RowKeyText.Of(row.Schema, row.Row.Span));
        return [.. rows.Select(row => there.Contains(RowKeyText.Of(table, row.Span)))];
    }

    /// <inheritdoc/>
    /// <remarks>The shop knows no conditions: the whole table is read.</remarks>
    public async ValueTask RequestSnapshotAsync(SnapshotRequest request, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _readAgain.Enqueue((request, done));
        await done.Task.WaitAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static IEnumerable<ShopRow> Opening(ShopWorkload shop) => ShopSchema.Tables.SelectMany(shop.Rows);

    private static void Append(ShopRow? before, ShopRow? after, ChangeKind kind, Dictionary<TableName, uint> schemas, IChangeWriter writer)
    {
        var row = writer.BeginRow(2 * ShopEncoder.MaxRowBytes);
        var beforeBytes = before is null ? 0 : ShopEncoder.Write(before, row);
        var afterBytes = after is null ? 0 : ShopEncoder.Write(after, row[beforeBytes..]);
        writer.EndRow(kind, schemas[(after ?? before)!.Schema.Table], beforeBytes, afterBytes); // a change has at least one image
    }

    private async ValueTask SnapshotAsync(
        ShopWorkload shop, Dictionary<TableName, uint> schemas, SimulatorPosition position, IChangeWriter writer, CancellationToken cancellationToken)
    {
        var rows = Opening(shop).ToList();
        var read = position.SnapshotRows ?? 0;
        while (position.SnapshotRows is not null)
        {
            cancellationToken.ThrowIfCancellationRequested();
            writer.Begin("snapshot"u8, NowMicros());
            var chunk = rows.Skip((int)read).Take(SnapshotRowsPerTransaction).ToList();
            foreach (var row in chunk)
                Append(null, row, ChangeKind.Read, schemas, writer);
            read += chunk.Count;
            position.SnapshotRows = read < rows.Count ? read : null;
            await writer.CommitAsync(position, moreInput: position.SnapshotRows is not null, cancellationToken);

            var table = read < rows.Count ? rows[(int)read].Schema : null;
            var done = table is null ? ShopSchema.Tables.Length : ShopSchema.Tables.IndexOf(table);
            writer.Progress(new(table?.Table, done, ShopSchema.Tables.Length, read, rows.Count));
        }
    }

    // A table at once, between two transactions: no cursor has to be kept.
    private async ValueTask ReadAgainAsync(
        ShopWorkload shop, SnapshotRequest request, TaskCompletionSource done, Dictionary<TableName, uint> schemas, SimulatorPosition position,
        IChangeWriter writer, CancellationToken cancellationToken)
    {
        foreach (var table in ShopSchema.Tables.Where(table => request.Tables.Contains(table.Table)))
        {
            writer.Begin("snapshot"u8, NowMicros());
            foreach (var row in shop.Rows(table))
                Append(null, row, ChangeKind.ReadAgain, schemas, writer);
            writer.BeginRow(0);
            writer.EndRow(ChangeKind.Sweep, schemas[table.Table], 0, 0);
            await writer.CommitAsync(position, moreInput: false, cancellationToken);
        }

        done.TrySetResult();
    }

    private async ValueTask WriteAsync(
        ShopTransaction transaction, Dictionary<TableName, uint> schemas, SimulatorPosition position, bool moreInput,
        IChangeWriter writer, CancellationToken cancellationToken)
    {
        BeginNumbered(transaction.Number, writer);
        foreach (var change in transaction.Changes)
            Append(change.Before, change.After, KindOf(change), schemas, writer);

        position.Transaction = transaction.Number;
        if (transaction.RolledBack)
        {
            writer.Rollback();
            await writer.AdvanceAsync(position, moreInput, cancellationToken);
        }
        else
        {
            await writer.CommitAsync(position, moreInput, cancellationToken);
        }
    }

    private static ChangeKind KindOf(ShopChange change) => change switch
    {
        { Before: null } => ChangeKind.Insert,
        { After: null } => ChangeKind.Delete,
        _ => ChangeKind.Update,
    };

    private void BeginNumbered(long number, IChangeWriter writer)
    {
        Span<byte> id = stackalloc byte[20];
        number.TryFormat(id, out var length, default, CultureInfo.InvariantCulture);
        writer.Begin(id[..length], NowMicros());
    }

    private ShopWorkload NewShop() => new((ulong)options.Seed, options.Customers);

    private long NowMicros() => (context.Time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    private SimulatorPosition Parse(SourcePosition position) =>
        SimulatorPosition.Parse(position.Text) ?? throw SimulatorErrors.ForeignPosition(context.Name, position.Text);
}
