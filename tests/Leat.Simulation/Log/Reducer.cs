namespace Leat.Simulation.Log;

/// <summary>Makes a failing scenario as short and as plain as it can: what is left over is what it takes.</summary>
/// <remarks>Drops operations in ever smaller pieces, then whole streams and the disk's peculiarities, then makes numbers smaller; until nothing more goes.</remarks>
internal sealed class Reducer(Func<Scenario, bool> fails)
{
    // Work is bounded, not time: the same seed reduces to the same scenario on every machine.
    private const long MostOps = 3_000_000;

    private long _ops;

    /// <summary>The smallest scenario found that still fails.</summary>
    public Scenario Reduce(Scenario scenario)
    {
        for (var before = ""; before != scenario.ToString();)
        {
            before = scenario.ToString();
            scenario = DropOps(scenario);
            scenario = DropStreams(scenario);
            scenario = Simplify(scenario, static scenario => [
                scenario with { Disk = scenario.Disk with { Meanwhile = 0 } }, scenario with { Disk = scenario.Disk with { Latency = 0 } },
                scenario with { Disk = scenario.Disk with { Spoils = 0 } }, scenario with { Disk = scenario.Disk with { Ordered = 0 } },
                scenario with { Disk = scenario.Disk with { SyncSaysFull = 0 } }, scenario with { Disk = scenario.Disk with { Sector = 512 } }]);
            scenario = PlainStreams(scenario);
            scenario = SmallNumbers(scenario);
        }

        return scenario;
    }

    private Scenario DropOps(Scenario scenario)
    {
        for (var piece = Math.Max(1, scenario.Ops.Count / 2); piece > 0; piece /= 2)
        {
            for (var at = scenario.Ops.Count - piece; at > -piece; at -= piece)
            {
                var start = Math.Max(0, at);
                Op[] rest = [.. scenario.Ops.Take(start), .. scenario.Ops.Skip(at + piece)];
                if (rest.Length < scenario.Ops.Count)
                    scenario = Try(scenario, scenario with { Ops = rest });
            }
        }

        return scenario;
    }

    private Scenario DropStreams(Scenario scenario)
    {
        for (var stream = scenario.Streams.Count - 1; stream >= 0 && scenario.Streams.Count > 1; stream--)
        {
            var dropped = stream;
            StreamSetup[] streams = [.. scenario.Streams.Where((_, i) => i != dropped)];
            Op[] ops = [.. scenario.Ops.Where(op => !op.IsOfStream || op.A != dropped).Select(op => op.IsOfStream && op.A > dropped ? op with { A = op.A - 1 } : op)];
            scenario = Try(scenario, scenario with { Streams = streams, Ops = ops });
        }

        return scenario;
    }

    private Scenario PlainStreams(Scenario scenario)
    {
        for (var i = 0; i < scenario.Streams.Count; i++)
        {
            for (var choice = 0; choice < scenario.Streams[i].Plainer().Length; choice++)
            {
                StreamSetup[] streams = [.. scenario.Streams];
                streams[i] = streams[i].Plainer()[choice];
                if (streams[i] != scenario.Streams[i])
                    scenario = Try(scenario, scenario with { Streams = streams });
            }
        }

        return scenario;
    }

    private Scenario SmallNumbers(Scenario scenario)
    {
        for (var i = 0; i < scenario.Ops.Count; i++)
        {
            var op = scenario.Ops[i];
            foreach (var smaller in (Op[])[
                op with { Dice = 1 }, op with { Dice = 2 }, op with { Dice = 3 }, op with { B = Math.Min(op.B, 1) }, op with { C = 0 }, op with { C = op.C / 2 },
                op.IsOfStream ? op : op with { A = op.A / 2 }, op.IsOfStream ? op : op with { A = op.A - Math.Sign(op.A) }])
            {
                Op[] ops = [.. scenario.Ops];
                ops[i] = smaller;
                var tried = scenario with { Ops = ops };
                if (smaller != scenario.Ops[i] && IsSmaller(smaller, scenario.Ops[i]))
                    scenario = Try(scenario, tried);
            }
        }

        return scenario;
    }

    private static bool IsSmaller(Op one, Op other) =>
        one.Dice < other.Dice || (one.Dice == other.Dice && Math.Abs(one.A) <= Math.Abs(other.A) && one.B <= other.B && one.C <= other.C);

    private Scenario Simplify(Scenario scenario, Func<Scenario, Scenario[]> choices)
    {
        for (var i = 0; i < choices(scenario).Length; i++)
            scenario = Try(scenario, choices(scenario)[i]);
        return scenario;
    }

    private Scenario Try(Scenario now, Scenario smaller)
    {
        if (_ops > MostOps)
            return now;
        _ops += 10 + smaller.Ops.Count;
        return fails(smaller) ? smaller : now;
    }
}
