using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Text;

namespace Leat.Changes;

/// <summary>Facts about the encoded row: a null bitmap, then the values of the columns that are not NULL, in column order.</summary>
/// <remarks>
/// <code>
/// bitmap   ceil(columns / 8) bytes; bit (i % 8) of byte (i / 8) set: column i is NULL
/// values   fixed-width kinds: little-endian, see <see cref="ColumnKind"/>
///          Decimal, String, Binary, Json: unsigned LEB128 length in bytes, then the bytes
/// </code>
/// A row under a partial schema (<see cref="TableSchema.IsPartial"/>) has another bitmap of the same size before that: bit set: the column
/// is absent, that is, the source did not tell its value. An absent column takes no bytes, and its null bit is not set.
/// The format is described in docs/formats/change.md.
/// </remarks>
public static class EncodedRow
{
    /// <summary>Bytes that a value of this kind takes; -1 for a length and that many bytes.</summary>
    public static int WidthOf(ColumnKind kind) => kind switch
    {
        ColumnKind.Int8 or ColumnKind.UInt8 => 1,
        ColumnKind.Int16 or ColumnKind.UInt16 or ColumnKind.Enum or ColumnKind.Year => 2,
        ColumnKind.Int32 or ColumnKind.UInt32 or ColumnKind.Float32 or ColumnKind.Date => 4,
        ColumnKind.Int64 or ColumnKind.UInt64 or ColumnKind.Float64 or ColumnKind.Bit or ColumnKind.Set or ColumnKind.Time
            or ColumnKind.DateTime or ColumnKind.Timestamp => 8,
        ColumnKind.Decimal or ColumnKind.String or ColumnKind.Binary or ColumnKind.Json => -1,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "unknown column kind"),
    };

    /// <summary>Bytes of the null bitmap for that many columns.</summary>
    public static int BitmapBytes(int columns) => (columns + 7) >> 3;
}

/// <summary>Writes one encoded row into a span that is large enough. Every column must be written, in order, exactly once.</summary>
/// <remarks>Room for the worst case is the caller's duty; writing past the span throws <see cref="IndexOutOfRangeException"/> or <see cref="ArgumentException"/>.</remarks>
public ref struct RowWriter
{
    private readonly Span<byte> _row;
    private readonly int _before;
    private int _at;
    private int _column;

    /// <summary>Starts a row of <paramref name="columns"/> columns at the front of <paramref name="row"/>.</summary>
    public RowWriter(Span<byte> row, int columns)
        : this(row, columns, partial: false)
    {
    }

    private RowWriter(Span<byte> row, int columns, bool partial)
    {
        var bitmap = EncodedRow.BitmapBytes(columns);
        _before = partial ? bitmap : 0;
        _at = _before + bitmap;
        _row = row;
        row[.._at].Clear();
    }

    /// <summary>Bytes written so far: after the last column, the row's length.</summary>
    public readonly int WrittenBytes => _at;

    /// <summary>Starts a row under a partial schema, whose columns may be absent.</summary>
    public static RowWriter Partial(Span<byte> row, int columns) => new(row, columns, partial: true);

    /// <summary>Leaves a column out whose value is not known. Only in a row begun with <see cref="Partial"/>.</summary>
    /// <exception cref="InvalidOperationException">The row is a full one.</exception>
    public void WriteAbsent()
    {
        if (_before == 0)
            throw new InvalidOperationException("a full row has every column");
        _row[_column >> 3] |= (byte)(1 << (_column & 7));
        _column++;
    }

    /// <summary>Writes a value as another row of the same columns has it: the reader's current column, be it a value, NULL or absent.</summary>
    public void Copy(ref readonly RowReader from)
    {
        if (from.IsAbsent)
            WriteAbsent();
        else if (from.IsNull)
            WriteNull();
        else if (EncodedRow.WidthOf(from.Column.Kind) < 0)
            WriteBytes(from.Bytes);
        else
            WriteFixed(from.Bytes);
    }

    /// <summary>Writes a value of a fixed width by its bytes.</summary>
    public void WriteFixed(scoped ReadOnlySpan<byte> value)
    {
        value.CopyTo(_row[_at..]);
        _at += value.Length;
        _column++;
    }

    /// <summary>Writes NULL.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteNull()
    {
        _row[_before + (_column >> 3)] |= (byte)(1 << (_column & 7));
        _column++;
    }

    /// <summary>Writes a value of one byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteByte(byte value)
    {
        _row[_at++] = value;
        _column++;
    }

    /// <summary>Writes a value of two bytes; signed values by their bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteUInt16(ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(_row[_at..], value);
        _at += 2;
        _column++;
    }

    /// <summary>Writes a value of four bytes; signed values and singles by their bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteUInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(_row[_at..], value);
        _at += 4;
        _column++;
    }

    /// <summary>Writes a value of eight bytes; signed values and doubles by their bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteUInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(_row[_at..], value);
        _at += 8;
        _column++;
    }

    /// <summary>Writes a value of any length: varint length, then the bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void WriteBytes(scoped ReadOnlySpan<byte> value)
    {
        var length = (uint)value.Length;
        while (length >= 0x80)
        {
            _row[_at++] = (byte)(length | 0x80);
            length >>= 7;
        }

        _row[_at++] = (byte)length;
        value.CopyTo(_row[_at..]);
        _at += value.Length;
        _column++;
    }

    /// <summary>Writes text as UTF-8. For tests and small sources; the hot path has bytes already.</summary>
    public void WriteString(string value) => WriteBytes(Encoding.UTF8.GetBytes(value));
}

/// <summary>Reads an encoded row column by column without copying. Not for rows that crossed a network unchecked: the log's CRC vouches for them.</summary>
/// <remarks>
/// Use: <c>while (reader.Read()) { … reader.Ordinal, reader.IsNull, reader.Bytes … }</c>, or <see cref="Seek"/> for one column.
/// Values are read with the typed members that fit the column's kind.
/// </remarks>
public ref struct RowReader
{
    private readonly ReadOnlySpan<byte> _row;
    private readonly ReadOnlySpan<sbyte> _widths;
    private readonly int _before;
    private int _next;

    /// <summary>A reader before the first column.</summary>
    public RowReader(TableSchema schema, ReadOnlySpan<byte> row)
    {
        _row = row;
        _widths = schema.Widths;
        _before = schema.IsPartial ? EncodedRow.BitmapBytes(_widths.Length) : 0;
        Schema = schema;
        Rewind();
    }

    /// <summary>The shape that the row was written with.</summary>
    public TableSchema Schema { get; }

    /// <summary>Ordinal of the current column; -1 before the first.</summary>
    public int Ordinal { get; private set; }

    /// <summary>Whether the current column has no value; then <see cref="Bytes"/> is empty. True as well of an absent column.</summary>
    public bool IsNull { get; private set; }

    /// <summary>Whether the current column was left out of the row: its value is not known. Only rows under a partial schema have such.</summary>
    public bool IsAbsent { get; private set; }

    /// <summary>The current value's bytes, without a length.</summary>
    public ReadOnlySpan<byte> Bytes { get; private set; }

    /// <summary>The current column.</summary>
    public readonly Column Column => Schema.Columns[Ordinal];

    /// <summary>Goes back before the first column.</summary>
    public void Rewind()
    {
        Ordinal = -1;
        _next = _before + EncodedRow.BitmapBytes(_widths.Length);
        Bytes = default;
        IsNull = false;
        IsAbsent = false;
    }

    /// <summary>Moves to the next column; false after the last.</summary>
    /// <exception cref="InvalidDataException">The row ends inside a value.</exception>
    public bool Read()
    {
        var ordinal = Ordinal + 1;
        if (ordinal >= _widths.Length)
            return false;

        var bits = _before + (ordinal >> 3);
        if ((uint)bits >= (uint)_row.Length)
            throw new InvalidDataException($"An encoded row of {Schema.Table} ends inside its null bitmap.");
        Ordinal = ordinal;
        if (_before > 0)
            IsAbsent = (_row[ordinal >> 3] >> (ordinal & 7) & 1) != 0;
        if (IsAbsent || (_row[bits] >> (ordinal & 7) & 1) != 0)
        {
            IsNull = true;
            Bytes = default;
            return true;
        }

        IsNull = false;
        int length = _widths[ordinal];
        if (length < 0)
            length = ReadLength();
        if ((uint)length > (long)_row.Length - _next)
            throw new InvalidDataException($"An encoded row of {Schema.Table} ends inside column {Column.Name}.");
        Bytes = _row.Slice(_next, length);
        _next += length;
        return true;
    }

    /// <summary>Moves to a column, forward or from the front, and returns whether it has a value (is not NULL).</summary>
    public bool Seek(int ordinal)
    {
        if (ordinal < Ordinal || Ordinal < 0)
            Rewind();
        while (Ordinal < ordinal)
        {
            if (!Read())
                throw new ArgumentOutOfRangeException(nameof(ordinal), ordinal, "no such column");
        }

        return !IsNull;
    }

    /// <summary>The current integer, of any signed kind, Enum index excluded.</summary>
    public readonly long Int64 => Bytes.Length switch
    {
        1 => (sbyte)Bytes[0],
        2 => BinaryPrimitives.ReadInt16LittleEndian(Bytes),
        4 => BinaryPrimitives.ReadInt32LittleEndian(Bytes),
        _ => BinaryPrimitives.ReadInt64LittleEndian(Bytes),
    };

    /// <summary>The current value as unsigned bits: any unsigned kind, Bit, Enum, Set, Year, Date, DateTime.</summary>
    public readonly ulong UInt64 => Bytes.Length switch
    {
        1 => Bytes[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(Bytes),
        4 => BinaryPrimitives.ReadUInt32LittleEndian(Bytes),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(Bytes),
    };

    /// <summary>The current Float32.</summary>
    public readonly float Single => BinaryPrimitives.ReadSingleLittleEndian(Bytes);

    /// <summary>The current Float64.</summary>
    public readonly double Double => BinaryPrimitives.ReadDoubleLittleEndian(Bytes);

    private int ReadLength()
    {
        uint value = 0;
        for (var shift = 0; shift < 35; shift += 7)
        {
            if (_next >= _row.Length)
                throw new InvalidDataException($"An encoded row of {Schema.Table} ends inside the length of column {Column.Name}.");
            var part = _row[_next++];
            value |= (uint)(part & 0x7F) << shift;
            if (part < 0x80)
                return (int)value;
        }

        throw new InvalidDataException($"An encoded row of {Schema.Table} has a length of more than 5 bytes in column {Column.Name}.");
    }
}
