using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Simulation.Log;

namespace Leat.Simulation.Delivery;

/// <summary>A connection of one process to the model target, through which faults come.</summary>
internal sealed class ModelSink(DeliveryScenario scenario, Model model, ModelTarget target, Faults faults, Judge judge, World world) : ISink
{
    /// <summary>Number of the error by which a sink says that its target was put back to an older state.</summary>
    public const int TargetOlder = 9005;

    public bool KeepsMarker => scenario.Target != TargetKind.Lines;

    private bool Misbehaves => faults.AreOn;

    public ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) => new([]);

    public async ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        return new()
        {
            MaxLanes = scenario.Target == TargetKind.Lines ? 1 : 64,
            WholeTransactions = scenario.IsWhole,
            MaxBatchOperations = scenario.BatchOperations,
            SerialAliases = scenario.IsSerial ? ["plain"] : [],
            UniqueKeys = scenario.IsUnique ? ImmutableDictionary<string, ImmutableArray<ImmutableArray<int>>>.Empty.Add("unique", [[2]]) : ImmutableDictionary<string, ImmutableArray<ImmutableArray<int>>>.Empty,
        };
    }

    public async ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        Open(identity);
        if (scenario.Target == TargetKind.Lines)
            target.Lines.RemoveAll(line => line.Offset >= identity.Checkpoint);
        return new Lane(this, identity, scenario.Target == TargetKind.Keeping ? target.Lanes[identity.Lane].Offset : null, target.Generation);
    }

    public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row) => model.Expect(shape, row);

    public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        foreach (var (key, row) in target.Rows.ToList())
        {
            if (key.StartsWith(shape.Alias + ":", StringComparison.Ordinal))
                yield return model.Read(shape, key, row);
        }
    }

    public async ValueTask<TargetMarker?> ReadMarkerAsync(string pipeline, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        return target.Marker;
    }

    public async ValueTask WriteMarkerAsync(string pipeline, TargetMarker marker, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        if (scenario.Target == TargetKind.Keeping)
            return;
        judge.Marked(marker);
        (target.MarkerBefore, target.Marker) = (target.Marker, marker);
        await PassAsync(KillPoint.MarkerWritten);
        if (Misbehaves && faults.Strikes(scenario.BreaksAfter))
            throw Broken("the marker's answer is lost");
    }

    public ValueTask DisposeAsync() => default;

    private static RetriableException Broken(string what) => new(new(9001), $"The connection broke: {what}.", "Wait.");

    private void Open(LaneIdentity identity)
    {
        try
        {
            judge.Opened(identity);
            if (scenario.Target != TargetKind.Keeping || target.Claim(identity).Offset + 1 >= identity.LaneOffset)
                return;
            Violation.Unless(judge.HadDisaster, $"lane {identity.Lane} stands at {target.Lanes[identity.Lane].Offset}, behind {identity.LaneOffset}, where it is said to stand");
            throw new PauseException(new(TargetOlder), $"Lane {identity.Lane} stands behind {identity.LaneOffset}.", "Deliver again.");
        }
        catch (ViolationException violation)
        {
            judge.Broken ??= violation;
            throw;
        }
    }

    private async ValueTask ReachAsync(CancellationToken cancellationToken)
    {
        await TakeTimeAsync(cancellationToken);
        if (Misbehaves && faults.Strikes(scenario.BreaksBefore))
            throw Broken("nobody answers");
    }

    private async ValueTask TakeTimeAsync(CancellationToken cancellationToken)
    {
        if (Misbehaves && scenario.Delay > 0)
            await Task.Delay(TimeSpan.FromMicroseconds(faults.Random.Below(1000 * scenario.Delay)), world.Time, cancellationToken);
        else
            await Task.Yield();
    }

    // A process that is killed here gets no further.
    private async ValueTask PassAsync(KillPoint point)
    {
        if (!faults.Reaches(point))
            return;
        world.Kill();
        await new TaskCompletionSource().Task;
    }

    private async ValueTask WriteAsync(Lane lane, ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
    {
        var isAnswered = false;
        try
        {
            judge.Sent(lane.Identity, batch.Span);
            await PassAsync(KillPoint.BeforeSend);
            await TakeTimeAsync(cancellationToken);
            ThrowBefore(lane);
            ThrowIfRefused(batch.Span);
            if (scenario.Target is TargetKind.Keeping)
                Transact(lane, batch.Span, answers.Span);
            else
                await ApplyEachAsync(lane, batch, answers, cancellationToken);
            await PassAsync(KillPoint.Applied);
            await TakeTimeAsync(cancellationToken);
            if (lane.IsBroken || (Misbehaves && faults.Strikes(scenario.BreaksAfter)))
                throw Broken("the answer is lost");
            judge.Answered(lane.Identity, batch.Span, answers.Span);
            isAnswered = true;
            if (faults.Reaches(KillPoint.Answered))
                world.Kill();
        }
        catch (BatchRefusedException) when (batch.Length == 1 || (batch.Length == 2 && batch.Span[0].Offset == batch.Span[1].Offset && !batch.Span[0].IsUnpositioned))
        {
            answers.Span.Fill(Answer.Refused("as a whole", "poison"));
            judge.Answered(lane.Identity, batch.Span, answers.Span);
            answers.Span.Clear();
            isAnswered = true;
            throw;
        }
        catch (ViolationException violation)
        {
            judge.Broken ??= violation;
            throw;
        }
        finally
        {
            if (!isAnswered)
                judge.Failed(lane.Identity);
        }
    }

    private void ThrowBefore(Lane lane)
    {
        if (lane.IsBroken)
            throw Broken("the target was restarted");
        if (!Misbehaves)
            return;
        if (faults.Strikes(scenario.BreaksBefore))
            throw Broken("nothing arrived");
        if (faults.Strikes(scenario.Busy))
            throw new RetriableException(new(9004), "The target is busy.", "Wait.") { IsBusy = true };
        if (faults.Strikes(scenario.Pauses))
            throw new PauseException(new(9002), "The password is wrong.", "Correct it.");
        if (faults.Strikes(scenario.Faults))
            throw new InvalidOperationException("a fault of the sink");
    }

    private void ThrowIfRefused(ReadOnlySpan<Operation> batch)
    {
        if (scenario.Largest > 0 && batch.Length > scenario.Largest)
            throw new BatchRefusedException("too large", "413", isTooLarge: true);
        if (!scenario.RefusesWhole || faults.IsHealed)
            return;
        foreach (ref readonly var operation in batch)
        {
            if (model.IsPoison(operation))
                throw new BatchRefusedException("something in it is poison", "poison");
        }
    }

    // All or nothing; the lane's offset stays below the first that is refused, and below a change of a whole table, more of which may follow. What comes out of its turn moves none.
    private void Transact(Lane lane, ReadOnlySpan<Operation> batch, Span<Answer> answers)
    {
        var (offset, below) = (-1L, long.MaxValue);
        for (var i = 0; i < batch.Length; i++)
        {
            answers[i] = Apply(lane, batch[i], alone: true);
            if (batch[i].IsUnpositioned)
                continue;
            offset = batch[i].Cause is ChangeKind.Truncate or ChangeKind.Sweep ? batch[i].Offset - 1 : batch[i].Offset;
            if (answers[i].Kind == AnswerKind.Refused)
                below = Math.Min(below, batch[i].Offset - 1);
        }

        var row = target.Lanes[lane.Identity.Lane];
        row.Offset = Math.Max(row.Offset, Math.Min(offset, below));
    }

    private async ValueTask ApplyEachAsync(Lane lane, ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
    {
        var breaksAt = Misbehaves && faults.Strikes(scenario.BreaksWithin) ? faults.Random.Below(batch.Length) : -1;
        var retried = new HashSet<string>();
        for (var i = 0; i < batch.Length; i++)
        {
            if (i == breaksAt)
                throw Broken("in the middle of a request");
            if (i == batch.Length / 2)
            {
                await PassAsync(KillPoint.PartlyApplied);
                if (faults.Random.Chance(30))
                    await TakeTimeAsync(cancellationToken);
                if (lane.IsBroken)
                    throw Broken("the target was restarted");
            }

            var operation = batch.Span[i];
            var key = Model.KeyOf(operation.Shape, operation.Row.Span);

            // Some targets do what comes behind an operation that they did not do, others do not.
            var isRetry = (Misbehaves && faults.Strikes(scenario.Retries)) || (retried.Contains(key) && faults.Random.Chance(50));
            if (isRetry)
                retried.Add(key);
            answers.Span[i] = isRetry ? faults.Random.Chance(50) ? Answer.Busy("too much to do") : Answer.Retry("busy") : Apply(lane, operation, alone: false);
        }
    }

    private Answer Apply(Lane lane, in Operation operation, bool alone)
    {
        var key = Model.KeyOf(operation.Shape, operation.Row.Span);
        if (!faults.IsHealed && model.IsPoison(operation))
            return Answer.Refused("poison", "poison");
        var held = model.Apply(target.Find(key), operation);
        if (alone && scenario.IsUnique && held is not null && operation.Shape.Alias == "unique" && target.IsTaken(key, held))
            return Answer.Refused("the unique value is taken", "duplicate");

        judge.Done(operation);
        switch (scenario.Target)
        {
            case TargetKind.Versioned:
                return target.PutVersion(key, held, lane.Identity.VersionOf(operation), world.Now) ? Answer.Applied : Answer.Stale;
            case TargetKind.Lines:
                target.Lines.Add((operation.Offset, key, held));
                break;
            case TargetKind.Keeping:
                target.Applied.Add((operation.Offset, key));
                break;
        }

        target.Put(key, held);
        return Answer.Applied;
    }

    private sealed class Lane(ModelSink sink, LaneIdentity identity, long? committed, int generation) : ISinkLane
    {
        public LaneIdentity Identity => identity;

        public long? CommittedOffset => committed;

        public bool IsBroken => sink.TargetGeneration != generation;

        public ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken) =>
            sink.WriteAsync(this, batch, answers, cancellationToken);

        public ValueTask DisposeAsync() => default;
    }

    private int TargetGeneration => target.Generation;
}
