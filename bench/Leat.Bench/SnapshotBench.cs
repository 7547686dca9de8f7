using System.Diagnostics;
using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Leat.Demo;
using Leat.Log;
using Leat.Log.Posix;
using Leat.Pipeline.Capture;
using Leat.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Bench;

/// <summary>How fast a table is read beside the stream into the synced log, with one reader and with two; and how fast two connections read it and drop it.</summary>
internal static class SnapshotBench
{
    /// <summary><c>[ROUNDS]</c>: starts a private server, loads the orders table of the workload (900,000 rows are left), and prints rows a second.</summary>
    public static async Task Run(string[] args)
    {
        var rounds = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 5;
        var folder = Directory.CreateTempSubdirectory("leat-bench-").FullName;
        try
        {
            await using var server = await PrivateMariaDb.StartAsync(
                new() { Folder = Path.Combine(folder, "source"), Arguments = ["--sync-binlog=0", "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=512M"] },
                CancellationToken.None);
            await server.ExecuteAsync("CREATE USER leat@'127.0.0.1' IDENTIFIED BY 'bench'; GRANT ALL ON *.* TO leat@'127.0.0.1';", CancellationToken.None);
            await server.ExecuteAsync(await File.ReadAllTextAsync(Repository.Path("bench/workload/01-schema.sql")), CancellationToken.None);
            await server.ExecuteAsync("USE bench; CALL gen_orders(1000000, 500000, 100000);", CancellationToken.None);
            var endpoint = new MySqlEndpoint { Host = "127.0.0.1", Port = server.Port, User = "leat", Password = "bench" };
            for (var round = 0; round <= rounds; round++)
            {
                var limit = await DropAsync(endpoint);
                var one = await CaptureAsync(endpoint, readers: 1, Path.Combine(folder, $"one-{round}"));
                var two = await CaptureAsync(endpoint, readers: 2, Path.Combine(folder, $"two-{round}"));
                Console.WriteLine(string.Create(
                    CultureInfo.InvariantCulture, $"round {round}: rows/s limit={limit:F0} one={one:F0} two={two:F0} peak={Environment.WorkingSet >> 20}MiB"));
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<double> CaptureAsync(MySqlEndpoint endpoint, int readers, string folder)
    {
        var options = new MySqlSourceOptions { Endpoint = endpoint, Tables = [new("bench", "orders")], SnapshotReaders = readers };
        await using var source = new MySqlSource(options, new("bench", NullLoggerFactory.Instance, TimeProvider.System));
        var until = await source.CurrentPositionAsync(CancellationToken.None);
        long changes;
        double seconds;
        using (var log = LogDirectory.Open(folder, new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance))
        {
            var runner = CaptureRunner.Open("bench", source, log, TimeProvider.System, NullLoggerFactory.Instance);
            var begin = Stopwatch.GetTimestamp();
            await runner.RunAsync(until, CancellationToken.None);
            seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
            changes = runner.Changes;
        }

        Directory.Delete(folder, recursive: true);
        return changes / seconds;
    }

    // The same bytes over the same connections, one half of the table each, and nothing done with them.
    private static async Task<double> DropAsync(MySqlEndpoint endpoint)
    {
        var begin = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(
            Task.Run(() => CountAsync(endpoint, "id <= 450000")), Task.Run(() => CountAsync(endpoint, "id > 450000")));
        return counts.Sum() / Stopwatch.GetElapsedTime(begin).TotalSeconds;
    }

    private static async Task<long> CountAsync(MySqlEndpoint endpoint, string where)
    {
        await using var connection = await MySqlConnection.OpenAsync(endpoint, TimeProvider.System, CancellationToken.None);
        await using var rows = await connection.QueryAsync($"SELECT * FROM bench.orders WHERE {where}", CancellationToken.None);
        var count = 0L;
        while (await rows.ReadRowAsync(CancellationToken.None))
            count++;
        return count;
    }
}
