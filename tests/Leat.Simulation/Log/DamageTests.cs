using System.Globalization;
using Leat.Log;
using Xunit;

namespace Leat.Simulation.Log;

/// <summary>Cold data that changes behind the log's back: whatever is read is right, or somebody is told; and only the stream that was hit stops.</summary>
public sealed class DamageTests(ITestOutputHelper output)
{
    private const ulong Seeds = 3_000;

    // What the log says of data that it does not believe.
    private static readonly int[] ToldOfDamage = [2005, 2006, 2007, 2008, 2009, 2010, 2011, 2012, 2016];

    [Fact]
    public void Damage_is_told_or_changes_nothing()
    {
        var told = new SortedDictionary<string, (int Told, int Harmless)>(StringComparer.Ordinal);
        for (var seed = 1ul; seed <= Seeds; seed++)
        {
            var (kind, wasTold) = RunSeed(seed);
            var (before, harmless) = told.GetValueOrDefault(kind);
            told[kind] = wasTold ? (before + 1, harmless) : (before, harmless + 1);
        }

        foreach (var (kind, (times, harmless)) in told)
            output.WriteLine($"{kind}: {times} told, {harmless} harmless");
        Assert.All(told, kind => Assert.True(kind.Value.Told > 0, $"{kind.Key} was never told"));
    }

    internal static (string Kind, bool WasTold) RunSeed(ulong seed, Plant? plant = null)
    {
        var scenario = ScenarioGenerator.Of(seed);
        scenario = scenario with { Ops = [.. scenario.Ops.Take(scenario.Ops.Count / 8)] };
        var simulation = new LogSimulation(scenario, plant);
        simulation.Run();
        var random = new SimRandom(seed ^ 0xDA3A6E);
        simulation.Disk.Kill();
        var (kind, path) = Damage(simulation.Disk, random);
        try
        {
            return (kind, CheckAfter(simulation, path));
        }
        catch (ViolationException violation)
        {
            throw new ViolationException(string.Create(CultureInfo.InvariantCulture, $"Seed {seed}, {kind} of {path}: {violation.Message}"));
        }
    }

    // Whether somebody was told.
    private static bool CheckAfter(LogSimulation simulation, string path)
    {
        LogDirectory log;
        try
        {
            log = simulation.OpenAgain();
        }
        catch (LogException error)
        {
            Violation.Unless(ToldOfDamage.Contains(error.Code), $"damage was told as something else: {error.Message}");
            Violation.Unless(!path.Contains("-0/", StringComparison.Ordinal), $"damage of one stream stopped all: {error.Message}");
            return true;
        }

        var told = false;
        foreach (var stream in simulation.Streams)
        {
            try
            {
                stream.Open(log);
                stream.CheckAll();
            }
            catch (LogException error)
            {
                Violation.Unless(ToldOfDamage.Contains(error.Code), $"damage was told as something else: {error.Message}");
                Violation.Unless(path.Contains($"/{stream.Name}-0/", StringComparison.Ordinal), $"damage of another file stopped this stream: {error.Message}");
                told = true;
            }
        }

        return told;
    }

    private static (string Kind, string Path) Damage(FakeDisk disk, SimRandom random)
    {
        var files = disk.Files.Where(file => file.Value.Length > 0).ToArray();
        var (path, file) = files[random.Below(files.Length)];
        var (_, other) = files[random.Below(files.Length)];
        var at = random.Below(file.Length);
        var sector = at / 512 * 512;
        var bytes = new byte[Math.Min(512, file.Length - sector)];
        switch (random.Below(7))
        {
            case 0:
                file.Damage(at, [(byte)(file.Bytes[at] ^ (1 << random.Below(8)))]);
                return ("a bit that flipped", path);
            case 1:
                file.Damage(sector, bytes);
                return ("a sector of zeros", path);
            case 2:
                random.Fill(bytes);
                file.Damage(sector, bytes);
                return ("a sector of garbage", path);
            case 3:
                var from = random.Below((other.Length / 512) + 1) * 512;
                other.Bytes.Slice(from, Math.Min(bytes.Length, other.Length - from)).CopyTo(bytes);
                file.Damage(sector, bytes);
                return ("a write that went astray", path);
            case 4:
                using (var handle = disk.Open(path, DiskOpen.ReadWrite))
                    handle.Truncate(at);
                return ("a file that lost its end", path);
            case 5:
                disk.Delete(path);
                return ("a file that is gone", path);
            default:
                file.Fails = true;
                return ("a file that cannot be read", path);
        }
    }
}
