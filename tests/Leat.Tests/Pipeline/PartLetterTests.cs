using Leat.Changes;
using Leat.Log;
using Leat.Pipeline.Delivery;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;
using KeyHash = Leat.Transform.Plan.KeyHash;

namespace Leat.Tests.Pipeline;

/// <summary>Dead letters of rows that several tables write: each part's are its own, and the root's delete ends all.</summary>
public sealed class PartLetterTests
{
    private static readonly ulong Prices = KeyHash.Of("prices");

    [Theory]
    [InlineData(OperationKind.Delete, 0)]
    [InlineData(OperationKind.Index, 1)]
    public async Task The_roots_delete_ends_the_letters_of_all_parts_of_its_row(OperationKind kind, int open)
    {
        await using var engine = new TestEngine().Open();
        var letters = new DeadLetters("copy", () => 1, engine.Log.OpenStream("parts.deadletters", new StreamOptions()), engine.Time, NullLogger.Instance) { Parts = [KeyHash.Of("items"), Prices] }.Load();
        var refused = Make(OperationKind.Index, offset: 5, isRoot: false);
        await letters.KeepAsync([(Pending(refused), Answer.Refused("Data too long", "1406"))], [], default);
        Assert.Equal(1, letters.Open);

        var later = Make(kind, offset: 9, isRoot: true);
        Assert.Equal(kind == OperationKind.Delete, letters.Concerns(later));
        await letters.KeepAsync([], [later], default);

        Assert.Equal(open, letters.Open);
    }

    private static Operation Make(OperationKind kind, long offset, bool isRoot)
    {
        var shape = new Shape
        {
            Alias = "items", Schema = TestTable.Schema, Columns = [new("id", 0), new("v", 1)], Key = [0], Part = new(isRoot ? "items" : "prices", isRoot),
        };
        const ulong Row = 4711;
        return new()
        {
            Kind = kind, Cause = ChangeKind.Update, Offset = offset, CommittedAtMicros = 1, Shape = shape, Row = TestTable.Row(1, 10), KeyHash = isRoot ? Row : Row ^ Prices, OrderHash = Row,
        };
    }

    private static Pending Pending(in Operation operation)
    {
        var record = new byte[EncodedChange.HeaderBytes + operation.Row.Length];
        var front = EncodedChange.WriteHeader(record, ChangeKind.Insert, ChangeMarks.HasAfter, 1, 1, 0, 0, []);
        operation.Row.Span.CopyTo(record.AsSpan(front));
        return new() { Operation = operation, Buffer = record, RecordBytes = record.Length };
    }
}
