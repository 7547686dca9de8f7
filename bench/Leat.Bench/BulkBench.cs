using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Leat.Connectors.MySql.Wire;
using Leat.Demo;
using Leat.Tests;

namespace Leat.Bench;

/// <summary>The whole pipeline, MariaDB over the synced log into <c>_bulk</c> requests; bench/sink/sink.c takes them and counts.</summary>
internal static class BulkBench
{
    private const int DefaultThousands = 1_000;
    private const int DefaultRounds = 5;
    private const string Password = "bench";

    private static readonly HttpClient Http = new();

    /// <summary>Arguments: thousands of inserts (and half as many updates, a tenth as many deletes), rounds.</summary>
    public static async Task Run(string[] args)
    {
        var thousands = args.Length > 0 ? Number(args[0]) : DefaultThousands;
        var rounds = args.Length > 1 ? Number(args[1]) : DefaultRounds;
        var changes = thousands * 1600;
        await WithServersAsync(async (folder, source, sinkProgram) =>
        {
            var from = (await source.QueryAsync("SELECT @@GLOBAL.gtid_binlog_pos", CancellationToken.None))[0][0];
            await source.ExecuteAsync(FormattableString.Invariant($"USE bench; CALL gen_orders({thousands * 1000}, {thousands * 500}, {thousands * 100});"), CancellationToken.None);
            for (var round = 1; round <= rounds; round++)
                await MeasureAsync(Path.Combine(folder, $"round-{round}"), source, sinkProgram, from, changes);
        });
    }

    /// <summary>Arguments: rows a second, seconds.</summary>
    public static async Task RunLatency(string[] args)
    {
        var rate = args.Length > 0 ? Number(args[0]) : 1_000;
        var seconds = args.Length > 1 ? Number(args[1]) : 15;
        await WithServersAsync(async (folder, source, sinkProgram) =>
        {
            await source.ExecuteAsync("CREATE TABLE bench.lat (id BIGINT NOT NULL PRIMARY KEY, sent_us BIGINT NOT NULL, body VARCHAR(200) NOT NULL)", CancellationToken.None);
            var latencies = Path.Combine(folder, "latencies");
            var port = FreePorts.Next();
            using var sink = Start(sinkProgram, [Text(port), latencies], null);
            await AnswersAsync(port, sink);
            using var leat = StartLeat(folder, source, port, "bench.lat", "now");
            try
            {
                await CapturesAsync(leat.Status);
                var endpoint = new MySqlEndpoint { Host = "127.0.0.1", Port = source.Port, User = "leat", Password = Password };
                await LatencyBench.WriteAsync(endpoint, rate, rate * 5); // compiles the code
                await UntilAsync(async () => (await StatsAsync(port)).Documents == rate * 5);
                await Http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/reset"));
                var commits = await LatencyBench.WriteAsync(endpoint, rate, rate * seconds);
                await UntilAsync(async () => (await StatsAsync(port)).Documents == rate * seconds);
                await Http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/flush"));
                var seen = (await File.ReadAllLinesAsync(latencies)).Select(line => long.Parse(line, CultureInfo.InvariantCulture) / 1000.0).ToArray();
                Console.WriteLine($"commit   {LatencyBench.Percentiles(commits)}");
                Console.WriteLine($"to _bulk {LatencyBench.Percentiles(seen)}");
                Console.WriteLine(await UsageAsync(leat.Process));
            }
            finally
            {
                await EndAsync(leat.Process);
                await EndAsync(sink);
            }
        });
    }

    private static async Task MeasureAsync(string folder, PrivateMariaDb source, string sinkProgram, string from, int changes)
    {
        Directory.CreateDirectory(folder);
        var port = FreePorts.Next();
        using var sink = Start(sinkProgram, [Text(port)], null);
        await AnswersAsync(port, sink);
        var begin = Stopwatch.GetTimestamp();
        using var leat = StartLeat(folder, source, port, "bench.orders", from);
        try
        {
            // A later write of a document makes an earlier one of the same request needless: the pipeline counts what was delivered.
            await UntilAsync(async () => await DeliveredAsync(leat.Status) == changes);
            var seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            var stats = await StatsAsync(port);
            var usage = await UsageAsync(leat.Process);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"changes={changes} documents={stats.Documents} requests={stats.Requests} MB={stats.Bytes / 1e6:F0} changes/s={changes / stats.Seconds:F0} documents/s={stats.Documents / stats.Seconds:F0} from start={changes / seconds:F0}/s {usage}"));
        }
        finally
        {
            await EndAsync(leat.Process);
            await EndAsync(sink);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task WithServersAsync(Func<string, PrivateMariaDb, string, Task> measure)
    {
        var folder = Directory.CreateTempSubdirectory("leat-bulk-").FullName;
        try
        {
            await using var source = await PrivateMariaDb.StartAsync(
                new()
                {
                    Folder = Path.Combine(folder, "source"),
                    Arguments =
                    [
                        "--max-binlog-size=1G", "--sync-binlog=0", "--innodb-flush-log-at-trx-commit=2", "--binlog-row-metadata=NO_LOG", "--innodb-buffer-pool-size=512M",
                    ],
                },
                CancellationToken.None);
            await source.ExecuteAsync($"CREATE USER leat@'127.0.0.1' IDENTIFIED BY '{Password}'; GRANT ALL ON *.* TO leat@'127.0.0.1';", CancellationToken.None);
            await source.ExecuteAsync(await File.ReadAllTextAsync(Repository.Path("bench/workload/01-schema.sql")), CancellationToken.None);
            var sink = Path.Combine(folder, "sink");
            using (var compiler = Start("cc", ["-O2", "-pthread", "-o", sink, Repository.Path("bench/sink/sink.c")], null))
                await compiler.WaitForExitAsync();
            await measure(folder, source, sink);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Running StartLeat(string folder, PrivateMariaDb source, int sinkPort, string table, string from)
    {
        var file = Path.Combine(folder, "leat.yaml");
        File.WriteAllText(file, $$"""
            sources:
              bench: { mysql: { host: 127.0.0.1, port: {{source.Port}}, user: leat, password: "${env:LEAT_BENCH_PASSWORD}", tables: [{{table}}], snapshot: never, start: "{{from}}" } }
            pipelines:
              bulk: { from: bench, tables: { rows: {{table}} }, sink: { elasticsearch: { url: "http://127.0.0.1:{{sinkPort}}", index: rows } } }
            log: { folder: "{{Path.Combine(folder, "log")}}" }
            """);
        var port = FreePorts.Next();
        return new(
            Start(Path.Combine(AppContext.BaseDirectory, "leat"), ["run", file, "--port", Text(port), "--log-level", "warning"], ("LEAT_BENCH_PASSWORD", Password)),
            new($"http://127.0.0.1:{port}/api/v1/status"));
    }

    private static Process Start(string program, string[] arguments, (string Name, string Value)? variable)
    {
        var start = new ProcessStartInfo(program, arguments);
        if (variable is { } set)
            start.Environment[set.Name] = set.Value;
        return Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
    }

    private static async Task EndAsync(Process process)
    {
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
    }

    private static Task AnswersAsync(int port, Process sink) => UntilAsync(async () =>
    {
        if (sink.HasExited)
            throw new InvalidOperationException("the sink ended");
        return (await StatsAsync(port)).Documents >= 0;
    });

    private static Task CapturesAsync(Uri status) => UntilAsync(async () =>
        await StatusAsync(status) is { } answer && answer.GetProperty("sources")[0].GetProperty("state").GetString() == "live");

    private static async Task<long> DeliveredAsync(Uri status)
    {
        if (await StatusAsync(status) is not { } answer)
            return -1;
        var pipeline = answer.GetProperty("pipelines")[0];
        if (pipeline.GetProperty("state").GetString() == "blocked")
            throw new InvalidOperationException(pipeline.GetRawText());
        var account = pipeline.GetProperty("accounting");
        return account.GetProperty("applied").GetInt64() + account.GetProperty("stale").GetInt64() + account.GetProperty("coalesced").GetInt64();
    }

    private static async Task<JsonElement?> StatusAsync(Uri status)
    {
        try
        {
            using var document = JsonDocument.Parse(await Http.GetStringAsync(status));
            return document.RootElement.Clone();
        }
        catch (HttpRequestException)
        {
            return null; // not listening yet
        }
    }

    private static async Task<Stats> StatsAsync(int port)
    {
        try
        {
            using var document = JsonDocument.Parse(await Http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/stats")));
            long Of(string name) => document.RootElement.GetProperty(name).GetInt64();
            return new(Of("docs"), Of("bulks"), Of("bytes"), (Of("last_us") - Of("first_us")) / 1e6);
        }
        catch (HttpRequestException)
        {
            return new(-1, 0, 0, 0);
        }
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        var begin = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(begin) > TimeSpan.FromMinutes(5))
                throw new TimeoutException("waited in vain for five minutes");
            await Task.Delay(20);
        }
    }

    private static async Task<string> UsageAsync(Process process)
    {
        process.Refresh();
        var status = await File.ReadAllTextAsync($"/proc/{process.Id}/status");
        var peak = status.Split('\n').Single(line => line.StartsWith("VmHWM", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];
        return string.Create(
            CultureInfo.InvariantCulture, $"cpu={process.TotalProcessorTime.TotalSeconds:F2}s peak={int.Parse(peak, CultureInfo.InvariantCulture) / 1024}MiB");
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private sealed record Stats(long Documents, long Requests, long Bytes, double Seconds);

    private sealed record Running(Process Process, Uri Status) : IDisposable
    {
        public void Dispose() => Process.Dispose();
    }
}
