using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Leat.Changes;
using Leat.Commands;
using Leat.Tests.Pipeline;
using Leat.Transform.Plan.Rules;
using Xunit;

namespace Leat.Tests.Commands;

public sealed class CheckTests : IDisposable
{
    private const string Canary = "canary-7391";

    private const string Right = """
        sources:
          shop: { simulator: { seed: 1 } }
        pipelines:
          files:
            from: shop
            tables: { orders: shop.orders }
            sink: { jsonlines: { folder: out } }

        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_right_file_has_no_problems()
    {
        var file = _folder.Write("leat.yaml", Right);

        Assert.Equal(new Cli(0, "", $"{file}: no problems.\n"), await Cli.RunAsync("check", file, "--offline"));
    }

    [Fact]
    public async Task Every_server_is_looked_at_and_told_by_name()
    {
        var file = _folder.Write("leat.yaml", Right);

        var run = await Cli.RunAsync("check", file);

        Assert.Equal(
            new Cli(
                0,
                $"""
                log
                  ok       folder  {_folder.Path}/leat-data will be created.
                  ok       space   FREE
                source shop (simulator)
                  ok       simulator  A simulated shop with seed 1 and 100 customers; no server is needed.
                pipeline files (jsonlines)
                  ok       folder  {_folder.Path}/out will be created.

                """,
                $"{file}: no problems.\n"),
            run with { Out = Regex.Replace(run.Out, @"[\d.]+[KMGT]iB are free\.", "FREE") });
    }

    [Fact]
    public async Task Folders_that_cannot_be_written_to_are_told_before_anything_runs()
    {
        var taken = _folder.Write("taken", "");
        var file = _folder.Write("leat.yaml", Right.Replace("folder: out", "folder: taken/out", StringComparison.Ordinal) + "log: { folder: taken/log }\n");

        var run = await Cli.RunAsync("check", file);

        Assert.Equal(3, run.ExitCode);
        Assert.Contains(
            $"log\n  error    folder  The log cannot be kept in {taken}/log: {taken} is a file, not a folder. [LEAT-5122]\n"
            + "           Give Leat's user the right to write there, or name another folder as `log: { folder: … }`.\n", run.Out, StringComparison.Ordinal);
        Assert.Contains($"  error    folder  {taken}/out cannot be written: {taken} is a file, not a folder. [LEAT-4300]\n", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Soft_deletes_of_a_source_that_does_not_tell_whole_rows_are_a_warning_for_each_table()
    {
        var terminal = Cli.Terminal(TextWriter.Null, TextWriter.Null, isTerminal: false);
        using var context = new CommandContext(RootCommandBuilder.Build(terminal).Parse("check leat.yaml"), terminal, TestContext.Current.CancellationToken);
        var source = new ScriptedSource();
        var rule = TestEngine.CopyItems.Tables[0];
        var mark = new SetRule("v", new("0", default, IsInline: true));
        var pipeline = TestEngine.CopyItems with
        {
            Tables = [rule with { SoftDelete = [mark] }, new() { Alias = "other", Table = new("shop", "other"), Location = default }], OpenSink = _ => new ScriptedSink(),
        };

        foreach (var image in (string?[])[null, "MINIMAL"])
        {
            source.Findings = image is null ? [] : [Finding.Warning(new(4068), "binlog_row_image", $"binlog_row_image is {image}.", "SET GLOBAL …")];
            var checks = new ServerChecks(context);
            await checks.SourceAsync(new("shop", "scripted", _ => source, default), TestContext.Current.CancellationToken);
            var findings = (await checks.SinkAsync(pipeline, TestContext.Current.CancellationToken)).Where(finding => finding.Check == "soft_delete").ToArray();
            Assert.Equal(
                image is null ? [] : ["Table 'items' keeps deleted rows (`soft_delete`), but with the server's binlog_row_image a delete does not tell its whole row: the pipeline is Blocked at the first one. LEAT-5124"],
                findings.Select(finding => $"{finding.Message} {finding.Code}"));
        }
    }

    [Fact]
    public async Task Too_little_space_for_the_log_is_a_warning()
    {
        var file = _folder.Write("leat.yaml", Right + "log: { reserve: 16GiB }\n");

        var findings = ServerChecks.Log(new() { Folder = _folder.Path, ReserveBytes = long.MaxValue / 4 });
        var run = await Cli.RunAsync("check", file, "--offline");

        Assert.Equal(0, run.ExitCode);
        Assert.Equal((Severity.Warning, "LEAT-5123"), (findings[1].Severity, findings[1].Code.ToString()));
        Assert.Matches($@"^Only [\d.]+[KMGT]iB are free on the disk of {_folder.Path}; capture waits while there are less than .* \(twice `reserve`\)\.$", findings[1].Message);
    }

    [Fact]
    public async Task A_table_that_is_not_captured_is_told_with_its_place()
    {
        var file = _folder.Write("leat.yaml", Right.Replace("shop.orders", "shop.order", StringComparison.Ordinal));

        var run = await Cli.RunAsync("check", file);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains(
            $"  error    tables  {file}:6:15: Pipeline 'files' wants the table shop.order, which source 'shop' does not capture. [LEAT-5002]\n"
            + "           Did you mean 'shop.orders'?\n", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_condition_that_does_not_fit_the_table_is_told()
    {
        var file = _folder.Write("leat.yaml", Right.Replace("shop.orders }", "{ table: shop.orders, where: statsu = 'new' } }", StringComparison.Ordinal));

        var run = await Cli.RunAsync("check", file);

        Assert.Equal(2, run.ExitCode);
        Assert.Contains("Did you mean 'status'?", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Mistakes_are_told_as_editors_understand_them()
    {
        var file = _folder.Write("leat.yaml", Right.Replace("seed", "sead", StringComparison.Ordinal).Replace("from: shop", "from: shp", StringComparison.Ordinal));

        Assert.Equal(
            new Cli(
                2,
                $"""
                {file}:2:24: error: 'sead' is not a setting of sources.shop.simulator. [LEAT-1001]
                  Did you mean 'seed'?
                {file}:5:11: error: Pipeline 'files' reads from 'shp', which is not one of the sources. [LEAT-1112]
                  Did you mean 'shop'?

                """,
                $"{file}: 2 errors.\n"),
            await Cli.RunAsync("check", file));
    }

    [Fact]
    public async Task With_json_mistakes_are_findings_of_an_envelope()
    {
        var file = _folder.Write("leat.yaml", Right.Replace("seed", "sead", StringComparison.Ordinal));

        Assert.Equal(
            new Cli(
                2,
                $$"""
                {
                  "command": "check",
                  "ok": false,
                  "summary": "{{file}}: 1 error.",
                  "result": null,
                  "error": null,
                  "findings": [
                    {
                      "severity": "error",
                      "check": "configuration",
                      "subject": null,
                      "code": "LEAT-1001",
                      "message": "'sead' is not a setting of sources.shop.simulator.",
                      "remedy": "Did you mean 'seed'?",
                      "file": "{{file}}",
                      "line": 2,
                      "column": 24
                    }
                  ]
                }

                """,
                ""),
            await Cli.RunAsync("check", file, "--offline", "--json"));
    }

    [Fact]
    public async Task With_json_what_is_right_is_a_finding_too()
    {
        var file = _folder.Write("leat.yaml", Right);

        var run = await Cli.RunAsync("check", file, "--json");

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("\"ok\": true,\n", run.Out, StringComparison.Ordinal);
        Assert.Contains("\"severity\": \"ok\",\n      \"check\": \"simulator\",\n      \"subject\": \"source shop (simulator)\",\n", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_does_not_exist_is_a_usage_error() => Assert.Equal(
        new Cli(
            2, "/nowhere/leat.yaml: error: The configuration file cannot be read: it does not exist. [LEAT-1100]\n  Check the path and the permissions of the file.\n",
            "/nowhere/leat.yaml: 1 error.\n"),
        await Cli.RunAsync("check", "/nowhere/leat.yaml"));

    [Fact]
    public async Task A_server_that_is_not_there_is_exit_code_3_and_the_password_is_not_told()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        var mysql = $"mysql: {{ host: 127.0.0.1, port: {port}, user: leat, password: \"${{env:SECRET}}\", tables: [\"shop.*\"] }}";
        var file = _folder.Write("leat.yaml", Right.Replace("simulator: { seed: 1 }", mysql, StringComparison.Ordinal));

        foreach (var option in (string[])["--color=never", "--json", "--log-level=trace"])
        {
            var run = await Cli.RunAsync(new Dictionary<string, string> { ["SECRET"] = Canary }, "check", file, option);

            Assert.Equal(3, run.ExitCode);
            Assert.Contains($"127.0.0.1:{port}", run.Out, StringComparison.Ordinal);
            Assert.DoesNotContain(Canary, run.Out + run.Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("seed: \"${env:SECRET}\"")]
    [InlineData("rate: \"${env:SECRET}\"")]
    [InlineData("sed: \"${env:SECRET}\"")]
    public async Task A_secret_is_never_printed_wherever_it_was_put(string setting)
    {
        var file = _folder.Write("leat.yaml", Right.Replace("seed: 1", setting, StringComparison.Ordinal));
        var environment = new Dictionary<string, string> { ["SECRET"] = Canary };

        foreach (var line in (string[])["check FILE", "check FILE --json", "capture FILE --to now", "capture FILE --to now --json --log-level trace"])
        {
            var run = await Cli.RunAsync(environment, line.Replace("FILE", file, StringComparison.Ordinal).Split(' '));

            Assert.Equal(2, run.ExitCode);
            Assert.DoesNotContain(Canary, run.Out + run.Error, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("", false)]
    [InlineData("--color always", true)]
    [InlineData("--color never", false)]
    public async Task Pipes_get_colours_only_when_asked(string option, bool colours)
    {
        var file = _folder.Write("leat.yaml", Right.Replace("seed", "sead", StringComparison.Ordinal));
        var environment = new Dictionary<string, string> { ["TERM"] = "xterm-256color", ["COLORTERM"] = "truecolor" };

        var run = await Cli.RunAsync(environment, [.. $"check {file} {option}".Split(' ', StringSplitOptions.RemoveEmptyEntries)]);

        Assert.Equal(colours, run.Out.Contains("\e[31merror\e[0m", StringComparison.Ordinal));
        Assert.Equal(colours, run.Out.Contains('\e', StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("xterm", null, true)]
    [InlineData("dumb", null, false)]
    [InlineData("xterm", "1", false)]
    [InlineData("xterm", "", true)]
    public void Terminals_get_colours_unless_they_or_people_do_not_want_them(string term, string? noColor, bool colours)
    {
        var environment = new Dictionary<string, string> { ["TERM"] = term };
        if (noColor is not null)
            environment["NO_COLOR"] = noColor;

        Assert.Equal(colours, Cli.Terminal(TextWriter.Null, TextWriter.Null, isTerminal: true, environment).UsesColor());
    }
}
