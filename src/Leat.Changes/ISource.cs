using System.Buffers;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Leat.Changes.Formats;
using Microsoft.Extensions.Logging;

namespace Leat.Changes;

/// <summary>Where in a source to go on: UTF-8 text of the source's own making, opaque to everyone else.</summary>
/// <remarks>Sources write JSON objects, so that a person who reads the log or the status can follow.</remarks>
public readonly record struct SourcePosition(string Text)
{
    /// <inheritdoc/>
    public override string ToString() => Text;
}

/// <summary>What every connector is given when it is opened.</summary>
/// <param name="Name">The name of the source or pipeline in the configuration file.</param>
/// <param name="Loggers">Where it logs.</param>
/// <param name="Time">Its only clock.</param>
public sealed record ConnectorContext(string Name, ILoggerFactory Loggers, TimeProvider Time)
{
    /// <summary>Whether it is opened for a look, perhaps beside the one that keeps the log: then it takes no name at the other side that this one may have.</summary>
    public bool IsBeside { get; init; }
}

/// <summary>From where to where a source runs.</summary>
public sealed record SourceRun
{
    /// <summary>Go on after this position. <see langword="null"/>: begin as the source is configured (a first snapshot, then the stream).</summary>
    public SourcePosition? From { get; init; }

    /// <summary>Stop once this position is passed. <see langword="null"/>: run until cancelled.</summary>
    public SourcePosition? Until { get; init; }

    /// <summary>End once the snapshots are read, however the source is configured.</summary>
    public bool SnapshotOnly { get; init; }
}

/// <summary>Captures changes from one outside system.</summary>
public interface ISource : IAsyncDisposable
{
    /// <summary>Connects and looks at everything that capture needs: reach, sign-in, grants, settings, tables. Never throws for what it finds.</summary>
    ValueTask<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancellationToken);

    /// <summary>Writes changes until <see cref="SourceRun.Until"/> is passed or it is cancelled (then it throws <see cref="OperationCanceledException"/>).</summary>
    /// <exception cref="RetriableException">Connection lost or server down: the runner backs off and calls again with the last position.</exception>
    /// <exception cref="PauseException">A person has to act; the source is Blocked.</exception>
    ValueTask RunAsync(SourceRun run, IChangeWriter writer, CancellationToken cancellationToken);

    /// <summary>The position that is current at the source now: all that was committed before is at or before it.</summary>
    ValueTask<SourcePosition> CurrentPositionAsync(CancellationToken cancellationToken);

    /// <summary>Reads what a person writes after <c>--from</c>: <c>now</c>, or the source's own words (for MySQL a GTID position such as <c>0-1-42</c>).</summary>
    /// <exception cref="LeatException">Not understood; the message says what would be.</exception>
    ValueTask<SourcePosition> ParsePositionAsync(string text, CancellationToken cancellationToken);

    /// <summary>The captured tables as they are now.</summary>
    ValueTask<IReadOnlyList<TableSchema>> TablesAsync(CancellationToken cancellationToken);

    /// <summary>Every row of a captured table as it is now, encoded as capture would, in key order; for compare.</summary>
    /// <param name="table">One of <see cref="TablesAsync"/>.</param>
    /// <param name="captured">Where capture stands; a source without a server of its own recomputes its tables up to here.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    IAsyncEnumerable<SourceRow> ReadTableAsync(TableSchema table, SourcePosition? captured, CancellationToken cancellationToken);

    /// <summary>Which rows a table has now: what a target holds beyond them is to be removed after a <see cref="ChangeKind.Sweep"/>.</summary>
    /// <param name="table">A captured table as it was when the rows were encoded.</param>
    /// <param name="rows">Encoded rows of <paramref name="table"/>, of which the key counts; some hundreds at most.</param>
    /// <param name="captured">Where capture stands; for a source without a server of its own.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>For each of <paramref name="rows"/> whether a row with exactly its key exists.</returns>
    /// <exception cref="RetriableException">The source cannot be asked now.</exception>
    /// <exception cref="PauseException">A person has to act.</exception>
    ValueTask<bool[]> ExistingAsync(
        TableSchema table, IReadOnlyList<ReadOnlyMemory<byte>> rows, SourcePosition? captured, CancellationToken cancellationToken);

    /// <summary>About how many rows each captured table has, as far as the source tells without counting them.</summary>
    /// <param name="cancellationToken">Ends the asking.</param>
    ValueTask<IReadOnlyDictionary<TableName, long>> EstimateRowsAsync(CancellationToken cancellationToken) =>
        new(ImmutableDictionary<TableName, long>.Empty);

    /// <summary>Some rows of a table as it is now that have certain values in some columns; for a look at what belongs together, not for delivery.</summary>
    /// <param name="table">One of <see cref="TablesAsync"/>.</param>
    /// <param name="matches">Which values.</param>
    /// <param name="most">Most rows, 1 or more.</param>
    /// <param name="captured">As for <see cref="ReadTableAsync"/>.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <remarks>A source that cannot ask for them reads the table and passes over the others.</remarks>
    IAsyncEnumerable<SourceRow> ReadMatchingAsync(TableSchema table, RowMatches matches, int most, SourcePosition? captured, CancellationToken cancellationToken) =>
        matches.FilterAsync(ReadTableAsync(table, captured, cancellationToken), most, cancellationToken);

    /// <summary>Whether tables can be read again while the source runs: the members below.</summary>
    bool ReadsAgain => false;

    /// <summary>Asks the running source to read tables again beside the stream. Returns when the request would survive a restart.</summary>
    /// <remarks>Rows come as <see cref="ChangeKind.ReadAgain"/>, and after the last one of a table a <see cref="ChangeKind.Sweep"/>. From any thread.</remarks>
    /// <exception cref="LeatException">No such table is captured, or the condition cannot be understood.</exception>
    ValueTask RequestSnapshotAsync(SnapshotRequest request, CancellationToken cancellationToken) => throw new NotSupportedException(GetType().Name);

    /// <summary>Gives up reading tables again; what was read stays. A table's first snapshot cannot be given up.</summary>
    /// <param name="tables">Which tables; empty for all.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The tables given up.</returns>
    ValueTask<IReadOnlyList<TableName>> CancelSnapshotAsync(ImmutableArray<TableName> tables, CancellationToken cancellationToken) => new(Array.Empty<TableName>());

    /// <summary>The tables that the running source reads, or will read. From any thread.</summary>
    IReadOnlyList<TableSnapshot> SnapshotsNow => [];

    /// <summary>Captured tables whose shapes are not certain where the source stands. From any thread.</summary>
    IReadOnlyList<UnverifiedTable> UnverifiedNow => [];

    /// <summary>Whether the source has told all that it was asked for, so that it is done although nobody stopped it.</summary>
    bool IsDone => false;
}

/// <summary>One encoded row and its shape; the bytes are valid until the next row is asked for.</summary>
public readonly record struct SourceRow(TableSchema Schema, ReadOnlyMemory<byte> Row);

/// <summary>Values that some columns of a table shall have: those that other rows have in columns of theirs.</summary>
/// <param name="Columns">Columns of the table that is read, by name; at least one.</param>
/// <param name="Schema">Shape of <paramref name="Rows"/>.</param>
/// <param name="Ordinals">For each of <paramref name="Columns"/> the column of <paramref name="Schema"/> that it equals.</param>
/// <param name="Rows">Encoded rows, whose values there are not NULL; some hundreds at most.</param>
public sealed record RowMatches(ImmutableArray<string> Columns, TableSchema Schema, ImmutableArray<int> Ordinals, IReadOnlyList<ReadOnlyMemory<byte>> Rows)
{
    /// <summary>The rows of a table that match, by the canonical text of their values.</summary>
    internal async IAsyncEnumerable<SourceRow> FilterAsync(IAsyncEnumerable<SourceRow> table, int most, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var wanted = Rows.Select(row => TextOf(Schema, Ordinals, row.Span)).ToHashSet(StringComparer.Ordinal);
        var found = 0;
        await foreach (var row in table.WithCancellation(cancellationToken))
        {
            if (!wanted.Contains(TextOf(row.Schema, [.. Columns.Select(row.Schema.Find)], row.Row.Span)))
                continue;
            yield return row;
            if (++found == most)
                yield break;
        }
    }

    private static string TextOf(TableSchema schema, ImmutableArray<int> ordinals, ReadOnlySpan<byte> row) => RowKeyText.Of(new(schema.Table, schema.Columns, ordinals), row);
}

/// <summary>The position of a running source, as of the last commit that it told its writer.</summary>
public interface IPosition
{
    /// <summary>Writes the position's text (UTF-8). Called by the writer inside Commit and Advance only.</summary>
    void WriteTo(IBufferWriter<byte> target);

    /// <summary>Bytes of the source's own log that were passed since the run began, captured or not: so a source whose tables are quiet has its position kept all the same.</summary>
    long PassedBytes => 0;
}

/// <summary>Takes the changes of one source, in order, from one thread of control. Batching, durability and waiting are its business alone.</summary>
/// <remarks>
/// <code>
/// Begin  ( BeginRow  fill  EndRow )*  CommitAsync | Rollback
/// AdvanceAsync                        between transactions
/// </code>
/// On the hot path nothing here allocates, and the two ValueTasks are complete when returned.
/// </remarks>
public interface IChangeWriter
{
    /// <summary>Returns the number of a table's shape, making it durable before the first change that uses it. Equal shapes have one number.</summary>
    uint Define(TableSchema schema);

    /// <summary>Says that a table has this shape from here on, and returns its number: a new one, above all others, unless it is the table's newest already.</summary>
    /// <remarks>So the newest shape of a table up to some number is the one that it had when that number was given, also when a shape comes back.</remarks>
    uint Renew(TableSchema schema) => Define(schema);

    /// <summary>Every shape that was ever defined, with its number, in the order of the numbers: also those of earlier runs. Empty for a writer that keeps none.</summary>
    IReadOnlyList<KeyValuePair<uint, TableSchema>> Shapes => [];

    /// <summary>Opens a transaction.</summary>
    /// <param name="transactionId">The source's name of it, ASCII, at most 255 bytes; may be empty.</param>
    /// <param name="committedAtMicros">Commit time, microseconds since 1970 UTC.</param>
    void Begin(ReadOnlySpan<byte> transactionId, long committedAtMicros);

    /// <summary>Room for the images of one change: the before row (if any), directly followed by the after row (if any).</summary>
    /// <param name="maxBytes">The most that both can take. Valid until <see cref="EndRow"/>.</param>
    Span<byte> BeginRow(int maxBytes);

    /// <summary>Completes the change whose images were written to the front of <see cref="BeginRow"/>'s span.</summary>
    /// <exception cref="PauseException">The change is larger than the largest record (64 MiB); the message names the table.</exception>
    void EndRow(ChangeKind kind, uint schemaId, int beforeBytes, int afterBytes);

    /// <summary>Closes the transaction: it will be seen as a whole.</summary>
    /// <param name="position">Read before this returns.</param>
    /// <param name="moreInput">Whether more of the source is waiting already; false asks for the batch to be sent on at once.</param>
    /// <param name="cancellationToken">Ends the waiting for room.</param>
    ValueTask CommitAsync(IPosition position, bool moreInput, CancellationToken cancellationToken);

    /// <summary>Drops the open transaction; nobody will see it.</summary>
    void Rollback();

    /// <summary>Says that the source moved on without a change to tell.</summary>
    ValueTask AdvanceAsync(IPosition position, bool moreInput, CancellationToken cancellationToken);

    /// <summary>Waits while too much of what was written is not yet on disk. A source calls it now and then inside a long transaction, between rows.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    ValueTask WhenRoomAsync(CancellationToken cancellationToken) => default;

    /// <summary>
    /// Opens a transaction that may end as a prepared one, whose fate is decided later: with <see cref="ParkAsync"/>, <see cref="UnparkAsync"/> or
    /// <see cref="Rollback"/>. Its rows are written like those of any other.
    /// </summary>
    /// <param name="transactionId">The source's name of it, ASCII, at most 255 bytes; may be empty.</param>
    /// <param name="preparedAtMicros">When, microseconds since 1970 UTC.</param>
    void BeginParked(ReadOnlySpan<byte> transactionId, long preparedAtMicros) => throw new NotSupportedException("this writer takes no prepared transactions");

    /// <summary>Ends the open transaction as a prepared one: sets its rows aside, where nobody sees them, and returns when they are durable.</summary>
    /// <param name="name">Names it, as text in UTF-8; <see cref="ReleaseAsync"/> proves with it that the rows are the right ones.</param>
    /// <param name="cancellationToken">Ends the waiting; the rows count as not parked then.</param>
    /// <returns>Where they are. The source keeps it in its position: rows that no position names are forgotten.</returns>
    ValueTask<long> ParkAsync(ReadOnlyMemory<byte> name, CancellationToken cancellationToken) => throw new NotSupportedException("this writer takes no prepared transactions");

    /// <summary>Makes the open transaction, which was begun with <see cref="BeginParked"/>, one like any other: it was committed in one step. A commit follows.</summary>
    /// <param name="name">Names it.</param>
    /// <param name="cancellationToken">Ends the waiting for room.</param>
    ValueTask UnparkAsync(ReadOnlyMemory<byte> name, CancellationToken cancellationToken) => throw new NotSupportedException("this writer takes no prepared transactions");

    /// <summary>Opens a transaction with the rows that were parked. A commit follows, with a position that no longer names them.</summary>
    /// <param name="at">What <see cref="ParkAsync"/> returned.</param>
    /// <param name="name">What it was given.</param>
    /// <param name="transactionId">The source's name of the commit, ASCII, at most 255 bytes; may be empty.</param>
    /// <param name="committedAtMicros">Commit time, microseconds since 1970 UTC.</param>
    /// <param name="cancellationToken">Ends the waiting for room; the transaction is dropped then.</param>
    /// <exception cref="PauseException">The rows are not there.</exception>
    ValueTask ReleaseAsync(long at, ReadOnlyMemory<byte> name, ReadOnlyMemory<byte> transactionId, long committedAtMicros, CancellationToken cancellationToken) =>
        throw new NotSupportedException("this writer takes no prepared transactions");

    /// <summary>Says which parked rows are needed from the next commit or advance on. Others are deleted, once that one is durable.</summary>
    /// <param name="oldest">The least of the numbers that <see cref="ParkAsync"/> returned; <see cref="long.MaxValue"/>: none.</param>
    void KeepParked(long oldest)
    {
    }

    /// <summary>Tells how far a first snapshot is, for status and progress; not durable.</summary>
    void Progress(SnapshotProgress progress);
}

/// <summary>How far a snapshot is.</summary>
/// <param name="Table">The table being read; <see langword="null"/> when the snapshot is over.</param>
/// <param name="TablesDone">Tables read to their end.</param>
/// <param name="Tables">Tables in all.</param>
/// <param name="RowsDone">Rows read so far, of all tables.</param>
/// <param name="RowsEstimated">Rows in all by the server's own estimate; 0 when not known.</param>
public sealed record SnapshotProgress(TableName? Table, int TablesDone, int Tables, long RowsDone, long RowsEstimated)
{
    /// <summary>How long the rest will take at the pace so far; <see langword="null"/> while that cannot be told.</summary>
    public TimeSpan? Left { get; init; }
}
