using System.Globalization;
using Leat.Simulation.Log;

namespace Leat.Simulation;

/// <summary>A seed whose run broke a promise.</summary>
internal sealed record FailedSeed(ulong Seed, Exception Error);

/// <summary>Runs seeds on two threads; each seed on one of them alone.</summary>
internal static class SeedRunner
{
    private const int Threads = 2;

    // Each hundredth seed runs twice: the same seed must do the same.
    private const ulong TwiceEach = 100;

    /// <summary>Whether one seed is replayed, so that it may tell all that it does.</summary>
    public static bool ReplaysOne => Variable("LEAT_SEED") is not null;

    /// <summary>The seeds to run: LEAT_SEED replays one, LEAT_SEEDS asks for another number of them.</summary>
    public static (ulong First, ulong Count) Seeds(ulong ordinary) => Variable("LEAT_SEED") is { } one ? (one, 1) : (1, Variable("LEAT_SEEDS") ?? ordinary);

    /// <summary>Runs every seed, or until one fails: then that with the lowest number of those that ran.</summary>
    /// <param name="seeds">Which.</param>
    /// <param name="run">Runs one and tells what it did.</param>
    /// <param name="add">Takes in what one did. From both threads.</param>
    public static FailedSeed? Run<TResult>((ulong First, ulong Count) seeds, Func<ulong, TResult> run, Action<TResult> add)
        where TResult : IEquatable<TResult>
    {
        FailedSeed? failed = null;
        var gate = new Lock();
        Parallel.For(0L, (long)seeds.Count, new ParallelOptions { MaxDegreeOfParallelism = Threads }, (i, loop) =>
        {
            var seed = seeds.First + (ulong)i;
            if (ErrorOf(() => RunSeed(seed, run, add)) is not { } error)
                return;
            loop.Break();
            lock (gate)
                failed = failed is null || seed < failed.Seed ? new(seed, error) : failed;
        });
        return failed;
    }

    /// <summary>How a run fails; <see langword="null"/>: it does not.</summary>
    public static Exception? ErrorOf(Action run)
    {
        try
        {
            run();
            return null;
        }
        catch (Exception error)
        {
            return error; // whatever it is: the seed makes it happen again, and a person shall see it
        }
    }

    private static void RunSeed<TResult>(ulong seed, Func<ulong, TResult> run, Action<TResult> add)
        where TResult : IEquatable<TResult>
    {
        var result = run(seed);
        add(result);
        if (seed % TwiceEach == 0)
            Violation.Unless(run(seed).Equals(result), "the same seed did something else the second time");
    }

    private static ulong? Variable(string name) =>
        Environment.GetEnvironmentVariable(name) is { Length: > 0 } text ? ulong.Parse(text, CultureInfo.InvariantCulture) : null;
}
