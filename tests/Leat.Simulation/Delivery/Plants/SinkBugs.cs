using Leat.Changes;

namespace Leat.Simulation.Delivery.Plants;

/// <summary>Ways to get wrong what a sink says of itself and of its target.</summary>
internal static class SinkBugs
{
    internal sealed class LanesPlanted(ISink sink, Func<ISinkLane, ISinkLane> wrap) : PlantedSink(sink)
    {
        protected override ISinkLane Wrap(ISinkLane lane) => wrap(lane);
    }

    internal sealed class ConflictsIgnored(ISink sink) : PlantedSink(sink)
    {
        public override async ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) =>
            await base.PrepareAsync(shapes, cancellationToken) with { UniqueKeys = new SinkTraits().UniqueKeys };
    }

    internal sealed class NoMarker(ISink sink) : PlantedSink(sink)
    {
        public override ValueTask WriteMarkerAsync(string pipeline, TargetMarker marker, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }

    internal sealed class MarkerOnce(ISink sink) : PlantedSink(sink)
    {
        private bool _isWritten;

        public override ValueTask WriteMarkerAsync(string pipeline, TargetMarker marker, CancellationToken cancellationToken)
        {
            if (_isWritten)
                return ValueTask.CompletedTask;
            _isWritten = true;
            return base.WriteMarkerAsync(pipeline, marker, cancellationToken);
        }
    }

    internal sealed class MarkerBelieved(ISink sink) : PlantedSink(sink)
    {
        public override bool KeepsMarker => false;
    }

    internal sealed class EpochKept(ISink sink) : PlantedSink(sink)
    {
        protected override LaneIdentity Identify(LaneIdentity identity) => identity with { Epoch = 1 };
    }

    internal sealed class NothingRead(ISink sink) : PlantedSink(sink)
    {
        public override IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, CancellationToken cancellationToken) => AsyncEnumerable.Empty<TargetRow>();
    }

    internal sealed class CheckpointAhead(ISink sink) : PlantedSink(sink)
    {
        protected override LaneIdentity Identify(LaneIdentity identity) => identity with { Checkpoint = identity.Checkpoint + 1 };
    }

    // As if each table's part were the whole row: then a delete of it deletes the row.
    internal sealed class PartsForgotten(ISink sink) : PlantedSink(sink)
    {
        protected override ISinkLane Wrap(ISinkLane lane) => new Lane(lane);

        private sealed class Lane(ISinkLane lane) : PlantedLane(lane)
        {
            public override ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken) =>
                base.WriteAsync(batch.ToArray().Select(Whole).ToArray(), answers, cancellationToken);

            private static Operation Whole(Operation operation) => operation.Kind != OperationKind.Delete || operation.Shape.Part is not { IsRoot: false } part ? operation : operation with
            {
                Shape = new() { Alias = operation.Shape.Alias, Schema = operation.Shape.Schema, Columns = operation.Shape.Columns, Key = operation.Shape.Key, Part = part with { IsRoot = true } },
            };
        }
    }
}
