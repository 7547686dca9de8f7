using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Expressions;

namespace Leat.Transform.Plan.Rules;

/// <summary>An SQL expression as a person wrote it, and where.</summary>
/// <param name="Text">The expression.</param>
/// <param name="Location">Where its first character stands in the configuration file.</param>
/// <param name="IsInline">Whether it stands on one line of the file as it is, so that columns inside it can be told; otherwise <see cref="Segments"/> tell, or an error names its beginning.</param>
public sealed record WrittenExpression(string Text, FileLocation Location, bool IsInline)
{
    /// <summary>What may be printed: the expression with its references to secrets as they stand in the file.</summary>
    public string Shown { get; init; } = Text;

    /// <summary>Whether a part of it comes from a reference, so that neither it nor an error about it is printed.</summary>
    public bool IsSecret { get; init; }

    /// <summary>Where its parts begin that stand in the file as they are, for one of several lines or with quotes inside; by offset in the text. Empty: not told.</summary>
    public ImmutableArray<(int Offset, FileLocation At)> Segments { get; init; } = [];

    /// <summary>What is wrong with it, for a message: the words of the error, unless these may hold a part of a secret.</summary>
    public string ProblemOf(ExpressionException error) => IsSecret ? "the expression does not fit; a part of it comes from a reference, so nothing of it is shown." : error.Problem;

    /// <summary>What to do about an error, for a message.</summary>
    public string RemedyOf(ExpressionException error) =>
        IsSecret ? $"`leat explain {error.Code}` tells what is wrong. Put a harmless value in the place of the reference to be told where." : error.Remedy;

    /// <summary>The place in the file of a place in the text; lines and columns count from 1.</summary>
    public FileLocation At(int line, int column)
    {
        if (IsInline && line == 1)
            return Location with { Column = Location.Column + column - 1 };
        var offset = 0;
        for (var at = 1; at < line; at++)
            offset = Text.IndexOf('\n', offset) + 1;
        offset += column - 1;
        var index = Segments.Length - 1;
        while (index >= 0 && Segments[index].Offset > offset)
            index--;
        return index < 0 ? Location : Segments[index].At with { Column = Segments[index].At.Column + offset - Segments[index].Offset };
    }
}

/// <summary>A column that the pipeline computes.</summary>
/// <param name="Name">Its name at the target.</param>
/// <param name="Expression">Its value.</param>
public sealed record SetRule(string Name, WrittenExpression Expression);
