using Leat.Changes;
using Leat.Log;
using Leat.Pipeline.Letters;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Delivery;

/// <summary>Keeps what a target refused in the stream <c>&lt;pipeline&gt;.deadletters</c>, with what became of it. Described in docs/formats/dead-letter.md. From any thread.</summary>
/// <remarks>
/// While a key has open letters, the first newer outcome of it is noted in the same stream and synced before it counts: the letter is then superseded and never
/// replayed, so that an old row never overwrites or revives anything. Of a document that several tables write, the root's delete is newer for all of them.
/// </remarks>
internal sealed class DeadLetters(string pipeline, Func<uint> epoch, StreamPartition stream, TimeProvider time, ILogger log)
{
    private const int ReadBytes = 1024 * 1024;

    private readonly Lock _gate = new();
    private readonly LetterBook _book = new(openOnly: true);
    private int _open;
    private bool _hasRequests;

    /// <summary>What tells the key hashes of the parts of a target's row apart, where several tables write one: the root's delete ends the others' letters.</summary>
    public IReadOnlyList<ulong> Parts { get; init; } = [];

    /// <summary>The stream's name.</summary>
    public string Name => stream.Name;

    /// <summary>Letters that are open.</summary>
    public int Open => Volatile.Read(ref _open);

    /// <summary>Whether a replay was asked for.</summary>
    public bool HasRequests => Volatile.Read(ref _hasRequests);

    /// <summary>Reads what is in the stream.</summary>
    /// <exception cref="LogException">The stream is damaged.</exception>
    /// <exception cref="PauseException">A record of it cannot be read.</exception>
    public DeadLetters Load()
    {
        using var reader = stream.NewReader(stream.StartOffset);
        while (reader.Read(ReadBytes) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                    Apply(records.Offset, block.Buffer.AsSpan(records.ValueStart, Math.Max(0, records.ValueLength)));
            }
        }

        Count();
        return this;
    }

    /// <summary>Whether the outcome of an operation is to be noted: its key has open letters. Costs nothing while there are none.</summary>
    public bool Concerns(in Operation operation)
    {
        if (Open == 0)
            return false;
        lock (_gate)
        {
            if (_book.Concerns(operation.KeyHash))
                return true;
            foreach (var part in PartsEndedBy(operation))
            {
                if (_book.Concerns(part))
                    return true;
            }
        }

        return false;
    }

    /// <summary>Whether an update of some columns has a letter of its row before it whose columns it does not tell all.</summary>
    /// <param name="update">The update.</param>
    /// <param name="replayed">Offsets of letters of the row that were replayed in the same request, and taken; <see langword="null"/> for none.</param>
    public bool IsBehind(in Operation update, IReadOnlyList<long>? replayed)
    {
        if (Open == 0)
            return false;
        lock (_gate)
        {
            foreach (var letter in _book.OlderOf(update.KeyHash, Letter.VersionOf(EpochOf(update), update.Offset)))
            {
                if (replayed?.Contains(letter.Offset) is not true && !UpdateOrder.TellsAllOf(update, letter.Told))
                    return true;
            }
        }

        return false;
    }

    /// <summary>Returns when refusals, and newer outcomes of keys with letters, are durable.</summary>
    /// <param name="refused">What was refused, with the answer.</param>
    /// <param name="outcomes">Operations that the target took, or had newer, and that may be about keys with letters.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task KeepAsync(IReadOnlyList<(Pending Item, Answer Answer)> refused, IReadOnlyList<Operation> outcomes, CancellationToken cancellationToken)
    {
        long end;
        lock (_gate)
        {
            var records = new List<byte[]>();
            var now = time.GetUtcNow();
            foreach (var (item, answer) in refused)
            {
                var letter = _book.FindOpen(item.Operation.KeyHash, item.Operation.Offset);
                var head = new LetterHead(pipeline, letter?.Id, (letter?.Attempts ?? 0) + 1, EpochOf(item.Operation), now);
                Add(records, LetterRecord.OfRefusal(head, item.Operation, OperationText.Key(item.Operation), answer, item.RecordBytes > 0 ? item.Record.Span : DocumentKey.RecordOf(item.Operation)));
            }

            foreach (var operation in outcomes)
            {
                var of = EpochOf(operation);
                if (operation.IsReplay && _book.FindOpen(operation.KeyHash, operation.Offset) is { } replayed)
                    Add(records, LetterRecord.OfEnd(replayed.Id, LetterState.Applied, now));
                foreach (var key in PartsEndedBy(operation).Prepend(operation.KeyHash))
                {
                    if (_book.HasOlder(key, Letter.VersionOf(of, operation.Offset)))
                        Add(records, LetterRecord.OfOutcome(operation.Shape.Alias, key, of, operation.Offset, now));
                }
            }

            if (records.Count == 0)
                return;
            end = Append(records);
        }

        await stream.WaitSyncedAsync(end, cancellationToken);
        foreach (var (item, answer) in refused)
            log.DeadLettered(pipeline, item.Operation.Offset, item.Operation.Shape.Alias, answer.Reason ?? "no reason given", stream.Name);
    }

    /// <summary>Says that all rows of a table have a newer outcome: it was emptied. Returns when that is durable.</summary>
    public ValueTask SupersedeAsync(string alias, long offset, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            return Open == 0 || _book.OlderOf(alias, Letter.VersionOf(epoch(), offset)).Count == 0
                ? default
                : stream.WaitSyncedAsync(Append([Applied(LetterRecord.OfOutcome(alias, keyHash: null, epoch(), offset, time.GetUtcNow()))]), cancellationToken);
        }
    }

    /// <summary>Asks for letters to be replayed, or gives them up. Returns when that is durable, with how many of them were open.</summary>
    /// <param name="letters">Their numbers; those that are not open are passed over.</param>
    /// <param name="discard">Whether they are given up.</param>
    /// <param name="by">Who asks, for people.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async ValueTask<int> RequestAsync(IReadOnlyList<long> letters, bool discard, string by, CancellationToken cancellationToken)
    {
        long end;
        List<long> open;
        lock (_gate)
        {
            open = [.. letters.Distinct().Where(id => _book.Find(id) is { State: LetterState.Open } letter && (discard || letter.KeyHash is not null))];
            if (open.Count == 0)
                return 0;
            end = Append([Applied(LetterRecord.OfRequest(discard ? LetterRecord.Discard : LetterRecord.Replay, open, by, time.GetUtcNow()))]);
        }

        await stream.WaitSyncedAsync(end, cancellationToken);
        if (discard)
            log.LettersDiscarded(pipeline, open.Count, by);
        else
            log.LettersRequested(pipeline, open.Count, by);
        return open.Count;
    }

    /// <summary>Open letters of a table about changes before an offset.</summary>
    public IReadOnlyList<Letter> OlderOf(string alias, long offset)
    {
        lock (_gate)
            return Open == 0 ? [] : _book.OlderOf(alias, Letter.VersionOf(epoch(), offset));
    }

    /// <summary>Open letters to replay, the oldest change first.</summary>
    /// <param name="most">How many at most.</param>
    /// <param name="before">Those of changes before this offset of the present epoch, and all of earlier ones; without it all.</param>
    public IReadOnlyList<Letter> Requested(int most, long? before = null)
    {
        if (!HasRequests)
            return [];
        var version = before is { } offset ? Letter.VersionOf(epoch(), offset) : long.MaxValue;
        lock (_gate)
            return [.. _book.Requested(most).TakeWhile(letter => letter.Version < version)];
    }

    /// <summary>The change of a letter as captured.</summary>
    /// <exception cref="LogException">The stream is damaged.</exception>
    public byte[] ChangeOf(Letter letter)
    {
        using var reader = stream.NewReader(letter.Record);
        using var block = reader.Read(1) ?? throw new InvalidOperationException("a letter is gone from its stream");
        var records = block.Records();
        while (records.MoveNext())
        {
            if (records.Offset == letter.Record)
                return LetterRecord.ChangeOf(block.Buffer.AsSpan(records.ValueStart, records.ValueLength)).ToArray();
        }

        throw new InvalidOperationException("a letter is gone from its stream");
    }

    /// <summary>Ends a letter of which nothing is sent. Returns when that is durable.</summary>
    public ValueTask EndAsync(Letter letter, LetterState state, CancellationToken cancellationToken)
    {
        lock (_gate)
            return stream.WaitSyncedAsync(Append([Applied(LetterRecord.OfEnd(letter.Id, state, time.GetUtcNow()))]), cancellationToken);
    }

    // Key hashes of the other tables' parts of a row that goes with the root's.
    private IEnumerable<ulong> PartsEndedBy(Operation operation) =>
        operation is { Kind: OperationKind.Delete, Shape.Part.IsRoot: true } ? Parts.Select(part => operation.OrderHash ^ part) : [];

    private uint EpochOf(in Operation operation) => operation.IsReplay ? operation.ReplayedEpoch : epoch();

    private void Apply(long offset, ReadOnlySpan<byte> value)
    {
        try
        {
            _book.Apply(offset, value);
        }
        catch (InvalidDataException cause)
        {
            throw EngineErrors.LetterUnreadable(stream.Name, offset, cause);
        }
    }

    private void Count()
    {
        Volatile.Write(ref _open, _book.Open);
        Volatile.Write(ref _hasRequests, _book.HasRequests);
    }

    // Applied at once: what comes next in the same append is judged by it.
    private void Add(List<byte[]> records, byte[] value)
    {
        Apply(stream.EndOffset + records.Count, value);
        records.Add(value);
    }

    private byte[] Applied(byte[] value)
    {
        Apply(stream.EndOffset, value);
        return value;
    }

    // Nobody else appends to the stream, so the offsets are those that were applied.
    private long Append(List<byte[]> records)
    {
        var batch = stream.NewBatch();
        foreach (var value in records)
        {
            batch.BeginRecord(default, hasKey: false);
            value.CopyTo(batch.GetSpan(value.Length));
            batch.Advance(value.Length);
            batch.EndRecord();
        }

        Count();
        return stream.Append(batch) + records.Count;
    }
}
