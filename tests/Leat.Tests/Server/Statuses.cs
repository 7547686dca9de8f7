using Leat.Log;
using Leat.Pipeline.Status;

namespace Leat.Tests.Server;

/// <summary>States of an engine with every field set.</summary>
internal static class Statuses
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    public static EngineStatus Live { get; } = new("0.1.0", Noon.AddMinutes(-5), Noon,
    [
        new()
        {
            Name = "shop", State = RunState.Live, Position = "{\"gtid\":\"0-1-42\"}", EndOffset = 1_200, ReadableOffset = 1_200, Changes = 1_000,
            Transactions = 250, ChangesPerSecond = 120.5, LastHeardAt = Noon, LastChangeAt = Noon.AddSeconds(-1),
            Stream = new()
            {
                Bytes = 4_096_000, StartOffset = 200, OldestAt = Noon.AddDays(-1), Epoch = 1, Intake = Intake.OverQuota, DeletedBytes = 1_024,
                Holds = [new("pipeline cache", 1_199, 1)],
            },
        },
    ],
    [
        new()
        {
            Name = "cache", Source = "shop", Sink = "redis", State = RunState.Live, Checkpoint = 1_199, LagRows = 1, LagMs = 4.25, LatencyP50Ms = 3,
            LatencyP99Ms = 18, RowsPerSecond = 119.9, LastChange = "update orders 17", LastOutcomeAt = Noon,
            Accounting = new(1_000, 10, 990, 995, 990, 1, 2, 1, 1), Lanes = [new(0, 1, 1_199, 0)],
        },
    ])
    {
        Log = new("/var/lib/leat", 3, []),
    };

    public static EngineStatus Troubled { get; } = Live with
    {
        Log = new("/var/lib/leat", 2, [new("shop", 2006, "00000000000000000000.log is damaged.", "Run 'leat log verify shop'.")]),
        Sources = [Live.Sources[0] with { State = RunState.CatchingUp, Snapshot = new("shop.orders", 1, 4, 5_000, 20_000), Unverified = [new("shop.odd", "it was altered in a way that is not known")] }],
        Pipelines =
        [
            Live.Pipelines[0] with { State = RunState.Retrying, Reason = "Redis at 127.0.0.1:6379 is not there. It is tried again. [LEAT-4201]", LagRows = 15_000, LagMs = 95_000 },
            Live.Pipelines[0] with { Name = "copy", Sink = "mysql", State = RunState.Blocked, Reason = "Wrong password. Set the right one. [LEAT-4101]" },
            Live.Pipelines[0] with { Name = "files", Sink = "jsonlines", State = RunState.Starting, RowsPerSecond = 0, LastChange = null },
        ],
    };
}
