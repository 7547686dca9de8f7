namespace Leat.Changes;

/// <summary>Packs dates and times losslessly, zero and partial dates included. All layouts: docs/formats/change.md.</summary>
public static class Temporal
{
    /// <summary>MySQL's <c>0000-00-00 00:00:00</c> in a Timestamp column.</summary>
    public const long ZeroTimestamp = long.MinValue;

    /// <summary>Packs a date: year 0 to 9999 at bit 9, month 0 to 12 at bit 5, day 0 to 31 at bit 0.</summary>
    public static uint Date(int year, int month, int day) => (uint)(year << 9 | month << 5 | day);

    /// <summary>Packs a date and time: <see cref="Date"/> at bit 37, hour at 32, minute at 26, second at 20, microsecond at 0.</summary>
    public static ulong DateTime(int year, int month, int day, int hour, int minute, int second, int microsecond) =>
        (ulong)Date(year, month, day) << 37 | (ulong)(uint)hour << 32 | (ulong)(uint)minute << 26 | (ulong)(uint)second << 20 | (uint)microsecond;

    /// <summary>Takes a packed date apart.</summary>
    public static (int Year, int Month, int Day) SplitDate(uint packed) => ((int)(packed >> 9), (int)(packed >> 5 & 15), (int)(packed & 31));

    /// <summary>Takes a packed date and time apart.</summary>
    public static (int Year, int Month, int Day, int Hour, int Minute, int Second, int Microsecond) SplitDateTime(ulong packed)
    {
        var (year, month, day) = SplitDate((uint)(packed >> 37));
        return (year, month, day, (int)(packed >> 32 & 31), (int)(packed >> 26 & 63), (int)(packed >> 20 & 63), (int)(packed & 0xFFFFF));
    }
}
