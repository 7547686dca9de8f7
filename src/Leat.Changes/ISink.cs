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

    /// <summary>Stable hash of shape alias and key values; the same target key always has the same.</summary>
    public required ulong KeyHash { get; init; }
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
public readonly record struct Answer(AnswerKind Kind, string? Reason = null)
{
    /// <summary>Applied.</summary>
    public static Answer Applied => new(AnswerKind.Applied);

    /// <summary>Coalesced.</summary>
    public static Answer Coalesced => new(AnswerKind.Coalesced);

    /// <summary>Refused, with the target's own words.</summary>
    public static Answer Refused(string reason) => new(AnswerKind.Refused, reason);

    /// <summary>To be sent again, with the target's own words.</summary>
    public static Answer Retry(string reason) => new(AnswerKind.Retry, reason);
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

    /// <summary>Aliases whose operations must all take one lane, e.g. because the target table has a second unique index.</summary>
    public ImmutableHashSet<string> SerialAliases { get; init; } = [];
}

/// <summary>Who writes: stored beside the data by targets that can (see ARCHITECTURE, lanes and checkpoints).</summary>
/// <param name="Pipeline">Name of the pipeline.</param>
/// <param name="LogId">Identity of the log folder.</param>
/// <param name="Epoch">Epoch of the stream.</param>
/// <param name="Lane">From 0.</param>
/// <param name="Lanes">How many lanes the pipeline runs with.</param>
/// <param name="Checkpoint">Every operation below this offset has its outcome (in all lanes).</param>
public sealed record LaneIdentity(string Pipeline, Guid LogId, uint Epoch, int Lane, int Lanes, long Checkpoint)
{
    /// <summary>
    /// Offset up to which this lane itself was acknowledged when the checkpoint was written; -1 when none was. A target that keeps
    /// offsets and stands behind this one is older than the checkpoint. (It may well stand behind <see cref="Checkpoint"/>: other lanes
    /// and filtered changes move that one too.)
    /// </summary>
    public long LaneOffset { get; init; } = -1;
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
}

/// <summary>A row as a target holds it, in canonical text, for comparison and for people.</summary>
/// <param name="Key">The target's own key as text, e.g. <c>order:17</c> or <c>17</c>.</param>
/// <param name="Fields">Name and value of each delivered column, in the shape's order; null is NULL (or absent, where a target has no NULL).</param>
public sealed record TargetRow(string Key, ImmutableArray<KeyValuePair<string, string?>> Fields);

/// <summary>One ordered connection to a target. Called from one task at a time, with operations in stream order.</summary>
public interface ISinkLane : IAsyncDisposable
{
    /// <summary>Offset below or at which the target itself says that this lane's operations are in it; <see langword="null"/> when it keeps none.</summary>
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
    ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken);
}
