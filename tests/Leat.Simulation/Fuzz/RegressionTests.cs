using Leat.Simulation.Fuzz.Targets;
using Leat.Tests;
using Xunit;

namespace Leat.Simulation.Fuzz;

/// <summary>Inputs that once broke a decoder, and the kept corpus: each is read or refused. Without instruments, so among the ordinary tests.</summary>
public sealed class RegressionTests
{
    public static TheoryData<string> Targets => [.. AllTargets.Log.Concat(AllTargets.Others).Select(make => make().Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void What_once_broke_a_decoder_is_read_or_refused(string target)
    {
        var decoder = AllTargets.Of(target);
        foreach (var file in (string[])["Regressions", "Corpus"])
        {
            foreach (var input in Corpus.Read(Repository.Path($"tests/Leat.Simulation/Fuzz/{file}/{target}.txt")))
                decoder.Run(input);
        }

        foreach (var input in decoder.Seeds())
            decoder.Run(input);
    }
}
