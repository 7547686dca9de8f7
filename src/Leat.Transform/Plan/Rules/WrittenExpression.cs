using Leat.Changes;

namespace Leat.Transform.Plan.Rules;

/// <summary>An SQL expression as a person wrote it, and where.</summary>
/// <param name="Text">The expression.</param>
/// <param name="Location">Where its first character stands in the configuration file.</param>
/// <param name="IsInline">Whether it stands on one line of the file as it is, so that columns inside it can be told; otherwise an error names its beginning.</param>
public sealed record WrittenExpression(string Text, FileLocation Location, bool IsInline)
{
    /// <summary>The place in the file of a place in the text; lines and columns count from 1.</summary>
    public FileLocation At(int line, int column) => IsInline && line == 1 ? Location with { Column = Location.Column + column - 1 } : Location;
}

/// <summary>A column that the pipeline computes.</summary>
/// <param name="Name">Its name at the target.</param>
/// <param name="Expression">Its value.</param>
public sealed record SetRule(string Name, WrittenExpression Expression);
