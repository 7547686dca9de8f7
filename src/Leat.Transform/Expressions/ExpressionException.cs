using Leat.Changes;

namespace Leat.Transform.Expressions;

/// <summary>An expression that cannot be understood or does not fit its table. Says where in its text.</summary>
public sealed class ExpressionException(ErrorCode code, int line, int column, string problem, string remedy)
    : LeatException(code, FormattableString.Invariant($"Expression, line {line}, column {column}: {problem}"), remedy)
{
    /// <summary>Line in the expression's own text, from 1.</summary>
    public int Line { get; } = line;

    /// <summary>Column in that line, from 1, in characters.</summary>
    public int Column { get; } = column;

    /// <summary>What is wrong, without the place; for callers that know the place in the file.</summary>
    public string Problem { get; } = problem;
}
