using System.Diagnostics;
using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Log;
using Leat.Log.Posix;
using Leat.Pipeline.Capture;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Bench;

/// <summary>Captures a range of a server's binlog into the synced log, without pipelines.</summary>
internal static class PipelineBench
{
    /// <summary>Arguments: HOST PORT USER PASSWORD FROM-GTID UNTIL-GTID TABLES FOLDER.</summary>
    public static async Task Run(string[] args)
    {
        var context = new ConnectorContext("bench", NullLoggerFactory.Instance, TimeProvider.System);
        var options = new MySqlSourceOptions
        {
            Endpoint = new() { Host = args[0], Port = int.Parse(args[1], CultureInfo.InvariantCulture), User = args[2], Password = args[3] },
            Tables = [.. args[6].Split(',').Select(PatternOf)],
        };
        await using var source = new MySqlSource(options, context);
        var from = await source.ParsePositionAsync(args[4], CancellationToken.None);
        var until = await source.ParsePositionAsync(args[5], CancellationToken.None);
        using var log = LogDirectory.Open(args[7], new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance);
        var runner = CaptureRunner.Open("bench", source, log, TimeProvider.System, NullLoggerFactory.Instance, from);

        var begin = Stopwatch.GetTimestamp();
        await runner.RunAsync(until, CancellationToken.None);
        var seconds = Stopwatch.GetElapsedTime(begin).TotalSeconds;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"rows={runner.Changes} seconds={seconds:F3} rows/s={runner.Changes / seconds:F0} end={runner.Stream.EndOffset} collections={GC.CollectionCount(0)} allocated={GC.GetTotalAllocatedBytes() >> 20}MiB"));
    }

    private static TablePattern PatternOf(string text) =>
        TablePattern.TryParse(text, out var pattern) ? pattern : throw new ArgumentException($"'{text}' is not database.table.", nameof(text));
}
