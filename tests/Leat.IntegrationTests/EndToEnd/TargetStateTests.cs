using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>Targets and logs that are not what they were: nothing is lost without a word, and on command all is well again.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class TargetStateTests
{
    [Fact]
    public async Task A_target_that_was_emptied_blocks_and_is_filled_again_on_command()
    {
        await using var rig = await CopyRig.StartAsync();
        rig.Start();
        await rig.DeliveredAsync();
        await rig.StopAsync();
        await rig.RunAsync("DROP DATABASE shop_copy");

        rig.Start();
        Assert.Equal(
            "The target of pipeline 'copy' no longer has the marker that was written to it: it was emptied or replaced. "
            + "Bring the target back as it was, or have everything delivered again: 'leat redeliver copy'. [LEAT-3090]", await rig.BlockedAsync());
        var (code, output, error) = await rig.CommandAsync("redeliver", "copy", "--file", rig.File, "--yes");

        Assert.True(code == 0, error);
        Assert.Equal("Pipeline 'copy' delivers everything again, from offset 0 of the log on, in epoch 2.\n", output);
        await rig.EqualAsync();
    }

    [Fact]
    public async Task A_target_that_is_put_back_to_an_older_state_while_Leat_runs_blocks_and_is_brought_up_on_command()
    {
        await using var rig = await CopyRig.StartAsync();
        rig.Start();
        await rig.DeliveredAsync();
        await rig.SaveTargetAsync();
        await rig.RunAsync("UPDATE shop.items SET v = v + 1; DELETE FROM shop.items WHERE id % 3 = 0 AND id > 0");
        await rig.DeliveredAsync();
        await rig.PutBackTargetAsync();

        // The server's end took the connections with it.
        await rig.Server.RestartAsync(TestContext.Current.CancellationToken);
        await rig.RunAsync("UPDATE shop.items SET v = v + 1 WHERE id > 0");
        var reason = await rig.BlockedAsync();
        Assert.EndsWith("Bring the newer state of the target back, or have everything delivered again: 'leat redeliver copy'. [LEAT-3091]", reason, StringComparison.Ordinal);

        var (code, output, error) = await rig.CommandAsync("redeliver", "copy", "--file", rig.File, "--snapshot", "--yes");
        Assert.True(code == 0, output + error);
        await rig.EqualAsync();
    }

    [Fact]
    public async Task A_target_that_is_put_back_blocks_also_when_the_number_of_lanes_was_changed_meanwhile()
    {
        await using var rig = await CopyRig.StartAsync();
        rig.Start();
        await rig.DeliveredAsync();
        await rig.SaveTargetAsync();
        await rig.RunAsync("UPDATE shop.items SET v = v + 1; DELETE FROM shop.items WHERE id % 3 = 0 AND id > 0");
        await rig.DeliveredAsync();
        await rig.StopAsync();
        await rig.PutBackTargetAsync();
        await rig.ChangeAsync("    from: shop\n", "    from: shop\n    lanes: 3\n");

        rig.Start();
        Assert.Matches(
            "^The target of pipeline 'copy' is older than what it acknowledged: its lanes stand at offsets [0-9, -]+ of epoch 1, and stood at offsets [0-9, -]+ of epoch 1. "
            + "Bring the newer state of the target back, or have everything delivered again: 'leat redeliver copy'. .LEAT-3091.$", await rig.BlockedAsync());
        var (code, output, error) = await rig.CommandAsync("redeliver", "copy", "--file", rig.File, "--snapshot", "--yes");

        Assert.True(code == 0, output + error);
        await rig.EqualAsync();
    }

    [Fact]
    public async Task A_lost_log_begins_anew_above_the_epoch_of_the_target_which_loses_what_the_source_does_not_have()
    {
        await using var rig = await CopyRig.StartAsync();
        rig.Start();
        await rig.DeliveredAsync();
        await rig.StopAsync();
        Directory.Delete(rig.LogFolder, recursive: true);
        await rig.RunAsync("DELETE FROM shop.items WHERE id % 5 = 0; UPDATE shop.items SET v = 7 WHERE id % 7 = 0");

        rig.Start();
        await rig.EqualAsync();

        Assert.Equal(2U, (await rig.PipelineAsync()).GetProperty("epoch").GetUInt32());
    }

    [Fact]
    public async Task A_log_copied_back_from_the_past_writes_in_a_higher_epoch()
    {
        await using var rig = await CopyRig.StartAsync();
        rig.Start();
        await rig.DeliveredAsync();
        await rig.StopAsync();
        CopyFolder(rig.LogFolder, rig.LogFolder + ".older");
        rig.Start();
        await rig.RunAsync("UPDATE shop.items SET v = v + 1; DELETE FROM shop.items WHERE id % 3 = 0 AND id > 0");
        await rig.DeliveredAsync();
        await rig.StopAsync();
        Directory.Delete(rig.LogFolder, recursive: true);
        Directory.Move(rig.LogFolder + ".older", rig.LogFolder);
        await rig.RunAsync("UPDATE shop.items SET v = v + 5 WHERE id % 2 = 0");

        rig.Start();
        await rig.EqualAsync();

        Assert.Equal(2U, (await rig.PipelineAsync()).GetProperty("epoch").GetUInt32());
    }

    private static void CopyFolder(string from, string to)
    {
        foreach (var folder in Directory.GetDirectories(from, "*", SearchOption.AllDirectories).Prepend(from))
            Directory.CreateDirectory(folder.Replace(from, to, StringComparison.Ordinal));
        foreach (var file in Directory.GetFiles(from, "*", SearchOption.AllDirectories))
            File.Copy(file, file.Replace(from, to, StringComparison.Ordinal));
    }
}
