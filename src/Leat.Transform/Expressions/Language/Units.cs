using System.Collections.Immutable;

namespace Leat.Transform.Expressions.Language;

/// <summary>Units of calendar and clock.</summary>
internal static class Units
{
    /// <summary>Their names in the singular, from small to large.</summary>
    public static ImmutableArray<string> Names { get; } = ["microsecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year"];

    /// <summary>Reads a unit in any letter case, in the singular or plural.</summary>
    public static bool TryName(string written, out string name)
    {
        var lower = written.ToLowerInvariant();
        name = Names.Contains(lower) ? lower : lower.EndsWith('s') && Names.Contains(lower[..^1]) ? lower[..^1] : "";
        return name.Length > 0;
    }
}
