using Leat.Changes;
using Leat.Pipeline.Delivery;
using Leat.Transform.Plan;
using Xunit;

namespace Leat.Tests.Pipeline;

public sealed class RefusalsTests
{
    [Fact]
    public void A_repeat_that_was_refused_is_the_lowest_although_it_waits_behind_what_came_later()
    {
        var refusals = new Refusals();
        Refuse(refusals, offset: 49);
        Refuse(refusals, offset: 47);

        Assert.Equal((47, 4700), refusals.Lowest);
        Assert.Equal([49, 47], refusals.TakeAll().SelectMany(request => request.Items).Select(item => item.Operation.Offset));
        Assert.Equal((long.MaxValue, long.MaxValue), refusals.Lowest);
    }

    private static void Refuse(Refusals refusals, long offset)
    {
        var traits = new SinkTraits();
        var batch = new LaneBatch(traits, new(traits));
        var row = TestTable.Row((int)offset, 1);
        var plan = TablePlan.Compile(new("items", TestTable.Schema.Table, [], Where: null), TestTable.Schema);
        batch.Add(new()
        {
            Buffer = row,
            RecordBytes = row.Length,
            CommitMicros = offset * 100,
            Operation = new()
            {
                Kind = OperationKind.Index, Cause = ChangeKind.Insert, Offset = offset, CommittedAtMicros = 0, Shape = plan.Shape, Row = row, KeyHash = (ulong)offset,
            },
        });
        batch.Answers.Span.Fill(Answer.Refused("no"));
        refusals.Note(batch.Answers.Span);
        refusals.Wait(batch);
    }
}
