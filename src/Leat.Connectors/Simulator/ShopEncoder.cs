using System.Globalization;
using System.Text;
using Leat.Changes;

namespace Leat.Connectors.Simulator;

/// <summary>Writes rows of the shop in Leat's encoded form. Integers are long, decimals decimal, dates DateOnly, times DateTime (UTC), the rest text.</summary>
public static class ShopEncoder
{
    /// <summary>Room that any row of the shop fits into, in bytes.</summary>
    public const int MaxRowBytes = 4 * 1024;

    /// <summary>Writes a row to the front of <paramref name="target"/> and returns its length in bytes.</summary>
    public static int Write(ShopRow row, Span<byte> target)
    {
        var columns = row.Schema.Columns;
        var values = row.Values;
        var writer = new RowWriter(target, columns.Length);
        for (var i = 0; i < columns.Length; i++)
        {
            if (values[i] is { } value)
                Write(ref writer, columns[i], value);
            else
                writer.WriteNull();
        }

        return writer.WrittenBytes;
    }

    private static void Write(ref RowWriter writer, Column column, object value)
    {
        switch (column.Kind)
        {
            case ColumnKind.Int8 or ColumnKind.UInt8:
                writer.WriteByte((byte)(long)value);
                break;
            case ColumnKind.UInt16:
                writer.WriteUInt16((ushort)(long)value);
                break;
            case ColumnKind.Int32 or ColumnKind.UInt32:
                writer.WriteUInt32((uint)(long)value);
                break;
            case ColumnKind.UInt64:
                writer.WriteUInt64((ulong)(long)value);
                break;
            case ColumnKind.Float64:
                writer.WriteUInt64(BitConverter.DoubleToUInt64Bits((double)value));
                break;
            case ColumnKind.Decimal:
                writer.WriteBytes(Encoding.ASCII.GetBytes(((decimal)value).ToString("0.00", CultureInfo.InvariantCulture)));
                break;
            case ColumnKind.Enum:
                writer.WriteUInt16((ushort)(column.Labels.IndexOf((string)value) + 1));
                break;
            case ColumnKind.Set:
                writer.WriteUInt64(SetBits(column, (string)value));
                break;
            case ColumnKind.Date:
                var date = (DateOnly)value;
                writer.WriteUInt32(Temporal.Date(date.Year, date.Month, date.Day));
                break;
            case ColumnKind.DateTime:
                writer.WriteUInt64(Pack((DateTime)value));
                break;
            case ColumnKind.Timestamp:
                writer.WriteUInt64((ulong)(((DateTime)value - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond));
                break;
            default:
                writer.WriteString((string)value);
                break;
        }
    }

    private static ulong SetBits(Column column, string members)
    {
        var bits = 0UL;
        foreach (var member in members.Split(',', StringSplitOptions.RemoveEmptyEntries))
            bits |= 1UL << column.Labels.IndexOf(member);
        return bits;
    }

    private static ulong Pack(DateTime time) => Temporal.DateTime(
        time.Year, time.Month, time.Day, time.Hour, time.Minute, time.Second, (time.Millisecond * 1000) + time.Microsecond);
}
