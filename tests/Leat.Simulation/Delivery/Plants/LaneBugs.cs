using Leat.Changes;

namespace Leat.Simulation.Delivery.Plants;

/// <summary>Ways to get wrong what a lane is given and what it answers.</summary>
internal static class LaneBugs
{
    internal sealed class CommittedAhead(ISinkLane lane) : PlantedLane(lane)
    {
        public override long? CommittedOffset => base.CommittedOffset + 2;
    }

    internal sealed class Reversed(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            var turned = batch.ToArray();
            Array.Reverse(turned);
            await base.WriteAsync(turned, answers, cancellationToken);
            answers.Span.Reverse();
        }
    }

    internal sealed class AnswersShifted(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            await base.WriteAsync(batch, answers, cancellationToken);
            for (var i = 0; i + 1 < answers.Length; i++)
                answers.Span[i] = answers.Span[i + 1];
        }
    }

    internal sealed class RetriesDropped(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            await base.WriteAsync(batch, answers, cancellationToken);
            foreach (ref var answer in answers.Span)
                answer = answer.Kind == AnswerKind.Retry ? Answer.Applied : answer;
        }
    }

    internal sealed class RefusalsSwallowed(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            await base.WriteAsync(batch, answers, cancellationToken);
            foreach (ref var answer in answers.Span)
                answer = answer.Kind == AnswerKind.Refused ? Answer.Applied : answer;
        }
    }

    internal sealed class LostIsRefused(ISinkLane lane) : PlantedLane(lane)
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

    internal sealed class LostIsApplied(ISinkLane lane) : PlantedLane(lane)
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
    internal sealed class RetriesOvertaken(ISinkLane lane) : PlantedLane(lane)
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
                _again.Add(batch.Span[i] with { Row = batch.Span[i].Row.ToArray() });
                answers.Span[i] = Answer.Applied;
            }
        }
    }

    // Tells the answer before there is one; the request goes on meanwhile.
    internal sealed class AnswersAhead(ISinkLane lane) : PlantedLane(lane)
    {
        private Task _last = Task.CompletedTask;

        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            await _last;
            Operation[] copy = [.. batch.ToArray().Select(operation => operation with { Row = operation.Row.ToArray() })];
            _last = base.WriteAsync(copy, new Answer[batch.Length], cancellationToken).AsTask();
            answers.Span.Fill(Answer.Applied);
        }
    }

    internal sealed class DeletesDropped(ISinkLane lane) : PlantedLane(lane)
    {
        public override async ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
        {
            var kept = Enumerable.Range(0, batch.Length).Where(at => batch.Span[at].Kind != OperationKind.Delete).ToList();
            answers.Span.Fill(Answer.Applied);
            if (kept.Count == 0)
                return;
            var there = new Answer[kept.Count];
            await base.WriteAsync(kept.Select(at => batch.Span[at]).ToArray(), there, cancellationToken);
            for (var i = 0; i < kept.Count; i++)
                answers.Span[kept[i]] = there[i];
        }
    }
}
