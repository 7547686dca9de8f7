using Leat.Bench;

var rest = args.Length > 0 ? args[1..] : [];
switch (args.FirstOrDefault())
{
    case "rig":
        return await Rig.Run(rest);
    case "latency":
        await LatencyBench.Run(rest);
        return 0;
    case "bulk":
        await BulkBench.Run(rest);
        return 0;
    case "bulk-latency":
        await BulkBench.RunLatency(rest);
        return 0;
    case "bulk-encode":
        BulkEncodeBench.Run(rest);
        return 0;
    case "decode":
        await CaptureBench.Run(rest);
        return 0;
    case "capture":
        await PipelineBench.Run(rest);
        return 0;
    case "large":
        await LargeBench.Run(rest);
        return 0;
    case "log":
        await LogBench.Run(rest);
        return 0;
    case "log-steady":
        await LogSteadyBench.Run(rest);
        return 0;
    case "log-partitions":
        await LogStartBench.Run(rest);
        return 0;
    case "log-partitions-open":
        LogStartBench.Measure(rest[0]);
        return 0;
    case "log-paced":
        await LogPacedBench.Run(rest);
        return 0;
    case "log-read":
        await LogReadBench.Run(rest);
        return 0;
    case "log-state":
        await StateBench.Run(rest);
        return 0;
    case "document":
        DocumentBench.Run(rest);
        return 0;
    case "shape":
        DocumentBench.RunShape(rest);
        return 0;
    case "snapshot":
        await SnapshotBench.Run(rest);
        return 0;
    case "upsert":
        await UpsertBench.Run(rest);
        return 0;
    case "upsert-pg":
        await UpsertPgBench.Run(rest);
        return 0;
    case "engine":
        await SyntheticBench.Run(rest);
        return 0;
    default:
        Console.Error.WriteLine("usage: Leat.Bench rig | latency HOST PORT USER PASSWORD REDIS-HOST REDIS-PORT RATE SECONDS | bulk [THOUSANDS [ROUNDS]] | bulk-latency [RATE [SECONDS]] | bulk-encode [THOUSANDS] | decode … | capture … | large GIB FOLDER | log [FOLDER] | log-steady [FOLDER] | log-paced [FOLDER] | log-read [FOLDER] | log-state [FOLDER] | log-partitions [FOLDER] | document [THOUSANDS] | shape [THOUSANDS] | snapshot [ROUNDS] | upsert [ROWS] [ROUNDS] [BATCH] | upsert-pg HOST PORT USER DATABASE [ROWS] [ROUNDS] [BATCH] | engine ROWS ROWS-PER-TRANSACTION LANES FOLDER  (bench/README.md)");
        return 2;
}
