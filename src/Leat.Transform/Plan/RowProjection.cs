using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Plan;

/// <summary>Brings rows of a table's shape into another shape by the names of the columns: of tables that are one, and of a table whose shape has changed.</summary>
/// <remarks>A column that the row does not have is NULL, and so is a value that the other column's type does not hold.</remarks>
internal sealed class RowProjection
{
    private readonly TableSchema _from;
    private readonly TableSchema _to;
    private readonly ImmutableArray<Step> _steps;

    private RowProjection(TableSchema from, TableSchema to, ImmutableArray<Step> steps) => (_from, _to, _steps) = (from, to, steps);

    /// <summary>The way from one shape to another; <see langword="null"/> when the rows are the same bytes.</summary>
    /// <param name="from">Shape of the rows.</param>
    /// <param name="to">Shape that they shall have; as partial as <paramref name="from"/>.</param>
    /// <param name="constant">A text column of <paramref name="to"/> that is the same in every row, and its value.</param>
    public static RowProjection? Between(TableSchema from, TableSchema to, (string Column, byte[] Value)? constant = null)
    {
        var steps = to.Columns.Select(column => column.Name == constant?.Column
            ? new Step(-1, constant.Value.Value, IsSame: false)
            : from.Find(column.Name) is var ordinal and >= 0 ? new(ordinal, null, ValueConversion.IsSame(from.Columns[ordinal], column)) : new(-1, null, IsSame: false)).ToImmutableArray();
        var isSame = constant is null && steps.Length == from.Columns.Length && steps.Select((step, at) => step.IsSame && step.Ordinal == at).All(same => same);
        return isSame ? null : new(from, to, steps);
    }

    /// <summary>Ordinal in the row's own shape of a column of the other, when its bytes are taken over; -1 when it is computed, converted or not there.</summary>
    public int Unchanged(int ordinal) => _steps[ordinal].IsSame ? _steps[ordinal].Ordinal : -1;

    /// <summary>Writes a row in its other shape.</summary>
    public void Map(ReadOnlySpan<byte> row, RowBuilder target)
    {
        target.Begin(_to.Columns.Length, _to.IsPartial);
        var reader = new RowReader(_from, row);
        for (var at = 0; at < _steps.Length; at++)
        {
            var step = _steps[at];
            if (step.Constant is { } value)
                target.WriteBytes(value);
            else if (step.Ordinal < 0)
                target.WriteNull();
            else
                Write(ref reader, step, _to.Columns[at], target);
        }
    }

    private static void Write(ref RowReader reader, Step step, Column to, RowBuilder target)
    {
        reader.Seek(step.Ordinal);
        if (step.IsSame || reader.IsNull)
            target.Copy(ref reader);
        else if (!ValueConversion.TryWrite(ref reader, to, target))
            target.WriteNull();
    }

    private readonly record struct Step(int Ordinal, byte[]? Constant, bool IsSame);
}
