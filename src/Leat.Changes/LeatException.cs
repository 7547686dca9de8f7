namespace Leat.Changes;

/// <summary>Number of an error that a person reads, printed as <c>LEAT-4001</c>. Each has a page in <c>docs/errors</c>.</summary>
/// <remarks>Ranges: 1000 configuration, 2000 log, 3000 pipeline, 4000 MySQL, 4200 Redis, 4300 files, 4400 simulator, 4500 Elasticsearch, 4600 PostgreSQL, 5000 program.</remarks>
/// <param name="Number">1000 to 9999; never given to a second error.</param>
public readonly record struct ErrorCode(int Number)
{
    /// <summary>The code as printed, e.g. <c>LEAT-4001</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"LEAT-{Number}");
}

/// <summary>A failure that a person has to read. Says what happened, to what, and what to do next.</summary>
/// <remarks>Made by the named factories of a folder's <c>*Errors.cs</c>, so that every message stands in one place.</remarks>
public class LeatException(ErrorCode code, string what, string remedy, Exception? cause = null)
    : Exception($"{what} {remedy} [{code}]", cause)
{
    /// <summary>The error's number.</summary>
    public ErrorCode Code { get; } = code;

    /// <summary>What happened and to what; a whole sentence.</summary>
    public string What { get; } = what;

    /// <summary>What to do next; one or more whole sentences.</summary>
    public string Remedy { get; } = remedy;
}

/// <summary>The other side's passing condition: busy, down, locked. Nothing is known of the request; it is made again after a pause.</summary>
public sealed class RetriableException(ErrorCode code, string what, string remedy, Exception? cause = null)
    : LeatException(code, what, remedy, cause)
{
    /// <summary>Whether the other side has too much to do (an answer like 429), so that less shall be sent for a while.</summary>
    public bool IsBusy { get; init; }

    /// <summary>Whether the target is not what it was when it was prepared: it is prepared again, and what has no outcome yet is sent then.</summary>
    public bool TargetChanged { get; init; }

    /// <summary>How long the other side asks to wait; <see langword="null"/> when it does not say.</summary>
    public TimeSpan? After { get; init; }
}

/// <summary>A condition that only a person can lift: wrong password, missing table, no permission. The pipeline is Blocked; nothing is dropped.</summary>
public sealed class PauseException(ErrorCode code, string what, string remedy, Exception? cause = null)
    : LeatException(code, what, remedy, cause);

/// <summary>A target refused a request as a whole and wrote nothing of it, without telling which operation is at fault: halves of it are sent. One alone is refused.</summary>
/// <param name="reason">The target's own words.</param>
/// <param name="refusedFor">As <see cref="Answer.Cause"/>.</param>
/// <param name="isTooLarge">Whether the size is at fault: smaller requests are sent from then on.</param>
public sealed class BatchRefusedException(string reason, string? refusedFor, bool isTooLarge = false) : Exception(reason)
{
    /// <summary>As <see cref="Answer.Cause"/>.</summary>
    public string? RefusedFor { get; } = refusedFor;

    /// <summary>Whether the size is at fault.</summary>
    public bool IsTooLarge { get; } = isTooLarge;
}
