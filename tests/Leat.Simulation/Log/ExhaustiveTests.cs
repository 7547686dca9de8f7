using System.Globalization;
using Xunit;

namespace Leat.Simulation.Log;

/// <summary>All sequences of up to three operations, a power cut at every disk operation of the last, and every choice of what survives.</summary>
/// <remarks>Cuts within the earlier operations are those of the shorter sequences. Most bugs of file systems need no more than three operations.</remarks>
public sealed class ExhaustiveTests(ITestOutputHelper output)
{
    // All 2^n choices up to here; of more, as many by chance.
    private const int Bits = 12;
    private const int Length = 3;

    private static readonly Dictionary<string, Op[]> Steps = new()
    {
        ["start"] = [new(OpKind.Start, Dice: 1)],
        ["append small"] = [new(OpKind.Append, 0, 1, 30, 7)],
        ["append large"] = [new(OpKind.Append, 0, 5, 3000, 11)],
        ["begin"] = [new(OpKind.Begin, 0, 1, 30, 13)],
        ["commit"] = [new(OpKind.Commit, 0)],
        ["abort"] = [new(OpKind.Abort, 0)],
        ["write and sync"] = [new(OpKind.Step)],
        ["append and sync"] = [new(OpKind.Append, 0, 1, 400, 17), new(OpKind.Step)],
        ["wait for maintenance"] = [new(OpKind.Advance, 11_000), new(OpKind.Step, Dice: 1), new(OpKind.Step, Dice: 2), new(OpKind.Step, Dice: 3)],
        ["delete"] = [new(OpKind.Delete, 0)],
        ["close and start"] = [new(OpKind.Close), new(OpKind.Start, Dice: 3)],
        ["kill and start"] = [new(OpKind.Kill), new(OpKind.Start, Dice: 5)],
    };

    private static readonly Dictionary<string, StreamSetup> Kinds = new()
    {
        ["plain"] = new(),
        ["retained"] = new() { Age = 500 },
        ["compacted"] = new() { Compact = 1, Keys = 2, Tombstone = 500 },
        ["not synced"] = new() { Sync = 2 },
    };

    public static TheoryData<bool, bool, string> Disks => new()
    {
        { false, false, "plain" }, { false, true, "plain" }, { true, false, "plain" }, { false, true, "retained" }, { false, true, "compacted" },
        { false, false, "not synced" },
    };

    [Theory]
    [MemberData(nameof(Disks))]
    public void Every_cut_of_every_short_sequence_leaves_what_was_acknowledged(bool ordered, bool spoils, string stream)
    {
        var totals = new Totals();
        var setup = new Scenario { Disk = new() { Ordered = ordered ? 1 : 0, Spoils = spoils ? 1 : 0 }, Streams = [Kinds[stream]] };
        var sequences = Sequences().ToArray();
        Parallel.ForEach(sequences, new ParallelOptions { MaxDegreeOfParallelism = 2 }, sequence => CutEverywhere(setup, sequence, totals));

        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{sequences.Length} sequences, {totals.Points} crash points ({totals.Sampled} of them sampled), {totals.Cuts} power cuts"));
        Assert.True(totals.Cuts > sequences.Length);
    }

    private static IEnumerable<string[]> Sequences()
    {
        IEnumerable<string[]> longer = [["start"]];
        yield return ["start"];
        for (var length = 1; length <= Length; length++)
        {
            longer = [.. longer.SelectMany(sequence => Steps.Keys.Skip(1).Select(step => (string[])[.. sequence, step]))];
            foreach (var sequence in longer)
                yield return sequence;
        }
    }

    private static void CutEverywhere(Scenario setup, string[] sequence, Totals totals)
    {
        var before = sequence[..^1].SelectMany(step => Steps[step]).ToArray();
        for (var point = 0; ; point++)
        {
            var simulation = new LogSimulation(setup);
            simulation.RunUndisturbed(before);
            var isCut = simulation.RunUntilCut(Steps[sequence[^1]], point);
            totals.Point();
            CutInEveryWay(simulation, setup.Disk.Spoils != 0, totals, () => string.Create(CultureInfo.InvariantCulture,
                $"{string.Join(", ", sequence)}; power cut at disk operation {point} of the last"));
            if (!isCut)
                return;
        }
    }

    private static void CutInEveryWay(LogSimulation simulation, bool spoils, Totals totals, Func<string> where)
    {
        var undecided = simulation.Disk.Undecided;
        var isSampled = undecided > Bits;
        var random = new SimRandom((ulong)undecided);
        totals.Sample(isSampled);
        for (var choice = 0ul; choice < 1ul << Math.Min(undecided, Bits); choice++)
        {
            var dice = isSampled ? random.Next() : choice;
            totals.Cut();
            try
            {
                simulation.TryCut(new ExactCut(dice, spoils));
            }
            catch (Exception error)
            {
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                    $"{where()}, of which {dice:b} survives: {error.Message}"), error);
            }
        }
    }

    private sealed class Totals
    {
        private long _points, _sampled, _cuts;

        public long Points => _points;

        public long Sampled => _sampled;

        public long Cuts => _cuts;

        public void Point() => Interlocked.Increment(ref _points);

        public void Sample(bool isSampled) => Interlocked.Add(ref _sampled, isSampled ? 1 : 0);

        public void Cut() => Interlocked.Increment(ref _cuts);
    }
}
