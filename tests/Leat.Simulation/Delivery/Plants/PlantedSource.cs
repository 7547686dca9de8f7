using Leat.Changes;

namespace Leat.Simulation.Delivery.Plants;

/// <summary>A source that passes everything on.</summary>
internal class PlantedSource(ISource source) : ISource
{
    public ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken) => source.RunAsync(run, Wrap(writer), cancellationToken);

    public ValueTask<SourcePosition> CurrentPositionAsync(CancellationToken cancellationToken) => source.CurrentPositionAsync(cancellationToken);

    public ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken) => source.TablesAsync(cancellationToken);

    public ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken) => source.CheckAsync(cancellationToken);

    public ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken) => source.ParsePositionAsync(text, cancellationToken);

    public IAsyncEnumerable<SourceRow> ReadTableAsync(TableSchema table, SourcePosition? captured, CancellationToken cancellationToken) =>
        source.ReadTableAsync(table, captured, cancellationToken);

    public virtual ValueTask<bool[]> ExistingAsync(TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken) =>
        source.ExistingAsync(table, rows, captured, cancellationToken);

    public ValueTask DisposeAsync() => source.DisposeAsync();

    protected virtual IChangeWriter Wrap(IChangeWriter writer) => writer;
}

/// <summary>A writer that passes everything on.</summary>
internal class PlantedWriter(IChangeWriter writer) : IChangeWriter
{
    protected IPosition? Last { get; private set; }

    public uint Define(TableSchema schema) => writer.Define(schema);

    public virtual void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros) => writer.Begin(transactionId, committedAtMicros);

    public virtual Span<byte> BeginRow(int maxBytes) => writer.BeginRow(maxBytes);

    public virtual void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes) => writer.EndRow(kind, schemaId, beforeBytes, afterBytes);

    public virtual ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken)
    {
        Last = position;
        return writer.CommitAsync(position, moreInput, cancellationToken);
    }

    public void Rollback() => writer.Rollback();

    public ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken) => writer.AdvanceAsync(position, moreInput, cancellationToken);

    public ValueTask WhenRoomAsync(CancellationToken cancellationToken) => writer.WhenRoomAsync(cancellationToken);

    public void Progress(SnapshotProgress progress) => writer.Progress(progress);
}
