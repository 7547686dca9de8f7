using System.Text.Json;
using Leat.Demo;
using Xunit;

namespace Leat.IntegrationTests.EndToEnd;

/// <summary>The demo runs, checks itself, stops in order, and leaves no process and no folder, however it ends.</summary>
[Collection(EndToEndCollection.Name)]
public sealed class DemoTests(ITestOutputHelper output)
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_timed_demo_on_servers_ends_by_itself_with_every_target_equal()
    {
        TestServers.Require();
        var temporary = TestRunFolder.New();

        var (code, table, said) = await LeatProcess.RunToEndAsync(Temporary(temporary), Cancelled, "demo", "--duration", "5s");

        output.WriteLine(said + table);
        Assert.True(code == 0, said + table);
        foreach (var pipeline in (string[])["shop-redis", "shop-copy", "shop-files", "orders-search"])
            Assert.Matches($"{pipeline}: equal, [0-9,]+ rows\\.", table);
        await AssertNothingLeftAsync(temporary);
    }

    [Fact]
    public async Task A_timed_demo_on_the_simulator_ends_by_itself_with_every_target_equal()
    {
        var temporary = TestRunFolder.New();

        var (code, table, said) = await LeatProcess.RunToEndAsync(Temporary(temporary), Cancelled, "demo", "--simulator", "--duration", "3s");

        output.WriteLine(said + table);
        Assert.True(code == 0, said + table);
        foreach (var pipeline in (string[])["shop-files", "shop-under-way"])
            Assert.Matches($"{pipeline}: equal, [0-9,]+ rows\\.", table);
        await AssertNothingLeftAsync(temporary);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_signal_stops_everything_in_order(bool terminate)
    {
        TestServers.Require();
        var temporary = TestRunFolder.New();
        var port = FreePorts.Next();
        await using var leat = LeatProcess.Demo(port, Temporary(temporary));
        await leat.WaitForStatusAsync(HasDelivered, StartLimit, Cancelled);

        var (code, table, said) = terminate ? await leat.StopAsync(Cancelled) : await leat.InterruptAsync(Cancelled);

        Assert.True(code == 0, said + table);
        await AssertNothingLeftAsync(temporary);
    }

    [Fact]
    public async Task Even_a_killed_demo_leaves_nothing()
    {
        TestServers.Require();
        var temporary = TestRunFolder.New();
        await using var leat = LeatProcess.Demo(FreePorts.Next(), Temporary(temporary));
        await leat.WaitForStatusAsync(HasDelivered, StartLimit, Cancelled);

        await leat.KillAsync(Cancelled);

        await AssertNothingLeftAsync(temporary);
    }

    [Fact]
    public async Task A_demo_that_cannot_start_says_why_and_leaves_nothing()
    {
        TestServers.Require();
        await using var server = await TestServers.RedisAsync(); // holds the port
        var temporary = TestRunFolder.New();

        var (code, _, said) = await LeatProcess.RunToEndAsync(
            Temporary(temporary), Cancelled, "demo", "--port", server.Port.ToString(System.Globalization.CultureInfo.InvariantCulture));

        Assert.Equal(3, code);
        Assert.Contains($"port {server.Port}", said, StringComparison.OrdinalIgnoreCase);
        await AssertNothingLeftAsync(temporary);
    }

    [Fact]
    public async Task Json_shows_one_state_a_line()
    {
        var (code, lines, said) = await LeatProcess.RunToEndAsync(
            Temporary(TestRunFolder.New()), Cancelled, "demo", "--simulator", "--duration", "2s", "--json");

        Assert.True(code == 0, said);
        var states = lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.All(states[..^1], state => Assert.Equal(2, state.GetProperty("pipelines").GetArrayLength()));
        Assert.Equal("demo", states[^1].GetProperty("command").GetString());
        Assert.True(states[^1].GetProperty("ok").GetBoolean());
    }

    private static bool HasDelivered(JsonElement status) => status.GetProperty("pipelines").EnumerateArray().All(pipeline =>
        pipeline.GetProperty("accounting").GetProperty("applied").GetInt64() > 0);

    private static Dictionary<string, string> Temporary(string folder) => new() { ["TMPDIR"] = folder };

    // The guards of a killed demo work a moment longer than the demo itself.
    private static async Task AssertNothingLeftAsync(string temporary)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (Left(temporary).Any() && TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(10))
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Cancelled);
        Assert.Empty(Left(temporary));
    }

    private static IEnumerable<string> Left(string temporary) =>
    [
        .. Directory.EnumerateDirectories(temporary, "leat-demo-*"),
        .. from process in Directory.EnumerateDirectories("/proc")
           where int.TryParse(Path.GetFileName(process), out _)
           let command = CommandLineOf(process)
           where command.Contains(temporary, StringComparison.Ordinal)
           select command,
    ];

    private static string CommandLineOf(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' ');
        }
        catch (IOException)
        {
            return ""; // it has just ended
        }
    }
}
