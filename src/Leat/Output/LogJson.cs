namespace Leat.Output;

/// <summary>What <c>leat log streams --json</c> prints.</summary>
/// <param name="Folder">The log's folder.</param>
/// <param name="LogId">Its id; null when the file is missing.</param>
/// <param name="Streams">Sorted by name.</param>
public sealed record LogStreamsJson(string Folder, Guid? LogId, IReadOnlyList<LogStreamJson> Streams);

/// <summary>One stream.</summary>
/// <param name="Stream">Its name.</param>
/// <param name="State"><c>clean</c> (nothing appended since it was opened or closed), <c>open</c> (appended to, or ended without closing) or <c>damaged</c>; then everything else is null or 0.</param>
/// <param name="Epoch">Raised whenever offsets may repeat.</param>
/// <param name="StartOffset">The first offset that is kept.</param>
/// <param name="ReadableOffset">The first offset that cannot be read yet.</param>
/// <param name="EndOffset">The next offset to be given.</param>
/// <param name="Segments">How many.</param>
/// <param name="Bytes">Of all segments.</param>
/// <param name="OldestTime">Of a record, UTC.</param>
/// <param name="NewestTime">Of a record, UTC.</param>
/// <param name="Compression">Of the newest batch.</param>
/// <param name="Compacted">Whether a segment is compacted.</param>
/// <param name="OpenTransaction">First offset of the transaction that is open.</param>
/// <param name="Gaps">Offsets that a repair gave up.</param>
/// <param name="Error">Why it is damaged.</param>
public sealed record LogStreamJson(
    string Stream, string State, uint Epoch, long StartOffset, long ReadableOffset, long EndOffset, int Segments, long Bytes,
    DateTimeOffset? OldestTime, DateTimeOffset? NewestTime, string? Compression, bool Compacted, long? OpenTransaction,
    IReadOnlyList<OffsetRangeJson> Gaps, ErrorJson? Error);

/// <summary>Offsets from the first to before the next.</summary>
public sealed record OffsetRangeJson(long First, long Next);

/// <summary>What <c>leat log describe --json</c> prints.</summary>
/// <param name="Stream">As <c>leat log streams</c> shows it.</param>
/// <param name="DurableOffset">Every offset below is known to be durable.</param>
/// <param name="AbortedTransactions">How many in what is kept.</param>
/// <param name="Incarnations">Offsets at which another incarnation begins.</param>
/// <param name="Segments">In order.</param>
/// <param name="Files">Everything in the stream's folder.</param>
public sealed record LogDescribeJson(
    LogStreamJson Stream, long DurableOffset, int AbortedTransactions, IReadOnlyList<long> Incarnations, IReadOnlyList<LogSegmentJson> Segments,
    IReadOnlyList<LogFileJson> Files);

/// <summary>One segment.</summary>
public sealed record LogSegmentJson(long BaseOffset, long NextOffset, long Bytes, DateTimeOffset? LatestTime, bool Compacted, bool Active);

/// <summary>One file.</summary>
public sealed record LogFileJson(string Name, long Bytes);

/// <summary>What <c>leat log verify --json</c> found, as the envelope's result.</summary>
public sealed record LogVerifyJson(string Folder, IReadOnlyList<LogVerifiedJson> Streams);

/// <summary>One verified stream.</summary>
public sealed record LogVerifiedJson(string Stream, long Batches, long Records, long Bytes, int Findings, IReadOnlyList<string> Notes);

/// <summary>What <c>leat log repair --json</c> did or would do, as the envelope's result.</summary>
/// <param name="Stream">The stream.</param>
/// <param name="Applied">Whether it was done.</param>
/// <param name="Epoch">The stream's epoch afterwards.</param>
/// <param name="Actions">In order.</param>
/// <param name="Lost">Offsets whose records are gone.</param>
/// <param name="Dropped">Offsets whose records are dropped because a part of their transaction is gone.</param>
public sealed record LogRepairJson(
    string Stream, bool Applied, uint Epoch, IReadOnlyList<string> Actions, IReadOnlyList<OffsetRangeJson> Lost, IReadOnlyList<OffsetRangeJson> Dropped);

/// <summary>What <c>leat log backup --json</c> and <c>leat log restore --json</c> print.</summary>
/// <param name="Folder">Where the backup, or the restored log, is.</param>
/// <param name="LogId">The log's id.</param>
/// <param name="MadeAt">When the backup was begun, UTC.</param>
/// <param name="Bytes">Bytes copied.</param>
/// <param name="Streams">As they stand there.</param>
public sealed record LogBackupJson(string Folder, Guid LogId, DateTimeOffset MadeAt, long Bytes, IReadOnlyList<LogBackupStreamJson> Streams);

/// <summary>One stream of a backup.</summary>
public sealed record LogBackupStreamJson(string Stream, uint Epoch, long StartOffset, long EndOffset);
