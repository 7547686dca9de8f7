using System.Globalization;

namespace Leat.Changes.Configuration;

/// <summary>Times and sizes as written in configuration files: a number and its unit, nothing between.</summary>
public static class Units
{
    private static readonly (string Unit, long Milliseconds)[] Times =
        [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

    private static readonly (string Unit, long Bytes)[] Sizes = [("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("B", 1)];

    /// <summary>Reads <c>200ms</c>, <c>5s</c>, <c>2m</c>, <c>1h</c>, <c>1d</c>.</summary>
    public static bool TryDuration(string text, out TimeSpan value)
    {
        foreach (var (unit, milliseconds) in Times)
        {
            if (TryNumber(text, unit, out var number) && number <= long.MaxValue / TimeSpan.TicksPerMillisecond / milliseconds)
            {
                value = TimeSpan.FromMilliseconds(number * milliseconds);
                return true;
            }
        }

        value = default;
        return false;
    }

    /// <summary>Reads <c>512B</c>, <c>64KiB</c>, <c>5MiB</c>, <c>1GiB</c>.</summary>
    public static bool TrySize(string text, out long value)
    {
        foreach (var (unit, bytes) in Sizes)
        {
            if (TryNumber(text, unit, out var number) && number <= long.MaxValue / bytes)
            {
                value = number * bytes;
                return true;
            }
        }

        value = 0;
        return false;
    }

    /// <summary>Writes a time with the largest unit that divides it.</summary>
    public static string Format(TimeSpan time)
    {
        var milliseconds = (long)time.TotalMilliseconds;
        var (unit, size) = Times.Last(pair => milliseconds % pair.Milliseconds == 0 && (milliseconds >= pair.Milliseconds || pair.Milliseconds == 1));
        return string.Create(CultureInfo.InvariantCulture, $"{milliseconds / size}{unit}");
    }

    /// <summary>Writes a size with the largest unit that divides it.</summary>
    public static string FormatSize(long bytes)
    {
        var (unit, size) = Sizes.First(pair => bytes % pair.Bytes == 0 && (bytes >= pair.Bytes || pair.Bytes == 1));
        return string.Create(CultureInfo.InvariantCulture, $"{bytes / size}{unit}");
    }

    /// <summary>Writes a size for people, in the largest unit that leaves at least one, with one decimal: <c>1.5GiB</c>, <c>312.0MiB</c>, <c>17B</c>.</summary>
    public static string About(long bytes)
    {
        var (unit, size) = Sizes.First(pair => bytes >= pair.Bytes || pair.Bytes == 1);
        return size == 1 ? FormattableString.Invariant($"{bytes}{unit}") : FormattableString.Invariant($"{(double)bytes / size:F1}{unit}");
    }

    private static bool TryNumber(string text, string unit, out long number)
    {
        number = 0;
        return text.EndsWith(unit, StringComparison.Ordinal)
            && long.TryParse(text.AsSpan(0, text.Length - unit.Length), NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }
}
