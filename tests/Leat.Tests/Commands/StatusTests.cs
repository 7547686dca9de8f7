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
                NAME           STATE  ROWS/S  LAG ROWS   LAG    P99   ROWS  LAST CHANGE
                shop           live      120                         1,000  2026-05-04 11:59:59 UTC
                cache → redis  live      120         1  4 ms  18 ms    990  update orders 17
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
            NAME               STATE        ROWS/S  LAG ROWS    LAG    P99   ROWS  LAST CHANGE
            shop               catching up     120                          1,000  snapshot of shop.orders, table 2 of 4, 5,000 of about 20,000 rows
            cache → redis      retrying        120    15,000  2 min  18 ms    990  update orders 17
            copy → mysql       blocked         120         1   4 ms  18 ms    990  update orders 17
            files → jsonlines  starting          0         1   4 ms  18 ms    990
            cache: Redis at 127.0.0.1:6379 is not there. It is tried again. [LEAT-4201]
            copy: Wrong password. Set the right one. [LEAT-4101]
            shop: 3.9MiB in the log since 2026-05-03 12:00:00 UTC; pipeline cache still needs the last 1 record
            shop: the columns of shop.odd are not certain: it was altered in a way that is not known
            log: 00000000000000000000.log is damaged. Run 'leat log verify shop'. [LEAT-2006]

            """, run.Out);
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

        console.Write(StatusTable.Render(Statuses.Troubled));

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
