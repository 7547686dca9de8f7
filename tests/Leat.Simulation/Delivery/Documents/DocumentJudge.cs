using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Log;
using Leat.Pipeline;
using Leat.Pipeline.Delivery;
using Leat.Simulation.Log;

namespace Leat.Simulation.Delivery.Documents;

/// <summary>Knows which documents there are after each transaction, sees all that is sent and answered, and says so when a promise is broken.</summary>
internal sealed class DocumentJudge(DocumentScenario scenario, ShopModel shop, ModelTarget target)
{
    private const int ReadBytes = 64 * 1024;

    private readonly List<int> _transactions = []; // by offset: transactions that are whole when the one with this record is
    private readonly Dictionary<int, string[]> _underWay = [];
    private readonly Dictionary<string, long> _answered = [];
    private World? _world;
    private Engine? _engine;
    private StreamPartition? _stream;
    private int _captured;
    private uint _epoch;
    private bool _hasMarker = scenario.Delivery.Target != TargetKind.Lines;

    /// <summary>The first promise that was broken where an engine would take it for the sink's fault.</summary>
    public ViolationException? Broken { get; set; }

    /// <summary>Whether the target or the log is not what it was.</summary>
    public bool HadDisaster { get; private set; }

    public long Requests { get; private set; }

    public long Outcomes { get; private set; }

    public long FromBackground { get; private set; }

    private PipelineRunner Runner => _engine!.Pipelines[0].Runner!; // set by Starts, which proves that it is there

    /// <summary>Something happened to the target or the log.</summary>
    public void Suffers()
    {
        HadDisaster = true;
        _transactions.Clear();
        _captured = 0;
    }

    /// <summary>What keeps the pipeline from delivering until a person acts, where what happened to the target is the reason.</summary>
    public LeatException? Complaint()
    {
        foreach (var failure in Runner.Lanes.Select(lane => lane.Health.Failure).Append(Runner.Failure))
        {
            if (failure is not PauseException || failure.Code.Number is not ((>= 3090 and <= 3093) or ModelSink.TargetOlder))
                continue;
            Violation.Unless(HadDisaster, $"nothing happened to the target, and the pipeline says: {failure.Message}");
            return failure;
        }

        return null;
    }

    /// <summary>Numbers of the dead letters.</summary>
    public List<long> Letters()
    {
        var letters = new List<long>();
        var stream = _engine!.Directory.OpenStream("documents.deadletters", new()); // set by Starts
        using var reader = stream.NewReader(stream.StartOffset);
        while (reader.Read(ReadBytes) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    var value = block.Buffer.AsMemory(records.ValueStart, records.ValueLength);
                    using var header = JsonDocument.Parse(value.Slice(sizeof(int), BinaryPrimitives.ReadInt32LittleEndian(value.Span)));
                    if (header.RootElement.GetProperty("record").GetString() == "letter")
                        letters.Add(records.Offset);
                }
            }
        }

        return letters;
    }

    public void Starts(Engine engine, World world)
    {
        (_engine, _world) = (engine, world);
        Violation.Unless(engine.Pipelines[0].Runner is not null, $"the pipeline's streams do not open: {engine.Pipelines[0].Failure?.Message}");
        _stream = engine.Directory.OpenStream("source", new());
        _answered.Clear();
        _underWay.Clear();
        var end = (int)_stream.EndOffset;
        if (_transactions.Count > end)
            _transactions.RemoveRange(end, _transactions.Count - end);
    }

    public void Opened(LaneIdentity identity)
    {
        Violation.Unless(identity.Epoch >= _epoch || !_hasMarker || HadDisaster, $"epoch {identity.Epoch} comes after {_epoch}");
        _epoch = identity.Epoch;
        _answered.Clear();
        _world?.Note(identity.Checkpoint);
    }

    public void Sent(LaneIdentity lane, ReadOnlySpan<Operation> batch)
    {
        var keys = new string[batch.Length];
        long before = -1;
        for (var i = 0; i < batch.Length; i++)
        {
            var operation = batch[i];
            var key = keys[i] = DocumentSink.KeyOf(operation);
            _world?.Note(operation.Offset);
            Violation.Unless(operation.Offset >= before || operation.IsReplay, $"{key} at {operation.Offset} comes behind {before} in one request");
            before = operation.Offset;
            FromBackground += operation is { IsUnpositioned: true, IsReplay: false } ? 1 : 0;
            CheckContent(operation, key);
            if (_answered.TryGetValue(key, out var last))
                Violation.Unless(operation.Offset >= last || operation.IsReplay, $"{key} goes back from {last}, which was answered, to {operation.Offset}");
            foreach (var (other, there) in _underWay)
                Violation.Unless(other == lane.Lane || !there.Contains(key), $"{key} at {operation.Offset} is sent in lane {lane.Lane} while lane {other} has one under way");
        }

        _underWay[lane.Lane] = keys;
    }

    public void Failed(LaneIdentity lane) => _underWay.Remove(lane.Lane);

    public void Answered(LaneIdentity lane, ReadOnlySpan<Operation> batch, ReadOnlySpan<Answer> answers)
    {
        Requests++;
        _underWay.Remove(lane.Lane);
        var again = new HashSet<string>();
        for (var i = 0; i < batch.Length; i++)
        {
            var key = DocumentSink.KeyOf(batch[i]);
            _world?.Note((int)answers[i].Kind);
            if (answers[i].Kind == AnswerKind.Retry)
                again.Add(key);
            if (again.Contains(key))
                continue;
            Outcomes++;
            if (answers[i].Kind != AnswerKind.Refused && !batch[i].IsReplay)
                _answered[key] = batch[i].Offset;
        }
    }

    /// <summary>What has to be true at every moment.</summary>
    public void Check()
    {
        var account = Runner.Account();
        Violation.Unless(account.Balanced, $"the accounting does not balance: {account}");
        ReadStream();
        Violation.Unless(Runner.CurrentCheckpoint <= _transactions.Count, $"the checkpoint {Runner.CurrentCheckpoint} is beyond what can be read, {_transactions.Count}");
        Violation.Unless(Runner.Documents is not { Suspect: true }, "documents are said to be wrong");
    }

    /// <summary>Whether all that the source told is captured and all documents of it have their outcome.</summary>
    public bool IsSettled()
    {
        if (Runner is not { Started: true, Documents: { Phase: "live", BacklogDocuments: 0 } } runner || runner.Readable != _stream!.EndOffset || runner.CurrentCheckpoint != runner.Readable)
            return false;
        ReadStream();
        return runner.Account().InFlight == 0 && _captured == shop.Transactions.Count && !runner.EmitsAll && !(runner.Sweeps && _hasMarker);
    }

    /// <summary>What has to be true at the end, when everything is delivered.</summary>
    /// <param name="isHealed">Whether the target took what it refused.</param>
    public void Finish(bool isHealed)
    {
        Check();
        var expected = shop.After(shop.Transactions.Count);
        var there = Held();
        var wrong = expected.Where(one => (isHealed || !ShopModel.IsPoison(one.Value)) && there.GetValueOrDefault(one.Key) != one.Value).Select(one => one.Key)
            .Concat(there.Keys.Where(key => !expected.ContainsKey(key))).ToList();
        Violation.Unless(
            wrong.Count == 0,
            $"the target differs: {string.Join(", ", wrong.Take(5).Select(key => $"{key} is {there.GetValueOrDefault(key) ?? "absent"} instead of {expected.GetValueOrDefault(key) ?? "absent"}"))}");
    }

    private Dictionary<string, string> Held()
    {
        if (scenario.Delivery.Target != TargetKind.Lines)
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

    // A document is what the shop says it is when the transaction of its offset has ended; and none of a transaction that the source told before it had told everything.
    private void CheckContent(in Operation operation, string key)
    {
        if (operation.IsReplay || (operation.Cause == ChangeKind.Sweep && operation.IsUnpositioned))
            return;
        if (operation.Offset >= _transactions.Count)
            ReadStream();
        Violation.Unless(operation.Offset < _transactions.Count, $"{key} at {operation.Offset} is sent and cannot be read");
        var transactions = _transactions[(int)operation.Offset];
        Violation.Unless(transactions >= shop.Told, $"{key} at {operation.Offset} is sent after {transactions} transactions, before the {shop.Told} that were there are told");
        var expected = shop.After(transactions).GetValueOrDefault(key);
        var document = operation.Kind == OperationKind.Delete ? null : DocumentSink.Write(operation.Shape, operation.Row.Span);
        Violation.Unless(document == expected, $"{key} at {operation.Offset} is {document ?? "deleted"} after {transactions} transactions, where it is {expected ?? "absent"}");
    }

    private void ReadStream()
    {
        if (_stream is null || _transactions.Count >= _stream.ReadableOffset)
            return;
        using var reader = _stream.NewReader(_transactions.Count);
        while (reader.Read(ReadBytes) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    var number = NumberOf(block.Buffer.AsSpan(records.ValueStart, records.ValueLength));
                    for (; _transactions.Count < records.Offset; _transactions.Add(Last))
                    {
                        // Markers and the like take offsets, too.
                    }

                    _transactions.Add(number);
                }
            }
        }
    }

    private int Last => _transactions.Count == 0 ? 0 : _transactions[^1];

    private int NumberOf(ReadOnlySpan<byte> record)
    {
        var change = new EncodedChange(record);
        if (change.Kind != ChangeKind.Position)
            return int.Parse(change.TransactionId[1..], System.Globalization.CultureInfo.InvariantCulture) + 1;
        _captured = int.Parse(change.Position, System.Globalization.CultureInfo.InvariantCulture);
        return _captured;
    }
}
