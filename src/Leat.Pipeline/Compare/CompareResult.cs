using System.Collections.Immutable;

namespace Leat.Pipeline.Compare;

/// <summary>What a comparison of a source with a target found.</summary>
/// <param name="RowsCompared">Source rows that the target shall hold.</param>
/// <param name="Different">Rows of both with another value in some field.</param>
/// <param name="Missing">Rows that only the source has.</param>
/// <param name="Extra">Rows that only the target has.</param>
/// <param name="InMotion">Rows that differed at first and no more when they were looked at again: their changes were on the way.</param>
/// <param name="Examples">The first differing rows, at most <see cref="Comparer.MaxExamples"/>.</param>
public sealed record CompareResult(long RowsCompared, long Different, long Missing, long Extra, long InMotion, ImmutableArray<RowDifference> Examples)
{
    /// <summary>Whether the target holds exactly what it shall.</summary>
    public bool Equal => Different == 0 && Missing == 0 && Extra == 0;

    /// <summary>This and another table's result in one.</summary>
    public CompareResult And(CompareResult other) => new(
        RowsCompared + other.RowsCompared, Different + other.Different, Missing + other.Missing, Extra + other.Extra, InMotion + other.InMotion,
        [.. Examples, .. other.Examples]);
}

/// <summary>How a row differs.</summary>
public enum DifferenceKind
{
    /// <summary>Both have the row, with another value in some field.</summary>
    Different = 0,

    /// <summary>Only the source has it.</summary>
    Missing = 1,

    /// <summary>Only the target has it.</summary>
    Extra = 2,
}

/// <summary>One differing row.</summary>
/// <param name="Alias">The table's name in the pipeline.</param>
/// <param name="Key">The target's key.</param>
/// <param name="Kind">How it differs.</param>
/// <param name="Fields">The fields that differ; empty unless both have the row.</param>
public sealed record RowDifference(string Alias, string Key, DifferenceKind Kind, ImmutableArray<FieldDifference> Fields);

/// <summary>One differing field; <see langword="null"/> is NULL, or absent.</summary>
public sealed record FieldDifference(string Name, string? Source, string? Target);

/// <summary>How far a comparison is.</summary>
/// <param name="Alias">The table being compared.</param>
/// <param name="SourceRows">Its source rows read so far.</param>
/// <param name="TargetRows">Its target rows read so far.</param>
public sealed record CompareProgress(string Alias, long SourceRows, long TargetRows);
