using System.Buffers;
using System.Text;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.Redis.Wire;

namespace Leat.Connectors.Redis.Write;

/// <summary>The delivered columns of a shape as names and values in a command.</summary>
internal sealed class FieldText
{
    private readonly Shape _shape;
    private readonly byte[][] _names;
    private readonly ArrayBufferWriter<byte> _value = new(64);

    public FieldText(Shape shape)
    {
        _shape = shape;
        _names = [.. shape.Columns.Select(column => RespWriter.PreparePart(Encoding.UTF8.GetBytes(column.Name)))];
    }

    /// <summary>How many columns have a value.</summary>
    public int CountValues(ref RowReader row)
    {
        var count = 0;
        foreach (var column in _shape.Columns)
            count += row.Seek(column.Ordinal) ? 1 : 0;
        return count;
    }

    /// <summary>How many columns are NULL.</summary>
    public int CountNulls(ref RowReader row)
    {
        var count = 0;
        foreach (var column in _shape.Columns)
            count += !row.Seek(column.Ordinal) && !row.IsAbsent ? 1 : 0;
        return count;
    }

    /// <summary>Writes name and value of each column that has one.</summary>
    public void WriteValues(ref RowReader row, RespWriter target)
    {
        for (var i = 0; i < _names.Length; i++)
        {
            if (!row.Seek(_shape.Columns[i].Ordinal))
                continue;
            target.WritePrepared(_names[i]);
            WriteValue(ref row, target);
        }
    }

    /// <summary>Writes the names of the columns that are NULL.</summary>
    public void WriteNullNames(ref RowReader row, RespWriter target)
    {
        for (var i = 0; i < _names.Length; i++)
        {
            if (!row.Seek(_shape.Columns[i].Ordinal) && !row.IsAbsent)
                target.WritePrepared(_names[i]);
        }
    }

    /// <summary>Writes all names, or those that are not part of the key.</summary>
    public void WriteNames(RespWriter target, bool withKey)
    {
        for (var i = 0; i < _names.Length; i++)
        {
            if (withKey || !_shape.Key.Contains(_shape.Columns[i].Ordinal))
                target.WritePrepared(_names[i]);
        }
    }

    /// <summary>Writes the reader's current value, which is not NULL.</summary>
    public void WriteValue(ref RowReader row, RespWriter target)
    {
        if (row.Column.Kind is ColumnKind.String or ColumnKind.Decimal or ColumnKind.Json or ColumnKind.Binary)
        {
            target.WritePart(row.Bytes);
            return;
        }

        _value.ResetWrittenCount();
        ValueText.Write(ref row, _value);
        target.WritePart(_value.WrittenSpan);
    }
}
