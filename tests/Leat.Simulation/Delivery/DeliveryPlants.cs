using Leat.Changes;
using Leat.Log;
using Leat.Simulation.Log;

namespace Leat.Simulation.Delivery;

/// <summary>Known ways to get delivery wrong, each of which the simulation must notice. Planted between the engine and what it stands on: the engine itself has no switch for any.</summary>
internal static class DeliveryPlants
{
    public static SortedDictionary<string, DeliveryPlant> All { get; } = new(StringComparer.Ordinal)
    {
        ["counts an outcome before the target has answered"] = Lanes(50, lane => new AnswersAhead(lane)),
        ["takes a lost answer for a refusal"] = Lanes(50, lane => new LostIsRefused(lane)),
        ["takes a lost answer for success"] = Lanes(50, lane => new LostIsApplied(lane)),
        ["lets a later write overtake a repeated one"] = Lanes(100, lane => new RetriesOvertaken(lane)),
        ["gives each operation the answer of the next"] = Lanes(50, lane => new AnswersShifted(lane)),
        ["drops what is to be sent again"] = Lanes(50, lane => new RetriesDropped(lane)),
        ["takes what it set aside for written"] = Lanes(200, lane => new RefusalsSwallowed(lane)),
        ["sends a request in the wrong order"] = Lanes(50, lane => new Reversed(lane)),
        ["believes that a lane is further than it is"] = Lanes(200, lane => new CommittedAhead(lane)),
        ["forgets what a truncate removes"] = Sinks(100, sink => new NothingRead(sink)),
        ["counts dead letters before they are durable"] = Files(2_000, ".deadletters-"),
        ["lets a unique value be taken before it is free"] = Sinks(200, sink => new ConflictsIgnored(sink)) with { Scenario = static one => one with { Lanes = 4 } },
        ["writes its marker once only"] = Disasters(500, sink => new MarkerOnce(sink)),
        ["writes no marker"] = Disasters(100, sink => new NoMarker(sink)),
        ["believes every marker to be its own"] = Disasters(500, sink => new MarkerBelieved(sink)),
        ["keeps its epoch when another log has written"] = Disasters(1_000, sink => new EpochKept(sink)),
        ["says that a file is delivered further than it is"] = Sinks(100, sink => new CheckpointAhead(sink)),
    };

    private static DeliveryPlant Lanes(ulong budget, Func<ISinkLane, ISinkLane> wrap) => Sinks(budget, sink => new LanesPlanted(sink, wrap));

    private static DeliveryPlant Sinks(ulong budget, Func<ISink, ISink> wrap) => new() { Budget = budget, Sink = wrap };

    private static DeliveryPlant Disasters(ulong budget, Func<ISink, ISink> wrap) => Sinks(budget, wrap) with
    {
        Scenario = static one => one.Target == TargetKind.Lines || one.IsUnique ? one : one with { Disasters = 80, Rounds = 4 },
    };

    private static DeliveryPlant Files(ulong budget, string part) => new()
    {
        Budget = budget,
        Disk = disk => new LyingFiles(disk, path => PlantedBugs.IsSegment(path) && path.Contains(part, StringComparison.Ordinal), file => new NoSync(file)),
        Scenario = scenario => scenario.Target == TargetKind.Lines ? scenario : scenario with { Poison = 20, Deaths = 90 },
    };

    private sealed class LanesPlanted(ISink sink, Func<ISinkLane, ISinkLane> wrap) : PlantedSink(sink)
    {
        protected override ISinkLane Wrap(ISinkLane lane) => wrap(lane);
    }

    private sealed class ConflictsIgnored(ISink sink) : PlantedSink(sink)
    {
        public override async ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) =>
            await base.PrepareAsync(shapes, cancellationToken) with { UniqueKeys = new SinkTraits().UniqueKeys };
    }

    private sealed class NoMarker(ISink sink) : PlantedSink(sink)
    {
        public override ValueTask WriteMarkerAsync(string pipeline, TargetMarker marker, CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }

    private sealed class MarkerOnce(ISink sink) : PlantedSink(sink)
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

    private sealed class MarkerBelieved(ISink sink) : PlantedSink(sink)
    {
        public override bool KeepsMarker => false;
    }

    private sealed class EpochKept(ISink sink) : PlantedSink(sink)
    {
        protected override LaneIdentity Identify(LaneIdentity identity) => identity with { Epoch = 1 };
    }

    private sealed class NothingRead(ISink sink) : PlantedSink(sink)
    {
        public override IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, CancellationToken cancellationToken) => AsyncEnumerable.Empty<TargetRow>();
    }

    private sealed class CheckpointAhead(ISink sink) : PlantedSink(sink)
    {
        protected override LaneIdentity Identify(LaneIdentity identity) => identity with { Checkpoint = identity.Checkpoint + 1 };
    }

    private sealed class CommittedAhead(ISinkLane lane) : PlantedLane(lane)
    {
        public override long? CommittedOffset => base.CommittedOffset + 2;
    }

    private sealed class Reversed(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            var turned = batch.ToArray();
            Array.Reverse(turned);
            await base.WriteAsync(turned, answers, cancellationToken);
            answers.Span.Reverse();
        }
    }

    private sealed class AnswersShifted(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            await base.WriteAsync(batch, answers, cancellationToken);
            for (var i = 0; i + 1 < answers.Length; i++)
                answers.Span[i] = answers.Span[i + 1];
        }
    }

    private sealed class RetriesDropped(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            await base.WriteAsync(batch, answers, cancellationToken);
            foreach (ref var answer in answers.Span)
                answer = answer.Kind == AnswerKind.Retry ? Answer.Applied : answer;
        }
    }

    private sealed class RefusalsSwallowed(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            await base.WriteAsync(batch, answers, cancellationToken);
            foreach (ref var answer in answers.Span)
                answer = answer.Kind == AnswerKind.Refused ? Answer.Applied : answer;
        }
    }

    private sealed class LostIsRefused(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            try
            {
                await base.WriteAsync(batch, answers, cancellationToken);
            }
            catch (RetriableException lost)
            {
                answers.Span.Fill(Answer.Refused(lost.What));
            }
        }
    }

    private sealed class LostIsApplied(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            try
            {
                await base.WriteAsync(batch, answers, cancellationToken);
            }
            catch (RetriableException)
            {
                answers.Span.Fill(Answer.Applied);
            }
        }
    }

    // What shall be sent again goes along with a later request of the lane.
    private sealed class RetriesOvertaken(ISinkLane lane) : PlantedLane(lane)
    {
        private readonly List<Operation> _again = [];

        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            await base.WriteAsync(batch, answers, cancellationToken);
            if (_again.Count > 0)
            {
                Operation[] late = [.. _again];
                _again.Clear();
                await base.WriteAsync(late, new Answer[late.Length], cancellationToken);
            }

            for (var i = 0; i < batch.Length; i++)
            {
                if (answers.Span[i].Kind != AnswerKind.Retry)
                    continue;
                _again.Add(Copy(batch.Span[i]));
                answers.Span[i] = Answer.Applied;
            }
        }

        private static Operation Copy(in Operation operation) => new()
        {
            Kind = operation.Kind, Cause = operation.Cause, Offset = operation.Offset, CommittedAtMicros = operation.CommittedAtMicros, Shape = operation.Shape,
            Row = operation.Row.ToArray(), KeyHash = operation.KeyHash,
        };
    }

    // Tells the answer before there is one; the request goes on meanwhile.
    private sealed class AnswersAhead(ISinkLane lane) : PlantedLane(lane)
    {
        private Task _last = Task.CompletedTask;

        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            await _last;
            Operation[] copy = [.. batch.ToArray().Select(RetainRow)];
            _last = base.WriteAsync(copy, new Answer[batch.Length], cancellationToken).AsTask();
            answers.Span.Fill(Answer.Applied);
        }

        private static Operation RetainRow(Operation operation) => new()
        {
            Kind = operation.Kind, Cause = operation.Cause, Offset = operation.Offset, CommittedAtMicros = operation.CommittedAtMicros, Shape = operation.Shape,
            Row = operation.Row.ToArray(), KeyHash = operation.KeyHash,
        };
    }

    private sealed class NoSync(IDiskFile file) : LyingFile(file)
    {
        public override void SyncData()
        {
        }
    }
}
