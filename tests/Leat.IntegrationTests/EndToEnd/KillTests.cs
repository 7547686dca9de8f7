using System.Globalization;
using Leat.Connectors.Simulator;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>kill -9 under load, again and again: nothing is lost, nothing stands twice.</summary>
/// <remarks>
/// LEAT_KILLS and LEAT_SEED choose how often and when; <c>tests/kill9</c> sets them. The process is frozen (SIGSTOP) for an instant before each
/// kill, so that what it was in the middle of can be seen from outside: see <see cref="Interruption"/>.
/// </remarks>
[Collection(EndToEndCollection.Name)]
public sealed class KillTests(ITestOutputHelper output)
{
    private const int DefaultKills = 10;

    // Long enough for a life that starts, recovers and delivers under load; short enough that some die while they start.
    private const int ShortestLifeMs = 300;
    private const int LongestLifeMs = 2_500;

    private static readonly TimeSpan AnswerPatience = TimeSpan.FromMilliseconds(300);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Kills_at_random_moments_lose_nothing_and_repeat_nothing()
    {
        var kills = Setting("LEAT_KILLS") ?? DefaultKills;
        var seed = Setting("LEAT_SEED") ?? Random.Shared.Next();
        output.WriteLine($"seed {seed}, {kills} kills");
        var random = new Random(seed);
        await using var rig = await ShopRig.StartAsync((ulong)seed, customers: 2_000);
        rig.Open(transactionsPerSecond: null);

        var inWork = 0;
        for (var kill = 1; kill <= kills; kill++)
        {
            await using var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment);

            // The only honest way to a random moment is to let time pass.
            await Task.Delay(TimeSpan.FromMilliseconds(random.Next(ShortestLifeMs, LongestLifeMs)), TimeProvider.System, Cancelled);
            leat.Freeze();
            var interruption = await Interruption.LookAsync(leat.Id, rig.Servers, AnswerPatience, Cancelled);
            var (_, _, error) = await leat.KillAsync(Cancelled);
            inWork += interruption.InWork ? 1 : 0;
            output.WriteLine($"kill {kill}: {interruption}");
            Assert.DoesNotContain("LEAT-2", error, StringComparison.Ordinal); // the log never complains of what a kill left
        }

        await rig.CloseAsync();
        await AssertSettledAsync(rig);
        Assert.True(inWork * 2 >= kills, $"only {inWork} of {kills} kills (seed {seed}) fell inside an open transaction or an unanswered request");
    }

    private static async Task AssertSettledAsync(ShopRig rig)
    {
        await using (var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment))
        {
            var status = await rig.WaitUntilDeliveredAsync(leat);
            Assert.All(status.GetProperty("pipelines").EnumerateArray(), pipeline =>
            {
                var accounting = pipeline.GetProperty("accounting");
                Assert.Equal(0, accounting.GetProperty("dead_lettered").GetInt64());
                Assert.Equal(0, accounting.GetProperty("in_flight").GetInt64());
            });
            var (stopped, _, said) = await leat.StopAsync(Cancelled);
            Assert.True(stopped == 0, said);
        }

        var (same, table, differences) = await LeatProcess.RunToEndAsync(rig.Environment, Cancelled, "compare", ShopRig.Sample);
        Assert.True(same == 0, table + differences);
        LogContents.AssertNothingTwice(rig.LogFolder, "shop");
        foreach (var shopTable in ShopSchema.Tables)
            JsonLinesFile.AssertNothingTwice(Path.Combine(rig.Folder, "files", $"{shopTable.Table.Name}.jsonl"));
    }

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
}
