using System.Net;
using System.Net.Sockets;
using System.Text;
using Leat.Server;
using Leat.Tests.Server;
using Microsoft.Extensions.Logging.Abstractions;
using Spectre.Console;
using Xunit;

namespace Leat.Tests.Commands;

public sealed class StatusTests
{
    [Fact]
    public void What_a_sinks_settings_allow_stands_below_the_table()
    {
        var status = Statuses.Live with { Pipelines = [Statuses.Live.Pipelines[0] with { Warnings = ["Certificates are not checked. Name the authority. [LEAT-4230]"] }] };

        Assert.Equal("cache: Certificates are not checked. Name the authority. [LEAT-4230]", StatusTable.LogLines(status)[^1]);
    }

    [Fact]
    public async Task Shows_a_line_for_each_source_and_pipeline()
    {
        await using var server = await StatusServer.StartAsync(0, () => Statuses.Live, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);

        Assert.Equal(
            new Cli(
                0,
                """
                NAME           STATE  ROWS/S  LAG ROWS   LAG    P99  LANES   ROWS  LAST CHANGE
                shop           live      120                                1,000  2026-05-04 11:59:59 UTC
                cache → redis  live      120         1  4 ms  18 ms      1    990  update orders 17
                shop: 3.9MiB in the log since 2026-05-03 12:00:00 UTC; pipeline cache still needs the last 1 record

                """,
                ""),
            await Cli.RunAsync("status", "--server", server.Address.ToString()));
    }

    [Fact]
    public async Task Reasons_stand_below_the_table()
    {
        await using var server = await StatusServer.StartAsync(0, () => Statuses.Troubled, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);

        var run = await Cli.RunAsync("status", "--server", server.Address.ToString());

        Assert.Equal(
            """
            NAME               STATE        ROWS/S  LAG ROWS    LAG    P99  LANES   ROWS  LAST CHANGE
            shop               catching up     120                                 1,000  snapshot of shop.orders, table 2 of 4, 5,000 of about 20,000 rows
            cache → redis      retrying        120    15,000  2 min  18 ms      1    990  update orders 17
            copy → mysql       blocked         120         1   4 ms  18 ms      1    990  update orders 17
            files → jsonlines  starting          0         1   4 ms  18 ms      1    990
            cache: Redis at 127.0.0.1:6379 is not there. It is tried again. [LEAT-4201]
            copy: Wrong password. Set the right one. [LEAT-4101]
            shop: 3.9MiB in the log since 2026-05-03 12:00:00 UTC; pipeline cache still needs the last 1 record
            shop: the columns of shop.odd are not certain: it was altered in a way that is not known
            log: 00000000000000000000.log is damaged. Run 'leat log verify shop'. [LEAT-2006]

            """, run.Out);
    }

    [Theory]
    [InlineData(110, """
        NAME               STATE        ROWS/S  LAG ROWS    LAG    P99  LANES   ROWS  LAST CHANGE
        shop               catching up     120                                 1,000  snapshot of shop.orders, table …
        cache → redis      retrying        120    15,000  2 min  18 ms      1    990  update orders 17
        copy → mysql       blocked         120         1   4 ms  18 ms      1    990  update orders 17
        files → jsonlines  starting          0         1   4 ms  18 ms      1    990
        """)]
    [InlineData(72, """
        NAME               STATE        ROWS/S  LAG ROWS    LAG    P99  LANES
        shop               catching up     120
        cache → redis      retrying        120    15,000  2 min  18 ms      1
        copy → mysql       blocked         120         1   4 ms  18 ms      1
        files → jsonlines  starting          0         1   4 ms  18 ms      1
        """)]
    [InlineData(40, """
        NAME            STATE        LAG ROWS    LAG
        shop            catching up
        cache → redis   retrying       15,000  2 min
        copy → mysql    blocked             1   4 ms
        files → jsonl…  starting            1   4 ms
        """)]
    public void A_narrow_terminal_gets_fewer_columns_and_no_broken_words(int width, string table) =>
        Assert.Equal(table, string.Join('\n', StatusTable.Lines(Statuses.Troubled, width).Take(5)));

    [Fact]
    public void The_table_of_the_live_view_fits_the_terminal()
    {
        using var output = new StringWriter();
        var console = Cli.Terminal(output, TextWriter.Null, isTerminal: false).OutConsole();
        console.Profile.Width = 72;

        console.Write(StatusTable.Render(Statuses.Live, width: 72));

        Assert.Equal(StatusTable.Lines(Statuses.Live, 72), output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd()));
    }

    [Fact]
    public async Task One_pipeline_is_shown_with_its_lanes()
    {
        await using var server = await StatusServer.StartAsync(0, () => Statuses.Live, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);

        Assert.Equal(
            new Cli(
                0,
                """
                cache: live, shop → redis
                  behind        1 row, the oldest for 4 ms
                  checkpoint    offset 1199; writes in epoch 0
                  latency       half within 3 ms, 99 % within 18 ms
                  last          update orders 17, 2026-05-04 12:00:00 UTC, 0 ms ago
                  changes       1,000 read: 990 planned, 0 folded, 10 filtered
                  operations    995 sent: 990 applied, 1 stale, 1 coalesced, 2 dead-lettered, 1 under way
                  dead letters  0 open
                  LANE  WAITING  ATTEMPTS  LAST OFFSET  MOST ROWS  MOST BYTES
                     0        1         0         1199          0          0B

                """,
                ""),
            await Cli.RunAsync("status", "cache", "--server", server.Address.ToString()));
    }

    [Fact]
    public async Task One_source_is_shown_with_its_position_and_who_needs_its_stream()
    {
        await using var server = await StatusServer.StartAsync(0, () => Statuses.Troubled, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);

        Assert.Equal(
            new Cli(
                0,
                """
                shop: catching up
                  position      {"gtid":"0-1-42"}
                  heard         2026-05-04 12:00:00 UTC, 0 ms ago
                  last change   2026-05-04 11:59:59 UTC, 1.0 s ago
                  changes       1,000 in 250 transactions since the start
                  not certain   shop.odd: it was altered in a way that is not known
                  log           offsets 200 to 1200, 3.9MiB, epoch 1, since 2026-05-03 12:00:00 UTC
                  needed by     pipeline cache from offset 1199 on, 1 record

                """,
                ""),
            await Cli.RunAsync("status", "shop", "--server", server.Address.ToString()));
    }

    [Fact]
    public async Task One_pipeline_as_json_is_its_part_of_the_answer()
    {
        await using var server = await StatusServer.StartAsync(0, () => Statuses.Live, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);

        var run = await Cli.RunAsync("status", "cache", "--json", "--server", server.Address.ToString());

        Assert.StartsWith("{\"name\":\"cache\",\"source\":\"shop\",", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_name_that_is_none_is_told_with_the_nearest()
    {
        await using var server = await StatusServer.StartAsync(0, () => Statuses.Live, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);

        Assert.Equal(
            new Cli(2, "", $"error: The Leat at {server.Address} has no source or pipeline 'cahce'. [LEAT-5004]\n  Did you mean 'cache'?\n"),
            await Cli.RunAsync("status", "cahce", "--server", server.Address.ToString()));
    }

    [Fact]
    public async Task Watching_goes_on_while_nothing_answers_and_ends_with_a_signal()
    {
        var asked = 0;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        await using var server = await StatusServer.StartAsync(0, () => Interlocked.Increment(ref asked) switch
        {
            2 => throw new InvalidOperationException("cannot be computed"),
            3 => Stopped(stop),
            _ => Statuses.Live,
        }, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);
        using var output = new StringWriter();
        using var error = new StringWriter();

        var exitCode = await LeatProgram.RunAsync(
            ["status", "cache", "--watch", "--json", "--server", server.Address.ToString()],
            new() { Out = output, Error = error, IsOutTerminal = false, IsErrorTerminal = false, Variable = _ => null, Time = new Leat.Tests.Pipeline.FastTime() }, stop.Token);

        Assert.Equal(ExitCodes.Done, exitCode);
        Assert.StartsWith("{\"name\":\"cache\"", output.ToString(), StringComparison.Ordinal);
        Assert.StartsWith($"error: What answers at {server.Address} is not a Leat that this program understands: it answered 500 Internal Server Error. [LEAT-5021]", error.ToString(), StringComparison.Ordinal);
    }

    private static Leat.Pipeline.Status.EngineStatus Stopped(CancellationTokenSource stop)
    {
        stop.Cancel();
        return Statuses.Live;
    }

    [Fact]
    public async Task With_json_it_prints_what_the_server_answered()
    {
        await using var server = await StatusServer.StartAsync(0, () => Statuses.Live, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);
        using var client = new HttpClient();
        var served = await client.GetStringAsync(new Uri(server.Address, "/api/v1/status"), TestContext.Current.CancellationToken);

        Assert.Equal(new Cli(0, served + "\n", ""), await Cli.RunAsync("status", "--json", "--server", server.Address.ToString()));
    }

    [Fact]
    public async Task When_nothing_listens_it_says_how_to_start_one()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/";
        listener.Stop();

        Assert.Equal(
            new Cli(
                3, "",
                $"error: No Leat answers at {address}: Connection refused. [LEAT-5020]\n"
                + "  Start one with 'leat run FILE', or name another address with --server.\n"),
            await Cli.RunAsync("status", "--server", address));
    }

    [Theory]
    [InlineData("HTTP/1.1 404 Not Found", "", "it answered 404 Not Found")]
    [InlineData("HTTP/1.1 200 OK", "<html>", "its answer is not the status of a Leat")]
    [InlineData("HTTP/1.1 200 OK", "null", "it answered nothing")]
    public async Task Something_else_that_answers_is_told_apart(string head, string body, string why)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/";
        var answering = AnswerAsync(listener, $"{head}\r\nContent-Length: {body.Length}\r\nConnection: close\r\n\r\n{body}");

        var run = await Cli.RunAsync("status", "--server", address);

        await answering;
        Assert.Equal(
            new Cli(
                3, "",
                $"error: What answers at {address} is not a Leat that this program understands: {why}. [LEAT-5021]\n"
                + "  Name the address that 'leat run' printed with --server, and use the same version of both.\n"),
            run);
    }

    [Fact]
    public void The_table_of_the_live_view_shows_the_same()
    {
        using var output = new StringWriter();
        var console = Cli.Terminal(output, TextWriter.Null, isTerminal: false, new() { ["TERM"] = "xterm-256color" }).OutConsole();

        console.Write(StatusTable.Render(Statuses.Troubled, width: 200));

        Assert.DoesNotContain('\e', output.ToString());
        foreach (var line in StatusTable.Lines(Statuses.Troubled))
            Assert.All(line.Split("  ", StringSplitOptions.RemoveEmptyEntries), cell => Assert.Contains(cell.Trim(), output.ToString(), StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0, "0 ms")]
    [InlineData(999.4, "999 ms")]
    [InlineData(1_500, "1.5 s")]
    [InlineData(120_000, "2 min")]
    [InlineData(9_000_000, "2.5 h")]
    public void Times_have_the_unit_that_suits_them(double milliseconds, string text) => Assert.Equal(text, StatusTable.Time(milliseconds));

    private static async Task AnswerAsync(TcpListener listener, string answer)
    {
        using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
        var stream = client.GetStream();
        _ = await stream.ReadAsync(new byte[4096], TestContext.Current.CancellationToken);
        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer), TestContext.Current.CancellationToken);
    }
}
