using Leat.Changes;
using Leat.Changes.Configuration;

namespace Leat;

/// <summary>Everything that can go wrong in commands that show what pipelines do. Codes 5107 to 5119.</summary>
internal static class ShapingCommandErrors
{
    /// <summary>A file without tests.</summary>
    public static LeatException NoTests(string file, string? pipeline) => new(
        new(5107), $"{file} has no tests{(pipeline is null ? "" : $" of pipeline '{pipeline}'")}.",
        "Write some under `tests:` of a pipeline; docs/operating/testing.md shows how.");

    /// <summary>A filter that leaves nothing.</summary>
    public static LeatException NoSuchTest(string file, string filter, IReadOnlyList<string> names) => new(
        new(5108), $"{file} has no test with '{filter}' in its name.",
        names.Count == 0 ? "It has no tests at all." : $"Its tests: {string.Join("; ", names)}.");
}
