using System.Text.Json;
using Leat.Changes;
using Leat.Pipeline.Letters;
using Leat.Server;
using Leat.Tests.Pipeline;
using Xunit;
using static Leat.Tests.Pipeline.TestChange;

namespace Leat.Tests.Commands;

/// <summary>The commands of <c>leat dlq</c>, on a log with refused rows.</summary>
public sealed class DlqTests : IAsyncLifetime
{
    private const string Nobody = "http://127.0.0.1:9";

    private readonly TestEngine _engine = new();
    private bool _mended;

    public async ValueTask InitializeAsync()
    {
        _engine.Sink.Decide = operation => Volatile.Read(ref _mended) ? null : TestTable.IdOf(operation.Row.Span) switch
        {
            1 or 2 => Answer.Refused("1406 (22001): Data too long for column 'note'", "1406"),
            3 => Answer.Refused("1264 (22003): Out of range value for column 'v'", "1264"),
            _ => null,
        };
        _engine.Start();
        foreach (var id in (int[])[1, 2, 3, 4])
        {
            _engine.Source.Add(Insert(id, id * 10));
            await _engine.SettledAsync();
        }
    }

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task Letters_are_counted_by_cause()
    {
        await _engine.StopAsync();
        var run = await RunAsync("list", "copy");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal("3 open dead letters of pipeline 'copy'.\n", run.Error);
        var lines = run.Out.Split('\n');
        Assert.StartsWith("LETTERS  TABLE  CAUSE", lines[0], StringComparison.Ordinal);
        Assert.Matches("^      2  items  1406 .* 1 id=2  1406 \\(22001\\): Data too long for column 'note'$", lines[1]);
        Assert.Matches("^      1  items  1264 .* 2 id=3  1264 \\(22003\\): Out of range value for column 'v'$", lines[2]);
    }

    [Fact]
    public async Task The_list_as_json()
    {
        await _engine.StopAsync();
        using var json = JsonDocument.Parse((await RunAsync("list", "copy", "--json")).Out);

        Assert.Equal(3, json.RootElement.GetProperty("open").GetInt32());
        var first = json.RootElement.GetProperty("causes")[0];
        Assert.Equal(("1406", 2, "id=2"), (first.GetProperty("cause").GetString(), first.GetProperty("letters").GetInt32(), first.GetProperty("key").GetString()));
    }

    [Fact]
    public async Task A_pipeline_without_letters()
    {
        _engine.Log.OpenStream("other.deadletters", new());
        await _engine.StopAsync();
        Assert.Equal(new Cli(0, "", "0 open dead letters of pipeline 'other'.\n"), await RunAsync("list", "other"));
    }

    [Fact]
    public async Task A_script_learns_of_letters_by_the_exit_code()
    {
        _engine.Log.OpenStream("other.deadletters", new());
        await _engine.StopAsync();

        Assert.Equal((4, 0), ((await RunAsync("list", "copy", "--fail-if-any")).ExitCode, (await RunAsync("list", "copy")).ExitCode));
        Assert.Equal(0, (await RunAsync("list", "other", "--fail-if-any")).ExitCode);
    }

    [Theory]
    [InlineData("list")]
    [InlineData("show", "--all")]
    [InlineData("replay", "--all", "--yes")]
    [InlineData("discard", "--all", "--yes")]
    public async Task A_pipeline_that_nobody_knows_is_no_empty_list(string verb, params string[] more)
    {
        await _engine.StopAsync();
        Assert.Equal(
            new Cli(2, "", $"error: The log in {_engine.Folder} has no pipeline 'cpoy'. [LEAT-5004]\n  Did you mean 'copy'?\n"), await RunAsync(verb, ["cpoy", .. more]));
    }

    [Fact]
    public async Task A_letter_is_shown_with_its_row()
    {
        await _engine.StopAsync();
        var run = await RunAsync("show", "copy", "2");

        Assert.Contains("2  index items id=3  (open)\n", run.Out, StringComparison.Ordinal);
        Assert.Contains("\"op\":\"insert\"", run.Out, StringComparison.Ordinal);
        using var json = JsonDocument.Parse((await RunAsync("show", "copy", "2", "--json")).Out);
        Assert.Equal(30, json.RootElement.GetProperty("change").GetProperty("after").GetProperty("v").GetInt64());
        var unknown = await RunAsync("show", "copy", "9");
        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains("Pipeline 'copy' has no dead letter 9. [LEAT-5097]", unknown.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Which_letters_has_to_be_said()
    {
        await _engine.StopAsync();
        var run = await RunAsync("replay", "copy");

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("'leat dlq replay' is not told which dead letters are meant.", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_yes_nothing_is_done()
    {
        await _engine.StopAsync();

        Assert.Equal(
            new Cli(0, "2 dead letters of pipeline 'copy' would be replayed. Nothing is done without --yes.\n", ""), await RunAsync("replay", "copy", "--cause", "1406"));
        Assert.Equal(new Cli(0, "1 dead letter of pipeline 'copy' would be given up. Nothing is done without --yes.\n", ""), await RunAsync("discard", "copy", "0"));
        Assert.Equal(new Cli(0, "Pipeline 'copy' has no such open dead letters.\n", ""), await RunAsync("replay", "copy", "--table", "others", "--yes"));
    }

    [Fact]
    public async Task Without_a_running_Leat_a_request_waits_in_the_log()
    {
        await _engine.StopAsync();
        var replay = await RunAsync("replay", "copy", "--cause", "1406", "--yes", "--server", Nobody);
        var discard = await RunAsync("discard", "copy", "2", "--yes", "--server", Nobody);
        Assert.Equal((0, "2 dead letters of pipeline 'copy' will be replayed when Leat is started.\n"), (replay.ExitCode, replay.Out));
        Assert.Equal((0, "1 dead letter of pipeline 'copy' given up.\n"), (discard.ExitCode, discard.Out));

        Volatile.Write(ref _mended, true);
        _engine.Start();
        await _engine.UntilAsync(() => _engine.Letters().All(letter => letter.State != LetterState.Open));

        Assert.Equal([LetterState.Applied, LetterState.Applied, LetterState.Discarded], _engine.Letters().Select(letter => letter.State));
        Assert.Equal(3, _engine.Sink.Target.Count);
    }

    [Fact]
    public async Task A_running_Leat_replays_at_once_and_the_outcomes_are_told()
    {
        await using var server = await StatusServer.StartAsync(
            0, () => _engine.Status() with { Log = new(_engine.Folder, 0, []) }, snapshots: null, new Running(_engine), Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance,
            TestContext.Current.CancellationToken);
        var again = await RunAsync("replay", "copy", "2", "--yes", "--server", server.Address.ToString());
        Volatile.Write(ref _mended, true);
        var applied = await RunAsync("replay", "copy", "--all", "--yes", "--server", server.Address.ToString());

        Assert.Equal(new Cli(4, "1 dead letter of pipeline 'copy' replayed: 1 refused again.\n", ""), again);
        Assert.Equal(new Cli(0, "3 dead letters of pipeline 'copy' replayed: 3 applied.\n", ""), applied);
    }

    private Task<Cli> RunAsync(string verb, params string[] args) => Cli.RunAsync(["dlq", verb, .. args, "--log", _engine.Folder]);

    private sealed class Running(TestEngine engine) : Leat.Pipeline.IDeliveryControl
    {
        public async ValueTask<Leat.Pipeline.Redelivery> RedeliverAsync(string pipeline, bool reread, CancellationToken cancellationToken) => await engine.Pipeline.RedeliverAsync(reread);

        public async ValueTask<Leat.Pipeline.Redelivery> RebuildAsync(string pipeline, bool reread, CancellationToken cancellationToken) => await engine.Pipeline.RedeliverAsync(reread, rebuild: true);

        public ValueTask<int> ReplayAsync(string pipeline, IReadOnlyList<long> letters, string by, CancellationToken cancellationToken) =>
            engine.Pipeline.RequestAsync(letters, discard: false, by, cancellationToken);

        public ValueTask<int> DiscardAsync(string pipeline, IReadOnlyList<long> letters, string by, CancellationToken cancellationToken) =>
            engine.Pipeline.RequestAsync(letters, discard: true, by, cancellationToken);
    }
}
