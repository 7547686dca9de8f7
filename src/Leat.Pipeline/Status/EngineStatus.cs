using System.Collections.Immutable;
using Leat.Log;
using Leat.Log.Tools;

namespace Leat.Pipeline.Status;

/// <summary>What a source or pipeline is doing, computed from evidence: what was last captured, acknowledged, or failed.</summary>
public enum RunState
{
    /// <summary>Opening connections; nothing has moved yet.</summary>
    Starting = 0,

    /// <summary>A first snapshot is being read (source), or changes are waiting and being delivered (pipeline).</summary>
    CatchingUp = 1,

    /// <summary>All that is known has been captured or delivered.</summary>
    Live = 2,

    /// <summary>The other side cannot be reached or is busy; Leat tries again by itself.</summary>
    Retrying = 3,

    /// <summary>A person has to act; the reason says what to do. Nothing is dropped.</summary>
    Blocked = 4,

    /// <summary>Stopped on request.</summary>
    Stopped = 5,
}

/// <summary>The state of everything, as <c>/api/v1/status</c> and <c>leat status --json</c> give it.</summary>
/// <param name="Version">Version of the program.</param>
/// <param name="StartedAt">When the process began, UTC.</param>
/// <param name="Now">When this was computed, UTC.</param>
/// <param name="Sources">Each source, in the file's order.</param>
/// <param name="Pipelines">Each pipeline, in the file's order.</param>
public sealed record EngineStatus(
    string Version, DateTimeOffset StartedAt, DateTimeOffset Now, ImmutableArray<SourceStatus> Sources, ImmutableArray<PipelineStatus> Pipelines)
{
    /// <summary>The log as a whole.</summary>
    public LogStatus? Log { get; init; }

    /// <summary>Whether everything can do its work: nothing is Starting, Retrying or Blocked.</summary>
    public bool Ready =>
        Sources.All(source => source.State is RunState.CatchingUp or RunState.Live)
        && Pipelines.All(pipeline => pipeline.State is RunState.CatchingUp or RunState.Live);
}

/// <summary>The log of an engine.</summary>
/// <param name="Folder">Where it is.</param>
/// <param name="ScrubPasses">How often all closed segments were read and checked since the process began.</param>
/// <param name="Findings">What that found: damage that may not have been met by anybody yet. It stops nothing by itself.</param>
public sealed record LogStatus(string Folder, long ScrubPasses, IReadOnlyList<LogFinding> Findings);

/// <summary>One source and its stream.</summary>
public sealed record SourceStatus
{
    /// <summary>Name in the configuration file.</summary>
    public required string Name { get; init; }

    /// <summary>Computed state.</summary>
    public required RunState State { get; init; }

    /// <summary>Why it is in that state; for Retrying and Blocked the whole error with its remedy.</summary>
    public string? Reason { get; init; }

    /// <summary>Position of the last change that is durable, as the source writes it.</summary>
    public string? Position { get; init; }

    /// <summary>Offset that the next record will get.</summary>
    public long EndOffset { get; init; }

    /// <summary>Every offset below is durable and readable.</summary>
    public long ReadableOffset { get; init; }

    /// <summary>Row changes captured since the start of the process (snapshot rows included).</summary>
    public long Changes { get; init; }

    /// <summary>Transactions captured since the start of the process.</summary>
    public long Transactions { get; init; }

    /// <summary>Row changes a second, over the last seconds.</summary>
    public double ChangesPerSecond { get; init; }

    /// <summary>When something was last heard from the source, UTC.</summary>
    public DateTimeOffset? LastHeardAt { get; init; }

    /// <summary>When the last captured change was committed at the source, UTC.</summary>
    public DateTimeOffset? LastChangeAt { get; init; }

    /// <summary>How far a running snapshot is.</summary>
    public SnapshotStatus? Snapshot { get; init; }

    /// <summary>Tables that are read, or wait to be: of the first snapshot, and those that somebody asked to be read again.</summary>
    public ImmutableArray<TableSnapshotStatus> Snapshots { get; init; } = [];

    /// <summary>Tables whose shapes it is not certain of, so that it may stop there.</summary>
    public ImmutableArray<UnverifiedTableStatus> Unverified { get; init; } = [];

    /// <summary>What the log keeps for it; <see langword="null"/> while its stream cannot be opened.</summary>
    public StreamStatus? Stream { get; init; }
}

/// <summary>A source's stream on the disk.</summary>
public sealed record StreamStatus
{
    /// <summary>Bytes of all its segments.</summary>
    public required long Bytes { get; init; }

    /// <summary>The first offset that is kept; higher than 0 when retention has deleted.</summary>
    public required long StartOffset { get; init; }

    /// <summary>When the first record that is kept was captured, UTC; <see langword="null"/> while there is none.</summary>
    public DateTimeOffset? OldestAt { get; init; }

    /// <summary>Raised whenever offsets may repeat.</summary>
    public required uint Epoch { get; init; }

    /// <summary>Whether it takes what is new, and what it waits for when it does not.</summary>
    public required Intake Intake { get; init; }

    /// <summary>Bytes that retention has deleted since the process began.</summary>
    public required long DeletedBytes { get; init; }

    /// <summary>Who keeps retention from deleting, the furthest behind first.</summary>
    public ImmutableArray<HoldStatus> Holds { get; init; } = [];
}

/// <summary>Somebody who still needs records.</summary>
/// <param name="Who">For people, e.g. <c>pipeline orders-cache</c>.</param>
/// <param name="Offset">The first record that is needed: what is before is durably done with.</param>
/// <param name="Records">Records from there to the end of the stream.</param>
public sealed record HoldStatus(string Who, long Offset, long Records);

/// <summary>A running snapshot.</summary>
public sealed record SnapshotStatus(string Table, int TablesDone, int Tables, long RowsDone, long RowsEstimated)
{
    /// <summary>How long the rest will take at the pace so far, in seconds; <see langword="null"/> while that cannot be told.</summary>
    public double? SecondsLeft { get; init; }
}

/// <summary>A table that is read, or waits to be.</summary>
/// <param name="Table">Its name.</param>
/// <param name="Where">The condition on its rows; <see langword="null"/>: all.</param>
/// <param name="Again">Whether it was asked to be read again.</param>
/// <param name="Reading">Whether its rows are being read; false while it waits.</param>
/// <param name="RowsDone">Rows read so far.</param>
/// <param name="RowsEstimated">Rows in all by the server's own estimate; 0 when not known.</param>
public sealed record TableSnapshotStatus(string Table, string? Where, bool Again, bool Reading, long RowsDone, long RowsEstimated);

/// <summary>A table whose shape is not certain.</summary>
/// <param name="Table">Its name.</param>
/// <param name="Reason">Why, e.g. the statement that was not understood.</param>
public sealed record UnverifiedTableStatus(string Table, string Reason);

/// <summary>One pipeline.</summary>
public sealed record PipelineStatus
{
    /// <summary>Name in the configuration file.</summary>
    public required string Name { get; init; }

    /// <summary>Its source.</summary>
    public required string Source { get; init; }

    /// <summary>Kind of its sink.</summary>
    public required string Sink { get; init; }

    /// <summary>Computed state.</summary>
    public required RunState State { get; init; }

    /// <summary>Why it is in that state; for Retrying and Blocked the whole error with its remedy.</summary>
    public string? Reason { get; init; }

    /// <summary>Lowest offset without an outcome.</summary>
    public long Checkpoint { get; init; }

    /// <summary>Records that are readable in the stream but have no outcome yet.</summary>
    public long LagRows { get; init; }

    /// <summary>How long the oldest change without an outcome has been waiting since its commit at the source; 0 when none waits.</summary>
    public double LagMs { get; init; }

    /// <summary>Commit at the source to acknowledged by the target, of the last acknowledged operations: median, in milliseconds.</summary>
    public double LatencyP50Ms { get; init; }

    /// <summary>The same, 99th percentile.</summary>
    public double LatencyP99Ms { get; init; }

    /// <summary>Operations a second with an outcome, over the last seconds.</summary>
    public double RowsPerSecond { get; init; }

    /// <summary>The last change with an outcome: what and which key, for people.</summary>
    public string? LastChange { get; init; }

    /// <summary>When the last outcome came, UTC.</summary>
    public DateTimeOffset? LastOutcomeAt { get; init; }

    /// <summary>The accounting of this run; both equations hold at every moment it is taken.</summary>
    public required Accounting Accounting { get; init; }

    /// <summary>Dead letters that are open: refused by the target, not replayed, superseded or given up.</summary>
    public int DeadLetters { get; init; }

    /// <summary>Epoch under which it writes.</summary>
    public uint Epoch { get; init; }

    /// <summary>What its sink's settings allow and nobody should forget, such as certificates that are not checked: each with its remedy and code.</summary>
    public ImmutableArray<string> Warnings { get; init; } = [];

    /// <summary>Each lane.</summary>
    public ImmutableArray<LaneStatus> Lanes { get; init; } = [];

    /// <summary>What it keeps to make documents; <see langword="null"/> when it delivers tables as they are, and before their shapes are known.</summary>
    public DocumentStatus? Documents { get; init; }
}

/// <summary>What a pipeline keeps to make documents of several tables.</summary>
public sealed record DocumentStatus
{
    /// <summary><c>loading</c> while rows are taken in and nothing is sent; then <c>live</c>.</summary>
    public required string Phase { get; init; }

    /// <summary>Bytes of memory that the rows take.</summary>
    public required long StateBytes { get; init; }

    /// <summary>Most bytes that they may take: beyond it the pipeline is Blocked.</summary>
    public required long StateLimitBytes { get; init; }

    /// <summary>Rows that are held, of all tables.</summary>
    public required long StateRows { get; init; }

    /// <summary>Documents that wait to be sent behind direct changes: of rows that many documents share, or all of them after loading.</summary>
    public required long BacklogDocuments { get; init; }

    /// <summary>Deletes and updates of rows that it did not hold, since the beginning of its state. Not counted while it loads.</summary>
    public required long RetractionsMissedTotal { get; init; }

    /// <summary>Whether such a row was missed, so that documents may be wrong until <c>leat rebuild</c>.</summary>
    public required bool Suspect { get; init; }
}

/// <summary>One lane of a pipeline.</summary>
public sealed record LaneStatus(int Lane, int Waiting, long LastOffset, int Attempts)
{
    /// <summary>Most operations that it sends in one request now: fewer after the target had too much to do.</summary>
    public int BatchOperations { get; init; }

    /// <summary>Most bytes of encoded rows that it sends in one request now.</summary>
    public int BatchBytes { get; init; }
}

/// <summary>Changes: read = filtered + folded + planned. Operations: emitted = applied + stale + dead-lettered + coalesced + in flight.</summary>
/// <param name="Changes">Changes read from the stream.</param>
/// <param name="Filtered">Of those, without any operation: table not wanted, row outside the filter before and after.</param>
/// <param name="Planned">Of those, with one operation or more.</param>
/// <param name="Emitted">Operations made of the planned changes.</param>
/// <param name="Applied">Operations that the target holds.</param>
/// <param name="Stale">Operations that the target was already newer than.</param>
/// <param name="DeadLettered">Operations refused and kept in the dead-letter stream.</param>
/// <param name="Coalesced">Operations made needless by a later one of the same key.</param>
/// <param name="InFlight">Operations without an outcome yet.</param>
public sealed record Accounting(
    long Changes, long Filtered, long Planned, long Emitted, long Applied, long Stale, long DeadLettered, long Coalesced, long InFlight)
{
    /// <summary>
    /// Of the changes read, those that no operation stands for, although they count: of documents, what only changed rows that are held, and what another change of the
    /// same transaction stands for. 0 where tables are delivered as they are.
    /// </summary>
    public long Folded { get; init; }

    /// <summary>Nothing counted yet.</summary>
    public static Accounting None { get; } = new(0, 0, 0, 0, 0, 0, 0, 0, 0);

    /// <summary>Whether both equations hold.</summary>
    public bool Balanced => Changes == Filtered + Folded + Planned && Emitted == Applied + Stale + DeadLettered + Coalesced + InFlight;
}
