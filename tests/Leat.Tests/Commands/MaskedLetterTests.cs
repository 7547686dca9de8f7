using System.Text.Json;
using Leat.Changes;
using Leat.Tests.Pipeline;
using Leat.Transform.Plan.Rules;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Commands;

/// <summary>What <c>leat dlq show</c> tells of a change whose columns the pipeline replaces.</summary>
public sealed class MaskedLetterTests
{
    [Fact]
    public async Task The_value_that_was_replaced_is_not_shown()
    {
        await using var engine = new TestEngine();
        var rule = TestEngine.CopyItems.Tables[0] with { Set = [new SetRule("v", new("v + 1000", default, IsInline: true))] };
        engine.Definition = TestEngine.CopyItems with { Tables = [rule] };
        engine.Sink.Decide = _ => Answer.Refused("no", "1406");
        engine.Start();
        engine.Source.Add(Insert(1, 7));
        await engine.SettledAsync();
        await engine.StopAsync();

        var shown = await Cli.RunAsync("dlq", "show", "copy", "0", "--json", "--log", engine.Folder);

        using var json = JsonDocument.Parse(shown.Out);
        Assert.Equal("{\"id\":1,\"note\":null}", json.RootElement.GetProperty("change").GetProperty("after").GetRawText());
        Assert.Equal("{\"id\":1,\"v\":1007,\"note\":null}", json.RootElement.GetProperty("row").GetRawText());
    }
}
