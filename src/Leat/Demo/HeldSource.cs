using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Demo;

/// <summary>Lets somebody stop a source between two transactions, so that its targets can catch up with something that stands still.</summary>
internal sealed class SourceHold
{
    private readonly TaskCompletionSource _parked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _requested;

    /// <summary>Whether the source is to stop after its open transaction.</summary>
    public bool IsRequested => _requested;

    /// <summary>Asks it to stop, and returns when it stands still.</summary>
    public Task HoldAsync(CancellationToken cancellationToken)
    {
        _requested = true;
        return _parked.Task.WaitAsync(cancellationToken);
    }

    /// <summary>Says that it stands still, and stays so until cancelled.</summary>
    public async ValueTask ParkAsync(CancellationToken cancellationToken)
    {
        _parked.TrySetResult();
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
    }
}

/// <summary>A source that obeys a <see cref="SourceHold"/>: for the simulated shop, whose customers cannot be sent home.</summary>
internal sealed class HeldSource(ISource inner, SourceHold hold) : ISource
{
    public ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken) => inner.CheckAsync(cancellationToken);

    public ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken) =>
        inner.RunAsync(run, new HeldWriter(writer, hold), cancellationToken);

    public ValueTask<SourcePosition> CurrentPositionAsync(CancellationToken cancellationToken) => inner.CurrentPositionAsync(cancellationToken);

    public ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken) => inner.ParsePositionAsync(text, cancellationToken);

    public ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken) => inner.TablesAsync(cancellationToken);

    public IAsyncEnumerable<SourceRow> ReadTableAsync(
        TableSchema table, SourcePosition? captured, CancellationToken cancellationToken) =>
        inner.ReadTableAsync(table, captured, cancellationToken);

    public ValueTask<IReadOnlyDictionary<TableName, long>> EstimateRowsAsync(CancellationToken cancellationToken) => inner.EstimateRowsAsync(cancellationToken);

    public IAsyncEnumerable<SourceRow> ReadMatchingAsync(
        TableSchema table, RowMatches matches, int most, SourcePosition? captured, CancellationToken cancellationToken) =>
        inner.ReadMatchingAsync(table, matches, most, captured, cancellationToken);

    public bool ReadsAgain => inner.ReadsAgain;

    public IReadOnlyList<TableSnapshot> SnapshotsNow => inner.SnapshotsNow;

    public IReadOnlyList<UnverifiedTable> UnverifiedNow => inner.UnverifiedNow;

    public bool IsDone => inner.IsDone;

    public ValueTask<bool[]> ExistingAsync(
        TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken) =>
        inner.ExistingAsync(table, rows, captured, cancellationToken);

    public ValueTask RequestSnapshotAsync(SnapshotRequest request, CancellationToken cancellationToken) => inner.RequestSnapshotAsync(request, cancellationToken);

    public ValueTask<IReadOnlyList<TableName>> CancelSnapshotAsync(ImmutableArray<TableName> tables, CancellationToken cancellationToken) =>
        inner.CancelSnapshotAsync(tables, cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private sealed class HeldWriter(IChangeWriter inner, SourceHold hold) : IChangeWriter
    {
        public uint Define(TableSchema schema) => inner.Define(schema);

        public uint Renew(TableSchema schema) => inner.Renew(schema);

        public IReadOnlyList<KeyValuePair<uint, TableSchema>> Shapes => inner.Shapes;

        public void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros) => inner.Begin(transactionId, committedAtMicros);

        public Span<byte> BeginRow(int maxBytes) => inner.BeginRow(maxBytes);

        public void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes) => inner.EndRow(kind, schemaId, beforeBytes, afterBytes);

        public async ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
        {
            await inner.CommitAsync(position, moreInput && !hold.IsRequested, cancellationToken);
            if (hold.IsRequested)
                await hold.ParkAsync(cancellationToken);
        }

        public void Rollback() => inner.Rollback();

        public async ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
        {
            await inner.AdvanceAsync(position, moreInput && !hold.IsRequested, cancellationToken);
            if (hold.IsRequested)
                await hold.ParkAsync(cancellationToken);
        }

        public ValueTask WhenRoomAsync(CancellationToken cancellationToken) => inner.WhenRoomAsync(cancellationToken);

        public void BeginParked(ReadOnlySpan<byte> transactionId, long preparedAtMicros) => inner.BeginParked(transactionId, preparedAtMicros);

        public ValueTask<long> ParkAsync(ReadOnlyMemory<byte> name, CancellationToken cancellationToken) => inner.ParkAsync(name, cancellationToken);

        public ValueTask UnparkAsync(ReadOnlyMemory<byte> name, CancellationToken cancellationToken) => inner.UnparkAsync(name, cancellationToken);

        public ValueTask ReleaseAsync(
            long at, ReadOnlyMemory<byte> name, ReadOnlyMemory<byte> transactionId, long committedAtMicros, CancellationToken cancellationToken) =>
            inner.ReleaseAsync(at, name, transactionId, committedAtMicros, cancellationToken);

        public void KeepParked(long oldest) => inner.KeepParked(oldest);

        public void Progress(SnapshotProgress progress) => inner.Progress(progress);
    }
}
