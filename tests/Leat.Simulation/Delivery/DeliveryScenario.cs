using Leat.Log;

namespace Leat.Simulation.Delivery;

/// <summary>What is delivered.</summary>
internal enum DeliveryKind
{
    /// <summary>Rows, as they are.</summary>
    Rows,

    /// <summary>Documents that are made of the rows of several tables.</summary>
    Documents,

    /// <summary>Parts of documents, each of which a table writes for itself.</summary>
    Parts,
}

/// <summary>How a target keeps what it is given.</summary>
internal enum TargetKind
{
    /// <summary>By version, as Elasticsearch: what is older than what it holds is stale.</summary>
    Versioned,

    /// <summary>By key, as Redis: the last write wins; a request may be done in part.</summary>
    Replacing,

    /// <summary>By transaction, as SQL: a request is done as a whole, together with the lane's offset.</summary>
    Keeping,

    /// <summary>One line after another, as files.</summary>
    Lines,
}

/// <summary>How a process ends.</summary>
internal enum Ending
{
    /// <summary>In order.</summary>
    Stop,

    /// <summary>Killed; the machine goes on.</summary>
    Kill,

    /// <summary>The machine loses its power: what was not synced is gone, or not.</summary>
    PowerCut,
}

/// <summary>What can happen to a target or to the log while no process runs.</summary>
internal enum Disaster
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>The target is as new.</summary>
    TargetEmptied,

    /// <summary>The target is put back to what it held earlier.</summary>
    TargetRestored,

    /// <summary>The log's folder is gone; the source is read from its beginning.</summary>
    LogLost,

    /// <summary>The log's folder is put back to what it was earlier.</summary>
    LogRestored,
}

/// <summary>Places of the protocol at which a process may be killed.</summary>
internal enum KillPoint
{
    /// <summary>Anywhere.</summary>
    AnyStep,

    /// <summary>A request is made, nothing is sent.</summary>
    BeforeSend,

    /// <summary>A part of a request is done.</summary>
    PartlyApplied,

    /// <summary>All of it is done, and nothing answered.</summary>
    Applied,

    /// <summary>Answered, and the outcome not recorded.</summary>
    Answered,

    /// <summary>A dead letter is about to be written.</summary>
    BeforeDeadLetter,

    /// <summary>A dead letter is written, not synced.</summary>
    DeadLetterWritten,

    /// <summary>A dead letter is synced.</summary>
    DeadLetterSynced,

    /// <summary>A checkpoint is about to be written.</summary>
    BeforeCheckpoint,

    /// <summary>A checkpoint is written, not synced.</summary>
    CheckpointWritten,

    /// <summary>A checkpoint is synced.</summary>
    CheckpointSynced,

    /// <summary>The target's marker is written, and nothing answered.</summary>
    MarkerWritten,

    /// <summary>Rows of documents, or a marker, are about to be written.</summary>
    BeforeState,

    /// <summary>They are written, not synced.</summary>
    StateWritten,

    /// <summary>They are synced.</summary>
    StateSynced,

    /// <summary>Changes are written, not synced.</summary>
    ChangesWritten,
}

/// <summary>Which faults there are in one run, and how many: chosen by its seed. Everything else is decided by the dice of the same seed.</summary>
/// <remarks>Rates are per mille of requests, of operations where it says so. 0: there is no such fault, so that many runs have one kind only.</remarks>
internal sealed record DeliveryScenario
{
    public required ulong Seed { get; init; }

    public DeliveryKind Kind { get; init; }

    public required TargetKind Target { get; init; }

    public int Lanes { get; init; } = 1;

    public int BatchOperations { get; init; } = 20;

    /// <summary>Whether the stream is synced at intervals, so that a power cut takes what was read already.</summary>
    public bool SyncsLate { get; init; }

    /// <summary>Out of how many things that could happen now the next is chosen.</summary>
    public int Disorder { get; init; } = 1;

    /// <summary>Times that the process ends before the last.</summary>
    public int Rounds { get; init; } = 3;

    /// <summary>Transactions of each round.</summary>
    public int Transactions { get; init; } = 30;

    /// <summary>Endings that are no stops, percent; half of them power cuts.</summary>
    public int Deaths { get; init; }

    /// <summary>Whether the machine can lose its power.</summary>
    public bool LosesPower { get; init; } = true;

    /// <summary>Longest time that a request takes, ms.</summary>
    public int Delay { get; init; }

    /// <summary>Connections that break before anything is done.</summary>
    public int BreaksBefore { get; init; }

    /// <summary>Connections that break in the middle.</summary>
    public int BreaksWithin { get; init; }

    /// <summary>Connections that break after everything is done: the answer is lost.</summary>
    public int BreaksAfter { get; init; }

    /// <summary>Conditions that a person has to lift.</summary>
    public int Pauses { get; init; }

    /// <summary>Faults that the sink did not name.</summary>
    public int Faults { get; init; }

    /// <summary>Operations that are to be sent again.</summary>
    public int Retries { get; init; }

    /// <summary>Requests for which the target has too much to do.</summary>
    public int Busy { get; init; }

    /// <summary>Rows that are refused, percent.</summary>
    public int Poison { get; init; }

    /// <summary>Changes that are truncates.</summary>
    public int Truncates { get; init; }

    /// <summary>Transactions in whose place a table is read again, after rows of it were changed or lost unseen; per mille.</summary>
    public int ReadsAgain { get; init; }

    /// <summary>Restarts of the target, per mille of the process's steps.</summary>
    public int Restarts { get; init; }

    /// <summary>Rounds before which something happens to the target or the log, percent.</summary>
    public int Disasters { get; init; }

    /// <summary>Whether a request with something in it that is refused is refused as a whole.</summary>
    public bool RefusesWhole { get; init; }

    /// <summary>Most operations of a request that the target takes; 0: all that it is given.</summary>
    public int Largest { get; init; }

    /// <summary>Whether transactions of the source are kept whole.</summary>
    public bool IsWhole { get; init; }

    /// <summary>Whether the target has a unique index.</summary>
    public bool IsUnique { get; init; }

    /// <summary>Whether the target compares keys of one table so that it needs one lane.</summary>
    public bool IsSerial { get; init; }

    /// <summary>Whether the number of lanes changes when the process starts.</summary>
    public bool ChangesLanes { get; init; }

    /// <summary>Orders to deliver or to build everything anew, per mille of the steps in which a person looks.</summary>
    public int Reorders { get; init; }

    /// <summary>Orders that there can be, of which documents are made: more than 64, and a customer's change goes into the background.</summary>
    public int Orders { get; init; } = 4;

    public int Customers { get; init; } = 1;

    public SyncMode Sync => SyncsLate ? SyncMode.Interval : SyncMode.Commit;

    /// <summary>The run of a seed.</summary>
    public static DeliveryScenario Of(DeliveryKind kind, ulong seed)
    {
        var one = kind switch
        {
            DeliveryKind.Documents => OfDocuments(seed),
            DeliveryKind.Parts => OfParts(seed),
            _ => OfRows(seed),
        };
        if (one.IsUnique)
            return one; // the model target makes no room for unique values that come again
        var random = new SimRandom(seed * 104_729);
        return one with { Reorders = random.Pick(0, 0, 0, 20), ReadsAgain = one.Target == TargetKind.Lines ? 0 : random.Pick(0, 0, 0, 40) };
    }

    private static DeliveryScenario OfDocuments(ulong seed)
    {
        var random = new SimRandom(seed * 7_919);
        return OfRows(seed + 1_000_000) with
        {
            Kind = DeliveryKind.Documents,
            Seed = seed,
            IsUnique = false,
            IsSerial = false,
            Orders = random.Pick(4, 12, 120),
            Customers = random.Pick(1, 3),
        };
    }

    // Versions are those of whole rows, and a line is one: neither goes with parts.
    private static DeliveryScenario OfParts(ulong seed)
    {
        var one = OfRows(seed + 2_000_000);
        return one with
        {
            Kind = DeliveryKind.Parts, Seed = seed, IsUnique = false, Target = one.Target is TargetKind.Versioned or TargetKind.Lines ? TargetKind.Replacing : one.Target,
        };
    }

    private static DeliveryScenario OfRows(ulong seed)
    {
        var random = new SimRandom(seed * 7919);
        var target = random.Pick(TargetKind.Versioned, TargetKind.Replacing, TargetKind.Keeping, TargetKind.Lines);
        var one = new DeliveryScenario
        {
            Seed = seed,
            Target = target,
            Lanes = random.Pick(1, 2, 3, 4, 6),
            BatchOperations = random.Pick(1, 2, 5, 20, 100),
            Disorder = random.Pick(1, 2, 8),
            Rounds = random.Between(1, 4),
            Transactions = random.Pick(10, 30, 80),
            Deaths = random.Pick(0, 50, 90),
            Delay = random.Pick(0, 1, 20, 2000),
            SyncsLate = random.Chance(20),
            Restarts = Rate(random, 3),
            BreaksBefore = Rate(random, 80),
            BreaksAfter = Rate(random, 80),
            Pauses = Rate(random, 10),
            Faults = Rate(random, 10),
            Truncates = Rate(random, 20),
            Disasters = target == TargetKind.Lines ? 0 : random.Pick(0, 0, 50),
        };
        return target switch
        {
            TargetKind.Keeping when random.Chance(50) => one with { Disasters = 0, IsUnique = true, IsSerial = random.Chance(20), SyncsLate = false, IsWhole = random.Chance(20) },
            TargetKind.Keeping => one with
            {
                Poison = Rate(random, 10), RefusesWhole = random.Chance(50), Largest = random.Pick(0, 0, 3), IsSerial = random.Chance(20), ChangesLanes = random.Chance(30),
                SyncsLate = false,
            },
            TargetKind.Lines => one with { Truncates = 0, ChangesLanes = random.Chance(30) },
            _ => one with
            {
                BreaksWithin = Rate(random, 80), Retries = Rate(random, 100), Busy = Rate(random, 50), Poison = Rate(random, 10), ChangesLanes = random.Chance(30),
                IsSerial = random.Chance(20), Largest = random.Pick(0, 0, 3),
            },
        };
    }

    /// <summary>The same run with less in it, in all the ways there are: for finding out what it takes to fail.</summary>
    public IEnumerable<DeliveryScenario> Simpler() => ((DeliveryScenario[])
    [
        this with { Rounds = Math.Max(0, Rounds - 1) }, this with { Transactions = Math.Max(1, Transactions / 2) }, this with { Lanes = 1 }, this with { Lanes = Math.Max(1, Lanes / 2) },
        this with { Disorder = 1 }, this with { SyncsLate = false }, this with { Deaths = 0 }, this with { LosesPower = false }, this with { Delay = 0 }, this with { BreaksBefore = 0 }, this with { BreaksWithin = 0 },
        this with { BreaksAfter = 0 }, this with { Pauses = 0 }, this with { Faults = 0 }, this with { Retries = 0 }, this with { Busy = 0 }, this with { Poison = 0 },
        this with { Truncates = 0 }, this with { Restarts = 0 }, this with { IsUnique = false }, this with { Disasters = 0 }, this with { RefusesWhole = false }, this with { Largest = 0 }, this with { IsWhole = false }, this with { IsSerial = false }, this with { ChangesLanes = false },
        this with { Reorders = 0 }, this with { ReadsAgain = 0 }, this with { Orders = 4 }, this with { Customers = 1 },
    ]).Where(simpler => simpler != this);

    private static int Rate(SimRandom random, int most) => random.Pick(0, 0, most / 3, most);
}
