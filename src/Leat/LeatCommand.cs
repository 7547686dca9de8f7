using System.CommandLine;

namespace Leat;

/// <summary>A line to copy, and what it does.</summary>
/// <param name="CommandLine">Whole, beginning with <c>leat</c>.</param>
/// <param name="What">A few words.</param>
internal readonly record struct Example(string CommandLine, string What);

/// <summary>A command with examples for its help.</summary>
/// <param name="name">The word on the command line.</param>
/// <param name="description">One sentence.</param>
internal sealed class LeatCommand(string name, string description) : Command(name, description)
{
    /// <summary>One to three, the most common first.</summary>
    public required IReadOnlyList<Example> Examples { get; init; }
}
