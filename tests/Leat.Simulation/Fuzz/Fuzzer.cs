using System.Diagnostics;
using System.Text;
using Leat.Simulation.Fuzz.Targets;

namespace Leat.Simulation.Fuzz;

/// <summary>Feeds one target with mutations, and keeps every input that does something new. Runs in the instrumented copy; see <see cref="InstrumentedCode"/>.</summary>
internal sealed class Fuzzer(FuzzTarget target, ulong seed)
{
    private const int MostCrashes = 10;

    // Beyond this even a slow machine is not slow any more: the input hangs where no step is counted.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly SimRandom _random = new(seed);
    private readonly Mutator _mutator = new(new(seed + 1), target.Dictionary, target.MaxBytes);
    private readonly HashSet<int> _features = [];
    private readonly List<byte[]> _corpus = [];
    private readonly Dictionary<string, string> _crashes = new(StringComparer.Ordinal);
    private byte[] _running = [];
    private long _executions;

    /// <summary>Runs a target by name; answers executions, features, corpus and crashes as types that every copy of this program shares.</summary>
    public static object[] RunNamed(string name, long executions, double seconds, ulong seed, string corpusFile)
    {
        var fuzzer = new Fuzzer(AllTargets.Of(name), seed);
        object[] answer = [];
        // A stack of 1 MiB: depth that follows the input is seen early.
        var thread = new Thread(() => answer = fuzzer.Run(executions, seconds, Corpus.Read(corpusFile)), 1024 * 1024);
        using var watchdog = new Timer(new Watchdog(fuzzer).Look, null, Patience, Patience);
        thread.Start();
        thread.Join();
        return answer;
    }

    private object[] Run(long executions, double seconds, List<byte[]> kept)
    {
        byte[][] first = [.. target.Seeds(), .. kept];
        foreach (var input in first)
            Execute(input); // once before it counts: what is allocated once and for all is
        foreach (var input in first)
        {
            _running = input;
            if (Try(input) && AddsFeatures())
                _corpus.Add(input);
        }

        var clock = Stopwatch.StartNew();
        while (_executions < executions && clock.Elapsed.TotalSeconds < seconds && _crashes.Count < MostCrashes)
        {
            var input = _mutator.Mutate(Pick(), _corpus[_random.Below(_corpus.Count)]);
            if (!_random.Chance(10))
                input = target.Repair(input, _random);
            if (Try(input) && AddsFeatures())
                _corpus.Add(input);
        }

        return [_executions, _features.Count, Smallest(), _crashes.Values.ToArray()];
    }

    // Half of the time one of the latest: they lead on.
    private byte[] Pick() =>
        _corpus[_random.Chance(50) ? _random.Below(_corpus.Count) : _corpus.Count - 1 - _random.Below(Math.Min(_corpus.Count, 16))];

    // False when the input broke a promise.
    private bool Try(byte[] input)
    {
        var problem = Execute(input);
        if (problem is null)
            return true;
        var place = PlaceOf(problem);
        if (!_crashes.ContainsKey(place))
            _crashes.Add(place, Describe(Shrink(input, place), problem, place));
        return false;
    }

    private Exception? Execute(byte[] input)
    {
        _running = input;
        _executions++;
        Coverage.Begin(target.FixedSteps + target.StepsEach * input.Length);
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            target.Run(input);
        }
        catch (Exception problem) // whatever it is, it is the finding
        {
            return problem;
        }
        finally
        {
            Coverage.End();
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        var allowed = target.FixedBytes + target.BytesEach * input.Length;
        return allocated <= allowed ? null : new BrokenPromiseException($"{input.Length} bytes of input made it allocate {allocated} bytes, more than {allowed}.");
    }

    private bool AddsFeatures()
    {
        var added = false;
        foreach (var feature in Coverage.Features())
            added |= _features.Add(feature);
        return added;
    }

    // Takes parts out as long as the same thing happens.
    private byte[] Shrink(byte[] input, string place)
    {
        for (var part = input.Length / 2; part >= 1; part /= 2)
        {
            for (var at = 0; at + part <= input.Length;)
            {
                byte[] shorter = [.. input[..at], .. input[(at + part)..]];
                if (Execute(shorter) is { } problem && PlaceOf(problem) == place)
                    input = shorter;
                else
                    at += part;
            }
        }

        return input;
    }

    // The smallest inputs that together come by every place that was seen, however often.
    private string[] Smallest()
    {
        var covered = new HashSet<int>();
        var chosen = new List<string>();
        foreach (var input in _corpus.OrderBy(input => input.Length))
        {
            if (Execute(input) is not null)
                continue;
            var adds = false;
            foreach (var feature in Coverage.Features())
                adds |= covered.Add(feature >> Coverage.BucketBits);
            if (adds)
                chosen.Add(Corpus.TextOf(input));
        }

        return [.. chosen];
    }

    // Exceptions of one kind from one place of the product are one finding.
    private static string PlaceOf(Exception problem)
    {
        if (problem is BrokenPromiseException)
            return $"promise: {string.Concat(problem.Message.Where(letter => !char.IsDigit(letter)))}";
        var frames = new StackTrace(problem).GetFrames().Select(frame => frame.GetMethod())
            .Where(method => method?.DeclaringType?.Namespace?.StartsWith("Leat.", StringComparison.Ordinal) == true && method.DeclaringType != typeof(Coverage))
            .Take(1).Select(method => $"{method?.DeclaringType?.Name}.{method?.Name}");
        return $"{problem.GetType().Name} in {string.Join(", ", frames)}";
    }

    private string Describe(byte[] input, Exception problem, string place)
    {
        var text = new StringBuilder();
        text.AppendLine(place).AppendLine($"  target {target.Name}, input in base64: {Corpus.TextOf(input)}");
        foreach (var line in problem.ToString().Split('\n').Take(8))
            text.Append("  ").AppendLine(line.TrimEnd());
        return text.ToString();
    }

    private sealed class Watchdog(Fuzzer fuzzer)
    {
        private byte[]? _before;

        public void Look(object? state)
        {
            if (ReferenceEquals(_before, fuzzer._running))
                Environment.FailFast($"An input hangs: {Corpus.TextOf(_before)}");
            _before = fuzzer._running;
        }
    }
}
