using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Leat.Commands;
using Leat.Pipeline.Status;
using Xunit;

namespace Leat.Tests.Commands;

/// <summary><c>leat run</c> and <c>leat compare</c> on the simulated shop; signals with the program as a process of its own.</summary>
public sealed class RunTests : IDisposable
{
    private const string Quiet = """
        log: { folder: log }
        sources:
          shop: { simulator: { seed: 1, rows_per_second: 1 } }
        pipelines:
          files:
            from: shop
            tables: { orders: shop.orders, customers: shop.customers }
            sink: { jsonlines: { folder: out } }
        """;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_mistake_in_the_file_is_told_before_anything_is_opened()
    {
        var file = _folder.Write("leat.yaml", Quiet.Replace("from: shop", "from: shp", StringComparison.Ordinal));

        Assert.Equal(
            new Cli(2, "", $"{file}:6:11: error: Pipeline 'files' reads from 'shp', which is not one of the sources. [LEAT-1112]\n  Did you mean 'shop'?\n"),
            await Cli.RunAsync("run", file, "--port", "0"));
        Assert.False(Directory.Exists(Path.Combine(_folder.Path, "log")));
    }

    [Theory]
    [InlineData("many")]
    [InlineData("-1")]
    [InlineData("65536")]
    public async Task A_port_that_is_none_is_wrong_usage(string port) => Assert.Equal(
        new Cli(2, "", $"error: --port: expected a whole number from 0 to 65535, got '{port}'.\nRun 'leat run --help' for what it takes.\n"),
        await Cli.RunAsync("run", "leat.yaml", "--port", port));

    [Fact]
    public async Task A_port_in_use_ends_with_its_number_the_setting_and_a_free_one()
    {
        using var taken = new TcpListener(IPAddress.Loopback, 0);
        taken.Start();
        var port = ((IPEndPoint)taken.LocalEndpoint).Port;

        var run = await Cli.RunAsync("run", _folder.Write("leat.yaml", Quiet), "--port", $"{port}", "--log-level", "error");

        Assert.Equal(3, run.ExitCode);
        Assert.Matches(
            $@"^error: Port {port} of 127\.0\.0\.1, where Leat serves its status, is in use by another process\. \[LEAT-5010\]\n"
            + @"  Start with --port \d+, which is free, or let Leat choose with --port 0\.\n$", run.Error);
    }

    [Fact]
    public async Task One_signal_drains_and_is_done()
    {
        using var process = Start("run", _folder.Write("leat.yaml", Quiet), "--port", "0", "--json", "--log-level", "error");
        using var started = JsonDocument.Parse(await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) ?? "");
        var server = started.RootElement.GetProperty("server").GetString() ?? "";
        Assert.Equal(process.Id, started.RootElement.GetProperty("process_id").GetInt32());
        Assert.Equal(0, (await Cli.RunAsync("status", "--server", server)).ExitCode);

        await SignalAsync(process, "TERM");
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, process.ExitCode);
        Assert.Equal(
            "Stopping: what is under way is delivered first. A second signal stops at once.\nStopped.\n",
            await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        Assert.Equal(3, (await Cli.RunAsync("status", "--server", server)).ExitCode);
    }

    [Fact]
    public async Task In_a_log_of_json_problems_of_the_file_are_events()
    {
        var file = _folder.Write("leat.yaml", Quiet.Replace("from: shop", "from: shp", StringComparison.Ordinal));

        var run = await Cli.RunAsync("run", file, "--port", "0", "--log-format", "json");

        using var line = JsonDocument.Parse(run.Error);
        Assert.Equal((2, "", 5134, "error"), (run.ExitCode, run.Out, line.RootElement.GetProperty("event").GetInt32(), line.RootElement.GetProperty("level").GetString()));
        Assert.Equal(
            $"{file}:6:11: Pipeline 'files' reads from 'shp', which is not one of the sources. Did you mean 'shop'? [LEAT-1112]", line.RootElement.GetProperty("message").GetString());
    }

    [Fact]
    public async Task A_log_of_json_has_nothing_else_in_it()
    {
        var file = _folder.Write("leat.yaml", Quiet);
        using var process = Start("run", file, "--port", "0", "--log-format", "json");
        var lines = new List<string>();
        while (await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            lines.Add(line);
            if (!line.Contains("\"event\":5130,", StringComparison.Ordinal))
                continue;
            var second = await Cli.RunAsync("run", file, "--port", "0", "--log-format", "json");
            using var why = JsonDocument.Parse(second.Error);
            Assert.Equal((3, "", 5133), (second.ExitCode, second.Out, why.RootElement.GetProperty("event").GetInt32()));
            Assert.Equal(
                $"The log folder {_folder.Path}/log is in use by another process. Stop that process, or give this one a log folder of its own. [LEAT-2001]",
                why.RootElement.GetProperty("message").GetString());
            await SignalAsync(process, "TERM");
        }

        await process.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Equal(0, process.ExitCode);
        Assert.All(lines, line => Assert.StartsWith("{\"time\":", line, StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("runs shop (simulator) and files → jsonlines with the log in ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains("\"event\":5131,", StringComparison.Ordinal));
        Assert.Contains("\"event\":5132,", lines[^1], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_signal_does_not_wait()
    {
        // Now and then a process is done before it looks at the second one.
        var codes = new List<int>();
        while (codes.Count < 10 && !codes.Exists(code => code is ExitCodes.Interrupted or ExitCodes.Terminated))
        {
            using var process = Start("run", _folder.Write("leat.yaml", Quiet), "--port", "0", "--json", "--log-level", "error");
            await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);

            // Both wait while the process is stopped, and so arrive together when it goes on.
            foreach (var signal in (string[])["STOP", "INT", "TERM", "CONT"])
                await SignalAsync(process, signal);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            codes.Add(process.ExitCode);
        }

        Assert.True(codes[^1] is ExitCodes.Interrupted or ExitCodes.Terminated, string.Join(' ', codes));
    }

    [Fact]
    public async Task A_second_process_on_the_same_folder_is_told_who_is_in_the_way()
    {
        var file = _folder.Write("leat.yaml", Quiet);
        using var process = Start("run", file, "--port", "0", "--json", "--log-level", "error");
        await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken);

        var second = await Cli.RunAsync("run", file, "--port", "0", "--log-level", "error");

        await SignalAsync(process, "TERM");
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(
            new Cli(
                3, "",
                $"error: The log folder {_folder.Path}/log is in use by another process. [LEAT-2001]\n  Stop that process, or give this one a log folder of its own.\n"),
            second);
    }

    [Fact]
    public async Task After_a_run_every_row_is_compared_and_what_was_tampered_with_is_found()
    {
        var file = _folder.Write("leat.yaml", Quiet);
        using (var process = Start("run", file, "--port", "0", "--json", "--log-level", "error"))
        {
            using var started = JsonDocument.Parse(await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) ?? "");
            await QuietAsync(new Uri(started.RootElement.GetProperty("server").GetString() ?? ""));
            await SignalAsync(process, "TERM");
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        var equal = await Cli.RunAsync("compare", file, "files");
        Assert.Equal((0, ""), (equal.ExitCode, equal.Error));
        Assert.Matches(@"^files: equal, [\d,]+ rows\.\n$", equal.Out);

        Tamper(Path.Combine(_folder.Path, "out", "customers.jsonl"));
        var different = await Cli.RunAsync("compare", file);
        var json = await Cli.RunAsync("compare", file, "--json");

        Assert.Equal((4, ""), (different.ExitCode, different.Error));
        Assert.Matches(@"^files: differs: 0 missing, 0 extra, 1 different of [\d,]+ rows\.\n  different  customers  \d+\n             city: source '.+', target 'Atlantis'\n$", different.Out);
        Assert.Equal((4, ""), (json.ExitCode, json.Error));
        using var envelope = JsonDocument.Parse(json.Out);
        Assert.Equal("1 of 1 pipelines differ.", envelope.RootElement.GetProperty("summary").GetString());
        var example = envelope.RootElement.GetProperty("result").GetProperty("pipelines")[0].GetProperty("examples")[0];
        Assert.Equal(("customers", "different", "city"), (
            example.GetProperty("table").GetString(), example.GetProperty("kind").GetString(), example.GetProperty("fields")[0].GetProperty("name").GetString()));
    }

    [Fact]
    public async Task Before_anything_is_captured_there_is_nothing_to_compare() => Assert.Equal(
        new Cli(0, "files: equal, 0 rows.\n", ""), await Cli.RunAsync("compare", _folder.Write("leat.yaml", Quiet)));

    [Fact]
    public async Task An_unknown_pipeline_is_told_the_nearest()
    {
        var file = _folder.Write("leat.yaml", Quiet);

        Assert.Equal(
            new Cli(2, "", $"error: {file} has no pipeline 'fils'. [LEAT-5004]\n  Did you mean 'files'?\n"), await Cli.RunAsync("compare", file, "fils"));
    }

    // The last line of a key is what counts.
    private static void Tamper(string path)
    {
        var lines = File.ReadAllLines(path);
        lines[^1] = System.Text.RegularExpressions.Regex.Replace(lines[^1], "\"city\":\"[^\"]*\"", "\"city\":\"Atlantis\"");
        File.WriteAllLines(path, lines);
    }

    // Returns when a transaction has just been delivered: at one row a second the next is at least a second away.
    private static async Task QuietAsync(Uri server)
    {
        var (_, first) = await StatusCommand.FetchAsync(server, TestContext.Current.CancellationToken);
        while (true)
        {
            var (_, status) = await StatusCommand.FetchAsync(server, TestContext.Current.CancellationToken);
            if (status.Sources[0].Transactions > first.Sources[0].Transactions && status.Pipelines[0] is { LagRows: 0, State: RunState.Live })
                return;
            await Task.Delay(20, TestContext.Current.CancellationToken); // the test run's own limit ends an endless wait
        }
    }

    private static Process Start(params string[] args)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "leat.dll"));
        foreach (var arg in args)
            start.ArgumentList.Add(arg);
        return Process.Start(start) ?? throw new InvalidOperationException("dotnet did not start");
    }

    private static async Task SignalAsync(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
        await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
    }
}
