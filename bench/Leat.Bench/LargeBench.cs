using System.Diagnostics;
using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Demo;
using Leat.Log;
using Leat.Log.Posix;
using Leat.Pipeline.Capture;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Bench;

/// <summary>One transaction that is much larger than memory shall be used: captured, and rolled back behind its rows. Prints the most memory that was resident.</summary>
internal static class LargeBench
{
    private const long RowBytes = 1024;

    /// <summary>Arguments: GIB FOLDER. Starts a MariaDB of its own there; takes about five times as much disk.</summary>
    public static async Task Run(string[] args)
    {
        var rows = (long)(double.Parse(args[0], CultureInfo.InvariantCulture) * (1L << 30) / RowBytes);
        var folder = args[1];
        Directory.CreateDirectory(folder);
        await using var server = await PrivateMariaDb.StartAsync(
            new()
            {
                Folder = Path.Combine(folder, "server"),
                Arguments = ["--binlog-row-metadata=FULL", "--innodb-buffer-pool-size=512M", "--innodb-log-file-size=512M", "--max-binlog-size=1G"],
            }, CancellationToken.None);
        await server.ExecuteAsync("CREATE DATABASE large; CREATE TABLE large.t (id INT PRIMARY KEY, v VARBINARY(1100))", CancellationToken.None);
        var fill = string.Create(CultureInfo.InvariantCulture, $"INSERT INTO large.t SELECT seq, REPEAT(MD5(seq), 32) FROM seq_1_to_{rows}");

        await CaptureAsync(server, folder, "rolled back", 0, $"CREATE TEMPORARY TABLE large.tmp (i INT); BEGIN; {fill}; DROP TEMPORARY TABLE large.tmp; ROLLBACK");
        await CaptureAsync(server, folder, "committed", rows, fill);
    }

    private static async Task CaptureAsync(PrivateMariaDb server, string folder, string what, long rows, string sql)
    {
        var options = new MySqlSourceOptions { Endpoint = new() { Host = "127.0.0.1", Port = server.Port, User = "root" }, Tables = [new("large", "t")] };
        await using var source = new MySqlSource(options, new("bench", NullLoggerFactory.Instance, TimeProvider.System));
        var from = await source.CurrentPositionAsync(CancellationToken.None);
        await server.ExecuteAsync($"USE large; {sql}", CancellationToken.None);
        var until = await source.CurrentPositionAsync(CancellationToken.None);
        var written = Directory.EnumerateFiles(server.DataFolder, "*-bin.0*").Concat(Directory.EnumerateFiles(server.DataFolder, "bin.0*")).Sum(file => new FileInfo(file).Length);
        var logFolder = Path.Combine(folder, what.Replace(' ', '-'));
        using var log = LogDirectory.Open(logFolder, new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance);
        var runner = CaptureRunner.Open("bench", source, log, TimeProvider.System, NullLoggerFactory.Instance, from);

        var begin = Stopwatch.GetTimestamp();
        await runner.RunAsync(until, CancellationToken.None);

        var seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        if (runner.Changes != rows)
            throw new InvalidOperationException($"{runner.Changes} changes were captured of {rows}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{what}: changes={runner.Changes} binlog={written >> 20}MiB seconds={seconds:F1} peak={Process.GetCurrentProcess().PeakWorkingSet64 >> 20}MiB allocated={GC.GetTotalAllocatedBytes() >> 20}MiB"));
        Directory.Delete(logFolder, recursive: true);
    }
}
