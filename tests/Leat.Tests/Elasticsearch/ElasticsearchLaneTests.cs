using Leat.Changes;
using Leat.Connectors.Elasticsearch;
using Leat.Tests.Pipeline;
using Xunit;
using static Leat.Tests.Elasticsearch.Writing;

namespace Leat.Tests.Elasticsearch;

/// <summary>What a lane sends, and what it makes of each answer.</summary>
public sealed class ElasticsearchLaneTests
{
    private static readonly ItemFault Poison = new(400, "mapper_parsing_exception", "failed to parse field [note]");

    [Fact]
    public async Task A_batch_is_one_request_of_versioned_actions()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);

        var answers = await WriteAsync(sink, Index(5, 1, "a\"b"), Delete(6, 2));

        Assert.Equal([Answer.Applied, Answer.Applied], answers);
        Assert.Equal(
            """
            {"index":{"_index":"orders","_id":"1","version":140737488355333,"version_type":"external"}}
            {"id":1,"note":"a\"b","day":null,"customer":null}
            {"delete":{"_index":"orders","_id":"2","version":140737488355334,"version_type":"external"}}

            """,
            Assert.Single(server.Bulks), ignoreLineEndingDifferences: true);
        var request = Assert.Single(server.Requests);
        Assert.Equal("application/x-ndjson", request.Headers["Content-Type"]);
        Assert.DoesNotContain("Transfer-Encoding", request.Headers.Keys);
    }

    [Theory]
    [InlineData(408, 4503)]
    [InlineData(500, 4503)]
    [InlineData(502, 4503)]
    [InlineData(503, 4503)]
    [InlineData(504, 4503)]
    public async Task A_server_that_cannot_answer_is_asked_again(int status, int code)
    {
        var error = await Assert.ThrowsAsync<RetriableException>(() => AnsweredAsync(status, "<html>later</html>"));

        Assert.Equal((new ErrorCode(code), false), (error.Code, error.IsBusy));
        Assert.Contains($" cannot answer now: {status} <html>later</html>.", error.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_429_is_busy_and_says_how_long()
    {
        var error = await Assert.ThrowsAsync<RetriableException>(() => AnsweredAsync(429, "{}", "Retry-After: 7"));

        Assert.Equal((new ErrorCode(4502), true, TimeSpan.FromSeconds(7)), (error.Code, error.IsBusy, error.After));
    }

    [Fact]
    public async Task A_pause_may_be_told_as_a_time_of_day()
    {
        var until = TimeProvider.System.GetUtcNow().AddMinutes(10).ToString("r", System.Globalization.CultureInfo.InvariantCulture);

        var busy = await Assert.ThrowsAsync<RetriableException>(() => AnsweredAsync(429, "{}", $"Retry-After: {until}"));
        var away = await Assert.ThrowsAsync<RetriableException>(() => AnsweredAsync(503, "{}", $"Retry-After: {until}"));

        Assert.InRange(busy.After!.Value, TimeSpan.FromMinutes(9), TimeSpan.FromMinutes(10));
        Assert.InRange(away.After!.Value, TimeSpan.FromMinutes(9), TimeSpan.FromMinutes(10));
    }

    [Theory]
    [InlineData("Retry-After: soon")]
    [InlineData("Retry-After: -5")]
    [InlineData("Retry-After: 0")]
    [InlineData("Retry-After: Thu, 01 Jan 1970 00:00:00 GMT")]
    public async Task A_pause_that_is_none_is_our_own(string header) =>
        Assert.Null((await Assert.ThrowsAsync<RetriableException>(() => AnsweredAsync(429, "{}", header))).After);

    [Theory]
    [InlineData(401, 4505)]
    [InlineData(403, 4506)]
    public async Task A_right_that_is_lost_in_the_middle_of_a_batch_blocks_and_loses_nothing(int status, int code)
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, "flush: { operations: 2 }");
        server.Script = request => request.Number == 1 ? new() { Instead = (status, """{"error":"no"}""", null) } : null;
        Operation[] batch = [.. Enumerable.Range(0, 6).Select(i => Index(i, i, "a"))];

        Assert.Equal(new ErrorCode(code), (await Assert.ThrowsAsync<PauseException>(() => WriteAsync(sink, batch))).Code);
        var again = await WriteAsync(sink, batch);

        Assert.Equal([AnswerKind.Stale, AnswerKind.Stale, AnswerKind.Applied, AnswerKind.Applied, AnswerKind.Applied, AnswerKind.Applied], again.Select(answer => answer.Kind));
        Assert.Equal(6, server.Cluster.Documents("orders").Count);
    }

    [Fact]
    public async Task A_413_is_refused_for_its_size()
    {
        var error = await Assert.ThrowsAsync<BatchRefusedException>(() => AnsweredAsync(413, "too large"));

        Assert.Equal((true, "413", "413 too large"), (error.IsTooLarge, error.RefusedFor, error.Message));
    }

    [Fact]
    public async Task A_400_of_the_whole_is_refused_and_told_loudly()
    {
        var log = new ListedLog();
        var error = await Assert.ThrowsAsync<BatchRefusedException>(() => AnsweredAsync(400, """{"error":{"type":"illegal_argument_exception","reason":"malformed"},"status":400}""", log: log));

        Assert.Equal((false, "illegal_argument_exception", "400 illegal_argument_exception: malformed"), (error.IsTooLarge, error.RefusedFor, error.Message));
        Assert.Contains(log.Lines, line => line.Contains("refused a _bulk request of 1 actions as a whole", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(401, 4505, "refused to sign in")]
    [InlineData(403, 4506, "does not permit what the sink needs")]
    [InlineData(404, 4507, "does not know the path that was asked for")]
    [InlineData(301, 4507, "does not know the path that was asked for")]
    [InlineData(406, 4507, "does not know the path that was asked for")]
    public async Task An_operators_condition_blocks(int status, int code, string what)
    {
        var error = await Assert.ThrowsAsync<PauseException>(() => AnsweredAsync(status, """{"error":"no"}"""));

        Assert.Equal(new ErrorCode(code), error.Code);
        Assert.Contains($" {what}: {status} no.", error.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_block_of_the_whole_cluster_is_waited_for()
    {
        var error = await Assert.ThrowsAsync<RetriableException>(() => AnsweredAsync(403, """{"error":{"type":"cluster_block_exception","reason":"blocked by: [read-only]"},"status":403}"""));

        Assert.Equal(new ErrorCode(4508), error.Code);
    }

    [Theory]
    [InlineData("<html>Welcome</html>")]
    [InlineData("""{"took":1,"errors":false,"items":[]}""")]
    [InlineData("""{"took":1,"errors":false,"items":[{"index":{"status":201}},{"index":{"status":201}}]}""")]
    [InlineData("""{"took":1,"errors":false,"items":[{"index":{"status":201}}]""")]
    public async Task A_success_that_is_no_answer_is_tried_again_and_told_loudly(string body)
    {
        var log = new ListedLog();
        var error = await Assert.ThrowsAsync<RetriableException>(() => AnsweredAsync(200, body, log: log));

        Assert.Equal(new ErrorCode(4504), error.Code);
        Assert.Contains(log.Lines, line => line.Contains("is no answer to a _bulk request", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_lost_answer_is_tried_again_and_changes_nothing()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);
        server.Script = request => request.Number == 0 ? new() { CutAfterBytes = 0 } : null;

        var lost = await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(sink, Index(1, 1, "a")));
        var again = await WriteAsync(sink, Index(1, 1, "a"));

        Assert.Equal(new ErrorCode(4501), lost.Code);
        Assert.Equal([Answer.Stale], again);
        Assert.Equal(["1: id=1 note=a"], await ShownAsync(sink));
    }

    [Fact]
    public async Task Nobody_there_is_tried_again()
    {
        Uri url;
        await using (var gone = new FakeElasticsearch())
            url = gone.Url;
        await using var sink = Sink(url);

        var error = await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(sink, Index(1, 1, "a")));

        Assert.Equal(new ErrorCode(4500), error.Code);
        Assert.StartsWith($"http://localhost:{url.Port} cannot be reached: ", error.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_node_is_asked_when_one_does_not_answer()
    {
        await using var broken = new FakeElasticsearch { Script = _ => new() { Instead = (503, "away", null) } };
        await using var works = new FakeElasticsearch();
        await using var sink = new ElasticsearchSink(
            Options($"{{ url: [\"{broken.Url}\", \"{works.Url}\"], index: orders }}"), new("search", new ListedLog(), TimeProvider.System));

        for (var i = 1; i <= 5; i++)
            Assert.Equal([Answer.Applied], await WriteAsync(sink, Index(i, i, "a")));

        Assert.Equal(5, works.Cluster.Documents("orders").Count);
        Assert.Single(broken.Requests);
    }

    [Fact]
    public async Task Each_item_has_its_own_answer()
    {
        await using var server = new FakeElasticsearch
        {
            Script = _ => new()
            {
                Items = (number, _) => number switch
                {
                    1 => Poison,
                    2 => new(429, "es_rejected_execution_exception", "queue is full"),
                    3 => new(503, "unavailable_shards_exception", "primary is gone"),
                    4 => new(403, "cluster_block_exception", "blocked by: [read-only]"),
                    5 => new(409, "version_conflict_engine_exception", "newer"),
                    6 => new(418, "teapot_exception", "short"),
                    _ => null,
                },
            },
        };
        await using var sink = Sink(server.Url);

        var answers = await WriteAsync(sink, [.. Enumerable.Range(0, 7).Select(i => Index(i, i, "a"))]);

        Assert.Equal(
            [
                Answer.Applied, Answer.Refused("mapper_parsing_exception: failed to parse field [note]", "mapper_parsing_exception"),
                Answer.Busy("es_rejected_execution_exception: queue is full"), Answer.Retry("unavailable_shards_exception: primary is gone"),
                Answer.Retry("cluster_block_exception: blocked by: [read-only]"), Answer.Stale, Answer.Retry("teapot_exception: short"),
            ],
            answers);
    }

    [Theory]
    [InlineData(429, "es_rejected_execution_exception", 4502, true)]
    [InlineData(403, "cluster_block_exception", 4508, false)]
    public async Task When_every_item_waits_for_the_target_the_whole_request_does(int status, string type, int code, bool busy)
    {
        await using var server = new FakeElasticsearch { Script = _ => new() { Items = (_, _) => new(status, type, "later") } };
        await using var sink = Sink(server.Url);

        var error = await Assert.ThrowsAsync<RetriableException>(() => WriteAsync(sink, Index(1, 1, "a"), Index(2, 2, "b")));

        Assert.Equal((new ErrorCode(code), busy), (error.Code, error.IsBusy));
    }

    [Fact]
    public async Task A_missing_index_blocks_when_writing_does_not_create_it()
    {
        await using var server = new FakeElasticsearch();
        server.Cluster.AutoCreate = false;
        await using var sink = Sink(server.Url);

        var error = await Assert.ThrowsAsync<PauseException>(() => WriteAsync(sink, Index(1, 1, "a")));

        Assert.Equal(new ErrorCode(4509), error.Code);
        Assert.Equal([Answer.Applied], await WriteAsync(sink, Delete(2, 1)));
    }

    [Fact]
    public async Task An_answer_that_nobody_knows_blocks_after_some_tries()
    {
        await using var server = new FakeElasticsearch { Script = _ => new() { Items = (_, id) => id == "1" ? new(418, "teapot_exception", "short") : null } };
        await using var sink = Sink(server.Url);
        for (var i = 1; i < AnswerJudge.UnknownTries; i++)
            Assert.Equal(AnswerKind.Retry, (await WriteAsync(sink, Index(1, 1, "a")))[0].Kind);

        var error = await Assert.ThrowsAsync<PauseException>(() => WriteAsync(sink, Index(1, 1, "a")));
        Assert.Equal(new ErrorCode(4510), error.Code);

        server.Script = _ => null;
        Assert.Equal([Answer.Applied], await WriteAsync(sink, Index(1, 1, "a")));
        server.Script = _ => new() { Items = (_, _) => new(418, "teapot_exception", "short") };
        Assert.Equal(AnswerKind.Retry, (await WriteAsync(sink, Index(1, 1, "a")))[0].Kind);
    }

    [Fact]
    public async Task A_run_of_refusals_for_a_limit_blocks_and_drops_none_of_the_batch()
    {
        var limit = new ItemFault(400, "illegal_argument_exception", "Limit of total fields [1000] has been exceeded");
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);
        server.Script = _ => new() { Items = (number, _) => number == 10 ? null : limit };
        var answers = await WriteAsync(sink, [.. Enumerable.Range(0, 29).Select(i => Index(i, i, "a"))]);
        Assert.Equal(28, answers.Count(answer => answer.Cause == "illegal_argument_exception"));

        server.Script = _ => new() { Items = (_, _) => limit };
        var error = await Assert.ThrowsAsync<PauseException>(() => WriteAsync(sink, [.. Enumerable.Range(100, 5).Select(i => Index(i, i, "a"))]));

        Assert.Equal(new ErrorCode(4511), error.Code);
    }

    [Fact]
    public async Task Only_the_last_write_of_a_document_is_sent()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);

        var answers = await WriteAsync(sink, Index(1, 1, "a"), Index(2, 2, "b"), Delete(3, 1), Index(4, 1, "d"), Delete(5, 2));

        Assert.Equal([Answer.Coalesced, Answer.Coalesced, Answer.Coalesced, Answer.Applied, Answer.Applied], answers);
        Assert.Equal([$"index orders/1 v{Version1 + 4}", $"delete orders/2 v{Version1 + 5}"], server.Cluster.Done);
    }

    [Fact]
    public async Task When_the_last_write_is_refused_the_one_before_it_is_sent_after_all()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);

        var answers = await WriteAsync(sink, Index(1, 1, "a"), Index(2, 1, "b"), Index(3, 1, "poison"), Index(4, 1, "more poison"));

        Assert.Equal([AnswerKind.Coalesced, AnswerKind.Applied, AnswerKind.Refused, AnswerKind.Refused], answers.Select(answer => answer.Kind));
        Assert.Equal(["1: id=1 note=b"], await ShownAsync(sink));
    }

    [Fact]
    public async Task When_the_last_write_waits_those_before_it_do()
    {
        await using var server = new FakeElasticsearch { Script = _ => new() { Items = (_, id) => id == "1" ? new(503, "unavailable_shards_exception", "gone") : null } };
        await using var sink = Sink(server.Url);

        var answers = await WriteAsync(sink, Index(1, 1, "a"), Index(2, 1, "b"), Index(3, 2, "c"));

        Assert.Equal([AnswerKind.Retry, AnswerKind.Retry, AnswerKind.Applied], answers.Select(answer => answer.Kind));
    }

    [Fact]
    public async Task A_replayed_write_replaces_nothing_and_is_replaced_by_nothing()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);

        var replay = Index(2, 1, "old") with { ReplayedEpoch = 1 };
        await using var lane = await sink.OpenLaneAsync(Lane(epoch: 2), TestContext.Current.CancellationToken);
        var answers = new Answer[2];
        await lane.WriteAsync(new[] { Index(1, 1, "new"), replay }, answers, TestContext.Current.CancellationToken);

        Assert.Equal([Answer.Applied, Answer.Stale], answers);
    }

    [Fact]
    public async Task Two_keys_with_one_hash_are_two_documents()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);

        await WriteAsync(sink, Index(1, 1, "a") with { KeyHash = 7 }, Index(2, 2, "b") with { KeyHash = 7 });

        Assert.Equal(["1: id=1 note=a", "2: id=2 note=b"], await ShownAsync(sink));
    }

    [Theory]
    [InlineData("flush: { operations: 2 }", 10, 5)]
    [InlineData("flush: { bytes: 64KiB }", 10, 10)]
    [InlineData("flush: { bytes: 100KiB }", 10, 5)]
    public async Task A_request_ends_at_its_limits(string setting, int operations, int requests)
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, setting);

        await WriteAsync(sink, [.. Enumerable.Range(0, operations).Select(i => Index(i, i, new string('x', 40_000)))]);

        Assert.Equal(requests, server.Bulks.Count);
        Assert.Equal(operations, server.Cluster.Documents("orders").Count);
    }

    private static async Task<Answer[]> AnsweredAsync(int status, string body, string? header = null, ListedLog? log = null)
    {
        await using var server = new FakeElasticsearch { Script = _ => new() { Instead = (status, body, header) } };
        await using var sink = Sink(server.Url, loggers: log);
        return await WriteAsync(sink, Index(1, 1, "a"));
    }
}
