namespace Leat.Pipeline.Letters;

/// <summary>What became of a dead letter.</summary>
public enum LetterState
{
    /// <summary>Refused, and nothing newer came for its key.</summary>
    Open = 0,

    /// <summary>Replayed, and the target took it.</summary>
    Applied = 1,

    /// <summary>Its key has a newer outcome: it is never replayed.</summary>
    Superseded = 2,

    /// <summary>Replayed, and the pipeline of today makes nothing of it.</summary>
    Filtered = 3,

    /// <summary>Somebody gave it up.</summary>
    Discarded = 4,
}

/// <summary>A change that a target refused.</summary>
public sealed class Letter
{
    private const int OffsetBits = 47;

    /// <summary>Its number: the offset of its first record in the pipeline's dead-letter stream.</summary>
    public required long Id { get; init; }

    /// <summary>Offset of the record of its last attempt, which holds the change.</summary>
    public long Record { get; internal set; }

    /// <summary>The table's name in the pipeline.</summary>
    public required string Alias { get; init; }

    /// <summary>The table at the source.</summary>
    public required string Table { get; init; }

    /// <summary><c>index</c>, <c>update</c> or <c>delete</c>.</summary>
    public required string Operation { get; init; }

    /// <summary>Key columns and values, e.g. <c>id=17</c>.</summary>
    public required string Key { get; init; }

    /// <summary>Hash of alias and key; <see langword="null"/> in letters of versions that did not note newer outcomes: those cannot be replayed.</summary>
    public required ulong? KeyHash { get; init; }

    /// <summary>Epoch of the pipeline under which it was refused last.</summary>
    public uint Epoch { get; internal set; }

    /// <summary>Offset of the change in the source's stream.</summary>
    public required long Offset { get; init; }

    /// <summary>The source's name of the transaction.</summary>
    public required string Transaction { get; init; }

    /// <summary>Commit time at the source, microseconds since 1970 UTC.</summary>
    public required long CommittedAtMicros { get; init; }

    /// <summary>The target's name for reasons of this kind; of a target that has none, or of an earlier version, the reason itself.</summary>
    public string Cause { get; internal set; } = "";

    /// <summary>The target's own words, the last time.</summary>
    public string Reason { get; internal set; } = "";

    /// <summary>How often it was refused.</summary>
    public int Attempts { get; internal set; }

    /// <summary>When it was first refused, UTC.</summary>
    public required DateTimeOffset FirstAt { get; init; }

    /// <summary>When it was last refused, UTC.</summary>
    public DateTimeOffset LastAt { get; internal set; }

    /// <summary>What became of it.</summary>
    public LetterState State { get; internal set; }

    /// <summary>Of an update of some columns those that it told, by their names at the target; <see langword="null"/>: all, or nobody knows.</summary>
    internal string[]? Told { get; set; }

    /// <summary>Whether somebody asked for a replay that has no outcome yet.</summary>
    public bool IsRequested { get; internal set; }

    /// <summary>When it ended, UTC; <see langword="null"/> while it is open.</summary>
    public DateTimeOffset? EndedAt { get; internal set; }

    /// <summary>Who gave it up.</summary>
    public string? EndedBy { get; internal set; }

    /// <summary>The open letter of the same key that was refused before it.</summary>
    internal Letter? Next { get; set; }

    internal long Version => VersionOf(Epoch, Offset);

    internal static long VersionOf(uint epoch, long offset) => ((long)epoch << OffsetBits) | offset;
}
