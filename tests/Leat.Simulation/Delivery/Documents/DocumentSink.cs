using System.Runtime.CompilerServices;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Simulation.Log;

namespace Leat.Simulation.Delivery.Documents;

/// <summary>A connection of one process to a target of documents, through which faults come.</summary>
internal sealed class DocumentSink(DeliveryScenario scenario, ModelTarget target, Faults faults, DocumentJudge judge, World world) : ISink
{
    private bool Misbehaves => faults.AreOn;

    public bool KeepsMarker => scenario.Target != TargetKind.Lines;

    public static string KeyOf(in Operation operation) => KeyOf(operation.Shape, operation.Row.Span);

    /// <summary>A document in words: each field and its value.</summary>
    public static string Write(Shape shape, ReadOnlySpan<byte> row)
    {
        var text = new StringBuilder();
        var reader = new RowReader(shape.Schema, row);
        foreach (var column in shape.Columns)
        {
            reader.Seek(column.Ordinal);
            text.Append(column.Name).Append('=').Append(ValueText.Of(ref reader)).Append(';');
        }

        return text.ToString();
    }

    public ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken) => new([]);

    public async ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        return new() { MaxLanes = scenario.Target == TargetKind.Lines ? 1 : 64, WholeTransactions = scenario.IsWhole, MaxBatchOperations = scenario.BatchOperations };
    }

    public async ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        try
        {
            judge.Opened(identity);
            if (scenario.Target == TargetKind.Lines)
                target.Lines.RemoveAll(line => line.Offset >= identity.Checkpoint);
            if (scenario.Target != TargetKind.Keeping)
                return new Lane(this, identity, null, target.Generation);
            var row = target.Claim(identity);
            if (row.Offset + 1 >= identity.LaneOffset)
                return new Lane(this, identity, row.Offset, target.Generation);
            Violation.Unless(judge.HadDisaster, $"lane {identity.Lane} stands at {row.Offset}, behind {identity.LaneOffset}, where it is said to stand");
            throw new PauseException(new(ModelSink.TargetOlder), $"Lane {identity.Lane} stands behind {identity.LaneOffset}.", "Deliver again.");
        }
        catch (ViolationException violation)
        {
            judge.Broken ??= violation;
            throw;
        }
    }

    public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row)
    {
        var key = KeyOf(shape, row);
        return new(key, [new("id", key[(key.IndexOf(':', StringComparison.Ordinal) + 1)..])]);
    }

    public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await ReachAsync(cancellationToken);
        foreach (var (key, _) in target.Rows.ToList())
            yield return new(key, [new("id", key[(key.IndexOf(':', StringComparison.Ordinal) + 1)..])]);
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
        target.Marker = marker;
        await PassAsync(KillPoint.MarkerWritten);
        if (Misbehaves && faults.Strikes(scenario.BreaksAfter))
            throw Broken("the marker's answer is lost");
    }

    public ValueTask DisposeAsync() => default;

    private static string KeyOf(Shape shape, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(shape.Schema, row);
        reader.Seek(shape.Key[0]);
        return $"{shape.Alias}:{reader.Int64}";
    }

    private static RetriableException Broken(string what) => new(new(9001), $"The connection broke: {what}.", "Wait.");

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
            if (scenario.Target is TargetKind.Keeping)
                Transact(lane, batch.Span, answers.Span);
            else
                await ApplyEachAsync(lane, batch, answers, cancellationToken);
            await PassAsync(KillPoint.Applied);
            await TakeTimeAsync(cancellationToken);
            if (lane.Generation != target.Generation || (Misbehaves && faults.Strikes(scenario.BreaksAfter)))
                throw Broken("the answer is lost");
            judge.Answered(lane.Identity, batch.Span, answers.Span);
            isAnswered = true;
            if (faults.Reaches(KillPoint.Answered))
                world.Kill();
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
        if (lane.Generation != target.Generation)
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

    // All or nothing; the lane's offset stays below the first that is refused. What holds no place moves none.
    private void Transact(Lane lane, ReadOnlySpan<Operation> batch, Span<Answer> answers)
    {
        var (offset, below) = (-1L, long.MaxValue);
        for (var i = 0; i < batch.Length; i++)
        {
            answers[i] = Apply(lane, batch[i]);
            if (batch[i].IsUnpositioned)
                continue;
            offset = batch[i].Offset;
            if (answers[i].Kind == AnswerKind.Refused)
                below = Math.Min(below, offset - 1);
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
                if (lane.Generation != target.Generation)
                    throw Broken("the target was restarted");
            }

            var key = KeyOf(batch.Span[i]);
            var isRetry = (Misbehaves && faults.Strikes(scenario.Retries)) || (retried.Contains(key) && faults.Random.Chance(50));
            if (isRetry)
                retried.Add(key);
            answers.Span[i] = isRetry ? Answer.Retry("busy") : Apply(lane, batch.Span[i]);
        }
    }

    private Answer Apply(Lane lane, in Operation operation)
    {
        var key = KeyOf(operation);
        var document = operation.Kind == OperationKind.Delete ? null : Write(operation.Shape, operation.Row.Span);
        if (document is not null && ShopModel.IsPoison(document) && !faults.IsHealed)
            return Answer.Refused("poison", "poison");
        var bytes = document is null ? null : Encoding.UTF8.GetBytes(document);
        if (scenario.Target == TargetKind.Versioned)
            return target.PutVersion(key, bytes, lane.Identity.VersionOf(operation), world.Now) ? Answer.Applied : Answer.Stale;
        if (scenario.Target == TargetKind.Lines)
            target.Lines.Add((operation.Offset, key, bytes));
        target.Put(key, bytes);
        return Answer.Applied;
    }

    private sealed class Lane(DocumentSink sink, LaneIdentity identity, long? committed, int generation) : ISinkLane
    {
        public LaneIdentity Identity => identity;

        public int Generation => generation;

        public long? CommittedOffset => committed;

        public ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken) =>
            sink.WriteAsync(this, batch, answers, cancellationToken);

        public ValueTask DisposeAsync() => default;
    }
}
