using System.Reflection;
using System.Runtime.Loader;

namespace Leat.Simulation.Fuzz;

/// <summary>A second copy of the product and of this program in one process, the product's copy instrumented, with statics of its own.</summary>
/// <remarks>The fuzzer and its targets run in there: they are compiled against the product and meet the instrumented one.</remarks>
internal sealed class InstrumentedCode : AssemblyLoadContext
{
    private static readonly string[] Instrumented = ["Leat.Log", "Leat.Changes", "Leat.Transform", "Leat.Connectors", "IronSnappy"];

    private readonly string _ownName = typeof(InstrumentedCode).Assembly.GetName().Name ?? "";

    /// <summary>Runs one target in the instrumented copy.</summary>
    public FuzzReport Run(string target, FuzzBudget budget)
    {
        var code = LoadFromAssemblyName(new(_ownName)).GetType(typeof(Fuzzer).FullName ?? "", throwOnError: true)
            ?.GetMethod(nameof(Fuzzer.RunNamed), BindingFlags.Public | BindingFlags.Static)
            ?? throw new InvalidOperationException("The copy has no fuzzer.");
        // Only types of the framework cross the border between the two copies.
        var answer = code.Invoke(null, [target, budget.Executions, budget.Seconds, budget.Seed, budget.CorpusFile]) as object[]
            ?? throw new InvalidOperationException("The copy answered nothing.");
        return new((long)answer[0], (int)answer[1], (string[])answer[2], (string[])answer[3]);
    }

    protected override Assembly? Load(AssemblyName assemblyName)
    {
        var path = Path.Combine(AppContext.BaseDirectory, assemblyName.Name + ".dll");
        if (Instrumented.Contains(assemblyName.Name))
            return LoadFromStream(new MemoryStream(Instrumenter.Instrument(path)));
        return assemblyName.Name == _ownName ? LoadFromAssemblyPath(path) : null;
    }
}

/// <summary>How long a target is fuzzed: until either is used up.</summary>
/// <param name="Executions">Most executions.</param>
/// <param name="Seconds">Most seconds.</param>
/// <param name="Seed">What all mutations follow from.</param>
/// <param name="CorpusFile">Where the kept inputs stand; see <see cref="Corpus"/>.</param>
internal sealed record FuzzBudget(long Executions, double Seconds, ulong Seed, string CorpusFile);

/// <summary>What came of it.</summary>
/// <param name="Executions">Executions in all.</param>
/// <param name="Features">Different things that they did; see <see cref="Coverage.Features"/>.</param>
/// <param name="Corpus">The smallest inputs found that do all of them, in base64.</param>
/// <param name="Crashes">A text for each input that broke a promise.</param>
internal sealed record FuzzReport(long Executions, int Features, string[] Corpus, string[] Crashes);
