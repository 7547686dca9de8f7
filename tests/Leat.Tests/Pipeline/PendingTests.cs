using Leat.Changes;
using Leat.Pipeline.Delivery;
using Leat.Transform.Plan;
using Xunit;

namespace Leat.Tests.Pipeline;

public sealed class PendingTests
{
    private static readonly Shape _shape = new() { Alias = "items", Schema = TestTable.Schema, Columns = [], Key = TestTable.Schema.Key };

    [Fact]
    public void A_copy_has_rows_of_its_own_wherever_they_were()
    {
        using var arena = new RowArena();
        byte[] buffer = [9, 9, 1, 2, 3, 4, 9];
        var made = arena.Take(2);
        made.Span[0] = 7;
        made.Span[1] = 8;
        var pending = new Pending
        {
            Buffer = buffer,
            RecordStart = 2,
            RecordBytes = 4,
            Operation = new()
            {
                Kind = OperationKind.Index,
                Cause = ChangeKind.Update,
                Offset = 5,
                CommittedAtMicros = 6,
                Shape = _shape,
                Row = made,
                Before = buffer.AsMemory(3, 2),
                KeyHash = 11,
                IsUnpositioned = true,
            },
        };

        var copy = pending.Detach();
        Array.Clear(buffer);
        made.Span.Clear();

        Assert.Equal([1, 2, 3, 4], copy.Record.ToArray());
        Assert.Equal([7, 8], copy.Operation.Row.ToArray());
        Assert.Equal([2, 3], copy.Operation.Before.ToArray());
        Assert.Equal((5L, 11UL, true, false), (copy.Operation.Offset, copy.Operation.KeyHash, copy.Operation.IsUnpositioned, copy.Operation.IsReplay));
    }
}
