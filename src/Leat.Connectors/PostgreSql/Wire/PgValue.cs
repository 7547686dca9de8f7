using System.Buffers.Binary;
using System.Buffers.Text;
using Leat.Changes;
using Leat.Changes.Formats;

namespace Leat.Connectors.PostgreSql.Wire;

/// <summary>Writes encoded values in the server's binary form: each kind in the type that holds all of its values exactly.</summary>
internal static class PgValue
{
    // Both counts begin with the year 2000 at the server. Source: POSTGRES_EPOCH_JDATE in datatype/timestamp.h.
    private const long EpochMicros = 946_684_800_000_000;
    private const long MicrosPerDay = 86_400_000_000;
    private const int IntervalBytes = 16;
    private const int MostBits = 64;
    private const int MostUInt64Digits = 20;
    private static readonly int EpochDay = new DateOnly(2000, 1, 1).DayNumber;

    /// <summary>The type in which values of a kind travel.</summary>
    public static PgType TypeOf(ColumnKind kind) => kind switch
    {
        ColumnKind.Int8 or ColumnKind.UInt8 or ColumnKind.Int16 or ColumnKind.Year => PgType.Int2,
        ColumnKind.UInt16 or ColumnKind.Int32 => PgType.Int4,
        ColumnKind.UInt32 or ColumnKind.Int64 => PgType.Int8,
        ColumnKind.UInt64 or ColumnKind.Decimal => PgType.Numeric,
        ColumnKind.Float32 => PgType.Float4,
        ColumnKind.Float64 => PgType.Float8,
        ColumnKind.String or ColumnKind.Json or ColumnKind.Enum or ColumnKind.Set => PgType.Text,
        ColumnKind.Binary => PgType.Bytea,
        ColumnKind.Bit => PgType.VarBit,
        ColumnKind.Date => PgType.Date,
        ColumnKind.Time => PgType.Interval,
        ColumnKind.DateTime => PgType.Timestamp,
        ColumnKind.Timestamp => PgType.TimestampTz,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "unknown column kind"),
    };

    /// <summary>Whether the value is a date or time that no calendar has (zero, partial or impossible), which the server cannot hold.</summary>
    public static bool IsOutsideCalendar(ref readonly RowReader reader) => reader.Column.Kind switch
    {
        ColumnKind.Date => !TemporalText.IsCalendarDay((uint)reader.UInt64),
        ColumnKind.DateTime => !TemporalText.IsCalendarDay((uint)(reader.UInt64 >> 37)),
        ColumnKind.Timestamp => reader.Int64 == Temporal.ZeroTimestamp,
        _ => false,
    };

    /// <summary>Adds the current value of <paramref name="reader"/>, which is not NULL and inside the calendar.</summary>
    public static void Add(ref RowReader reader, PgArray target)
    {
        switch (reader.Column.Kind)
        {
            case ColumnKind.Int8 or ColumnKind.Int16:
                target.AddInt16((short)reader.Int64);
                break;
            case ColumnKind.UInt8 or ColumnKind.Year:
                target.AddInt16((short)reader.UInt64);
                break;
            case ColumnKind.Int32:
                target.AddInt32((int)reader.Int64);
                break;
            case ColumnKind.UInt16:
                target.AddInt32((int)reader.UInt64);
                break;
            case ColumnKind.Int64:
                target.AddInt64(reader.Int64);
                break;
            case ColumnKind.UInt32:
                target.AddInt64((long)reader.UInt64);
                break;
            case ColumnKind.UInt64:
                AddUInt64(reader.UInt64, target);
                break;
            case ColumnKind.Float32:
                target.AddSingle(reader.Single);
                break;
            case ColumnKind.Float64:
                target.AddDouble(reader.Double);
                break;
            case ColumnKind.Decimal:
                PgNumeric.Add(reader.Bytes, target);
                break;
            case ColumnKind.Enum or ColumnKind.Set:
                target.BeginValue();
                ValueText.Write(ref reader, target);
                target.EndValue();
                break;
            case ColumnKind.Bit:
                AddBits(reader.UInt64, BitsOf(reader.Column), target);
                break;
            case ColumnKind.Date or ColumnKind.Time or ColumnKind.DateTime or ColumnKind.Timestamp:
                AddTemporal(ref reader, target);
                break;
            default:
                target.AddBytes(reader.Bytes);
                break;
        }
    }

    /// <summary>How many bits a column has.</summary>
    public static int BitsOf(Column column) => column.Length == 0 ? MostBits : (int)column.Length;

    private static void AddTemporal(ref RowReader reader, PgArray target)
    {
        switch (reader.Column.Kind)
        {
            case ColumnKind.Date:
                target.AddInt32(DayOf((uint)reader.UInt64));
                break;
            case ColumnKind.DateTime:
                target.AddInt64(MicrosOf(reader.UInt64));
                break;
            case ColumnKind.Timestamp:
                target.AddInt64(reader.Int64 - EpochMicros);
                break;
            default: // a time: all of it in microseconds, so that 25 hours are not made a day and one
                var interval = target.AddFixed(IntervalBytes);
                BinaryPrimitives.WriteInt64BigEndian(interval, reader.Int64);
                interval[sizeof(long)..].Clear();
                break;
        }
    }

    private static int DayOf(uint packed)
    {
        var (year, month, day) = Temporal.SplitDate(packed);
        return new DateOnly(year, month, day).DayNumber - EpochDay;
    }

    private static long MicrosOf(ulong packed)
    {
        var (_, _, _, hour, minute, second, microsecond) = Temporal.SplitDateTime(packed);
        return (DayOf((uint)(packed >> 37)) * MicrosPerDay) + ((((((hour * 60L) + minute) * 60) + second) * 1_000_000) + microsecond);
    }

    private static void AddUInt64(ulong value, PgArray target)
    {
        Span<byte> digits = stackalloc byte[MostUInt64Digits];
        Utf8Formatter.TryFormat(value, digits, out var written);
        PgNumeric.Add(digits[..written], target);
    }

    // i32 number of bits, then the bits from the highest on, in whole bytes. Source: varbit_recv in varbit.c.
    private static void AddBits(ulong value, int bits, PgArray target)
    {
        var bytes = (bits + 7) / 8;
        var room = target.AddFixed(sizeof(int) + bytes);
        BinaryPrimitives.WriteInt32BigEndian(room, bits);
        Span<byte> all = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(all, value << (MostBits - bits));
        all[..bytes].CopyTo(room[sizeof(int)..]);
    }
}
