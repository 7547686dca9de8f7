using System.Buffers.Binary;
using Leat.Changes;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>MariaDB's temporal values with a fraction in the format of before 10.1 (<c>mysql56_temporal_format=OFF</c>).</summary>
/// <remarks>
/// Big-endian counts of the smallest unit that the column shows, so that the number of fractional digits has to be known:
/// <code>
/// TIME       units since -838:59:60
/// DATETIME   ((((((year * 13 + month) * 32 + day) * 24 + hour) * 60 + minute) * 60) + second) * units + fraction
/// TIMESTAMP  4 bytes seconds since 1970 UTC, then the fraction
/// </code>
/// Source: MariaDB server, <c>Field_time_hires</c>, <c>Field_datetime_hires</c>, <c>Field_timestamp_hires</c>; proven by TypesTests.
/// </remarks>
internal static class HiresTemporal
{
    private const long ZeroTimeSeconds = 838 * 3600 + 59 * 60 + 60;

    /// <summary>The encoded value.</summary>
    public static ulong Read(in ColumnStep step, ReadOnlySpan<byte> value) => step.Step switch
    {
        Step.HiresTime => (ulong)Time(BigEndian(value), UnitMicros(step.B)),
        Step.HiresDateTime => DateTime(BigEndian(value), UnitMicros(step.B)),
        _ => (ulong)Timestamp(BinaryPrimitives.ReadUInt32BigEndian(value), BigEndian(value[sizeof(uint)..]) * UnitMicros(step.B)),
    };

    private static long Time(ulong units, uint unitMicros)
    {
        var micros = (long)(units * unitMicros) - ZeroTimeSeconds * 1_000_000;
        return Math.Abs(micros) < ZeroTimeSeconds * 1_000_000 ? micros : throw MySqlFormatException.Unexpected("TIME", "less than 839 hours, in microseconds", micros);
    }

    private static ulong DateTime(ulong units, uint unitMicros)
    {
        var perSecond = 1_000_000 / unitMicros;
        var (rest, fraction) = Math.DivRem(units, perSecond);
        (rest, var second) = Math.DivRem(rest, 60ul);
        (rest, var minute) = Math.DivRem(rest, 60ul);
        (rest, var hour) = Math.DivRem(rest, 24ul);
        (rest, var day) = Math.DivRem(rest, 32ul);
        var (year, month) = Math.DivRem(rest, 13ul);
        return Temporal.DateTime((int)Math.Min(year, 9999ul), (int)month, (int)day, (int)hour, (int)minute, (int)second, (int)(fraction * unitMicros));
    }

    private static long Timestamp(uint seconds, ulong micros) => seconds == 0 && micros == 0 ? Temporal.ZeroTimestamp : seconds * 1_000_000L + (long)micros;

    private static uint UnitMicros(byte digits)
    {
        var unit = 1u;
        for (var i = digits; i < 6; i++)
            unit *= 10;
        return unit;
    }

    private static ulong BigEndian(ReadOnlySpan<byte> value)
    {
        ulong all = 0;
        foreach (var one in value)
            all = all << 8 | one;
        return all;
    }
}
