using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;

namespace Leat.Changes;

/// <summary>Makes encoded rows one after another in a buffer of its own that grows as needed: for rows whose size is not known before. See <see cref="EncodedRow"/>.</summary>
/// <remarks>
/// Use: <see cref="Begin"/>, then every column in order exactly once, then <see cref="Row"/>. Allocates nothing once its buffer has grown to the largest row.
/// For one thread at a time.
/// </remarks>
public sealed class RowBuilder
{
    // The length of a value that is written into a span is known behind it; this many bytes are left free for it.
    private const int MostLengthBytes = 5;

    private byte[] _buffer;
    private int _columns;
    private int _column;
    private int _before;
    private int _at;

    /// <summary>A builder without a row.</summary>
    /// <param name="capacityBytes">First size of its buffer; 256 by default.</param>
    public RowBuilder(int capacityBytes = 256) => _buffer = new byte[capacityBytes];

    /// <summary>The row, whole after its last column; valid until the next <see cref="Begin"/>.</summary>
    public ReadOnlySpan<byte> Row
    {
        get
        {
            Debug.Assert(_column == _columns, "every column is written");
            return _buffer.AsSpan(0, _at);
        }
    }

    /// <summary>The row as far as it is written, in the shape of the whole one: its columns from the front on can be read. Valid until more is written.</summary>
    public ReadOnlySpan<byte> Written => _buffer.AsSpan(0, _at);

    /// <summary>Columns written so far: the ordinal of the next.</summary>
    public int WrittenColumns => _column;

    /// <summary>Forgets what was and starts a row of so many columns.</summary>
    /// <param name="columns">How many.</param>
    /// <param name="isPartial">Whether columns may be absent: then the row is one of a partial schema.</param>
    public void Begin(int columns, bool isPartial = false)
    {
        var bitmap = EncodedRow.BitmapBytes(columns);
        _before = isPartial ? bitmap : 0;
        (_columns, _column, _at) = (columns, 0, _before + bitmap);
        Reserve(0);
        _buffer.AsSpan(0, _at).Clear();
    }

    /// <summary>Writes all columns of another row, in order: its values are copied in one piece.</summary>
    /// <param name="row">An encoded row, not a part of this builder's own.</param>
    /// <param name="schema">Its shape; not a partial one.</param>
    /// <exception cref="ArgumentException">The shape is partial.</exception>
    public void CopyAll(ReadOnlySpan<byte> row, TableSchema schema)
    {
        if (schema.IsPartial)
            throw new ArgumentException("a row that may lack columns is copied column by column", nameof(schema));
        var count = schema.Columns.Length;
        var bitmap = EncodedRow.BitmapBytes(count);
        CopyNulls(row[..bitmap], count);
        var values = row[bitmap..];
        Reserve(values.Length);
        values.CopyTo(_buffer.AsSpan(_at));
        _at += values.Length;
        _column += count;
    }

    /// <summary>Writes a value as another row has it: the reader's current column, a value, NULL or absent.</summary>
    /// <exception cref="InvalidOperationException">The column is absent from that row, and this one is a full one.</exception>
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

    /// <summary>Leaves a column out whose value is not known. Only in a row begun as a partial one.</summary>
    /// <exception cref="InvalidOperationException">The row is a full one.</exception>
    public void WriteAbsent()
    {
        if (_before == 0)
            throw new InvalidOperationException("a full row has every column");
        _buffer[_column >> 3] |= (byte)(1 << (_column & 7));
        _column++;
    }

    /// <summary>Writes NULL.</summary>
    public void WriteNull()
    {
        _buffer[_before + (_column >> 3)] |= (byte)(1 << (_column & 7));
        _column++;
    }

    /// <summary>Writes NULL into so many columns.</summary>
    public void WriteNulls(int columns)
    {
        for (var i = 0; i < columns; i++)
            WriteNull();
    }

    /// <summary>Writes a value of a fixed width by its bytes.</summary>
    public void WriteFixed(scoped ReadOnlySpan<byte> value)
    {
        Reserve(value.Length);
        value.CopyTo(_buffer.AsSpan(_at));
        _at += value.Length;
        _column++;
    }

    /// <summary>Writes a value of one byte.</summary>
    public void WriteByte(byte value)
    {
        Reserve(sizeof(byte));
        _buffer[_at++] = value;
        _column++;
    }

    /// <summary>Writes a value of two bytes; signed values by their bits.</summary>
    public void WriteUInt16(ushort value)
    {
        Reserve(sizeof(ushort));
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(_at), value);
        _at += sizeof(ushort);
        _column++;
    }

    /// <summary>Writes a value of four bytes; signed values and singles by their bits.</summary>
    public void WriteUInt32(uint value)
    {
        Reserve(sizeof(uint));
        BinaryPrimitives.WriteUInt32LittleEndian(_buffer.AsSpan(_at), value);
        _at += sizeof(uint);
        _column++;
    }

    /// <summary>Writes a value of eight bytes; signed values and doubles by their bits.</summary>
    public void WriteUInt64(ulong value)
    {
        Reserve(sizeof(ulong));
        BinaryPrimitives.WriteUInt64LittleEndian(_buffer.AsSpan(_at), value);
        _at += sizeof(ulong);
        _column++;
    }

    /// <summary>Writes a value of any length: Decimal, String, Binary, Json.</summary>
    public void WriteBytes(scoped ReadOnlySpan<byte> value)
    {
        Reserve(value.Length + MostLengthBytes);
        WriteLength(value.Length);
        value.CopyTo(_buffer.AsSpan(_at));
        _at += value.Length;
        _column++;
    }

    /// <summary>Writes text as UTF-8.</summary>
    public void WriteString(string value)
    {
        var written = Encoding.UTF8.GetBytes(value, GetSpan(Encoding.UTF8.GetMaxByteCount(value.Length)));
        Advance(written);
    }

    /// <summary>Room for a value of any length that is written in place: Decimal, String, Binary, Json. <see cref="Advance"/> follows.</summary>
    /// <param name="mostBytes">Bytes that the value may take.</param>
    /// <returns>At least that many bytes.</returns>
    public Span<byte> GetSpan(int mostBytes)
    {
        Reserve(mostBytes + MostLengthBytes);
        return _buffer.AsSpan(_at + MostLengthBytes);
    }

    /// <summary>Ends the value that was written into the last <see cref="GetSpan"/>.</summary>
    /// <param name="writtenBytes">Its length.</param>
    public void Advance(int writtenBytes)
    {
        var value = _at + MostLengthBytes;
        WriteLength(writtenBytes);
        _buffer.AsSpan(value, writtenBytes).CopyTo(_buffer.AsSpan(_at));
        _at += writtenBytes;
        _column++;
    }

    private void CopyNulls(ReadOnlySpan<byte> bitmap, int count)
    {
        var shift = _column & 7;
        var to = _buffer.AsSpan(_before + (_column >> 3));
        for (var i = 0; i < bitmap.Length; i++)
        {
            // Bits behind the last column are 0 in every encoded row, so that nothing spills over into columns that follow.
            var bits = bitmap[i] << shift;
            to[i] |= (byte)bits;
            if (bits > byte.MaxValue)
                to[i + 1] |= (byte)(bits >> 8);
        }

        Debug.Assert(_column + count <= _columns, "no more columns than begun with");
    }

    private void WriteLength(int bytes)
    {
        var length = (uint)bytes;
        while (length >= 0x80)
        {
            _buffer[_at++] = (byte)(length | 0x80);
            length >>= 7;
        }

        _buffer[_at++] = (byte)length;
    }

    private void Reserve(int bytes)
    {
        if (_buffer.Length - _at < bytes)
            Array.Resize(ref _buffer, (int)Math.Min(Array.MaxLength, Math.Max(_buffer.Length * 2L, (long)_at + bytes)));
    }
}
