using Leat.Changes;

namespace Leat.Tests.Changes;

/// <summary>Writes encoded rows from boxed values, for tests: integers as long or ulong, text and decimals as string, the rest as the kind's bits.</summary>
internal static class Rows
{
    /// <summary>Stands for a column that a row of a partial schema lacks.</summary>
    public static readonly object Absent = new();

    public static byte[] Encode(TableSchema schema, params object?[] values)
    {
        var row = new byte[64 * 1024];
        var writer = schema.IsPartial ? RowWriter.Partial(row, schema.Columns.Length) : new RowWriter(row, schema.Columns.Length);
        for (var i = 0; i < schema.Columns.Length; i++)
            Write(ref writer, schema.Columns[i].Kind, values[i]);
        return row[..writer.WrittenBytes];
    }

    private static void Write(ref RowWriter writer, ColumnKind kind, object? value)
    {
        if (value is null)
        {
            writer.WriteNull();
            return;
        }

        if (ReferenceEquals(value, Absent))
        {
            writer.WriteAbsent();
            return;
        }

        var bits = value switch
        {
            int number => (ulong)number,
            long number => (ulong)number,
            ulong number => number,
            uint number => number,
            float number => BitConverter.SingleToUInt32Bits(number),
            double number => BitConverter.DoubleToUInt64Bits(number),
            _ => 0UL,
        };
        switch (EncodedRow.WidthOf(kind))
        {
            case 1:
                writer.WriteByte((byte)bits);
                break;
            case 2:
                writer.WriteUInt16((ushort)bits);
                break;
            case 4:
                writer.WriteUInt32((uint)bits);
                break;
            case 8:
                writer.WriteUInt64(bits);
                break;
            default:
                if (value is byte[] bytes)
                    writer.WriteBytes(bytes);
                else
                    writer.WriteString((string)value);
                break;
        }
    }
}
