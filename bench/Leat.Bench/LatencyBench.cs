using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Leat.Connectors.MySql.Wire;

namespace Leat.Bench;

/// <summary>From just before an INSERT is sent until Redis executes the write of that row, at a fixed rate of single-row transactions.</summary>
/// <remarks>
/// The row carries the microsecond at which it was sent; Redis's <c>MONITOR</c> prints each command with the microsecond at which it
/// ran, so no clock of the watcher is in the figure. Source, Leat, Redis and this program share one machine and one clock.
/// </remarks>
internal static class LatencyBench
{
    public static async Task Run(string[] args)
    {
        var endpoint = new MySqlEndpoint { Host = args[0], Port = Number(args[1]), User = args[2], Password = args[3] };
        var (rate, seconds) = (Number(args[6]), Number(args[7]));
        var rows = rate * seconds;

        using var monitor = new TcpClient(args[4], Number(args[5])) { NoDelay = true };
        await monitor.GetStream().WriteAsync("MONITOR\r\n"u8.ToArray());
        var watching = Task.Run(() => Watch(monitor.GetStream(), rows));

        var commits = await WriteAsync(endpoint, rate, rows);
        var seen = await watching.WaitAsync(TimeSpan.FromSeconds(30));
        Console.WriteLine($"commit   {Percentiles(commits)}");
        Console.WriteLine($"to redis {Percentiles(seen)}");
    }

    internal static async Task<double[]> WriteAsync(MySqlEndpoint endpoint, int rate, int rows)
    {
        await using var connection = await MySqlConnection.OpenAsync(endpoint, TimeProvider.System, CancellationToken.None);
        var body = new string('x', 150);
        var commits = new double[rows];
        var first = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < rows; i++)
        {
            // The last part of each wait spins: a timer's granularity would make the pace uneven.
            var due = TimeSpan.FromSeconds((double)i / rate);
            while (Stopwatch.GetElapsedTime(start) is var now && now < due)
            {
                if (due - now > TimeSpan.FromMilliseconds(0.4))
                    await Task.Delay(due - now - TimeSpan.FromMilliseconds(0.3) is var wait && wait.TotalMilliseconds >= 1 ? wait : TimeSpan.Zero);
            }

            var sent = (DateTimeOffset.UtcNow.Ticks - DateTimeOffset.UnixEpoch.Ticks) / 10;
            var before = Stopwatch.GetTimestamp();
            await connection.ExecuteAsync(string.Create(CultureInfo.InvariantCulture, $"INSERT INTO bench.lat VALUES ({first * 1000 + i},{sent},'{body}')"), CancellationToken.None);
            commits[i] = Stopwatch.GetElapsedTime(before).TotalMilliseconds;
        }

        return commits;
    }

    private static double[] Watch(NetworkStream stream, int rows)
    {
        // A line: +1700000000.123456 [0 127.0.0.1:1] "HSET" "lat:1" "id" "1" "sent_us" "1700000000123000" …
        var latencies = new List<double>(rows);
        using var reader = new StreamReader(stream, Encoding.Latin1, bufferSize: 1 << 16, detectEncodingFromByteOrderMarks: false);
        while (latencies.Count < rows && reader.ReadLine() is { } line)
        {
            var field = line.IndexOf("\"sent_us\" \"", StringComparison.Ordinal);
            if (field < 0)
                continue;
            var from = field + "\"sent_us\" \"".Length;
            var sent = long.Parse(line.AsSpan(from, line.IndexOf('"', from) - from), CultureInfo.InvariantCulture);
            var dot = line.IndexOf('.', StringComparison.Ordinal);
            var ran = long.Parse(line.AsSpan(1, dot - 1), CultureInfo.InvariantCulture) * 1_000_000 + long.Parse(line.AsSpan(dot + 1, 6), CultureInfo.InvariantCulture);
            latencies.Add((ran - sent) / 1000.0);
        }

        return [.. latencies];
    }

    internal static string Percentiles(double[] values)
    {
        Array.Sort(values);
        double At(double part) => values[Math.Min(values.Length - 1, (int)(values.Length * part))];
        return string.Create(CultureInfo.InvariantCulture,
            $"rows={values.Length} p50={At(0.5):F2}ms p99={At(0.99):F2}ms p999={At(0.999):F2}ms max={values[^1]:F2}ms");
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
