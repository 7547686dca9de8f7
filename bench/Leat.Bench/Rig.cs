using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Leat.Demo;
using Leat.Tests;

namespace Leat.Bench;

/// <summary>Runs the whole measurement: limit and capture in turn on the same server and files, then latency; prints medians and spread.</summary>
internal static partial class Rig
{
    private const int Rounds = 5;

    private static readonly string Self = Path.Combine(AppContext.BaseDirectory, "Leat.Bench");

    public static async Task<int> Run(string[] args)
    {
        var rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : Rounds;
        var folder = Directory.CreateTempSubdirectory("leat-bench-").FullName;
        try
        {
            await using var source = await PrivateMariaDb.StartAsync(
                new()
                {
                    Folder = Path.Combine(folder, "source"),
                    Arguments =
                    [
                        "--max-binlog-size=1G", "--sync-binlog=0", "--innodb-flush-log-at-trx-commit=2", "--binlog-row-metadata=NO_LOG",
                        "--innodb-buffer-pool-size=512M",
                    ],
                },
                CancellationToken.None);
            await using var redis = await PrivateRedis.StartAsync(new() { Folder = Path.Combine(folder, "redis") }, CancellationToken.None);
            Say("loading the workload");
            var parts = await LoadAsync(source);
            var rawdump = Path.Combine(folder, "rawdump");
            Measured("cc", ["-O2", "-o", rawdump, Repository.Path("bench/rawdump/rawdump.c")]);
            foreach (var part in parts)
                ComparePart(part, rounds, rawdump, source, folder);
            await LatencyAsync(source, redis, folder);
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<Part[]> LoadAsync(PrivateMariaDb source)
    {
        async Task<string> At() => (await source.QueryAsync("SHOW MASTER STATUS", CancellationToken.None))[0][0];
        await source.ExecuteAsync("CREATE USER limit_reader@'127.0.0.1' IDENTIFIED VIA mysql_native_password USING ''; GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO limit_reader@'127.0.0.1';" +
            "CREATE USER leat@'127.0.0.1' IDENTIFIED BY 'bench'; GRANT ALL ON *.* TO leat@'127.0.0.1';", CancellationToken.None);
        await source.ExecuteAsync(await File.ReadAllTextAsync(Repository.Path("bench/workload/01-schema.sql")), CancellationToken.None);
        await source.ExecuteAsync("CREATE TABLE bench.lat (id BIGINT NOT NULL PRIMARY KEY, sent_us BIGINT NOT NULL, body VARCHAR(200) NOT NULL)", CancellationToken.None);

        var parts = new List<Part>();
        foreach (var (name, rows, call) in new[] { ("orders", 1_600_000, "CALL gen_orders(1000000, 500000, 100000)"), ("small", 200_000, "CALL gen_small(200000)") })
        {
            await source.ExecuteAsync("FLUSH BINARY LOGS", CancellationToken.None);
            var (file, from) = (await At(), await GtidAsync(source));
            await source.ExecuteAsync($"USE bench; {call};", CancellationToken.None);
            parts.Add(new(name, rows, file, from, await GtidAsync(source)));
        }

        await source.ExecuteAsync("FLUSH BINARY LOGS", CancellationToken.None);
        return [.. parts];
    }

    private static async Task<string> GtidAsync(PrivateMariaDb source) =>
        (await source.QueryAsync("SELECT @@GLOBAL.gtid_binlog_pos", CancellationToken.None))[0][0];

    private static void ComparePart(Part part, int rounds, string rawdump, PrivateMariaDb source, string folder)
    {
        var port = source.Port.ToString(CultureInfo.InvariantCulture);
        var (limit, peer, capture, warm) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        var (memory, cpu) = (new List<double>(), new List<double>());
        for (var round = 0; round <= rounds; round++)
        {
            var log = Path.Combine(folder, $"log-{part.Name}-{round}");
            var floor = Measured(rawdump, ["127.0.0.1", port, "limit_reader", part.File]);

            // The server's own reader, decoding every row into text that nobody keeps: no log, no checksum of its own.
            var text = Measured("/bin/sh", ["-c", $"exec mariadb-binlog --no-defaults -h 127.0.0.1 -P {port} -u limit_reader --read-from-remote-server -v --base64-output=decode-rows {part.File} >/dev/null"]);
            var ours = Capture(part, port, log);
            WarmMemory();
            var warmed = Capture(part, port, log);
            if (round == 0)
                continue; // the first round warms the page cache
            limit.Add(part.Rows / floor.Seconds);
            peer.Add(part.Rows / text.Seconds);
            capture.Add(part.Rows / ours.Seconds);
            warm.Add(part.Rows / warmed.Seconds);
            memory.Add(ours.PeakMiB);
            cpu.Add(ours.CpuSeconds * 1e6 / part.Rows);
            Say($"{part.Name} round {round}: limit {floor.Seconds:F2} s, mariadb-binlog {text.Seconds:F2} s, capture {ours.Seconds:F2} s ({ours.Output.Trim()}), with warm memory {warmed.Seconds:F2} s ({warmed.Output.Trim()})");
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"| {part.Name} | {Spread(limit)} | {Spread(peer)} | {Spread(capture)} | {Median(capture) / Median(limit):P0} | {Spread(warm)} | {Median(cpu):F2} | {Median(memory):F0} |"));
    }

    private static Measurement Capture(Part part, string port, string log)
    {
        var ours = Measured(Self, ["capture", "127.0.0.1", port, "leat", "bench", part.From, part.Until, "bench.orders,bench.sbtest,bench.marker", log]);
        Directory.Delete(log, recursive: true);
        var rows = RowsPattern().Match(ours.Output);
        return rows.Success && int.Parse(rows.Groups[1].Value, CultureInfo.InvariantCulture) == part.Rows + 1
            ? ours
            : throw new InvalidOperationException($"{part.Name}: expected {part.Rows + 1} rows, got: {ours.Output}");
    }

    // A virtual machine may hand free pages back to its host, and then each page of a new file costs a fault there, twice what everything else costs.
    // Pages that were just in use are still its own, as those of a machine that shares its memory with nobody.
    private static unsafe void WarmMemory()
    {
        const nuint Bytes = 1536u << 20;
        var pages = (byte*)NativeMemory.Alloc(Bytes);
        for (nuint at = 0; at < Bytes; at += 4096)
            pages[at] = 1;
        NativeMemory.Free(pages);
    }

    private static async Task LatencyAsync(PrivateMariaDb source, PrivateRedis redis, string folder)
    {
        var file = Path.Combine(folder, "latency.yaml");
        await File.WriteAllTextAsync(file, $$"""
            sources:
              bench: { mysql: { host: 127.0.0.1, port: {{source.Port}}, user: leat, password: "${env:LEAT_BENCH_PASSWORD}", tables: [bench.lat], snapshot: never } }
            pipelines:
              latency: { from: bench, tables: { lat: bench.lat }, sink: { redis: { address: "{{redis.Address}}", key: "lat:{id}" } } }
            log: { folder: "{{Path.Combine(folder, "latency-log")}}" }
            """);
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "leat"), ["run", file, "--port", "0", "--log-level", "warning"]) { RedirectStandardOutput = true };
        start.Environment["LEAT_BENCH_PASSWORD"] = "bench";
        using var leat = Process.Start(start)!;
        try
        {
            // The pipeline is there when a row arrives; the first run also warms the code up.
            var arguments = new[] { "latency", "127.0.0.1", source.Port.ToString(CultureInfo.InvariantCulture), "leat", "bench", "127.0.0.1", redis.Port.ToString(CultureInfo.InvariantCulture), "1000" };
            await Task.Delay(TimeSpan.FromSeconds(3));
            Measured(Self, [.. arguments, "5"]);
            for (var run = 0; run < 3; run++)
                Console.WriteLine(Measured(Self, [.. arguments, "15"]).Output.Trim());
            var status = await File.ReadAllTextAsync($"/proc/{leat.Id}/status");
            Console.WriteLine(string.Join("; ", status.Split('\n').Where(line => line.StartsWith("VmRSS", StringComparison.Ordinal) || line.StartsWith("VmHWM", StringComparison.Ordinal))));
        }
        finally
        {
            leat.Kill(entireProcessTree: true);
            await leat.WaitForExitAsync();
        }
    }

    private static Measurement Measured(string program, string[] arguments)
    {
        // GNU time gives wall, CPU and peak memory of the child alone.
        var command = new ProcessStartInfo("/usr/bin/env", ["time", "-f", "%e %U %S %M", program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        var begin = Stopwatch.GetTimestamp();
        using var process = Process.Start(command)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        var error = errors.GetAwaiter().GetResult();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {error}");
        var figures = error.Trim().Split('\n')[^1].Split(' ').Select(figure => double.Parse(figure, CultureInfo.InvariantCulture)).ToArray();
        return new(seconds, figures[1] + figures[2], figures[3] / 1024, output);
    }

    private static double Median(List<double> values) => values.Order().ElementAt(values.Count / 2);

    private static string Spread(List<double> values) =>
        string.Create(CultureInfo.InvariantCulture, $"{Median(values):N0} ({values.Min():N0}–{values.Max():N0})");

    private static void Say(string text) => Console.Error.WriteLine(text);

    [GeneratedRegex(@"rows=(\d+)")]
    private static partial Regex RowsPattern();

    private sealed record Part(string Name, int Rows, string File, string From, string Until);

    private sealed record Measurement(double Seconds, double CpuSeconds, double PeakMiB, string Output);
}
