using System.Collections.Immutable;

namespace Leat.Changes;

/// <summary>What a target shall hold of one table of a pipeline: which columns, under which names, identified by which.</summary>
/// <remarks>Compiled by the plan from a <see cref="TableSchema"/>; a new one is made when the schema changes. Compared by reference.</remarks>
public sealed class Shape
{
    /// <summary>The name of the table in the pipeline (the key under <c>tables:</c>).</summary>
    public required string Alias { get; init; }

    /// <summary>The shape of the encoded rows that operations of this shape carry.</summary>
    public required TableSchema Schema { get; init; }

    /// <summary>The columns to deliver, in order.</summary>
    public required ImmutableArray<ShapeColumn> Columns { get; init; }

    /// <summary>Ordinals (into <see cref="Schema"/>) of the columns that identify a target row; always delivered, never empty.</summary>
    public required ImmutableArray<int> Key { get; init; }

    /// <summary>Not <see langword="null"/>: target rows are written by several tables, and this is one's part of them. A sink that cannot keep what the others write refuses the shape.</summary>
    public DocumentPart? Part { get; init; }

    /// <summary>Whether it is a part of target rows: the target keeps the columns that are not delivered.</summary>
    public bool IsPart => Part is not null;

    /// <summary>Columns of the source whose values are replaced by computed ones, perhaps to keep them secret: what is shown of a change leaves them out.</summary>
    public ImmutableArray<string> Replaced { get; init; } = [];
}

/// <summary>A delivered column: its name at the target and its ordinal in the encoded row.</summary>
public readonly record struct ShapeColumn(string Name, int Ordinal);

/// <summary>What to do with a target key.</summary>
public enum OperationKind : byte
{
    /// <summary>The target shall hold exactly this row.</summary>
    Index = 1,

    /// <summary>The target shall not hold this key.</summary>
    Delete = 2,

    /// <summary>
    /// The target's row shall have the columns that this row tells; it keeps those that are absent from it. Made only for sinks that say
    /// <see cref="SinkTraits.TakesPartialRows"/>. Where the target has no such row, it is refused.
    /// </summary>
    Update = 3,
}

/// <summary>One write to a target: what, for which key, and where it came from.</summary>
public readonly struct Operation
{
    /// <summary>What to do.</summary>
    public required OperationKind Kind { get; init; }

    /// <summary>What happened at the source to cause it.</summary>
    public required ChangeKind Cause { get; init; }

    /// <summary>Offset of the change in the source's stream.</summary>
    public required long Offset { get; init; }

    /// <summary>Commit time at the source, microseconds since 1970 UTC.</summary>
    public required long CommittedAtMicros { get; init; }

    /// <summary>How to read <see cref="Row"/> and what to deliver of it.</summary>
    public required Shape Shape { get; init; }

    /// <summary>Index: the encoded row as it shall be. Delete: the encoded row as it was, of which the key counts.</summary>
    public required ReadOnlyMemory<byte> Row { get; init; }

    /// <summary>
    /// Index and update: the encoded row as it was before, under the same key; empty when there was none or the source did not tell it. What a
    /// target keeps under other columns than the key (an index named by a date, a member of a set) is found by it.
    /// </summary>
    public ReadOnlyMemory<byte> Before { get; init; }

    /// <summary>Stable hash of shape alias and key values; the same target key always has the same.</summary>
    public required ulong KeyHash { get; init; }

    /// <summary>What decides lane and order: <see cref="KeyHash"/>, but for parts of one target row, whose key hashes differ, the same for all of them.</summary>
    public ulong OrderHash
    {
        get => field == 0 ? KeyHash : field;
        init;
    }

    /// <summary>For an operation replayed out of the dead letters the epoch under which it was refused; 0 for every other.</summary>
    /// <remarks>Its offset is as old: it moves no offset that a target keeps, and its version is <see cref="LaneIdentity.VersionOf"/>'s.</remarks>
    public uint ReplayedEpoch { get; init; }

    /// <summary>Whether it is replayed out of the dead letters.</summary>
    public bool IsReplay => ReplayedEpoch != 0;

    /// <summary>
    /// Whether it comes out of its turn in the stream, so that it moves no offset that a target keeps, and is never taken for applied because of one: every replay, and a
    /// document that is emitted again for what it holds now, or that is one of several of the same change. Its version is that of its offset, as of any other.
    /// </summary>
    public bool IsUnpositioned
    {
        get => field || IsReplay;
        init;
    }
}

/// <summary>How one operation ended.</summary>
public enum AnswerKind : byte
{
    /// <summary>Not answered yet; never left by a sink that returns.</summary>
    None = 0,

    /// <summary>The target holds it, as durably as the target promises.</summary>
    Applied = 1,

    /// <summary>The target is already newer; nothing to do.</summary>
    Stale = 2,

    /// <summary>The target's passing condition for this operation alone: send it again, later ones of its key after it.</summary>
    Retry = 3,

    /// <summary>Can never succeed: to the dead letters with the reason.</summary>
    Refused = 4,

    /// <summary>A later operation of the same batch and key made it needless, and that one was applied.</summary>
    Coalesced = 5,
}

/// <summary>A sink's answer for one operation.</summary>
/// <param name="Kind">How it ended.</param>
/// <param name="Reason">The target's own words; for refused and retry.</param>
/// <param name="Cause">
/// For refused: the target's name for reasons of this kind, e.g. <c>mapper_parsing_exception</c>, <c>1406</c>, <c>22001</c>, <c>WRONGTYPE</c>. Dead
/// letters are grouped by it, and when whole batches are refused for one cause, the target's settings are at fault.
/// </param>
public readonly record struct Answer(AnswerKind Kind, string? Reason = null, string? Cause = null)
{
    /// <summary>For retry: the target has too much to do, so that the pipeline shall send less for a while.</summary>
    public bool IsBusy { get; init; }

    /// <summary>Stale: the target is already newer.</summary>
    public static Answer Stale => new(AnswerKind.Stale);

    /// <summary>Applied.</summary>
    public static Answer Applied => new(AnswerKind.Applied);

    /// <summary>Coalesced.</summary>
    public static Answer Coalesced => new(AnswerKind.Coalesced);

    /// <summary>Refused, with the target's own words and its name for reasons of this kind.</summary>
    public static Answer Refused(string reason, string? cause = null) => new(AnswerKind.Refused, reason, cause);

    /// <summary>To be sent again, with the target's own words.</summary>
    public static Answer Retry(string reason) => new(AnswerKind.Retry, reason);

    /// <summary>To be sent again, because the target has too much to do.</summary>
    public static Answer Busy(string reason) => new(AnswerKind.Retry, reason) { IsBusy = true };
}

/// <summary>What a pipeline needs to know of a sink before it opens lanes.</summary>
public sealed record SinkTraits
{
    /// <summary>Most lanes it can take, 1 or more. Files take one: their lines keep the stream's order.</summary>
    public int MaxLanes { get; init; } = 64;

    /// <summary>Most operations of one batch.</summary>
    public int MaxBatchOperations { get; init; } = 1_000;

    /// <summary>Most bytes of encoded rows of one batch.</summary>
    public int MaxBatchBytes { get; init; } = 1024 * 1024;

    /// <summary>Aliases whose operations must all take one lane, e.g. because keys of different bytes can be one to the target.</summary>
    public ImmutableHashSet<string> SerialAliases { get; init; } = [];

    /// <summary>
    /// By alias, the unique indexes of the target table beside the key, each as ordinals into the shape's schema. Values are compared by their bytes: an
    /// index that the target compares otherwise makes its alias serial. An operation that takes or frees a value which one in another lane
    /// frees or takes waits for that one's outcome.
    /// </summary>
    public ImmutableDictionary<string, ImmutableArray<ImmutableArray<int>>> UniqueKeys { get; init; } = ImmutableDictionary<string, ImmutableArray<ImmutableArray<int>>>.Empty;

    /// <summary>
    /// Whether batches hold whole transactions of the source, so that the target's transactions can be the same. Such a sink takes one lane, and
    /// <see cref="MaxBatchOperations"/> and <see cref="MaxBatchBytes"/> bound how many transactions are put together, not how large one may be.
    /// </summary>
    public bool WholeTransactions { get; init; }

    /// <summary>Whether it can write rows that lack columns: <see cref="OperationKind.Update"/>.</summary>
    public bool TakesPartialRows { get; init; }
}

/// <summary>A note in a target about who writes there: it tells when another log wrote, or when the target is not the one that was written.</summary>
/// <param name="LogId">Identity of the log folder.</param>
/// <param name="Epoch">Epoch of the pipeline, under which it writes.</param>
/// <param name="Offset">No operation at or above it was sent.</param>
public sealed record TargetMarker(Guid LogId, uint Epoch, long Offset)
{
    /// <summary>The offset of each lane, where the target keeps those with its rows and computes the marker from them; else empty.</summary>
    public ImmutableArray<long> Lanes { get; init; } = [];
}

/// <summary>Who writes: stored beside the data by targets that can (see ARCHITECTURE, lanes and checkpoints).</summary>
/// <param name="Pipeline">Name of the pipeline.</param>
/// <param name="LogId">Identity of the log folder.</param>
/// <param name="Epoch">Epoch of the pipeline, 1 to 65535: rises whenever its offsets may repeat, or another log wrote to the target.</param>
/// <param name="Lane">From 0.</param>
/// <param name="Lanes">How many lanes the pipeline runs with.</param>
/// <param name="Checkpoint">Every operation below this offset has its outcome (in all lanes).</param>
public sealed record LaneIdentity(string Pipeline, Guid LogId, uint Epoch, int Lane, int Lanes, long Checkpoint)
{
    /// <summary>Offsets below it have room beside an epoch in one version.</summary>
    private const int OffsetBits = 47;

    /// <summary>The version of what an operation writes, for targets that compare versions: higher for every later operation of the pipeline, whatever became of the log.</summary>
    public long VersionOf(in Operation operation) => (long)(operation.IsReplay ? operation.ReplayedEpoch : Epoch) << OffsetBits | operation.Offset;

    /// <summary>
    /// Offset up to which this lane itself was acknowledged when the checkpoint was written; -1 when none was. A target that keeps
    /// offsets and stands behind this one is older than the checkpoint. (It may well stand behind <see cref="Checkpoint"/>: other lanes
    /// and filtered changes move that one too.)
    /// </summary>
    public long LaneOffset { get; init; } = -1;

    /// <summary>
    /// The lowest epoch under which offsets that the target keeps for this log and so many lanes still stand for the same operations; 0: none do. Then a
    /// target that keeps offsets goes on at each lane's own, so that nothing is written twice: a torn tail raises the epoch and changes nothing of what was delivered.
    /// </summary>
    public uint OffsetsHoldFrom { get; init; }

    /// <summary>Whether an offset that was kept under an epoch still stands for the same operations.</summary>
    public bool Holds(uint epoch) => OffsetsHoldFrom > 0 && epoch >= OffsetsHoldFrom && epoch <= Epoch;
}

/// <summary>Delivers operations to one outside system.</summary>
public interface ISink : IAsyncDisposable
{
    /// <summary>Connects and looks at everything that delivery of these shapes needs. Never throws for what it finds.</summary>
    ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken);

    /// <summary>Connects, refuses what cannot work, prepares the target (creates missing tables or files) and tells its traits.</summary>
    /// <exception cref="RetriableException">Target down; asked again later.</exception>
    /// <exception cref="PauseException">A person has to act.</exception>
    ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken);

    /// <summary>Opens one lane's own connection. All lanes are opened before the first write.</summary>
    /// <exception cref="RetriableException">Target down; asked again later.</exception>
    /// <exception cref="PauseException">A person has to act.</exception>
    ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken);

    /// <summary>What the target should hold for a source row: the same canonical text that <see cref="ReadAsync"/> gives.</summary>
    TargetRow Expect(Shape shape, ReadOnlySpan<byte> row);

    /// <summary>Every row of a shape that the target holds now, in any order; for compare.</summary>
    IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, CancellationToken cancellationToken);

    /// <summary>What the target holds under the keys of some rows.</summary>
    /// <param name="shape">Their shape.</param>
    /// <param name="rows">Encoded rows, of which the key counts; some hundreds at most.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>For each of <paramref name="rows"/> the target's row, or <see langword="null"/>.</returns>
    /// <exception cref="RetriableException">The target cannot be asked now.</exception>
    /// <exception cref="PauseException">A person has to act.</exception>
    async ValueTask<IReadOnlyList<TargetRow?>> FindAsync(Shape shape, IReadOnlyList<ReadOnlyMemory<byte>> rows, CancellationToken cancellationToken)
    {
        var wanted = rows.Select(row => Expect(shape, row.Span).Key).ToList();
        var found = wanted.Distinct().ToDictionary(key => key, _ => (TargetRow?)null);
        await foreach (var row in ReadAsync(shape, cancellationToken))
        {
            if (found.ContainsKey(row.Key))
                found[row.Key] = row;
        }

        return [.. wanted.Select(key => found[key])];
    }

    /// <summary>Whether the target holds a <see cref="TargetMarker"/> for each pipeline.</summary>
    bool KeepsMarker => false;

    /// <summary>Reads a pipeline's marker; <see langword="null"/> when there is none.</summary>
    /// <exception cref="RetriableException">The target cannot be asked now.</exception>
    /// <exception cref="PauseException">It cannot be read: nothing may be written before a person has looked.</exception>
    ValueTask<TargetMarker?> ReadMarkerAsync(string pipeline, CancellationToken cancellationToken) => new((TargetMarker?)null);

    /// <summary>Writes a pipeline's marker; returns when the target holds it as durably as it holds rows.</summary>
    /// <exception cref="RetriableException">The target cannot be reached now.</exception>
    /// <exception cref="PauseException">A person has to act.</exception>
    ValueTask WriteMarkerAsync(string pipeline, TargetMarker marker, CancellationToken cancellationToken) => ValueTask.CompletedTask;
}

/// <summary>A row as a target holds it, in canonical text, for comparison and for people.</summary>
/// <param name="Key">The target's own key as text, e.g. <c>order:17</c> or <c>17</c>.</param>
/// <param name="Fields">Name and value of each delivered column, in the shape's order; null is NULL (or absent, where a target has no NULL).</param>
public sealed record TargetRow(string Key, ImmutableArray<KeyValuePair<string, string?>> Fields);

/// <summary>One ordered connection to a target. Called from one task at a time, with operations in stream order.</summary>
public interface ISinkLane : IAsyncDisposable
{
    /// <summary>Offset below or at which the target itself says that this lane's operations are in it: -1 as long as it holds none; <see langword="null"/> when it keeps no offsets at all.</summary>
    /// <remarks>
    /// Those operations are answered as applied without being sent. So the offset that a target stores in a write has to stay below the
    /// first operation of it that is answered refused or retry: until the next write begins, those stand nowhere else.
    /// </remarks>
    long? CommittedOffset { get; }

    /// <summary>Writes a batch, and returns only when the target has answered for every operation of it.</summary>
    /// <param name="batch">Never empty, in stream order, within <see cref="SinkTraits"/>. Valid until the returned task completes.</param>
    /// <param name="answers">One slot an operation, filled by the sink.</param>
    /// <param name="cancellationToken">Asks to stop soon. A cancelled batch is delivered again later.</param>
    /// <exception cref="RetriableException">Nothing is known to be written; the lane backs off, opens a new connection and sends the batch again.</exception>
    /// <exception cref="PauseException">A person has to act: the pipeline is Blocked, nothing is dropped.</exception>
    /// <exception cref="BatchRefusedException">The target refused the request as a whole, and nothing of it is written: the lane sends halves, until what is at fault stands alone.</exception>
    ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken);
}
