using System.Numerics;
using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Rows of PARTIAL_UPDATE_ROWS: JSON columns may stand in the after image as diffs to the before image. Makes of each row the two images of an ordinary update.</summary>
/// <remarks>
/// <code>
/// row       before image, options (length-encoded; bit 0: partial), one bit for each JSON column of the table (only when partial), after image
/// partial   4 bytes length, diffs (see <see cref="JsonEditor"/>); without the bit the whole document, as ever
/// </code>
/// In the images that are made, JSON is text already, so that <see cref="Table"/> has texts in place of JSON columns. A document whose before
/// image was left out cannot be made: the column is left out of the after image, too. Source: MySQL server, the comment at <c>unpack_row</c> in rpl_record.h.
/// </remarks>
internal sealed class PartialUpdates
{
    private const int LengthBytes = sizeof(uint);
    private const int Absent = -1;
    private const int Null = -2;

    private readonly RowProgram _program;
    private readonly (int Start, int Length)[] _documents;
    private readonly JsonEditor _editor = new();
    private readonly byte[] _present;
    private byte[] _row = new byte[4096];
    private int _rowBytes;

    /// <summary>For the rows of a table.</summary>
    public PartialUpdates(MySqlTable table)
    {
        _program = RowProgram.Compile(table);
        _documents = new (int, int)[table.Columns.Length];
        _present = new byte[_program.BitmapBytes];
        Table = new(table.Name, [.. table.Columns.Select(AsText)], table.Schema.Key);
        Program = RowProgram.Compile(Table);
        Json = [.. table.Columns.Select(column => column.Type == ColumnType.Json)];
    }

    /// <summary>The table as its rows stand in the images that are made.</summary>
    public MySqlTable Table { get; }

    /// <summary>Reads the images that are made.</summary>
    public RowProgram Program { get; }

    /// <summary>Which columns of the after image that was made last are present.</summary>
    public ReadOnlySpan<byte> Present => _present;

    private bool[] Json { get; }

    /// <summary>Takes the row at the front and returns its two images; valid until the next is taken.</summary>
    /// <param name="rows">What is left of the event.</param>
    /// <param name="presentBefore">Columns of the before image.</param>
    /// <param name="presentAfter">Columns of the after image.</param>
    /// <param name="misfit">The column whose diffs do not fit its document; -1 for none.</param>
    /// <exception cref="MySqlFormatException">Malformed.</exception>
    public ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> rows, ReadOnlySpan<byte> presentBefore, ReadOnlySpan<byte> presentAfter, out int misfit)
    {
        _rowBytes = 0;
        var source = rows;
        var fields = new WireReader(rows);
        CopyBefore(source, ref fields, presentBefore);
        const ulong PartialJson = 1;
        var options = fields.ReadLength();
        if (options > PartialJson)
            throw MySqlFormatException.Unexpected("options of a partial update", "0 or 1", (long)Math.Min(options, long.MaxValue));
        var partial = options == PartialJson ? fields.ReadBytes((Json.Count(isJson => isJson) + 7) >> 3) : default;
        CopyAfter(source, ref fields, presentAfter, partial, out misfit);
        rows = fields.Rest;
        return _row.AsSpan(0, _rowBytes);
    }

    private static MySqlColumn AsText(MySqlColumn column) => column.Type == ColumnType.Json ? column with { Type = ColumnType.Blob, Metadata = LengthBytes } : column;

    private static bool Has(ReadOnlySpan<byte> bits, int bit) => (bits[bit >> 3] >> (bit & 7) & 1) != 0;

    private static int Count(ReadOnlySpan<byte> bits, int columns)
    {
        var count = 0;
        for (var i = 0; i < bits.Length; i++)
            count += BitOperations.PopCount(bits[i] & (columns - i * 8 >= 8 ? 0xFFu : (1u << (columns - i * 8)) - 1));
        return count;
    }

    private void CopyBefore(ReadOnlySpan<byte> source, ref WireReader fields, ReadOnlySpan<byte> present)
    {
        var nulls = fields.ReadBytes((Count(present, Json.Length) + 7) >> 3);
        nulls.CopyTo(Room(nulls.Length));
        var place = 0;
        for (var column = 0; column < Json.Length; column++)
        {
            _documents[column] = (Absent, 0);
            if (!Has(present, column))
                continue;
            if (Has(nulls, place++))
            {
                _documents[column] = (Null, 0);
                continue;
            }

            var value = ReadValue(ref fields, column, out var head);
            if (!Json[column])
            {
                Copy(head, value);
                continue;
            }

            _documents[column] = (source.Length - fields.RemainingBytes - value.Length, value.Length);
            PutText(value);
        }
    }

    private void CopyAfter(ReadOnlySpan<byte> source, ref WireReader fields, ReadOnlySpan<byte> present, ReadOnlySpan<byte> partial, out int misfit)
    {
        misfit = -1;
        var columns = Json.Length;
        var nulls = fields.ReadBytes((Count(present, columns) + 7) >> 3);
        MarkPresent(present, nulls, partial);
        var made = _rowBytes;
        var madeBytes = (Count(_present, columns) + 7) >> 3;
        Room(madeBytes).Clear();
        var (json, place, madePlace) = (0, 0, 0);
        for (var column = 0; column < columns; column++)
        {
            var isPartial = Json[column] && !partial.IsEmpty && Has(partial, json);
            json += Json[column] ? 1 : 0;
            if (!Has(present, column))
                continue;
            if (Has(nulls, place++))
            {
                _row[made + (madePlace >> 3)] |= (byte)(1 << (madePlace & 7));
                madePlace++;
                continue;
            }

            var value = ReadValue(ref fields, column, out var head);
            if (!Has(_present, column))
                continue;
            madePlace++;
            if (isPartial)
                misfit = PutEdited(source, column, value) ? misfit : column;
            else if (Json[column])
                PutText(value);
            else
                Copy(head, value);
        }
    }

    // All that the event has, but for diffs to documents that it has not.
    private void MarkPresent(ReadOnlySpan<byte> present, ReadOnlySpan<byte> nulls, ReadOnlySpan<byte> partial)
    {
        present.CopyTo(_present);
        if (partial.IsEmpty)
            return;
        var (json, place) = (0, 0);
        for (var column = 0; column < Json.Length; column++)
        {
            var isPartial = Json[column] && Has(partial, json);
            json += Json[column] ? 1 : 0;
            var isNull = Has(present, column) && Has(nulls, place++);
            if (isPartial && !isNull && _documents[column].Start == Absent)
                _present[column >> 3] &= (byte)~(1 << (column & 7));
        }
    }

    private ReadOnlySpan<byte> ReadValue(ref WireReader fields, int column, out ReadOnlySpan<byte> head)
    {
        var step = _program.Steps[column];
        head = step.HasLength ? fields.ReadBytes(step.Bytes) : default;
        if (!step.HasLength)
            return fields.ReadBytes(step.Bytes);
        uint length = 0;
        for (var i = head.Length - 1; i >= 0; i--)
            length = length << 8 | head[i];
        return length <= (uint)fields.RemainingBytes ? fields.ReadBytes((int)length) : throw MySqlFormatException.Short((int)Math.Min(length, int.MaxValue), fields.RemainingBytes);
    }

    private bool PutEdited(ReadOnlySpan<byte> source, int column, ReadOnlySpan<byte> diffs)
    {
        var (start, length) = _documents[column];
        if (start == Null)
            return false;
        var front = _rowBytes;
        var most = JsonText.MaxBytes(length + diffs.Length);
        var written = _editor.Apply(source.Slice(start, length), diffs, Room(LengthBytes + most)[LengthBytes..]);
        if (written < 0)
            return false;
        EndText(front, written);
        return true;
    }

    private void PutText(ReadOnlySpan<byte> document)
    {
        var front = _rowBytes;
        EndText(front, JsonText.Write(document, Room(LengthBytes + JsonText.MaxBytes(document.Length))[LengthBytes..]));
    }

    private void EndText(int front, int length)
    {
        BitConverter.TryWriteBytes(_row.AsSpan(front), length);
        _rowBytes = front + LengthBytes + length;
    }

    private void Copy(ReadOnlySpan<byte> head, ReadOnlySpan<byte> value)
    {
        head.CopyTo(Room(head.Length));
        value.CopyTo(Room(value.Length));
    }

    private Span<byte> Room(int bytes)
    {
        if (_row.Length - _rowBytes < bytes)
            Array.Resize(ref _row, Math.Max(_row.Length * 2, checked(_rowBytes + bytes)));
        _rowBytes += bytes;
        return _row.AsSpan(_rowBytes - bytes, bytes);
    }
}
