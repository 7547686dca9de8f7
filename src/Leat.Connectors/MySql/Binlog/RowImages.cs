using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>Rows whose images are not simply all columns of the table: some left out (MINIMAL, NOBLOB), or history beside (system versioning).</summary>
/// <remarks>
/// Which columns stand in an image is told once for all rows of an event, so that a program for just those is made once for each such set. Its
/// output is read column by column into the row that is told. A column that the after image of an update leaves out has the value of the
/// before image; where that has none either, the row is told under the table's partial schema.
/// </remarks>
internal sealed class RowImages(VersionedTable table, IChangeWriter writer)
{
    private const int MostPrograms = 64;

    private readonly List<Image> _programs = [];
    private byte[] _before = [];
    private byte[] _after = [];
    private uint? _partialId;

    /// <summary>Number of the table's own schema, once defined.</summary>
    public required uint SchemaId { get; init; }

    /// <summary>The source's name, for messages.</summary>
    public required string Source { get; init; }

    /// <summary>Whether every bit that stands for a column is set.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> present, int columns)
    {
        for (var i = 0; i < present.Length; i++)
        {
            var left = columns - i * 8;
            var wanted = left >= 8 ? 0xFF : (1 << left) - 1;
            if ((present[i] & wanted) != wanted)
                return false;
        }

        return true;
    }

    /// <summary>Writes the rows of an event.</summary>
    /// <param name="kind">What the event says.</param>
    /// <param name="presentBefore">Which columns the first image has; the only one but for updates.</param>
    /// <param name="presentAfter">Which columns the second image of an update has.</param>
    /// <param name="rows">The images.</param>
    /// <returns>How many changes were written: history is not told.</returns>
    /// <exception cref="PauseException">A row lacks columns, and all columns stand in for the key that its table has not.</exception>
    public int Add(ChangeKind kind, ReadOnlySpan<byte> presentBefore, ReadOnlySpan<byte> presentAfter, ReadOnlySpan<byte> rows)
    {
        var first = ProgramOf(presentBefore);
        var second = kind == ChangeKind.Update ? ProgramOf(presentAfter) : null;
        var written = 0;
        while (!rows.IsEmpty)
        {
            var taken = Decode(first, rows, ref _before, out var beforeBytes);
            var afterBytes = 0;
            if (second is not null)
                taken += Decode(second, rows[taken..], ref _after, out afterBytes);
            if (taken == 0)
                throw MySqlFormatException.Unexpected("bytes of a row image", "at least 1", 0);
            rows = rows[taken..];
            var row = kind switch
            {
                ChangeKind.Insert => new Images(null, default, first, _before.AsSpan(0, beforeBytes)),
                ChangeKind.Delete => new Images(first, _before.AsSpan(0, beforeBytes), null, default),
                _ => new Images(first, _before.AsSpan(0, beforeBytes), second, _after.AsSpan(0, afterBytes)),
            };
            written += Write(kind, row) ? 1 : 0;
        }

        return written;
    }

    private bool Write(ChangeKind kind, Images row)
    {
        var wasCurrent = row.First is not null && IsCurrent(row.First, row.Before, null, default);
        var isCurrent = row.Second is not null && IsCurrent(row.Second, row.After, row.First, row.Before);
        if (kind == ChangeKind.Update && wasCurrent != isCurrent)
        {
            // A delete of a versioned table is an update that ends the row.
            kind = wasCurrent ? ChangeKind.Delete : ChangeKind.Insert;
        }
        else if (!wasCurrent && !isCurrent)
        {
            return false;
        }

        var hasBefore = kind != ChangeKind.Insert && row.First is not null;
        var hasAfter = kind != ChangeKind.Delete && row.Second is not null;
        var partial = (hasBefore && !IsComplete(row.First, null)) || (hasAfter && !IsComplete(row.Second, row.First));
        if (partial && table.Table.Schema.IsKeyless)
            throw MySqlErrors.KeylessPartial(Source, table.Table.Name);
        var id = partial ? _partialId ??= writer.Define(table.Table.Schema.As(partial: true)) : SchemaId;
        const int Bitmaps = 4;
        var room = writer.BeginRow(Bitmaps * EncodedRow.BitmapBytes(table.Visible) + 2 * row.Before.Length + row.After.Length);
        var before = hasBefore ? Merge(room, partial, row.First, row.Before, null, default) : 0;
        var after = hasAfter ? Merge(room[before..], partial, row.Second, row.After, row.First, row.Before) : 0;
        writer.EndRow(kind, id, before, after);
        return true;
    }

    // Columns of one image, and of the other where it has none.
    private int Merge(Span<byte> target, bool partial, Image? image, ReadOnlySpan<byte> row, Image? other, ReadOnlySpan<byte> otherRow)
    {
        var to = partial ? RowWriter.Partial(target, table.Visible) : new RowWriter(target, table.Visible);
        var own = image is null ? default : new RowReader(image.Schema, row);
        var fill = other is null ? default : new RowReader(other.Schema, otherRow);
        for (var column = 0; column < table.Visible; column++)
        {
            if (image is not null && image.Place[column] >= 0)
            {
                own.Seek(image.Place[column]);
                to.Copy(ref own);
            }
            else if (other is not null && other.Place[column] >= 0)
            {
                fill.Seek(other.Place[column]);
                to.Copy(ref fill);
            }
            else
            {
                to.WriteAbsent();
            }
        }

        return to.WrittenBytes;
    }

    private bool IsComplete(Image? image, Image? other)
    {
        for (var column = 0; column < table.Visible; column++)
        {
            if ((image is null || image.Place[column] < 0) && (other is null || other.Place[column] < 0))
                return false;
        }

        return true;
    }

    private bool IsCurrent(Image image, ReadOnlySpan<byte> row, Image? other, ReadOnlySpan<byte> otherRow)
    {
        if (table.RowEnd < 0)
            return true;
        var place = image.Place[table.RowEnd];
        if (place < 0 && other is not null)
            return IsCurrent(other, otherRow, null, default);
        if (place < 0)
            return true; // only what changes it tells it
        var reader = new RowReader(image.Schema, row);
        return reader.Seek(place) && VersionedTable.IsEndOfTime(reader.Int64);
    }

    private static int Decode(Image image, ReadOnlySpan<byte> rows, ref byte[] scratch, out int written)
    {
        var most = image.Program.MaxBytes(1, rows);
        if (scratch.Length < most)
            scratch = new byte[most];
        return RowDecoder.Decode(image.Program, rows, scratch, out written);
    }

    private Image ProgramOf(ReadOnlySpan<byte> present)
    {
        foreach (var known in _programs)
        {
            if (present.SequenceEqual(known.Present))
                return known;
        }

        if (_programs.Count == MostPrograms)
            _programs.Clear();
        var image = new Image(table, present);
        _programs.Add(image);
        return image;
    }

    /// <summary>A set of columns that images have.</summary>
    private sealed class Image
    {
        public Image(VersionedTable table, ReadOnlySpan<byte> present)
        {
            Present = present.ToArray();
            Place = new int[table.Physical.Length];
            var columns = new List<MySqlColumn>();
            for (var i = 0; i < Place.Length; i++)
            {
                var isPresent = (present[i >> 3] >> (i & 7) & 1) != 0;
                Place[i] = isPresent ? columns.Count : -1;
                if (isPresent)
                    columns.Add(table.Physical[i]);
            }

            var part = new MySqlTable(table.Table.Name, [.. columns], []);
            Program = RowProgram.Compile(part);
            Schema = part.Schema;
        }

        public byte[] Present { get; }

        /// <summary>Where a column of the table stands in the image; -1: nowhere.</summary>
        public int[] Place { get; }

        public RowProgram Program { get; }

        public TableSchema Schema { get; }
    }

    private readonly ref struct Images(Image? first, ReadOnlySpan<byte> before, Image? second, ReadOnlySpan<byte> after)
    {
        public Image? First { get; } = first;

        public ReadOnlySpan<byte> Before { get; } = before;

        public Image? Second { get; } = second;

        public ReadOnlySpan<byte> After { get; } = after;
    }
}
