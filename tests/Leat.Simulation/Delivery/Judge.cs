using System.Buffers.Binary;
using System.Text.Json;
using Leat.Changes;
using Leat.Log;
using Leat.Pipeline;
using Leat.Pipeline.Delivery;
using Leat.Simulation.Log;

namespace Leat.Simulation.Delivery;

/// <summary>Knows what has to be delivered, sees all that is sent and answered, and says so when a promise is broken.</summary>
internal sealed class Judge(DeliveryScenario scenario, ModelSource source, ModelTarget target, World? firstWorld = null)
{
    private const int ReadBytes = 64 * 1024;

    private readonly List<List<ModelWrite>?> _planned = []; // by offset; null: the table is truncated, the writes are the target's rows
    private readonly List<int> _transactions = []; // by offset; -1: nothing is written
    private readonly Dictionary<(long Offset, string Key), AnswerKind> _outcomes = [];
    private readonly Dictionary<long, (string Key, long Offset)> _refusedDeletes = []; // by the number of the poison that the key was moved by
    private readonly Dictionary<string, long> _removed = []; // by key: the last offset at which a replay or a sweep took it away
    private readonly Dictionary<long, int> _deadLetters = []; // by the number of the change
    private readonly Dictionary<string, long> _answered = [];
    private readonly Dictionary<int, string[]> _underWay = [];
    private readonly Dictionary<long, int> _deadLettersAtStart = [];
    private World? _world = firstWorld;
    private Engine? _engine;
    private StreamPartition? _stream;
    private long _verified;
    private long _deadLettersRead;
    private Tallies _run;
    private readonly bool _hasMarker = scenario.Target != TargetKind.Lines;
    private uint _epoch;
    private long _checkpoint;
    private bool _again;
    private bool _isUnknown; // what was delivered of the log that is there
    private int _redeliveries;

    /// <summary>The first promise that was broken where an engine would take it for the sink's fault.</summary>
    public ViolationException? Broken { get; set; }

    /// <summary>Whether the target or the log is not what it was: then it may be said so.</summary>
    public bool HadDisaster { get; private set; }

    /// <summary>Numbers of the dead letters.</summary>
    public List<long> Letters { get; } = [];

    /// <summary>Requests that were answered, in all.</summary>
    public long Requests { get; private set; }

    /// <summary>Operations that had an outcome, in all.</summary>
    public long Outcomes { get; private set; }

    private PipelineRunner Runner => _engine!.Pipelines[0].Runner!; // set by Starts, which proves that it is there

    public static string KeyOf(in Operation operation) => $"{operation.Shape.Alias}:{ModelRow.Decode(operation.Shape.Schema, operation.Row.Span).Id}";

    /// <summary>What the target holds counts as delivered, also when the target is another afterwards.</summary>
    public void Remember()
    {
        foreach (var write in target.Applied)
            _outcomes.TryAdd(write, AnswerKind.Applied);
    }

    /// <summary>Something happened to the target or the log.</summary>
    /// <param name="disaster">What it was.</param>
    /// <param name="isOtherLog">Whether the log that is there has nothing in common with the one before.</param>
    public void Suffers(Disaster disaster, bool isOtherLog)
    {
        HadDisaster = true;
        _removed.Clear();
        if (disaster is not (Disaster.LogLost or Disaster.LogRestored))
            return;
        _captured = 0;
        _planned.Clear();
        _transactions.Clear();
        if (!isOtherLog)
            return;
        _outcomes.Clear();
        target.Applied.Clear();
        _verified = 0;
        _isUnknown = true;
    }

    /// <summary>What keeps the pipeline from delivering until a person acts, where what happened to the target is the reason; <see langword="null"/>: nothing.</summary>
    public LeatException? Complaint()
    {
        var runner = Runner;
        foreach (var failure in runner.Lanes.Select(lane => lane.Health.Failure).Append(runner.Failure))
        {
            if (failure is not PauseException || failure.Code.Number is not ((>= 3090 and <= 3093) or ModelSink.TargetOlder))
                continue;
            Violation.Unless(HadDisaster, $"nothing happened to the target, and the pipeline says: {failure.Message}");
            return failure;
        }

        return null;
    }

    /// <summary>Everything is to be delivered again.</summary>
    public void DeliversAgain()
    {
        _again = true;
        _redeliveries++;
    }

    /// <summary>A process begins.</summary>
    public void Starts(Engine engine, World world)
    {
        (_engine, _world) = (engine, world);
        Violation.Unless(engine.Pipelines[0].Runner is not null, $"the pipeline's streams do not open: {engine.Pipelines[0].Failure?.Message}");
        _stream = engine.Directory.OpenStream("source", new());
        _answered.Clear();
        _underWay.Clear();
        _run = default;
        _checkpoint = 0;
        _redeliveries = 0;

        // What a power cut took of the stream will be something else when it comes again.
        var end = _stream.EndOffset;
        if (_planned.Count > end)
        {
            _planned.RemoveRange((int)end, _planned.Count - (int)end);
            _transactions.RemoveRange((int)end, _transactions.Count - (int)end);
        }

        foreach (var lost in _outcomes.Keys.Where(one => one.Offset >= end).ToList())
            _outcomes.Remove(lost);
        target.Applied.RemoveWhere(one => one.Offset >= end);
        _verified = Math.Min(_verified, end);

        _deadLetters.Clear();
        Letters.Clear();
        _deadLettersRead = 0;
        ReadDeadLetters();
        _deadLettersAtStart.Clear();
        foreach (var (number, count) in _deadLetters)
            _deadLettersAtStart[number] = count;
    }

    /// <summary>A lane is opened.</summary>
    public void Opened(LaneIdentity identity)
    {
        Violation.Unless(identity.Epoch >= _epoch || !_hasMarker, $"epoch {identity.Epoch} comes after {_epoch}");
        if (_again && identity.Epoch > _epoch)
        {
            // Everything comes again, in an epoch of its own.
            _again = false;
            _checkpoint = 0;
            _verified = 0;
            _answered.Clear();
            _outcomes.Clear();
            target.Applied.Clear();
        }

        _epoch = identity.Epoch;

        // What the checkpoint has passed has its outcome, also when it is only told to a target.
        Verify(identity.Checkpoint);
        _world?.Note(identity.Checkpoint);
    }

    /// <summary>The target's marker is written.</summary>
    public void Marked(TargetMarker marker)
    {
        Violation.Unless(marker.Epoch >= _epoch, $"a marker of epoch {marker.Epoch} comes after {_epoch}");
        _world?.Note(marker.Offset);
    }

    /// <summary>A request is made.</summary>
    public void Sent(LaneIdentity lane, ReadOnlySpan<Operation> batch, int maxOperations)
    {
        Violation.Unless(batch.Length > 0 && (scenario.IsWhole || batch.Length <= Math.Max(2, maxOperations)), $"a request of {batch.Length} operations");
        Violation.Unless(!_underWay.ContainsKey(lane.Lane), $"lane {lane.Lane} makes a request while another is under way");
        var keys = new string[batch.Length];
        long before = -1;
        for (var i = 0; i < batch.Length; i++)
        {
            var operation = batch[i];
            var key = keys[i] = KeyOf(operation);
            _world?.Note(operation.Offset);
            Violation.Unless(operation.Offset >= before || operation.IsReplay, $"{key} at {operation.Offset} comes behind {before} in one request");
            before = operation.Offset;
            CheckPlanned(operation, key);
            if (_answered.TryGetValue(key, out var last))
                Violation.Unless(operation.Offset >= last, $"{key} goes back from {last}, which was answered, to {operation.Offset}");
            foreach (var (other, there) in _underWay)
                Violation.Unless(!there.Contains(key), $"{key} at {operation.Offset} is sent in lane {lane.Lane} while lane {other} has one under way");
        }

        _underWay[lane.Lane] = keys;
        if (scenario.IsWhole)
            CheckWhole(batch[0].Offset, batch[^1].Offset);
    }

    /// <summary>The request was not answered.</summary>
    public void Failed(LaneIdentity lane) => _underWay.Remove(lane.Lane);

    /// <summary>The request was answered.</summary>
    public void Answered(LaneIdentity lane, ReadOnlySpan<Operation> batch, ReadOnlySpan<Answer> answers)
    {
        Requests++;
        _underWay.Remove(lane.Lane);
        var again = new HashSet<string>();
        for (var i = 0; i < batch.Length; i++)
        {
            var operation = batch[i];
            var key = KeyOf(operation);
            var order = scenario.IsSerial && operation.Shape.Alias == "plain" ? "plain" : key;
            if (answers[i].Kind == AnswerKind.Retry)
                again.Add(order);
            if (again.Contains(order))
                continue;
            Outcomes++;
            _run.Count(answers[i].Kind);
            _outcomes[(operation.Offset, key)] = answers[i].Kind;
            _world?.Note((int)answers[i].Kind);
            if (answers[i].Kind == AnswerKind.Refused)
                Refused(operation, key, answers[i].Reason);
            else
                _answered[key] = operation.Offset;
        }
    }

    // Poison, or the delete of a key that poison moved, where both are one.
    private void Refused(in Operation operation, string key, string? reason)
    {
        if (operation.Kind != OperationKind.Delete)
        {
            Violation.Unless(ModelRow.Decode(operation.Shape.Schema, operation.Row.Span).IsPoison, $"{key} at {operation.Offset} was refused and is no poison: {reason}");
            return;
        }

        var poison = PoisonAt(operation.Offset);
        Violation.Unless(poison is not null, $"the delete of {key} at {operation.Offset} was refused and goes with no poison: {reason}");
        if (_removed.GetValueOrDefault(key, -1) < operation.Offset) // what was taken away since is not there again
            _refusedDeletes[poison.N] = (key, operation.Offset);
    }

    /// <summary>The target has done an operation, whatever becomes of its answer.</summary>
    public void Done(in Operation operation)
    {
        if (operation is not { IsReplay: true, Kind: OperationKind.Delete })
            return;
        var (key, offset) = (KeyOf(operation), operation.Offset);
        _removed[key] = Math.Max(_removed.GetValueOrDefault(key, -1), offset);
        foreach (var poison in _refusedDeletes.Where(one => one.Value.Key == key && one.Value.Offset <= offset).Select(one => one.Key).ToList())
            _refusedDeletes.Remove(poison);
    }

    private ModelRow? PoisonAt(long offset) =>
        offset < _planned.Count ? _planned[(int)offset]?.FirstOrDefault(write => write.Row is { IsPoison: true })?.Row : null;

    /// <summary>What has to be true at every moment.</summary>
    public void Check()
    {
        var account = Runner.Account();
        Violation.Unless(account.Balanced, $"the accounting does not balance: {account}");
        var checkpoint = Runner.CurrentCheckpoint;
        if (_again)
            return;
        Violation.Unless(checkpoint >= _checkpoint - (HadDisaster ? 1 : 0), $"the checkpoint goes back from {_checkpoint} to {checkpoint}, and nobody asked for it");
        _checkpoint = checkpoint; // one less where rows are looked for that another log left: their deletes stand at the last record
        Verify(checkpoint);
    }

    /// <summary>Whether all that the source told is captured and has its outcome.</summary>
    public bool IsSettled()
    {
        if (_engine!.Pipelines[0].Runner is not { Started: true } runner || runner.Readable != _stream!.EndOffset || runner.CurrentCheckpoint != runner.Readable)
            return false;
        ReadPlanned();
        return runner.Account().InFlight == 0 && _captured == source.Transactions.Count;
    }

    /// <summary>What has to be true at the end, when everything is delivered.</summary>
    public void Finish()
    {
        Check();
        var account = Runner.Account();
        Violation.Unless(account.InFlight == 0, $"something is under way at the end: {account}");
        Violation.Unless(
            _redeliveries > 0 || account.Stale == _run.Stale && account.DeadLettered <= _run.Refused && account.Coalesced == _run.Coalesced && account.Applied >= _run.Applied,
            $"the target answered {_run}, the accounting is {account}");
        CheckDeadLetters();
        if (scenario.Target == TargetKind.Lines)
            CheckLines();
        else
            CheckRows(source.Expected(_refusedDeletes.ContainsKey));
    }

    /// <summary>What has to be true when the target has taken the dead letters, too: they lie where later changes of their keys left room for them.</summary>
    public void FinishReplay()
    {
        Check();
        CheckRows(source.Whole());
    }

    // The checkpoint says that everything before it has its outcome.
    private void Verify(long checkpoint)
    {
        ReadPlanned();
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
                    ReadDeadLetters();
                lettersRead = true;
                Violation.Unless(
                    _planned[(int)_verified]!.Any(one => one.Row is { IsPoison: true } row && _deadLetters.ContainsKey(row.N)), $"the checkpoint {checkpoint} passes {write.Key} at {_verified}, which was refused and is no dead letter");
            }
        }
    }

    // A request begins and ends where transactions do. Those with a truncate in them are parted there.
    private void CheckWhole(long first, long last)
    {
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

    private void CheckPlanned(in Operation operation, string key)
    {
        if (operation.Offset >= _planned.Count)
            ReadPlanned();
        if (operation.IsReplay && (operation.Cause == ChangeKind.Sweep || HadDisaster || scenario.SyncsLate))
            return; // its offset may be another record's by now
        Violation.Unless(operation.Offset < _planned.Count, $"{key} at {operation.Offset} is sent and cannot be read");
        if (_planned[(int)operation.Offset] is not { } writes)
        {
            Violation.Unless(operation.Kind == OperationKind.Delete, $"{key} at {operation.Offset} is written by a truncate");
            return;
        }

        var found = false;
        foreach (var write in writes)
            found |= write.Key == key && (write.Row is null ? operation.Kind == OperationKind.Delete : operation.Kind != OperationKind.Delete && operation.Row.Span.SequenceEqual(write.Row.Encode()));
        Violation.Unless(found, $"{operation.Kind} of {key} at {operation.Offset} was never told by the source");
    }

    private void ReadPlanned()
    {
        if (_stream is null || _planned.Count >= _stream.ReadableOffset)
            return;
        using var reader = _stream.NewReader(_planned.Count);
        while (reader.Read(ReadBytes) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    // Markers and the like take offsets, too.
                    for (; _planned.Count < records.Offset; _transactions.Add(-1))
                        _planned.Add([]);
                    _planned.Add(Plan(block.Buffer.AsSpan(records.ValueStart, records.ValueLength), out var transaction));
                    _transactions.Add(_planned[^1] is { Count: > 0 } && source.Transactions[transaction].All(change => change.Kind != ChangeKind.Truncate) ? transaction : -1);
                }
            }
        }
    }

    private int _captured;

    private List<ModelWrite>? Plan(ReadOnlySpan<byte> record, out int transaction)
    {
        transaction = -1;
        var encoded = new EncodedChange(record);
        if (encoded.Kind == ChangeKind.Position)
        {
            _captured = int.Parse(encoded.Position, System.Globalization.CultureInfo.InvariantCulture);
            return [];
        }

        transaction = int.Parse(encoded.TransactionId[1..], System.Globalization.CultureInfo.InvariantCulture);
        var change = source.Transactions[transaction][(int)encoded.IndexInTransaction];
        Violation.Unless(
            change.Kind == encoded.Kind && (change.After is null || encoded.After.SequenceEqual(change.After.Encode())),
            $"change {encoded.IndexInTransaction} of transaction {transaction} is another in the stream");
        return change.Kind == ChangeKind.Truncate ? null : change.Writes();
    }

    private void ReadDeadLetters()
    {
        var stream = _engine!.Directory.OpenStream("copy.deadletters", new()); // set by Starts
        using var reader = stream.NewReader(Math.Max(_deadLettersRead, stream.StartOffset));
        while (reader.Read(ReadBytes) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    _deadLettersRead = records.Offset + 1;
                    var value = block.Buffer.AsMemory(records.ValueStart, records.ValueLength);
                    var headerBytes = BinaryPrimitives.ReadInt32LittleEndian(value.Span);
                    using var header = JsonDocument.Parse(value.Slice(sizeof(int), headerBytes));
                    if (header.RootElement.GetProperty("record").GetString() != "letter")
                        continue;
                    Letters.Add(records.Offset);
                    var change = new EncodedChange(value.Span[(sizeof(int) + headerBytes)..]);
                    var table = ModelTable.Of(header.RootElement.GetProperty("alias").GetString() ?? "");
                    var number = change.After.IsEmpty ? -1 : ModelRow.Decode(table.Schema, change.After).N;
                    _deadLetters[number] = _deadLetters.GetValueOrDefault(number) + 1;
                }
            }
        }
    }

    private void CheckDeadLetters()
    {
        ReadDeadLetters();
        var strangers = _deadLetters.Keys.Where(number => !source.Poison.Contains(number)).ToList();
        Violation.Unless(strangers.Count == 0, $"dead letters that are no poison: {string.Join(", ", strangers)}");
        var lost = source.Poison.Where(number => !_deadLetters.ContainsKey(number)).ToList();
        Violation.Unless(lost.Count == 0, $"poison that is no dead letter: {string.Join(", ", lost)}");
        var now = _deadLetters.Sum(pair => pair.Value - _deadLettersAtStart.GetValueOrDefault(pair.Key));
        var counted = Runner.Account().DeadLettered;
        Violation.Unless(now == counted, $"{counted} operations were dead-lettered in this run, and {now} dead letters written");
    }

    private void CheckRows(SortedDictionary<string, ModelRow> expected)
    {
        var rows = target.Rows.ToDictionary(row => row.Key, row => row.Value);
        var wrong = expected.Where(row => !rows.TryGetValue(row.Key, out var there) || !there.AsSpan().SequenceEqual(row.Value.Encode())).Select(row => row.Key)
            .Concat(rows.Keys.Where(key => !expected.ContainsKey(key))).ToList();
        Violation.Unless(wrong.Count == 0, $"the target differs from the source: {string.Join(", ", wrong.Select(key => $"{key} is {Show(rows.GetValueOrDefault(key))} instead of {expected.GetValueOrDefault(key)}"))}");
    }

    // Every write once, in order.
    private void CheckLines()
    {
        ReadPlanned();
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

    private static string Show(byte[]? row) => row is null ? "absent" : ModelRow.Decode(ModelTable.All[0].Schema, row).ToString();

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
