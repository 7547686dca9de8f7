using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using Leat.Changes;
using Leat.Log;
using Leat.Pipeline;
using Leat.Pipeline.Delivery;
using Leat.Simulation.Log;

namespace Leat.Simulation.Delivery;

/// <summary>Knows what has to be delivered, sees all that is sent and answered, and says so when a promise is broken.</summary>
internal abstract class Judge(DeliveryScenario scenario, Model model)
{
    private const int ReadBytes = 64 * 1024;

    private readonly Dictionary<string, long> _answered = [];
    private readonly Dictionary<int, string[]> _underWay = [];
    private readonly bool _hasMarker = scenario.Target != TargetKind.Lines;
    private World? _world;
    private Engine? _engine;
    private StreamPartition? _stream;
    private long _lettersRead;

    /// <summary>The first promise that was broken where an engine would take it for the sink's fault.</summary>
    public ViolationException? Broken { get; set; }

    /// <summary>Whether the target or the log is not what it was: then it may be said so.</summary>
    public bool HadDisaster { get; private set; }

    /// <summary>Whether something was poison to the target, so that there is something to replay.</summary>
    public abstract bool HasPoison { get; }

    /// <summary>Numbers of the dead letters.</summary>
    public List<long> Letters { get; } = [];

    /// <summary>Requests that were answered, in all.</summary>
    public long Requests { get; private set; }

    /// <summary>Operations that had an outcome, in all.</summary>
    public long Outcomes { get; private set; }

    /// <summary>Operations that were sent out of their turn, in all, beside replays.</summary>
    public long OutOfTurn { get; private set; }

    protected DeliveryScenario Scenario { get; } = scenario;

    protected PipelineRunner Runner => _engine!.Pipelines[0].Runner!; // set by Starts, which proves that it is there

    /// <summary>Offset up to which the stream was taken in.</summary>
    protected abstract long Taken { get; }

    /// <summary>Epoch of the lanes that were opened last.</summary>
    protected uint Epoch { get; private set; }

    /// <summary>Whether a replay comes in its key's order, too: otherwise what lies there at the end has to do.</summary>
    protected abstract bool ReplaysKeepOrder { get; }

    /// <summary>Transactions that are captured.</summary>
    protected int Captured { get; set; }

    /// <summary>What the target holds counts as delivered, also when the target is another afterwards.</summary>
    public virtual void Remember()
    {
        // For those who count what is delivered.
    }

    /// <summary>Something happened to the target or the log.</summary>
    /// <param name="disaster">What it was.</param>
    /// <param name="isOtherLog">Whether the log that is there has nothing in common with the one before.</param>
    /// <param name="epoch">Epoch that the target knows of; nobody else remembers those of a log that is gone.</param>
    public virtual void Suffers(Disaster disaster, bool isOtherLog, uint epoch)
    {
        HadDisaster = true;
        Epoch = isOtherLog ? epoch : Epoch;
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
    public abstract void DeliversAgain();

    /// <summary>A process begins.</summary>
    public void Starts(Engine engine, World world)
    {
        (_engine, _world) = (engine, world);
        Violation.Unless(engine.Pipelines[0].Runner is not null, $"the pipeline's streams do not open: {engine.Pipelines[0].Failure?.Message}");
        _stream = engine.Directory.OpenStream("source", new());
        _answered.Clear();
        _underWay.Clear();
        Letters.Clear();
        _lettersRead = 0;

        // What a power cut took of the stream will be something else when it comes again.
        Begin(_stream.EndOffset);
    }

    /// <summary>A lane is opened.</summary>
    public virtual void Opened(LaneIdentity identity)
    {
        Violation.Unless(identity.Epoch >= Epoch || !_hasMarker, $"epoch {identity.Epoch} comes after {Epoch}");
        Epoch = identity.Epoch;
        _world?.Note(identity.Checkpoint);
    }

    /// <summary>The target's marker is written.</summary>
    public void Marked(TargetMarker marker)
    {
        Violation.Unless(marker.Epoch >= Epoch, $"a marker of epoch {marker.Epoch} comes after {Epoch}");
        _world?.Note(marker.Offset);
    }

    /// <summary>A request is made.</summary>
    public void Sent(LaneIdentity lane, ReadOnlySpan<Operation> batch)
    {
        Violation.Unless(batch.Length > 0 && (Scenario.IsWhole || batch.Length <= Math.Max(2, Scenario.BatchOperations)), $"a request of {batch.Length} operations");
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
            OutOfTurn += operation is { IsUnpositioned: true, IsReplay: false } ? 1 : 0;
            CheckSent(operation, key);
            if (_answered.TryGetValue(key, out var last) && (ReplaysKeepOrder || !operation.IsReplay))
                Violation.Unless(operation.Offset >= last, $"{key} goes back from {last}, which was answered, to {operation.Offset}");
            foreach (var (other, there) in _underWay)
                Violation.Unless(!there.Contains(key), $"{key} at {operation.Offset} is sent in lane {lane.Lane} while lane {other} has one under way");
        }

        _underWay[lane.Lane] = keys;
        if (Scenario.IsWhole)
            CheckWhole(batch);
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
            var order = Scenario.IsSerial && operation.Shape.Alias == "plain" ? "plain" : key;
            if (answers[i].Kind == AnswerKind.Retry)
                again.Add(order);
            if (again.Contains(order))
                continue;
            Outcomes++;
            _world?.Note((int)answers[i].Kind);
            Ended(operation, key, answers[i]);
            if (answers[i].Kind != AnswerKind.Refused && (ReplaysKeepOrder || !operation.IsReplay))
                _answered[key] = operation.Offset;
        }
    }

    /// <summary>The target has done an operation, whatever becomes of its answer.</summary>
    public virtual void Done(in Operation operation)
    {
        // For those who count what is there.
    }

    /// <summary>What has to be true at every moment.</summary>
    public virtual void Check()
    {
        var account = Runner.Account();
        Violation.Unless(account.Balanced, $"the accounting does not balance: {account}");
        ReadStream();
        Violation.Unless(Runner.CurrentCheckpoint <= Taken, $"the checkpoint {Runner.CurrentCheckpoint} is beyond what can be read, {Taken}");
    }

    /// <summary>Whether all that the source told is captured and has its outcome.</summary>
    public virtual bool IsSettled()
    {
        if (Runner is not { Started: true } runner || runner.Readable != _stream!.EndOffset || runner.CurrentCheckpoint != runner.Readable)
            return false;
        ReadStream();
        return runner.Account().InFlight == 0 && Captured == model.Transactions;
    }

    /// <summary>What has to be true at the end, when everything is delivered.</summary>
    /// <param name="isReplayed">Whether the target has taken the dead letters, too.</param>
    public abstract void Finish(bool isReplayed);

    /// <summary>The key of the target's row.</summary>
    protected static string KeyOf(in Operation operation) => Model.KeyOf(operation.Shape, operation.Row.Span);

    /// <summary>A process begins, with a stream that ends here.</summary>
    protected abstract void Begin(long end);

    /// <summary>What is sent has to be what the source told.</summary>
    protected abstract void CheckSent(in Operation operation, string key);

    /// <summary>A request has to hold whole transactions.</summary>
    protected abstract void CheckWhole(ReadOnlySpan<Operation> batch);

    /// <summary>An operation has its outcome.</summary>
    protected abstract void Ended(in Operation operation, string key, Answer answer);

    /// <summary>Takes in a record of the stream.</summary>
    protected abstract void Take(long offset, ReadOnlySpan<byte> record);

    /// <summary>Takes in a dead letter.</summary>
    protected virtual void TakeLetter(ReadOnlySpan<byte> change)
    {
        // For those who count them.
    }

    /// <summary>Forgets in which order operations were answered: they come again.</summary>
    protected void ForgetOrder() => _answered.Clear();

    /// <summary>Takes in what is new in the stream.</summary>
    protected void ReadStream()
    {
        if (_stream is not null && Taken < _stream.ReadableOffset)
            ReadAll(_stream, Taken, Take);
    }

    /// <summary>Takes in the dead letters that are new.</summary>
    protected void ReadLetters()
    {
        var stream = _engine!.Directory.OpenStream($"{DeliverySimulation.Pipeline}.deadletters", new()); // set by Starts
        ReadAll(stream, Math.Max(_lettersRead, stream.StartOffset), (offset, value) =>
        {
            _lettersRead = offset + 1;
            var headerBytes = BinaryPrimitives.ReadInt32LittleEndian(value);
            using var header = JsonDocument.Parse(value.Slice(sizeof(int), headerBytes).ToArray());
            if (header.RootElement.GetProperty("record").GetString() != "letter")
                return;
            Letters.Add(offset);
            TakeLetter(value[(sizeof(int) + headerBytes)..]);
        });
    }

    /// <summary>The transaction that a change is of.</summary>
    protected static int TransactionOf(in EncodedChange change) => int.Parse(change.TransactionId[1..], CultureInfo.InvariantCulture);

    /// <summary>The number of transactions that a position stands behind.</summary>
    protected static int PositionOf(in EncodedChange change) => int.Parse(change.Position, CultureInfo.InvariantCulture);

    private static void ReadAll(StreamPartition stream, long from, RecordReader take)
    {
        using var reader = stream.NewReader(from);
        while (reader.Read(ReadBytes) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                    take(records.Offset, block.Buffer.AsSpan(records.ValueStart, records.ValueLength));
            }
        }
    }

    private delegate void RecordReader(long offset, ReadOnlySpan<byte> value);
}
