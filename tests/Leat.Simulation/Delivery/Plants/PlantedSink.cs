using Leat.Changes;

namespace Leat.Simulation.Delivery.Plants;

/// <summary>A sink that passes everything on.</summary>
internal class PlantedSink(ISink sink) : ISink
{
    public virtual bool KeepsMarker => sink.KeepsMarker;

    public ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) => sink.CheckAsync(shapes, cancellationToken);

    public virtual ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) => sink.PrepareAsync(shapes, cancellationToken);

    public async ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken) =>
        Wrap(await sink.OpenLaneAsync(Identify(identity), cancellationToken));

    public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row) => sink.Expect(shape, row);

    public virtual IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, CancellationToken cancellationToken) => sink.ReadAsync(shape, cancellationToken);

    public ValueTask<TargetMarker?> ReadMarkerAsync(string pipeline, CancellationToken cancellationToken) => sink.ReadMarkerAsync(pipeline, cancellationToken);

    public virtual ValueTask WriteMarkerAsync(string pipeline, TargetMarker marker, CancellationToken cancellationToken) => sink.WriteMarkerAsync(pipeline, marker, cancellationToken);

    public ValueTask DisposeAsync() => sink.DisposeAsync();

    protected virtual LaneIdentity Identify(LaneIdentity identity) => identity;

    protected virtual ISinkLane Wrap(ISinkLane lane) => lane;
}

/// <summary>A lane that passes everything on.</summary>
internal class PlantedLane(ISinkLane lane) : ISinkLane
{
    public virtual long? CommittedOffset => lane.CommittedOffset;

    public virtual ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken) => lane.WriteAsync(batch, answers, cancellationToken);

    public ValueTask DisposeAsync() => lane.DisposeAsync();
}
