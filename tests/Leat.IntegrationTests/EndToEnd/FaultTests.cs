using System.Text.Json;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>Networks and targets that fail while the program delivers to them. Afterwards every target is equal to the source, and nothing was set aside.</summary>
/// <remarks>LEAT_SEED chooses where connections break.</remarks>
[Collection(EndToEndCollection.Name)]
public sealed class FaultTests(ITestOutputHelper output)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Connections_that_end_at_any_byte_of_an_answer_lose_nothing()
    {
        const int Ends = 40;
        const int HandshakeBytes = 150;
        const int FirstAnswers = 1_500;
        const int MoreAnswers = 5_000;
        var random = SeededRandom();
        await using var rig = await ShopRig.StartAsync(seed: 21, customers: 200, ConnectionFaults.None);
        foreach (var link in rig.Links)
        {
            // Some end while they sign in, most at some byte of an answer whose request was carried out; those got through something before, so that nobody waits long.
            link.Script = _ => link.Struck >= Ends ? ConnectionFaults.None : new()
            {
                ToClient = new()
                {
                    After = Next(random, 4) == 0 ? Next(random, HandshakeBytes) : FirstAnswers + Next(random, MoreAnswers), Then = Next(random, 2) == 0 ? LinkEnd.Cut : LinkEnd.Reset,
                },
            };
        }

        rig.Open(transactionsPerSecond: 400);
        await using var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment);
        await leat.WaitForStatusAsync(_ => rig.Links.All(link => link.Struck >= Ends), Limit, Cancelled);
        await AssertEqualAsync(rig, leat);
        output.WriteLine(string.Join("; ", rig.Links.Select(link => $"{link.Connections} connections, {link.Struck} ended")));
    }

    [Fact]
    public async Task Requests_that_never_arrive_whole_lose_nothing()
    {
        const int Ends = 40;
        const int SignInBytes = 1_000;
        const int FirstRequests = 20_000;
        const int MoreRequests = 60_000;
        var random = SeededRandom();
        await using var rig = await ShopRig.StartAsync(seed: 22, customers: 200, ConnectionFaults.None);
        foreach (var link in rig.Links)
        {
            link.Script = _ => link.Struck >= Ends ? ConnectionFaults.None : new()
            {
                ToServer = new()
                {
                    After = Next(random, 4) == 0 ? Next(random, SignInBytes) : FirstRequests + Next(random, MoreRequests), Then = Next(random, 2) == 0 ? LinkEnd.Cut : LinkEnd.HalfClose,
                },
            };
        }

        rig.Open(transactionsPerSecond: 400);
        await using var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment);
        await leat.WaitForStatusAsync(_ => rig.Links.All(link => link.Struck >= Ends), Limit, Cancelled);
        await AssertEqualAsync(rig, leat);
    }

    [Fact]
    public async Task Every_byte_may_come_alone()
    {
        await using var rig = await ShopRig.StartAsync(seed: 23, customers: 20, ConnectionFaults.Both(new() { PieceBytes = 1 }));
        rig.Open(transactionsPerSecond: 50);
        await using var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment);
        await leat.WaitForStatusAsync(status => Pipelines(status).All(pipeline => Applied(pipeline) > 100), Limit, Cancelled);
        await AssertEqualAsync(rig, leat);
    }

    [Fact]
    public async Task A_target_that_stalls_holds_up_no_other_and_goes_on()
    {
        await using var rig = await ShopRig.StartAsync(seed: 24, customers: 100, ConnectionFaults.None);
        var copy = rig.Links[1];
        var stalls = 0;
        copy.Script = _ => new() { ToClient = new() { After = 2_000, Then = Volatile.Read(ref stalls) == 0 ? LinkEnd.Stall : LinkEnd.None } };
        rig.Open(transactionsPerSecond: 400);
        await using var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment);

        var then = await leat.WaitForStatusAsync(status => copy.Struck > 0 && Of(status, "shop-copy").GetProperty("lag_rows").GetInt64() > 100, Limit, Cancelled);
        foreach (var other in (string[])["shop-redis", "shop-files"])
            await leat.WaitForStatusAsync(status => Applied(Of(status, other)) > Applied(Of(then, other)) + 200, Limit, Cancelled);

        Volatile.Write(ref stalls, 1);
        copy.Release();
        await AssertEqualAsync(rig, leat);
    }

    [Fact]
    public async Task A_target_that_is_killed_again_and_again_gets_everything_once_it_is_back()
    {
        const int Kills = 3;
        await using var rig = await ShopRig.StartAsync(seed: 25, customers: 300);
        rig.Open(transactionsPerSecond: null);
        await using var leat = LeatProcess.Run(ShopRig.Sample, FreePorts.Next(), rig.Environment);
        for (var kill = 0; kill < Kills; kill++)
        {
            var before = await leat.StatusAsync(Cancelled) is { } status ? Applied(Of(status, "shop-copy")) : 0;
            await leat.WaitForStatusAsync(now => Applied(Of(now, "shop-copy")) > before + 50, Limit, Cancelled);
            await rig.Servers.Copy.KillAsync();
            await leat.WaitForStatusAsync(now => Of(now, "shop-copy").GetProperty("state").GetString() == "retrying", Limit, Cancelled);
            await rig.Servers.Copy.RestartAsync(Cancelled);
        }

        await AssertEqualAsync(rig, leat);
    }

    private static async Task AssertEqualAsync(ShopRig rig, LeatProcess leat)
    {
        foreach (var link in rig.Links)
            link.Script = static _ => ConnectionFaults.None;
        await rig.CloseAsync();
        var status = await rig.WaitUntilDeliveredAsync(leat);
        Assert.All(Pipelines(status), pipeline =>
        {
            Assert.Equal(0, pipeline.GetProperty("accounting").GetProperty("dead_lettered").GetInt64());
            Assert.Equal(0, pipeline.GetProperty("accounting").GetProperty("in_flight").GetInt64());
        });
        var (stopped, _, said) = await leat.StopAsync(Cancelled);
        Assert.True(stopped == 0, said);

        var (same, table, differences) = await LeatProcess.RunToEndAsync(rig.Environment, Cancelled, "compare", ShopRig.Sample);
        Assert.True(same == 0, table + differences);
    }

    private static IEnumerable<JsonElement> Pipelines(JsonElement status) => status.GetProperty("pipelines").EnumerateArray();

    private static JsonElement Of(JsonElement status, string pipeline) => Pipelines(status).First(one => one.GetProperty("name").GetString() == pipeline);

    private static long Applied(JsonElement pipeline) => pipeline.GetProperty("accounting").GetProperty("applied").GetInt64();

    // Both links ask, each from a task of its own.
    private static int Next(Random random, int below)
    {
        lock (random)
            return random.Next(below);
    }

    private Random SeededRandom()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("LEAT_SEED"), out var given) ? given : Random.Shared.Next();
        output.WriteLine($"seed {seed}");
        return new(seed);
    }
}
