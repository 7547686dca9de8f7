using System.Text.Json;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>Rows that do not fit the target, from the refusal to the replay.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class DeadLetterTests
{
    private static readonly string Long = new('x', 40);

    [Fact]
    public async Task Rows_too_long_for_the_target_are_replayed_once_it_is_mended_but_for_those_with_a_newer_row()
    {
        await using var rig = await CopyRig.StartAsync();
        rig.Start();
        await rig.DeliveredAsync();
        await rig.RunAsync("ALTER TABLE shop_copy.items MODIFY note VARCHAR(20)");
        await rig.RunAsync($"INSERT INTO shop.items VALUES (1001, '{Long}', 1), (1002, '{Long}', 1), (1003, 'short', 1); UPDATE shop.items SET note = '{Long}' WHERE id = 5");
        await rig.DeliveredAsync();
        Assert.Equal(3, (await rig.PipelineAsync()).GetProperty("dead_letters").GetInt32());

        var list = await JsonAsync(rig, "dlq", "list", "copy", "--json", "--file", rig.File);
        Assert.Equal(3, list.GetProperty("open").GetInt32());
        Assert.Equal(("items", 3), (list.GetProperty("causes")[0].GetProperty("table").GetString(), list.GetProperty("causes")[0].GetProperty("letters").GetInt32()));

        // While the column is too short a replay is refused once more.
        var (code, output, _) = await rig.CommandAsync("dlq", "replay", "copy", "--all", "--yes", "--file", rig.File);
        Assert.Equal((4, "3 dead letters of pipeline 'copy' replayed: 3 refused again.\n"), (code, output));

        // A newer row that fits comes for one of them.
        await rig.RunAsync("UPDATE shop.items SET note = 'fits' WHERE id = 1002");
        await rig.DeliveredAsync();
        Assert.Equal(2, (await rig.PipelineAsync()).GetProperty("dead_letters").GetInt32());
        await rig.RunAsync("ALTER TABLE shop_copy.items MODIFY note VARCHAR(50)");
        (code, output, _) = await rig.CommandAsync("dlq", "replay", "copy", "--all", "--yes", "--file", rig.File);

        Assert.Equal((0, "2 dead letters of pipeline 'copy' replayed: 2 applied.\n"), (code, output));
        list = await JsonAsync(rig, "dlq", "list", "copy", "--json", "--file", rig.File);
        Assert.Equal("""{"applied":2,"superseded":1}""", JsonSerializer.Serialize(list.GetProperty("ended").EnumerateObject().OrderBy(one => one.Name).ToDictionary(one => one.Name, one => one.Value)));
        await rig.EqualAsync();
    }

    private static async Task<JsonElement> JsonAsync(CopyRig rig, params string[] arguments)
    {
        var (code, output, error) = await LeatProcess.RunToEndAsync(new Dictionary<string, string>(), TestContext.Current.CancellationToken, arguments);
        Assert.True(code == 0, output + error + rig.Folder);
        using var document = JsonDocument.Parse(output);
        return document.RootElement.Clone();
    }
}
