using Leat.Changes;
using Leat.Pipeline.Delivery;
using Leat.Simulation.Log;

namespace Leat.Simulation.Delivery.Rows;

/// <summary>Knows which writes each change has to become, and that every one of them has its outcome before a checkpoint passes it.</summary>
internal sealed class RowJudge(DeliveryScenario scenario, RowModel model, ModelTarget target) : Judge(scenario, model)
{
    private readonly List<List<ModelWrite>?> _planned = []; // by offset; null: the table is truncated, the writes are the target's rows
    private readonly List<int> _transactions = []; // by offset; -1: nothing is written
    private readonly Dictionary<(long Offset, string Key), AnswerKind> _outcomes = [];
    private readonly Dictionary<(long Offset, string Key), AnswerKind> _forgotten = []; // those of before everything was to be delivered again
    private readonly Dictionary<long, (string Key, long Offset)> _refusedDeletes = []; // by the number of the poison that the key was moved by
    private readonly Dictionary<string, long> _removed = []; // by key: the last offset at which a replay or a sweep took it away
    private readonly Dictionary<long, int> _deadLetters = []; // by the number of the change
    private readonly Dictionary<long, int> _deadLettersAtStart = [];
    private long _verified;
    private Tallies _run;
    private long _checkpoint;
    private bool _again;
    private bool _isUnknown; // what was delivered of the log that is there
    private int _redeliveries;
    private bool _mayLookForRows; // that another log left, or the target has too many

    public override bool HasPoison => model.Poison.Count > 0;

    protected override long Taken => _planned.Count;

    protected override bool ReplaysKeepOrder => Scenario.Kind == DeliveryKind.Rows; // of parts of one document each has an order of its own

    public override void Remember()
    {
        foreach (var write in target.Applied)
            _outcomes.TryAdd(write, AnswerKind.Applied);
    }

    public override void Suffers(Disaster disaster, bool isOtherLog, uint epoch)
    {
        base.Suffers(disaster, isOtherLog, epoch);
        _mayLookForRows = true;
        _removed.Clear();
        if (disaster is not (Disaster.LogLost or Disaster.LogRestored))
            return;
        Captured = 0;
        _planned.Clear();
        _transactions.Clear();
        if (!isOtherLog)
        {
            // Perhaps the log of before everything was ordered once more.
            foreach (var (write, outcome) in _forgotten)
                _outcomes.TryAdd(write, outcome);
            return;
        }

        _outcomes.Clear();
        _forgotten.Clear();
        target.Applied.Clear();
        _verified = 0;
        _isUnknown = true;
    }

    public override void DeliversAgain()
    {
        _again = true;
        _mayLookForRows = true;
        _redeliveries++;
    }

    public override void Opened(LaneIdentity identity)
    {
        if (_again && identity.Epoch > Epoch && identity.Checkpoint == 0)
        {
            // Everything comes again, in an epoch of its own. (An epoch may also rise for another reason, while the order is still to come or was lost with a process.)
            _again = false;
            _checkpoint = 0;
            _verified = 0;
            ForgetOrder();
            Remember();
            foreach (var (write, outcome) in _outcomes)
                _forgotten[write] = outcome;
            _outcomes.Clear();
            target.Applied.Clear();
        }

        base.Opened(identity);

        // What the checkpoint has passed has its outcome, also when it is only told to a target.
        Verify(identity.Checkpoint);
    }

    public override void Done(in Operation operation)
    {
        if (operation is not { IsReplay: true, Kind: OperationKind.Delete })
            return;
        var (key, offset) = (KeyOf(operation), operation.Offset);
        _removed[key] = Math.Max(_removed.GetValueOrDefault(key, -1), offset);
        foreach (var poison in _refusedDeletes.Where(one => one.Value.Key == key && one.Value.Offset <= offset).Select(one => one.Key).ToList())
            _refusedDeletes.Remove(poison);
    }

    public override void Check()
    {
        base.Check();
        var checkpoint = Runner.CurrentCheckpoint;
        if (_again)
            return;
        Violation.Unless(checkpoint >= _checkpoint - (_mayLookForRows ? 1 : 0), $"the checkpoint goes back from {_checkpoint} to {checkpoint}, and nobody asked for it");
        _checkpoint = checkpoint; // one less where rows are looked for that another log left: their deletes stand at the last record
        Verify(checkpoint);
    }

    public override void Finish(bool isReplayed)
    {
        Check();
        if (isReplayed)
        {
            // Dead letters lie where later changes of their keys left room for them. A document of which nothing is left may be there or not.
            CheckRows(model.Expected(static _ => false, static _ => false), static row => row.All(bytes => bytes == 0));
            return;
        }

        var account = Runner.Account();
        Violation.Unless(account.InFlight == 0, $"something is under way at the end: {account}");
        Violation.Unless(
            _redeliveries > 0 || account.Stale == _run.Stale && account.DeadLettered <= _run.Refused && account.Coalesced == _run.Coalesced && account.Applied >= _run.Applied,
            $"the target answered {_run}, the accounting is {account}");
        CheckDeadLetters();
        if (Scenario.Target == TargetKind.Lines)
            CheckLines();
        else
            CheckRows(model.Expected(static row => row.IsPoison, _refusedDeletes.ContainsKey), static _ => false);
    }

    protected override void Begin(long end)
    {
        (_run, _checkpoint, _redeliveries) = (default, 0, 0);
        if (_planned.Count > end)
        {
            _planned.RemoveRange((int)end, _planned.Count - (int)end);
            _transactions.RemoveRange((int)end, _transactions.Count - (int)end);
        }

        foreach (var lost in _outcomes.Keys.Concat(_forgotten.Keys).Where(one => one.Offset >= end).ToList())
        {
            _outcomes.Remove(lost);
            _forgotten.Remove(lost);
        }

        target.Applied.RemoveWhere(one => one.Offset >= end);
        _verified = Math.Min(_verified, end);

        _deadLetters.Clear();
        ReadLetters();
        _deadLettersAtStart.Clear();
        foreach (var (number, count) in _deadLetters)
            _deadLettersAtStart[number] = count;
    }

    protected override void Ended(in Operation operation, string key, Answer answer)
    {
        _run.Count(answer.Kind);
        _outcomes[(operation.Offset, key)] = answer.Kind;
        if (answer.Kind == AnswerKind.Refused)
            Refused(operation, key, answer.Reason);
    }

    // Poison, or the delete of a key that poison moved, where both are one.
    private void Refused(in Operation operation, string key, string? reason)
    {
        if (operation.Kind != OperationKind.Delete)
        {
            Violation.Unless(model.IsPoison(operation), $"{key} at {operation.Offset} was refused and is no poison: {reason}");
            return;
        }

        var poison = PoisonAt(operation.Offset);
        Violation.Unless(poison is not null, $"the delete of {key} at {operation.Offset} was refused and goes with no poison: {reason}");
        if (_removed.GetValueOrDefault(key, -1) < operation.Offset) // what was taken away since is not there again
            _refusedDeletes[poison.N] = (key, operation.Offset);
    }

    private ModelRow? PoisonAt(long offset) =>
        offset < _planned.Count ? _planned[(int)offset]?.FirstOrDefault(write => write.Row is { IsPoison: true })?.Row : null;

    // The checkpoint says that everything before it has its outcome.
    private void Verify(long checkpoint)
    {
        ReadStream();
        if (_isUnknown)
            _verified = checkpoint;
        _isUnknown = false;
        Violation.Unless(checkpoint <= _planned.Count, $"the checkpoint {checkpoint} is beyond what can be read, {_planned.Count}");
        var lettersRead = false;
        for (; _verified < checkpoint; _verified++)
        {
            foreach (var write in _planned[(int)_verified] ?? [])
            {
                if (target.Applied.Contains((_verified, write.Key)))
                    continue;
                Violation.Unless(
                    _outcomes.TryGetValue((_verified, write.Key), out var outcome), $"the checkpoint {checkpoint} passes {write.Key} at {_verified}, which has no outcome");
                if (outcome != AnswerKind.Refused)
                    continue;
                if (!lettersRead)
                    ReadLetters();
                lettersRead = true;
                Violation.Unless(
                    _planned[(int)_verified]!.Any(one => one.Row is { IsPoison: true } row && _deadLetters.ContainsKey(row.N)), $"the checkpoint {checkpoint} passes {write.Key} at {_verified}, which was refused and is no dead letter");
            }
        }
    }

    // A request begins and ends where transactions do. Those with a truncate in them are parted there.
    protected override void CheckWhole(ReadOnlySpan<Operation> batch)
    {
        var (first, last) = (batch[0].Offset, batch[^1].Offset);
        var before = (int)first - 1;
        while (before >= 0 && _transactions[before] < 0)
            before--;
        Violation.Unless(before < 0 || _transactions[before] != _transactions[(int)first], $"a request begins at {first}, inside transaction {_transactions[(int)first]}");
        var after = (int)last + 1;
        while (after < _transactions.Count && _transactions[after] < 0)
            after++;
        Violation.Unless(
            after >= _transactions.Count || _transactions[after] != _transactions[(int)last] || _transactions[after] < 0, $"a request ends at {last}, inside transaction {_transactions[(int)last]}");
    }

    protected override void CheckSent(in Operation operation, string key)
    {
        if (operation.Offset >= _planned.Count)
            ReadStream();
        if (operation.IsReplay && (operation.Cause == ChangeKind.Sweep || HadDisaster || Scenario.SyncsLate))
            return; // its offset may be another record's by now
        Violation.Unless(operation.Offset < _planned.Count, $"{key} at {operation.Offset} is sent and cannot be read");
        if (_planned[(int)operation.Offset] is not { } writes)
        {
            Violation.Unless(operation.Kind == OperationKind.Delete, $"{key} at {operation.Offset} is written by a truncate");
            return;
        }

        var found = false;
        foreach (var write in writes)
            found |= write.Key == key && (write.Row is null ? operation.Kind == OperationKind.Delete : operation.Kind != OperationKind.Delete && IsRow(operation, write.Row));
        Violation.Unless(found, $"{operation.Kind} of {key} at {operation.Offset} was never told by the source");
    }

    protected override void Take(long offset, ReadOnlySpan<byte> record)
    {
        // Markers and the like take offsets, too.
        for (; _planned.Count < offset; _transactions.Add(-1))
            _planned.Add([]);
        _planned.Add(Plan(record, out var transaction));
        _transactions.Add(_planned[^1] is { Count: > 0 } && model.All[transaction].All(change => change.Kind is not (ChangeKind.Truncate or ChangeKind.Sweep)) ? transaction : -1);
    }

    protected override void TakeLetter(ReadOnlySpan<byte> change)
    {
        var encoded = new EncodedChange(change);
        var number = encoded.After.IsEmpty ? -1 : ModelRow.Decode(ModelTable.All[0].Schema, encoded.After).N;
        _deadLetters[number] = _deadLetters.GetValueOrDefault(number) + 1;
    }

    private List<ModelWrite>? Plan(ReadOnlySpan<byte> record, out int transaction)
    {
        transaction = -1;
        var encoded = new EncodedChange(record);
        if (encoded.Kind == ChangeKind.Position)
        {
            Captured = PositionOf(encoded);
            return [];
        }

        transaction = TransactionOf(encoded);
        var change = model.All[transaction][(int)encoded.IndexInTransaction];
        Violation.Unless(
            change.Kind == encoded.Kind && (change.After is null || encoded.After.SequenceEqual(change.After.Encode())),
            $"change {encoded.IndexInTransaction} of transaction {transaction} is another in the stream");
        return change.Kind is ChangeKind.Truncate or ChangeKind.Sweep ? null : model.Writes(change);
    }

    private void CheckDeadLetters()
    {
        ReadLetters();
        var strangers = _deadLetters.Keys.Where(number => !model.Poison.Contains(number)).ToList();
        Violation.Unless(strangers.Count == 0, $"dead letters that are no poison: {string.Join(", ", strangers)}");
        var lost = model.Poison.Where(number => !_deadLetters.ContainsKey(number)).ToList();
        Violation.Unless(lost.Count == 0, $"poison that is no dead letter: {string.Join(", ", lost)}");
        var now = _deadLetters.Sum(pair => pair.Value - _deadLettersAtStart.GetValueOrDefault(pair.Key));
        var counted = Runner.Account().DeadLettered;
        Violation.Unless(now == counted, $"{counted} operations were dead-lettered in this run, and {now} dead letters written");
    }

    private static bool IsRow(in Operation operation, ModelRow row) => operation.Shape.Schema.Columns.Length < ModelTable.Columns
        ? ModelRow.Decode(operation.Shape, operation.Row.Span) == row
        : operation.Row.Span.SequenceEqual(row.Encode());

    private void CheckRows(SortedDictionary<string, byte[]> expected, Predicate<byte[]> isNothing)
    {
        var rows = target.Rows.Where(row => !isNothing(row.Value)).ToDictionary(row => row.Key, row => row.Value);
        var wrong = expected.Where(row => !isNothing(row.Value) && (!rows.TryGetValue(row.Key, out var there) || !there.AsSpan().SequenceEqual(row.Value))).Select(row => row.Key)
            .Concat(rows.Keys.Where(key => !expected.ContainsKey(key))).ToList();
        Violation.Unless(
            wrong.Count == 0,
            $"the target differs from the source: {string.Join(", ", wrong.Select(key => $"{key} is {Show(rows.GetValueOrDefault(key))} instead of {Show(expected.GetValueOrDefault(key))}"))}");
    }

    // Every write once, in order.
    private void CheckLines()
    {
        ReadStream();
        var wanted = new List<(long Offset, string Key)>();
        for (var offset = 0; offset < _planned.Count; offset++)
        {
            foreach (var write in _planned[offset] ?? [])
                wanted.Add((offset, write.Key));
        }

        Violation.Unless(
            wanted.SequenceEqual(target.Lines.Select(line => (line.Offset, line.Key))),
            $"the file has {target.Lines.Count} lines instead of {wanted.Count}, or others");
    }

    private string Show(byte[]? row) => row is null ? "absent" : Scenario.Kind == DeliveryKind.Parts ? ModelParts.Show(row) : ModelRow.Decode(ModelTable.All[0].Schema, row).ToString();

    private record struct Tallies(long Applied, long Stale, long Refused, long Coalesced)
    {
        public void Count(AnswerKind kind)
        {
            Applied += kind == AnswerKind.Applied ? 1 : 0;
            Stale += kind == AnswerKind.Stale ? 1 : 0;
            Refused += kind == AnswerKind.Refused ? 1 : 0;
            Coalesced += kind == AnswerKind.Coalesced ? 1 : 0;
        }
    }
}
