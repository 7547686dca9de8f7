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
        return shape.Schema.Columns[column.Ordinal].Kind switch
        {
            ColumnKind.Float32 => $"{name}::real",
            ColumnKind.Float64 => $"{name}::double precision",
            ColumnKind.Binary => $"{name}::bytea",
            ColumnKind.Date => $"({name}::date - DATE '1970-01-01')::bigint",
            ColumnKind.Time or ColumnKind.DateTime or ColumnKind.Timestamp => $"(extract(epoch FROM {name}) * 1000000)::bigint",
            ColumnKind.UInt64 or ColumnKind.Decimal or ColumnKind.String or ColumnKind.Json or ColumnKind.Enum or ColumnKind.Set or ColumnKind.Bit => $"{name}::text",
            _ => table.Find(column.Name) is { Type: "bool" } ? $"{name}::integer::bigint" : $"{name}::bigint",
        };
    }));

    /// <summary>The current row of a result whose columns are <see cref="Columns"/>, from <paramref name="first"/> on.</summary>
    public static TargetRow Read(Shape shape, TableSchema reading, NpgsqlDataReader result, int first)
    {
        var values = new object?[reading.Columns.Length];
        var room = EncodedRow.BitmapBytes(values.Length);
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = result.IsDBNull(first + i) ? null : result.GetValue(first + i);
            room += FixedBytes + (values[i] is string text ? text.Length * BytesPerCharacter : values[i] is byte[] bytes ? bytes.Length : 0);
        }

        var row = new byte[room];
        var writer = new RowWriter(row, values.Length);
        for (var i = 0; i < values.Length; i++)
            Write(ref writer, reading.Columns[i].Kind, values[i]);
        return RowOf(shape, reading, row.AsSpan(0, writer.WrittenBytes));
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

    private static TargetRow RowOf(Shape shape, TableSchema reading, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(reading, row);
        var fields = new KeyValuePair<string, string?>[reading.Columns.Length];
        for (var i = 0; reader.Read(); i++)
            fields[i] = new(reader.Column.Name, reader.IsNull ? null : TextOf(ref reader));
        return new(KeyOf(shape, fields), [.. fields]);
    }

    private static string? TextOf(ref RowReader reader)
    {
        var text = ValueText.Of(ref reader);
        return reader.Column.Kind == ColumnKind.Json && text is not null ? JsonCanonical.Of(text) : text;
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
