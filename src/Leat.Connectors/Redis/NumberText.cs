using System.Buffers.Text;
using System.Globalization;
using Leat.Changes;

namespace Leat.Connectors.Redis;

/// <summary>Values as the numbers that Redis counts with: scores, and times at which keys go.</summary>
internal static class NumberText
{
    private const long MicrosPerSecond = 1_000_000;

    /// <summary>Whether values of the kind are numbers or times.</summary>
    public static bool IsNumber(ColumnKind kind) => kind is not (ColumnKind.String or ColumnKind.Binary or ColumnKind.Json or ColumnKind.Enum or ColumnKind.Set);

    /// <summary>Whether values of the kind name an instant.</summary>
    public static bool IsTime(ColumnKind kind) => kind is ColumnKind.Timestamp or ColumnKind.DateTime or ColumnKind.Date;

    /// <summary>Writes the current value, which is not NULL, as a score: numbers as they are, times in seconds since 1970; 0 when it is no date of the calendar.</summary>
    public static int Write(ref RowReader row, scoped Span<byte> target)
    {
        int written;
        switch (row.Column.Kind)
        {
            case ColumnKind.Int8 or ColumnKind.Int16 or ColumnKind.Int32 or ColumnKind.Int64:
                Utf8Formatter.TryFormat(row.Int64, target, out written);
                return written;
            case ColumnKind.Float32:
                row.Single.TryFormat(target, out written, default, CultureInfo.InvariantCulture);
                return written;
            case ColumnKind.Float64:
                row.Double.TryFormat(target, out written, default, CultureInfo.InvariantCulture);
                return written;
            case ColumnKind.Decimal:
                row.Bytes.CopyTo(target);
                return row.Bytes.Length;
            case ColumnKind.Time:
                return WriteMicros(row.Int64, target);
            case ColumnKind.Timestamp or ColumnKind.DateTime or ColumnKind.Date:
                return TryMicros(ref row, out var micros) ? WriteMicros(micros, target) : 0;
            default:
                Utf8Formatter.TryFormat(row.UInt64, target, out written);
                return written;
        }
    }

    /// <summary>The current value, a time, in microseconds since 1970; times without a zone count as UTC. False for dates that the calendar does not have.</summary>
    public static bool TryMicros(ref RowReader row, out long micros)
    {
        micros = 0;
        switch (row.Column.Kind)
        {
            case ColumnKind.Timestamp:
                micros = row.Int64;
                return micros != Temporal.ZeroTimestamp;
            case ColumnKind.Date:
                var (year, month, day) = Temporal.SplitDate((uint)row.UInt64);
                return TryMicros((year, month, day, 0, 0, 0, 0), out micros);
            default:
                return TryMicros(Temporal.SplitDateTime(row.UInt64), out micros);
        }
    }

    /// <summary>The current value, a number, as whole milliseconds of so many seconds; never more than a thousand years.</summary>
    public static long Milliseconds(ref RowReader row)
    {
        Span<byte> text = stackalloc byte[128];
        var length = Write(ref row, text);
        const double Most = 1000L * 366 * 86_400 * 1000;
        return Utf8Parser.TryParse(text[..length], out double seconds, out _) ? (long)Math.Clamp(seconds * 1000, -Most, Most) : 0;
    }

    private static bool TryMicros((int Year, int Month, int Day, int Hour, int Minute, int Second, int Microsecond) parts, out long micros)
    {
        micros = 0;
        if (parts.Year < 1 || parts.Month < 1 || parts.Day < 1 || parts.Month > 12 || parts.Day > DateTime.DaysInMonth(parts.Year, parts.Month))
            return false;
        var days = (new DateTime(parts.Year, parts.Month, parts.Day, 0, 0, 0, DateTimeKind.Utc) - DateTime.UnixEpoch).Days;
        micros = ((days * 86_400L) + (parts.Hour * 3_600L) + (parts.Minute * 60L) + parts.Second) * MicrosPerSecond + parts.Microsecond;
        return true;
    }

    private static int WriteMicros(long micros, scoped Span<byte> target)
    {
        ((decimal)micros / MicrosPerSecond).TryFormat(target, out var written, "0.######", CultureInfo.InvariantCulture);
        return written;
    }
}
