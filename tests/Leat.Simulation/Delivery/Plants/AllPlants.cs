using Leat.Changes;
using Leat.Log;
using Leat.Simulation.Log;

namespace Leat.Simulation.Delivery.Plants;

/// <summary>Known ways to get delivery wrong, each of which the simulation must notice. Planted between the engine and what it stands on: the engine itself has no switch for any.</summary>
internal static class AllPlants
{
    public static SortedDictionary<string, DeliveryPlant> ByName { get; } = new(StringComparer.Ordinal)
    {
        ["counts an outcome before the target has answered"] = Lanes(lane => new LaneBugs.AnswersAhead(lane)) with { Rows = 50, Parts = 50 },
        ["takes a lost answer for a refusal"] = Lanes(lane => new LaneBugs.LostIsRefused(lane)) with { Rows = 50, Documents = 100, Parts = 50 },
        ["takes a lost answer for success"] = Lanes(lane => new LaneBugs.LostIsApplied(lane)) with { Rows = 50, Documents = 100, Parts = 50 },
        ["lets a later write overtake a repeated one"] = Lanes(lane => new LaneBugs.RetriesOvertaken(lane)) with { Rows = 100, Documents = 100, Parts = 100 },
        ["gives each operation the answer of the next"] = Lanes(lane => new LaneBugs.AnswersShifted(lane)) with { Rows = 50, Parts = 50 },
        ["drops what is to be sent again"] = Lanes(lane => new LaneBugs.RetriesDropped(lane)) with { Rows = 50, Documents = 100, Parts = 50 },
        ["takes what it set aside for written"] = Lanes(lane => new LaneBugs.RefusalsSwallowed(lane)) with { Rows = 200, Documents = 200, Parts = 200 },
        ["sends a request in the wrong order"] = Lanes(lane => new LaneBugs.Reversed(lane)) with { Rows = 50, Documents = 50, Parts = 50 },
        ["believes that a lane is further than it is"] = Lanes(lane => new LaneBugs.CommittedAhead(lane)) with
        {
            Rows = 200, Documents = 500, Parts = 200, Scenario = static one => one with { Target = TargetKind.Keeping, SyncsLate = false },
        },
        ["deletes nothing"] = Lanes(lane => new LaneBugs.DeletesDropped(lane)) with { Rows = 50, Documents = 50, Parts = 50 },
        ["forgets what a truncate removes"] = Sinks(sink => new SinkBugs.NothingRead(sink)) with { Rows = 100, Documents = 500, Parts = 100 },
        ["lets a unique value be taken before it is free"] = Sinks(sink => new SinkBugs.ConflictsIgnored(sink)) with { Rows = 200, Scenario = static one => one with { Lanes = 4 } },
        ["writes its marker once only"] = Disasters(sink => new SinkBugs.MarkerOnce(sink)) with { Rows = 500, Documents = 500, Parts = 500 },
        ["writes no marker"] = Disasters(sink => new SinkBugs.NoMarker(sink)) with { Rows = 100, Documents = 100, Parts = 100 },
        ["believes every marker to be its own"] = Disasters(sink => new SinkBugs.MarkerBelieved(sink)) with { Rows = 500, Documents = 500, Parts = 500 },
        ["keeps its epoch when another log has written"] = Disasters(sink => new SinkBugs.EpochKept(sink)) with { Rows = 1_000, Documents = 1_000 },
        ["says that a file is delivered further than it is"] = Sinks(sink => new SinkBugs.CheckpointAhead(sink)) with { Rows = 100 },
        ["sends the documents of a transaction that has not ended"] = Sources(source => new SourceBugs.Torn(source)) with { Documents = 50 },
        ["takes a source for told that tells more"] = Sources(source => new SourceBugs.Hasty(source)) with { Documents = 500 },
        ["forgets that a table was emptied"] = Sources(source => new SourceBugs.NeverEmptied(source)) with { Rows = 100, Documents = 200, Parts = 100 },
        ["counts dead letters before they are durable"] = Files(".deadletters-") with { Rows = 2_000, Parts = 2_000 },
        ["counts its own rows before they are durable"] = Files(".state-") with { Documents = 2_000 },
        ["writes whole rows where others own fields"] = Sinks(sink => new SinkBugs.PartsForgotten(sink)) with { Parts = 50 },
    };

    private static DeliveryPlant Lanes(Func<ISinkLane, ISinkLane> wrap) => Sinks(sink => new SinkBugs.LanesPlanted(sink, wrap));

    private static DeliveryPlant Sinks(Func<ISink, ISink> wrap) => new() { Sink = wrap };

    private static DeliveryPlant Sources(Func<ISource, ISource> wrap) => new() { Source = wrap };

    private static DeliveryPlant Disasters(Func<ISink, ISink> wrap) => Sinks(wrap) with
    {
        Scenario = static one => one.Target == TargetKind.Lines || one.IsUnique ? one : one with { Disasters = 80, Rounds = 4 },
    };

    private static DeliveryPlant Files(string part) => new()
    {
        Disk = disk => new LyingFiles(disk, path => PlantedBugs.IsSegment(path) && path.Contains(part, StringComparison.Ordinal), file => new NoSync(file)),
        Scenario = scenario => scenario.Target == TargetKind.Lines ? scenario : scenario with { Poison = 20, Deaths = 90, IsWhole = false },
    };

    private sealed class NoSync(IDiskFile file) : LyingFile(file)
    {
        public override void SyncData()
        {
            // That is the bug.
        }
    }
}
