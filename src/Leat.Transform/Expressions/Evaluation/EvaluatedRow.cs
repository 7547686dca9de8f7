using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Expressions.Evaluation;

/// <summary>Where the columns that an expression looks at are found in its rows.</summary>
internal sealed class RowLayout
{
    private readonly TableSchema _schema;
    private readonly sbyte[] _widths;
    private readonly int[] _slots;
    private readonly int _count;
    private readonly int _bitmap;
    private readonly int _nulls;

    /// <param name="schema">Shape of the rows.</param>
    /// <param name="columns">Ordinals that are looked at: the column of slot 0, 1, ….</param>
    public RowLayout(TableSchema schema, ImmutableArray<int> columns)
    {
        _schema = schema;
        _count = columns.Length;
        var last = columns.IsEmpty ? -1 : columns.Max();
        _widths = [.. schema.Columns.Take(last + 1).Select(column => (sbyte)EncodedRow.WidthOf(column.Kind))];
        _slots = [.. Enumerable.Range(0, last + 1).Select(ordinal => columns.IndexOf(ordinal))];
        var bitmap = EncodedRow.BitmapBytes(schema.Columns.Length);
        _nulls = schema.IsPartial ? bitmap : 0;
        _bitmap = _nulls + bitmap;
    }

    /// <summary>Goes through a row once, up to the last column that is looked at.</summary>
    /// <exception cref="InvalidDataException">The row ends too early.</exception>
    public EvaluatedRow Locate(ReadOnlySpan<byte> row, Scratch scratch)
    {
        var places = scratch.Places(_count);
        var at = _bitmap;
        if (row.Length < at)
            throw new InvalidDataException($"An encoded row of {_schema.Table} ends inside its null bitmap.");
        for (var ordinal = 0; ordinal < _widths.Length; ordinal++)
        {
            var bit = 1 << (ordinal & 7);
            var missing = (row[_nulls + (ordinal >> 3)] & bit) != 0 || (_nulls > 0 && (row[ordinal >> 3] & bit) != 0);
            int length = missing ? 0 : _widths[ordinal];
            if (length < 0)
                length = ReadLength(row, ref at);
            if ((uint)length > (uint)(row.Length - at))
                throw new InvalidDataException($"An encoded row of {_schema.Table} ends inside column {_schema.Columns[ordinal].Name}.");
            if (_slots[ordinal] is var slot and >= 0)
                places[slot] = new(missing ? -1 : at, length);
            at += length;
        }

        return new(row, places, scratch);
    }

    private static int ReadLength(ReadOnlySpan<byte> row, ref int at)
    {
        uint value = 0;
        for (var shift = 0; shift < 35 && at < row.Length; shift += 7)
        {
            var part = row[at++];
            value |= (uint)(part & 0x7F) << shift;
            if (part < 0x80)
                return (int)value;
        }

        return int.MaxValue;
    }
}

/// <summary>A row while an expression is computed for it.</summary>
internal readonly ref struct EvaluatedRow(ReadOnlySpan<byte> row, ReadOnlySpan<ValuePlace> places, Scratch scratch)
{
    private readonly ReadOnlySpan<byte> _row = row;
    private readonly ReadOnlySpan<ValuePlace> _places = places;

    /// <summary>Memory for what is made on the way.</summary>
    public Scratch Scratch { get; } = scratch;

    /// <summary>The bytes of the column in that slot; false when it is NULL.</summary>
    public bool TryGet(int slot, out ReadOnlySpan<byte> value)
    {
        var place = _places[slot];
        if (place.Start < 0)
        {
            value = default;
            return false;
        }

        value = _row.Slice(place.Start, place.Length);
        return true;
    }
}
