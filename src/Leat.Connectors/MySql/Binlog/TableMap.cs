using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using Leat.Changes;
using Leat.Connectors.MySql.Charsets;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>A TABLE_MAP event: the physical shape of the rows that follow, and as much of the logical one as the server tells.</summary>
/// <remarks>Source: MariaDB knowledge base, "TABLE_MAP_EVENT", with its optional metadata (<c>binlog_row_metadata</c>).</remarks>
internal sealed class TableMap
{
    private byte[][]?[]? _labels;

    /// <summary>The table.</summary>
    public required TableName Table { get; init; }

    /// <summary>Type number of each column; enum and set with their own number, not that of CHAR.</summary>
    public required byte[] Types { get; init; }

    /// <summary>What the type needs to know: lengths, precision, fractional digits.</summary>
    public required ushort[] Metadata { get; init; }

    /// <summary>Bit i set: column i may be NULL.</summary>
    public required byte[] NullableBits { get; init; }

    /// <summary>Whether numeric column i is unsigned; <see langword="null"/> when the server does not tell (NO_LOG).</summary>
    public bool?[]? Unsigned { get; private set; }

    /// <summary>Collation number of each text column; <see langword="null"/> when not told.</summary>
    public uint?[]? Collations { get; private set; }

    /// <summary>Column names; <see langword="null"/> unless FULL.</summary>
    public string[]? Names { get; private set; }

    /// <summary>Collation number of each enum and set column, in which its labels are written; <see langword="null"/> when not told.</summary>
    public uint?[]? LabelCollations { get; private set; }

    /// <summary>Ordinals of the primary key; <see langword="null"/> when not told.</summary>
    public int[]? Key { get; private set; }

    /// <summary>Kind of each geometry column, 0 to 7; <see langword="null"/> when not told.</summary>
    public uint?[]? GeometryTypes { get; private set; }

    /// <summary>Whether <c>SELECT *</c> shows column i; <see langword="null"/> when the server does not tell (MariaDB).</summary>
    public bool?[]? Visible { get; private set; }

    /// <summary>Number of values of each vector column; <see langword="null"/> when not told.</summary>
    public uint?[]? Dimensions { get; private set; }

    /// <summary>Number of columns.</summary>
    public int Columns => Types.Length;

    /// <summary>Labels of an enum or set column in order; <see langword="null"/> unless FULL.</summary>
    /// <param name="column">Ordinal.</param>
    /// <param name="charsetOfCollation">Gives the character set of a collation number.</param>
    public ImmutableArray<string>? LabelsOf(int column, Func<uint, string?> charsetOfCollation)
    {
        if (_labels?[column] is not { } labels)
            return null;
        var charset = LabelCollations?[column] is { } collation ? Charset.Find(charsetOfCollation(collation)) : null;
        return [.. labels.Select(label => charset?.ToText(label) ?? Encoding.UTF8.GetString(label))];
    }

    /// <summary>The type in the server's words where the metadata gives them: of geometries and vectors; else empty.</summary>
    public string SourceTypeOf(int column)
    {
        ReadOnlySpan<string> geometries = ["geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geomcollection"];
        if (GeometryTypes?[column] is { } geometry)
            return geometry < (uint)geometries.Length ? geometries[(int)geometry] : "";
        return Dimensions?[column] is { } dimensions ? string.Create(CultureInfo.InvariantCulture, $"vector({dimensions})") : "";
    }

    /// <summary>The map as if its last columns were not there, and without the columns of a key that <paramref name="isOfKey"/> refuses.</summary>
    public TableMap WithoutLast(int columns, Predicate<int> isOfKey) => new()
    {
        Table = Table,
        Types = Types[..^columns],
        Metadata = Metadata[..^columns],
        NullableBits = NullableBits,
        Unsigned = Unsigned,
        Collations = Collations,
        Names = Names?[..^columns],
        LabelCollations = LabelCollations,
        Key = Key is { } key ? Array.FindAll(key, ordinal => ordinal < Columns - columns && isOfKey(ordinal)) : null,
        GeometryTypes = GeometryTypes,
        Visible = Visible,
        Dimensions = Dimensions,
        _labels = _labels,
    };

    /// <summary>Whether a column may be NULL.</summary>
    public bool IsNullable(int column) => (NullableBits[column >> 3] >> (column & 7) & 1) != 0;

    /// <summary>Reads database and table of a TABLE_MAP body (after the 8 bytes of id and flags) without making text.</summary>
    public static void ReadName(ReadOnlySpan<byte> body, out ReadOnlySpan<byte> database, out ReadOnlySpan<byte> table)
    {
        var fields = new WireReader(body);
        database = fields.ReadBytes(fields.ReadByte());
        fields.ReadByte();
        table = fields.ReadBytes(fields.ReadByte());
    }

    /// <summary>Reads a body (after the 8 bytes of id and flags).</summary>
    /// <exception cref="MySqlFormatException">Malformed, or a column type without known metadata.</exception>
    public static TableMap Read(ReadOnlySpan<byte> body)
    {
        ReadName(body, out var database, out var name);
        var fields = new WireReader(body);
        fields.ReadBytes(database.Length + name.Length + 4);
        var count = checked((int)Math.Min(fields.ReadLength(), int.MaxValue));
        var types = fields.ReadBytes(count).ToArray();
        var metadata = new ushort[count];
        var meta = new WireReader(fields.ReadLengthBytes());
        for (var i = 0; i < count; i++)
            metadata[i] = ReadMetadata(ref meta, ref types[i]);
        var map = new TableMap
        {
            Table = new(Encoding.UTF8.GetString(database), Encoding.UTF8.GetString(name)),
            Types = types,
            Metadata = metadata,
            NullableBits = fields.ReadBytes((count + 7) >> 3).ToArray(),
        };
        while (fields.RemainingBytes > 0)
            map.ReadOptional(fields.ReadByte(), fields.ReadLengthBytes());
        return map;
    }

    // CHAR carries the real type (enum, set) in its first byte, and two high bits of its length, inverted, in the same.
    private static ushort ReadMetadata(ref WireReader meta, ref byte type)
    {
        switch (type)
        {
            case ColumnType.Float or ColumnType.Double or ColumnType.Blob or ColumnType.BlobCompressed or ColumnType.Geometry
                or ColumnType.Json or ColumnType.Vector or ColumnType.Timestamp2 or ColumnType.DateTime2 or ColumnType.Time2:
                return meta.ReadByte();
            case ColumnType.VarChar or ColumnType.VarCharCompressed or ColumnType.Bit:
                return meta.ReadUInt16();
            case ColumnType.NewDecimal:
                var (precision, scale) = (meta.ReadByte(), meta.ReadByte());
                if (precision is 0 or > DecimalText.MaxDigits)
                    throw MySqlFormatException.Unexpected("number of a decimal's digits", $"1 to {DecimalText.MaxDigits}", precision);
                if (scale > precision)
                    throw MySqlFormatException.Unexpected("number of a decimal's digits behind the point", $"at most {precision}", scale);
                return (ushort)(precision << 8 | scale);
            case ColumnType.String or ColumnType.Enum or ColumnType.Set or ColumnType.VarString:
                var (first, second) = (meta.ReadByte(), meta.ReadByte());
                if ((first & 0x30) != 0x30)
                {
                    type = (byte)(first | 0x30);
                    return (ushort)(second | ((first & 0x30) ^ 0x30) << 4);
                }

                type = first;
                return second;
            default:
                return 0;
        }
    }

    private void ReadOptional(byte field, ReadOnlySpan<byte> value)
    {
        switch (field)
        {
            case 1:
                Unsigned = ReadBits(value, ColumnType.IsNumeric);
                break;
            case 2:
                Collations = ReadDefaultCollations(value, ColumnType.IsText);
                break;
            case 3:
                Collations = ReadCollations(value, ColumnType.IsText);
                break;
            case 4:
                Names = ReadNames(value);
                break;
            case 5:
                ReadLabels(value, ColumnType.Set);
                break;
            case 6:
                ReadLabels(value, ColumnType.Enum);
                break;
            case 7:
                GeometryTypes = ReadNumbers(value, ColumnType.Geometry);
                break;
            case 8:
                Key = ReadKey(value, step: 1);
                break;
            case 9:
                Key = ReadKey(value, step: 2);
                break;
            case 10:
                LabelCollations = ReadDefaultCollations(value, ColumnType.HasLabels);
                break;
            case 11:
                LabelCollations = ReadCollations(value, ColumnType.HasLabels);
                break;
            case 12:
                Visible = ReadBits(value, static _ => true);
                break;
            case 13:
                Dimensions = ReadNumbers(value, ColumnType.Vector);
                break;
            default:
                break; // what later servers add: nothing depends on it
        }
    }

    // One bit for each column that has one, the highest of each byte first.
    private bool?[] ReadBits(ReadOnlySpan<byte> bits, Predicate<byte> has)
    {
        var told = new bool?[Columns];
        var at = 0;
        for (var i = 0; i < Columns; i++)
        {
            if (!has(Types[i]))
                continue;
            if (at >> 3 >= bits.Length)
                throw MySqlFormatException.Short(1, 0);
            told[i] = (bits[at >> 3] >> (7 - (at & 7)) & 1) != 0;
            at++;
        }

        return told;
    }

    private uint?[] ReadNumbers(ReadOnlySpan<byte> value, byte type)
    {
        var fields = new WireReader(value);
        var all = new uint?[Columns];
        for (var i = 0; i < Columns; i++)
        {
            if (Types[i] == type)
                all[i] = (uint)fields.ReadLength();
        }

        return all;
    }

    private uint?[] ReadDefaultCollations(ReadOnlySpan<byte> value, Predicate<byte> has)
    {
        var fields = new WireReader(value);
        var usual = (uint)fields.ReadLength();
        var all = new uint?[Columns];
        var texts = new List<int>();
        for (var i = 0; i < Columns; i++)
        {
            if (!has(Types[i]))
                continue;
            texts.Add(i);
            all[i] = usual;
        }

        while (fields.RemainingBytes > 0)
        {
            var index = fields.ReadLength();
            if (index >= (ulong)texts.Count)
                throw MySqlFormatException.Unexpected("text column number", $"less than {texts.Count}", (long)index);
            all[texts[(int)index]] = (uint)fields.ReadLength();
        }

        return all;
    }

    private uint?[] ReadCollations(ReadOnlySpan<byte> value, Predicate<byte> has)
    {
        var fields = new WireReader(value);
        var all = new uint?[Columns];
        for (var i = 0; i < Columns; i++)
        {
            if (has(Types[i]))
                all[i] = (uint)fields.ReadLength();
        }

        return all;
    }

    private string[] ReadNames(ReadOnlySpan<byte> value)
    {
        var fields = new WireReader(value);
        var names = new string[Columns];
        for (var i = 0; i < names.Length; i++)
            names[i] = fields.ReadLengthText();
        return names;
    }

    private void ReadLabels(ReadOnlySpan<byte> value, byte type)
    {
        var fields = new WireReader(value);
        _labels ??= new byte[][]?[Columns];
        for (var i = 0; i < Columns; i++)
        {
            if (Types[i] != type)
                continue;
            var labels = new List<byte[]>();
            for (var left = fields.ReadLength(); left > 0; left--)
                labels.Add(fields.ReadLengthBytes().ToArray());
            _labels[i] = [.. labels];
        }
    }

    private int[] ReadKey(ReadOnlySpan<byte> value, int step)
    {
        var fields = new WireReader(value);
        var key = new List<int>();
        while (fields.RemainingBytes > 0)
        {
            var ordinal = fields.ReadLength();
            if (ordinal >= (ulong)Columns)
                throw MySqlFormatException.Unexpected("key column", $"less than {Columns}", (long)ordinal);
            key.Add((int)ordinal);
            if (step == 2)
                fields.ReadLength(); // prefix length: a prefix identifies the row, so its whole column does too
        }

        return [.. key];
    }
}
