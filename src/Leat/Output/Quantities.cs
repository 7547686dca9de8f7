using System.Globalization;
using Leat.Changes.Configuration;

namespace Leat.Output;

/// <summary>Numbers, sizes and times as people read them, the same on every machine.</summary>
internal static class Quantities
{
    /// <summary>A number with thousands set apart: <c>1,234</c>.</summary>
    public static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>A number and its noun: <c>1 batch</c>, <c>1,234 batches</c>.</summary>
    public static string Count(long value, string one, string many) => $"{Number(value)} {(value == 1 ? one : many)}";

    /// <summary>A size in the unit that suits it: <c>12.3MiB</c>.</summary>
    public static string Size(long bytes) => Units.About(bytes);

    /// <summary>A time in UTC to the second, a dash for none.</summary>
    public static string Time(DateTimeOffset? time) => time?.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) ?? "-";

    /// <summary>A time in UTC to the millisecond, in the form of ISO 8601.</summary>
    public static string Iso(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
}
