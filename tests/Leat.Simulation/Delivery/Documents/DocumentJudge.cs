using System.Text;
using Leat.Changes;
using Leat.Simulation.Log;

namespace Leat.Simulation.Delivery.Documents;

/// <summary>Knows which documents there are after each transaction, and that none is sent that never was.</summary>
internal sealed class DocumentJudge(DeliveryScenario scenario, ShopModel shop, ModelTarget target) : Judge(scenario, shop)
{
    private readonly List<int> _transactions = []; // by offset: transactions that are whole when the one with this record is

    private readonly HashSet<int> _parted = []; // transactions that have a change of a whole table in them

    private int _answered; // the transaction whose documents were answered last

    public override bool HasPoison => Scenario.Poison > 0;

    protected override long Taken => _transactions.Count;

    protected override bool ReplaysKeepOrder => false; // a document is replayed as it is now, under the offset at which it was refused

    public override void Suffers(Disaster disaster, bool isOtherLog, uint epoch)
    {
        base.Suffers(disaster, isOtherLog, epoch);
        _transactions.Clear();
        Captured = 0;
    }

    public override void DeliversAgain()
    {
        // What is right is right as often as it comes.
    }

    public override void Opened(LaneIdentity identity)
    {
        base.Opened(identity);
        _answered = 0;
        ForgetOrder(); // documents that may not have arrived are sent once more, as they are now
    }

    public override void Check()
    {
        base.Check();
        Violation.Unless(Runner.Documents is not { Suspect: true } || Scenario.ReadsAgain > 0, "documents are said to be wrong");
    }

    public override bool IsSettled() =>
        Runner.Documents is { Phase: "live", BacklogDocuments: 0 } && base.IsSettled() && !Runner.EmitsAll && !(Runner.Sweeps && Scenario.Target != TargetKind.Lines);

    public override void Finish(bool isReplayed)
    {
        Check();
        ReadLetters();
        var expected = shop.After(shop.Transactions);
        var there = Held();
        var wrong = expected.Where(one => (isReplayed || !ShopModel.IsPoison(one.Value)) && there.GetValueOrDefault(one.Key) != one.Value).Select(one => one.Key)
            .Concat(there.Keys.Where(key => !expected.ContainsKey(key))).ToList();
        Violation.Unless(
            wrong.Count == 0,
            $"the target differs: {string.Join(", ", wrong.Take(5).Select(key => $"{key} is {there.GetValueOrDefault(key) ?? "absent"} instead of {expected.GetValueOrDefault(key) ?? "absent"}"))}");
    }

    protected override void Begin(long end)
    {
        ReadLetters();
        if (_transactions.Count > end)
            _transactions.RemoveRange((int)end, _transactions.Count - (int)end);
    }

    // A document is what the shop says it is when the transaction of its offset has ended; and none of a transaction that the source told before it had told everything.
    protected override void CheckSent(in Operation operation, string key)
    {
        if (operation.IsReplay || (operation.Cause == ChangeKind.Sweep && operation.IsUnpositioned) || Scenario.ReadsAgain > 0)
            return; // which rows there are after a table was read again is asked of the source as it is by then
        if (operation.Offset >= _transactions.Count)
            ReadStream();
        Violation.Unless(operation.Offset < _transactions.Count, $"{key} at {operation.Offset} is sent and cannot be read");
        var transactions = _transactions[(int)operation.Offset];
        Violation.Unless(transactions >= shop.AtFirst, $"{key} at {operation.Offset} is sent after {transactions} transactions, before the {shop.AtFirst} that were there are told");
        var expected = shop.After(transactions).GetValueOrDefault(key);
        var document = operation.Kind == OperationKind.Delete ? null : ShopModel.Write(operation.Shape, operation.Row.Span);
        Violation.Unless(document == expected, $"{key} at {operation.Offset} is {document ?? "deleted"} after {transactions} transactions, where it is {expected ?? "absent"}");
    }

    // What a transaction made does not go on in a second request, unless it is parted by a change of a whole table. What comes out of its turn is of no transaction.
    protected override void CheckWhole(ReadOnlySpan<Operation> batch)
    {
        foreach (ref readonly var operation in batch)
        {
            if (operation.IsUnpositioned)
                continue;
            var transaction = _transactions[(int)operation.Offset];
            Violation.Unless(transaction != _answered || _parted.Contains(transaction), $"a request begins at {operation.Offset}, inside transaction {_answered}");
            return;
        }
    }

    protected override void Ended(in Operation operation, string key, Answer answer)
    {
        if (!operation.IsUnpositioned)
            _answered = _transactions[(int)operation.Offset];
        var refused = answer.Kind == AnswerKind.Refused;
        Violation.Unless(!refused || operation.Kind == OperationKind.Delete || shop.IsPoison(operation), $"{key} at {operation.Offset} was refused and is no poison: {answer.Reason}");
    }

    protected override void Take(long offset, ReadOnlySpan<byte> record)
    {
        var last = _transactions.Count == 0 ? 0 : _transactions[^1];
        while (_transactions.Count < offset)
            _transactions.Add(last); // markers and the like take offsets, too
        var change = new EncodedChange(record);
        if (change.Kind == ChangeKind.Position)
            Captured = PositionOf(change);
        if (change.Kind is ChangeKind.Truncate or ChangeKind.Sweep)
            _parted.Add(TransactionOf(change) + 1);
        _transactions.Add(change.Kind == ChangeKind.Position ? Captured : TransactionOf(change) + 1);
    }

    private Dictionary<string, string> Held()
    {
        if (Scenario.Target != TargetKind.Lines)
            return target.Rows.ToDictionary(row => row.Key, row => Encoding.UTF8.GetString(row.Value));
        var held = new Dictionary<string, string>();
        foreach (var (_, key, row) in target.Lines)
        {
            if (row is null)
                held.Remove(key);
            else
                held[key] = Encoding.UTF8.GetString(row);
        }

        return held;
    }
}
