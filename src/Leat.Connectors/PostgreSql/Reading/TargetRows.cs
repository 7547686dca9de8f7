using System.Collections.Immutable;
using System.Globalization;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.PostgreSql.Tables;
using Leat.Connectors.PostgreSql.Wire;
using Npgsql;

namespace Leat.Connectors.PostgreSql.Reading;

/// <summary>Rows in canonical text: as the source's rows shall arrive, and as the target's are read.</summary>
internal sealed class TargetRows(bool zeroDatesAreNull)
{
    // Selected for a date that never comes: no calendar has it.
    private const long Never = long.MaxValue;

    // Room for a value without its text: bits, numbers, dates.
    private const int FixedBytes = 16;
    private const int BytesPerCharacter = 3;

    /// <summary>What the target should hold for a source's row.</summary>
    public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(shape.Schema, row);
        var fields = new KeyValuePair<string, string?>[shape.Columns.Length];
        for (var i = 0; i < fields.Length; i++)
        {
            var isNull = !reader.Seek(shape.Columns[i].Ordinal) || (zeroDatesAreNull && PgValue.IsOutsideCalendar(ref reader));
            fields[i] = new(shape.Columns[i].Name, isNull ? null : TextOf(ref reader));
        }

        return new(KeyOf(shape, fields), [.. fields]);
    }

    /// <summary>What to select of a table that has the alias <c>t</c>, for <see cref="Read"/>.</summary>
    public static string Columns(Shape shape, TargetTable table) => string.Join(", ", shape.Columns.Select(column =>
    {
        var name = $"t.{Sql.Name(column.Name)}";
        var type = table.Find(column.Name)?.Type;
        return shape.Schema.Columns[column.Ordinal].Kind switch
        {
            ColumnKind.Float32 => $"{name}::real",
            ColumnKind.Float64 => $"{name}::double precision",
            ColumnKind.Binary => $"{name}::bytea",
            ColumnKind.Date => Finite(type, name, $"({name}::date - DATE '1970-01-01')::bigint"),
            ColumnKind.Time or ColumnKind.DateTime or ColumnKind.Timestamp => Finite(type, name, $"(extract(epoch FROM {name}) * 1000000)::bigint"),
            ColumnKind.Decimal or ColumnKind.String or ColumnKind.Json or ColumnKind.Enum or ColumnKind.Set or ColumnKind.Bit => $"{name}::text",
            _ => type switch
            {
                "bool" => $"{name}::integer::bigint",
                "numeric" => $"trim_scale({name})::text",
                "int2" or "int4" or "int8" => $"{name}::bigint",
                _ => $"{name}::text",
            },
        };
    }));

    /// <summary>The current row of a result whose columns are <see cref="Columns"/>, from <paramref name="first"/> on.</summary>
    public static TargetRow Read(Shape shape, TableSchema reading, NpgsqlDataReader result, int first)
    {
        var values = new object?[reading.Columns.Length];
        var others = default(string?[]);
        var room = EncodedRow.BitmapBytes(values.Length);
        for (var i = 0; i < values.Length; i++)
        {
            if (result.IsDBNull(first + i))
                continue;
            var value = result.GetValue(first + i);
            if (Other(reading.Columns[i].Kind, ref value) is { } other)
            {
                (others ??= new string?[values.Length])[i] = other;
                continue;
            }

            values[i] = value;
            room += FixedBytes + (values[i] is string text ? text.Length * BytesPerCharacter : values[i] is byte[] bytes ? bytes.Length : 0);
        }

        var row = new byte[room];
        var writer = new RowWriter(row, values.Length);
        for (var i = 0; i < values.Length; i++)
            Write(ref writer, reading.Columns[i].Kind, values[i]);
        return RowOf(shape, reading, row.AsSpan(0, writer.WrittenBytes), others);
    }

    /// <summary>The columns as they are read: the target keeps the labels of enums and sets, not their numbers.</summary>
    public static TableSchema ReadingSchema(Shape shape) => new(
        shape.Schema.Table,
        [
            .. shape.Columns.Select(column =>
            {
                var source = shape.Schema.Columns[column.Ordinal];
                return source with { Name = column.Name, Kind = source.Kind is ColumnKind.Enum or ColumnKind.Set ? ColumnKind.String : source.Kind };
            }),
        ],
        []);

    // Not NULL: the text of a value that a column of the source cannot hold. It is one of somebody else, and must not be cut to one that could be.
    private static string? Other(ColumnKind kind, ref object value)
    {
        var (least, most) = RangeOf(kind);
        if (most == 0)
            return null;
        if (value is string text)
        {
            if (kind == ColumnKind.UInt64 ? ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out _) : long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _))
                value = kind == ColumnKind.UInt64 ? text : long.Parse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
            else
                return text;
        }

        if (value is string)
            return null;
        var number = Convert.ToInt64(value, CultureInfo.InvariantCulture);
        return number < least || number > most ? number == Never ? "infinity" : number.ToString(CultureInfo.InvariantCulture) : null;
    }

    // What a column of the source can hold, as it is selected: numbers, days or microseconds since 1970. Zeros for kinds that travel otherwise.
    private static (long Least, long Most) RangeOf(ColumnKind kind) => kind switch
    {
        ColumnKind.Int8 => (sbyte.MinValue, sbyte.MaxValue),
        ColumnKind.UInt8 => (0, byte.MaxValue),
        ColumnKind.Int16 => (short.MinValue, short.MaxValue),
        ColumnKind.UInt16 or ColumnKind.Year => (0, ushort.MaxValue),
        ColumnKind.Int32 => (int.MinValue, int.MaxValue),
        ColumnKind.UInt32 => (0, uint.MaxValue),
        ColumnKind.Int64 => (long.MinValue, long.MaxValue),
        ColumnKind.UInt64 => (0, long.MaxValue), // larger ones are texts
        ColumnKind.Date => ((DateTime.MinValue - DateTime.UnixEpoch).Days, (DateTime.MaxValue - DateTime.UnixEpoch).Days),
        ColumnKind.DateTime or ColumnKind.Timestamp =>
            ((DateTime.MinValue - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond, (DateTime.MaxValue - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond),
        _ => (0, 0),
    };

    private static string Finite(string? type, string name, string expression) =>
        type is "date" or "timestamp" or "timestamptz" ? $"CASE WHEN isfinite({name}) IS FALSE THEN {Never} ELSE {expression} END" : expression;

    private static TargetRow RowOf(Shape shape, TableSchema reading, ReadOnlySpan<byte> row, string?[]? others)
    {
        var reader = new RowReader(reading, row);
        var fields = new KeyValuePair<string, string?>[reading.Columns.Length];
        for (var i = 0; reader.Read(); i++)
            fields[i] = new(reader.Column.Name, reader.IsNull ? others?[i] : TextOf(ref reader));
        return new(KeyOf(shape, fields), [.. fields]);
    }

    private static string? TextOf(ref RowReader reader)
    {
        var text = ValueText.Of(ref reader);
        return (reader.Column.Kind, text) switch
        {
            (ColumnKind.Json, not null) => JsonCanonical.Of(text),
            (ColumnKind.Decimal, not null) => DecimalScale.Of(text, reader.Column.Scale),
            _ => text,
        };
    }

    private static string KeyOf(Shape shape, KeyValuePair<string, string?>[] fields) => string.Join(',', shape.Key.Select(ordinal =>
    {
        var name = TargetDdl.NameOf(shape, ordinal);
        var value = fields.First(field => field.Key == name).Value ?? "NULL";
        return shape.Key.Length == 1 ? value : value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);
    }));

    private static void Write(ref RowWriter writer, ColumnKind kind, object? value)
    {
        switch (value)
        {
            case null:
                writer.WriteNull();
                break;
            case float single:
                writer.WriteUInt32(BitConverter.SingleToUInt32Bits(single));
                break;
            case double number:
                writer.WriteUInt64(BitConverter.DoubleToUInt64Bits(number));
                break;
            case byte[] bytes:
                writer.WriteBytes(bytes);
                break;
            case string text:
                WriteText(ref writer, kind, text);
                break;
            default:
                WriteNumber(ref writer, kind, Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
        }
    }

    private static void WriteText(ref RowWriter writer, ColumnKind kind, string text)
    {
        if (kind == ColumnKind.UInt64)
            writer.WriteUInt64(ulong.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture));
        else if (kind == ColumnKind.Bit)
            writer.WriteUInt64(text.Aggregate(0UL, (bits, digit) => bits << 1 | (digit == '1' ? 1UL : 0UL)));
        else
            writer.WriteString(text);
    }

    private static void WriteNumber(ref RowWriter writer, ColumnKind kind, long value)
    {
        switch (kind)
        {
            case ColumnKind.Date:
                var date = DateOnly.FromDayNumber((int)(value + DateOnly.FromDateTime(DateTime.UnixEpoch).DayNumber));
                writer.WriteUInt32(Temporal.Date(date.Year, date.Month, date.Day));
                break;
            case ColumnKind.DateTime:
                writer.WriteUInt64(TemporalText.PackUtc(value));
                break;
            default:
                WriteBits(ref writer, EncodedRow.WidthOf(kind), value);
                break;
        }
    }

    private static void WriteBits(ref RowWriter writer, int width, long value)
    {
        switch (width)
        {
            case 1:
                writer.WriteByte((byte)value);
                break;
            case 2:
                writer.WriteUInt16((ushort)value);
                break;
            case 4:
                writer.WriteUInt32((uint)value);
                break;
            default:
                writer.WriteUInt64((ulong)value);
                break;
        }
    }
}
