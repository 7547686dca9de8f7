using System.Globalization;
using System.Text.Json;
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

    // One life in five ends while it starts and recovers; the others once they deliver.
    private const int LivesThatEndEarly = 5;
    private const int LongestEarlyLifeMs = 600;
    private const int LongestLifeMs = 1_500;

    // Targets in the next room: a request takes two milliseconds there and two back.
    private static readonly ConnectionFaults Link = ConnectionFaults.Both(new() { Delay = TimeSpan.FromMilliseconds(2) });
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan AnswerPatience = TimeSpan.FromMilliseconds(300);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Kills_at_random_moments_lose_nothing_and_repeat_nothing()
    {
        var kills = Setting("LEAT_KILLS") ?? DefaultKills;
        var seed = Setting("LEAT_SEED") ?? Random.Shared.Next();
        output.WriteLine($"seed {seed}, {kills} kills");
        var random = new Random(seed);
        await using var rig = await ShopRig.StartAsync((ulong)seed, customers: 2_000, Link);
        rig.Open(transactionsPerSecond: null);

        var inWork = 0;
        for (var kill = 1; kill <= kills; kill++)
        {
            await Interruption.WaitForNoneAsync(rig, Cancelled);
            await using var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment);

            var early = kill % LivesThatEndEarly == 0;
            if (!early)
                await leat.WaitForStatusAsync(IsDelivering, StartLimit, Cancelled);

            // The only honest way to a random moment is to let time pass.
            var life = TimeSpan.FromMilliseconds(random.Next(early ? LongestEarlyLifeMs : LongestLifeMs));
            await Task.Delay(life, TimeProvider.System, Cancelled);
            leat.Freeze();
            var interruption = await Interruption.LookAsync(leat.Id, rig, AnswerPatience, Cancelled);
            var (_, _, error) = await leat.KillAsync(Cancelled);
            inWork += interruption.InWork ? 1 : 0;
            output.WriteLine($"kill {kill}, {(early ? "early" : "delivering")} {life.TotalMilliseconds:F0} ms: {interruption}");
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

    private static bool IsDelivering(JsonElement status) => status.GetProperty("pipelines").EnumerateArray().Any(pipeline =>
        pipeline.GetProperty("accounting").GetProperty("applied").GetInt64() > 0);

    private static int? Setting(string name) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
}
