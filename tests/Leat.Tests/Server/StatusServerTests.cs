using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Leat.Changes;
using Leat.Pipeline.Status;
using Leat.Server;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Server;

public sealed class StatusServerTests : IAsyncLifetime
{
    private readonly HttpClient _client = new();
    private Func<EngineStatus> _status = () => Statuses.Live;
    private StatusServer? _server;

    private StatusServer Server => _server ?? throw new InvalidOperationException("started before each test");

    public async ValueTask InitializeAsync() =>
        _server = await StatusServer.StartAsync(0, () => _status(), NullLoggerFactory.Instance, TestContext.Current.CancellationToken);

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await Server.DisposeAsync();
    }

    [Fact]
    public async Task Alive_is_whoever_answers()
    {
        _status = () => Statuses.Troubled;

        Assert.Equal((HttpStatusCode.OK, "{\"live\":true}"), await GetAsync("/health/live"));
    }

    [Fact]
    public async Task Ready_when_everything_moves() =>
        Assert.Equal((HttpStatusCode.OK, "{\"ready\":true,\"reasons\":[]}"), await GetAsync("/health/ready"));

    [Fact]
    public async Task Not_ready_says_why_for_each()
    {
        _status = () => Statuses.Troubled;

        var (code, body) = await GetAsync("/health/ready");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, code);
        Assert.Equal(
            "{\"ready\":false,\"reasons\":["
            + "\"Pipeline 'cache' is retrying: Redis at 127.0.0.1:6379 is not there. It is tried again. [LEAT-4201]\","
            + "\"Pipeline 'copy' is blocked: Wrong password. Set the right one. [LEAT-4101]\","
            + "\"Pipeline 'files' is starting.\"]}",
            body);
    }

    [Fact]
    public async Task Status_is_the_whole_model_in_snake_case_with_states_as_words()
    {
        var (code, body) = await GetAsync("/api/v1/status");

        Assert.Equal(HttpStatusCode.OK, code);
        Assert.Equal(
            "{\"version\":\"0.1.0\",\"started_at\":\"2026-05-04T11:55:00+00:00\",\"now\":\"2026-05-04T12:00:00+00:00\","
            + "\"sources\":[{\"name\":\"shop\",\"state\":\"live\",\"reason\":null,\"position\":\"{\\\"gtid\\\":\\\"0-1-42\\\"}\",\"end_offset\":1200,"
            + "\"readable_offset\":1200,\"changes\":1000,\"transactions\":250,\"changes_per_second\":120.5,\"last_heard_at\":\"2026-05-04T12:00:00+00:00\","
            + "\"last_change_at\":\"2026-05-04T11:59:59+00:00\",\"snapshot\":null,\"snapshots\":[],\"unverified\":[],\"stream\":{\"bytes\":4096000,\"start_offset\":200,\"oldest_at\":\"2026-05-03T12:00:00+00:00\",\"epoch\":1,"
            + "\"intake\":\"over_quota\",\"deleted_bytes\":1024,\"holds\":[{\"who\":\"pipeline cache\",\"offset\":1199,\"records\":1}]}}],"
            + "\"pipelines\":[{\"name\":\"cache\",\"source\":\"shop\",\"sink\":\"redis\",\"state\":\"live\",\"reason\":null,\"checkpoint\":1199,"
            + "\"lag_rows\":1,\"lag_ms\":4.25,\"latency_p50_ms\":3,\"latency_p99_ms\":18,\"rows_per_second\":119.9,\"last_change\":\"update orders 17\","
            + "\"last_outcome_at\":\"2026-05-04T12:00:00+00:00\",\"accounting\":{\"changes\":1000,\"filtered\":10,\"planned\":990,\"emitted\":995,"
            + "\"applied\":990,\"stale\":1,\"dead_lettered\":2,\"coalesced\":1,\"in_flight\":1,\"folded\":0,\"balanced\":true},"
            + "\"dead_letters\":0,\"epoch\":0,\"warnings\":[],\"lanes\":[{\"lane\":0,\"waiting\":1,\"last_offset\":1199,\"attempts\":0,\"batch_operations\":0,\"batch_bytes\":0}],\"documents\":null}],\"log\":{\"folder\":\"/var/lib/leat\",\"scrub_passes\":3,\"findings\":[]},\"ready\":true}",
            body);
    }

    [Fact]
    public async Task Status_survives_the_way_there_and_back()
    {
        _status = () => Statuses.Troubled;

        var (_, body) = await GetAsync("/api/v1/status");
        var back = JsonSerializer.Deserialize(body, StatusJson.Api.EngineStatus);

        Assert.NotNull(back);
        Assert.Equal(body, JsonSerializer.Serialize(back, StatusJson.Api.EngineStatus));
        Assert.Equal([RunState.Retrying, RunState.Blocked, RunState.Starting], back.Pipelines.Select(pipeline => pipeline.State));
        Assert.Equal(Statuses.Troubled.Sources[0].Snapshot, back.Sources[0].Snapshot);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("127.0.0.1")]
    [InlineData("[::1]")]
    public async Task Loopback_names_are_served(string host) =>
        Assert.StartsWith("HTTP/1.1 200 ", await RawAsync($"GET /health/live HTTP/1.1\r\nHost: {host}:{Server.Address.Port}\r\nConnection: close\r\n\r\n"));

    [Theory]
    [InlineData("attacker.example")]
    [InlineData("localhost.attacker.example")]
    [InlineData("127.0.0.1.attacker.example")]
    [InlineData("192.168.1.5")]
    public async Task Any_other_host_is_refused_so_that_no_web_page_gets_in(string host)
    {
        var answer = await RawAsync($"GET /api/v1/status HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");

        Assert.StartsWith("HTTP/1.1 403 ", answer);
        Assert.EndsWith("{\"error\":\"Only requests to localhost, 127.0.0.1 or [::1] are served.\"}", answer);
    }

    [Fact]
    public async Task Answers_are_neither_cached_nor_guessed_at()
    {
        var answer = await RawAsync($"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");

        Assert.Contains("Cache-Control: no-store\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("X-Content-Type-Options: nosniff\r\n", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Server:", answer, StringComparison.Ordinal);
        Assert.DoesNotContain("Access-Control", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Other_addresses_name_those_that_are_served() => Assert.Equal(
        (HttpStatusCode.NotFound, "{\"error\":\"Nothing here. Served are /health/live, /health/ready, /metrics and /api/v1/status.\"}"), await GetAsync("/"));

    [Fact]
    public async Task Only_reading_is_served()
    {
        using var empty = new StringContent("");
        using var answer = await _client.PostAsync(new Uri(Server.Address, "/api/v1/status"), empty, TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.Equal(["GET", "HEAD"], answer.Content.Headers.Allow.Order());
    }

    [Fact]
    public async Task Headers_above_sixteen_kibibytes_are_refused() => Assert.StartsWith(
        "HTTP/1.1 431 ",
        await RawAsync($"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Long: {new string('x', 17 * 1024)}\r\n\r\n"));

    [Fact]
    public async Task A_failure_to_compute_the_state_is_an_answer()
    {
        _status = () => throw new InvalidOperationException("canary");

        Assert.Equal(
            (HttpStatusCode.InternalServerError, "{\"error\":\"The state could not be computed; the log of the process says why.\"}"),
            await GetAsync("/api/v1/status"));
    }

    [Fact]
    public async Task A_port_in_use_is_told_with_the_setting_and_a_free_port()
    {
        var port = Server.Address.Port;

        var error = await Assert.ThrowsAsync<LeatException>(
            () => StatusServer.StartAsync(port, () => Statuses.Live, NullLoggerFactory.Instance, TestContext.Current.CancellationToken));

        Assert.Equal($"Port {port} of 127.0.0.1, where Leat serves its status, is in use by another process.", error.What);
        Assert.Matches(@"^Start with --port \d+, which is free, or let Leat choose with --port 0\.$", error.Remedy);
        Assert.Equal(5010, error.Code.Number);
        Assert.Equal(ExitCodes.Environment, ExitCodes.For(error));
    }

    private async Task<(HttpStatusCode Code, string Body)> GetAsync(string path)
    {
        using var answer = await _client.GetAsync(new Uri(Server.Address, path), TestContext.Current.CancellationToken);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private async Task<string> RawAsync(string request)
    {
        using var socket = new TcpClient();
        await socket.ConnectAsync(IPAddress.Loopback, Server.Address.Port, TestContext.Current.CancellationToken);
        var stream = socket.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(request), TestContext.Current.CancellationToken);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
    }
}
