namespace Leat.Log;

/// <summary>A failure of the log that a person has to read. Says what happened, to which file, and what to do next.</summary>
/// <remarks>Made by the named factories of <see cref="LogErrors"/>, so that every message stands in one place.</remarks>
/// <param name="code">2000 to 2099; each has a page in <c>docs/errors</c>.</param>
/// <param name="what">What happened and to what; a whole sentence.</param>
/// <param name="remedy">What to do next; one or more whole sentences.</param>
/// <param name="cause">The failure underneath, when there is one.</param>
public sealed class LogException(int code, string what, string remedy, Exception? cause = null)
    : Exception(FormattableString.Invariant($"{what} {remedy} [LEAT-{code}]"), cause)
{
    /// <summary>The error's number, 2000 to 2099.</summary>
    public int Code { get; } = code;

    /// <summary>What happened and to what; a whole sentence.</summary>
    public string What { get; } = what;

    /// <summary>What to do next; one or more whole sentences.</summary>
    public string Remedy { get; } = remedy;
}
