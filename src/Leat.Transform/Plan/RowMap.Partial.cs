using Leat.Changes;

namespace Leat.Transform.Plan;

// Rows that may lack columns: binlog_row_image MINIMAL and NOBLOB.
public sealed partial class RowMap
{
    /// <summary>Makes the output row of a row that may lack columns. A computed column is absent when nothing that it is made of is told, or changed.</summary>
    /// <param name="row">The row.</param>
    /// <param name="before">The same row before, when the source told one; else empty.</param>
    /// <param name="target">Where it is made.</param>
    /// <returns>Ordinal into <see cref="Output"/> of a computed column that lacks some of what it is made of while the rest may have changed; -1 when there is none.</returns>
    public int MapPartial(ReadOnlySpan<byte> row, ReadOnlySpan<byte> before, RowBuilder target)
    {
        if (_projection is not null)
        {
            _projection.Map(row, _view);
            row = _view.Row;
            if (!before.IsEmpty)
            {
                var earlier = new RowBuilder();
                _projection.Map(before, earlier);
                before = earlier.Row;
            }
        }

        var untold = -1;
        var (next, last) = (_one, _other);
        foreach (var level in _levels)
        {
            next.Begin(level.Output.Columns.Length, isPartial: true);
            CopyAll(row, level.Input, next);
            foreach (var column in level.Computed)
                Append(column, level.Input, row, before, next, ref untold);
            row = next.Row;
            before = default; // what a computed column was before is not known
            (next, last) = (last, next);
        }

        var scope = _levels.IsEmpty ? View : _levels[^1].Output;
        target.Begin(_parts.Length, isPartial: true);
        var reader = new RowReader(scope, row);
        foreach (var part in _parts)
        {
            if (part.Computed is { } column)
            {
                Append(column, scope, row, before, target, ref untold);
            }
            else if (part.Ordinal < 0)
            {
                target.WriteNull();
            }
            else
            {
                reader.Seek(part.Ordinal);
                target.Copy(ref reader);
            }
        }

        return untold;
    }

    private static void CopyAll(ReadOnlySpan<byte> row, TableSchema schema, RowBuilder target)
    {
        var reader = new RowReader(schema, row);
        while (reader.Read())
            target.Copy(ref reader);
    }

    private void Append(Computed column, TableSchema scope, ReadOnlySpan<byte> row, ReadOnlySpan<byte> before, RowBuilder target, ref int untold)
    {
        var reader = new RowReader(scope, row);
        var absent = false;
        var changed = false;
        foreach (var ordinal in column.Expression.Columns)
        {
            reader.Seek(ordinal);
            absent |= reader.IsAbsent;
            changed |= !reader.IsAbsent && !IsAsBefore(ref reader, scope, before, ordinal);
        }

        if (!absent)
        {
            column.Expression.Append(row, target);
            return;
        }

        target.WriteAbsent();
        if (changed && untold < 0)
            untold = Output.Find(column.Name);
    }

    private static bool IsAsBefore(ref RowReader now, TableSchema scope, ReadOnlySpan<byte> before, int ordinal)
    {
        if (before.IsEmpty)
            return false;
        var reader = new RowReader(scope, before);
        reader.Seek(ordinal);
        return !reader.IsAbsent && reader.IsNull == now.IsNull && reader.Bytes.SequenceEqual(now.Bytes);
    }
}
