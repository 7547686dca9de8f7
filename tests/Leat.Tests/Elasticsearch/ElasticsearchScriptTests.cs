using Leat.Changes;
using Leat.Tests.Changes;
using Leat.Tests.Pipeline;
using Xunit;
using static Leat.Tests.Elasticsearch.Writing;

namespace Leat.Tests.Elasticsearch;

/// <summary>What a server does that cannot be had by asking: pages of proxies, refused rights, lost parts.</summary>
public sealed class ElasticsearchScriptTests
{
    private static readonly CancellationToken Cancelled = TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_routing_change_within_one_shard_is_no_conflict()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, "routing: \"{customer}\"");
        await WriteAsync(sink, Index(1, 1, "a", null, 12));

        // 12 and 21 lead to one shard of the fake: its letters have the same sum.
        var answers = await WriteAsync(sink, Make(OperationKind.Index, ChangeKind.Update, 2, 1, Row(1, "b", null, 21), Row(1, "a", null, 12)));

        Assert.Equal([Answer.Applied], answers);
        Assert.Equal(["1: id=1 note=b customer=21"], await ShownAsync(sink));
        Assert.Empty(server.Cluster.Violations);
    }

    [Fact]
    public async Task A_move_whose_delete_waits_is_sent_again_whole()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, "index: \"o-{day|yyyy}\"");
        await WriteAsync(sink, Index(1, 1, "a", Temporal.Date(2023, 1, 1)));
        var move = Make(OperationKind.Index, ChangeKind.Update, 2, 1, Row(1, "a", Temporal.Date(2024, 1, 1)), Row(1, "a", Temporal.Date(2023, 1, 1)));
        server.Script = _ => new() { Items = (number, _) => number == 0 ? new(503, "unavailable_shards_exception", "gone") : null };
        Assert.Equal(AnswerKind.Retry, (await WriteAsync(sink, move))[0].Kind);

        server.Script = _ => null;
        Assert.Equal([Answer.Applied], await WriteAsync(sink, move));

        Assert.Equal(["1: id=1 note=a day=2024-01-01"], await ShownAsync(sink));
    }

    [Fact]
    public async Task An_update_that_meets_another_is_sent_again_at_once_with_what_follows_it()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, "write: upsert");
        var conflicts = 2;
        server.Script = _ => new() { Items = (number, id) => id == "1" && number == 0 && conflicts-- > 0 ? new(409, "version_conflict_engine_exception", "changed") : null };

        var answers = await WriteAsync(sink, Index(1, 1, "a"), Index(2, 2, "b"), Index(3, 1, "c"));

        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal(["1: id=1 note=c", "2: id=2 note=b"], await ShownAsync(sink));
        Assert.Equal(3, server.Bulks.Count);

        conflicts = 100;
        answers = await WriteAsync(sink, Index(4, 1, "d"), Index(5, 2, "e"));
        Assert.Equal([AnswerKind.Retry, AnswerKind.Applied], answers.Select(answer => answer.Kind));
    }

    [Fact]
    public async Task A_search_that_lacks_a_part_is_no_answer()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);
        await WriteAsync(sink, Index(1, 1, "a"));
        server.Script = request => request.Path.EndsWith("_search", StringComparison.Ordinal)
            ? new() { Change = body => body.Replace("\"failed\":0", "\"failed\":1", StringComparison.Ordinal) } : null;

        var error = await Assert.ThrowsAsync<RetriableException>(() => ShownAsync(sink));

        Assert.Equal(new ErrorCode(4503), error.Code);
        server.Script = _ => null;
        await ShownAsync(sink);
        Assert.Equal(0, server.Cluster.OpenScrolls - 1); // of the search that failed its name never arrived
    }

    [Theory]
    [InlineData("search_context_missing_exception", "No search context found for id [7]")]
    [InlineData("search_phase_execution_exception", "all shards failed")]
    public async Task A_search_that_the_server_gave_up_is_begun_again(string type, string reason)
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);
        await WriteAsync(sink, Index(1, 1, "a"));
        server.Script = request => request.Method == "POST" && request.Path == "/_search/scroll" ? new() { Instead = (404, $$$"""{"error":{"type":"{{{type}}}","reason":"{{{reason}}}"},"status":404}""", null) } : null;

        var error = await Assert.ThrowsAsync<RetriableException>(() => ShownAsync(sink));

        Assert.Equal($"http://localhost:{server.Port} cannot answer now: 404 {type}: {reason}.", error.What);
    }

    [Fact]
    public async Task A_document_that_cannot_be_asked_for_is_not_missing()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);
        server.Script = _ => new()
        {
            AnswerWith = (200, """{"docs":[{"_index":"orders","_id":"1","error":{"type":"no_shard_available_action_exception","reason":"No shard available for [orders]"}}]}"""),
        };

        var error = await Assert.ThrowsAsync<RetriableException>(() => sink.FoundAsync(1));

        Assert.Equal(
            $"http://localhost:{server.Port} cannot answer now: no_shard_available_action_exception: No shard available for [orders]. "
            + "Leat tries again by itself; look at the server when this goes on. [LEAT-4503]",
            error.Message);
        server.Script = _ => new() { AnswerWith = (200, """{"docs":[{"_index":"orders","_id":"1","error":{"type":"index_not_found_exception","reason":"no such index [orders]"}}]}""") };
        Assert.Equal(["-"], await sink.FoundAsync(1));
    }

    [Theory]
    [InlineData("""{"found":true,"_source":{"log_id":"x","epoch":1,"offset":2}}""")]
    [InlineData("""{"found":true,"_source":{"epoch":1}}""")]
    [InlineData("""{"found":true}""")]
    [InlineData("<html>")]
    public async Task A_marker_that_makes_no_sense_blocks(string body)
    {
        await using var server = new FakeElasticsearch { Script = _ => new() { Instead = (200, body, null) } };
        await using var sink = Sink(server.Url);

        var error = await Assert.ThrowsAsync<PauseException>(() => sink.ReadMarkerAsync("p", Cancelled).AsTask());

        Assert.Equal(new ErrorCode(4530), error.Code);
        Assert.StartsWith($"The marker of pipeline 'p' at http://localhost:{server.Port} (document 'p' of index leat-markers) cannot be read: ", error.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_proxys_404_is_no_missing_marker()
    {
        await using var server = new FakeElasticsearch { Script = _ => new() { Instead = (404, "<html>Not found</html>", null) } };
        await using var sink = Sink(server.Url);

        Assert.Equal(new ErrorCode(4507), (await Assert.ThrowsAsync<PauseException>(() => sink.ReadMarkerAsync("p", Cancelled).AsTask())).Code);
    }

    [Fact]
    public async Task A_marker_makes_its_index_where_writing_does_not()
    {
        await using var server = new FakeElasticsearch();
        server.Cluster.AutoCreate = false;
        await using var sink = Sink(server.Url);

        await sink.WriteMarkerAsync("p", new(Guid.Empty, 1, 2), Cancelled);

        Assert.Equal(new(Guid.Empty, 1, 2), await sink.ReadMarkerAsync("p", Cancelled));
    }

    [Fact]
    public async Task Preparing_tells_what_answers_and_shows_templates()
    {
        await using var server = new FakeElasticsearch();
        var log = new ListedLog();
        await using var sink = Sink(server.Url, "index: \"o-{day|yyyy.MM}\"", log);

        var traits = await sink.PrepareAsync([OrdersShape], Cancelled);

        Assert.Equal((32, 1000, false), (traits.MaxLanes, traits.MaxBatchOperations, traits.TakesPartialRows));
        Assert.Equal([$"Elasticsearch 8.13.0 answers at http://localhost:{server.Port}"], log.Of(4500));
        Assert.Equal(
            ["""An index template for table orders, not put in place (template: show): PUT /_index_template/leat-o {"index_patterns":["o-*"],"priority":150,"template":{"mappings":{"properties":{"id":{"type":"integer"},"note":{"type":"text","fields":{"keyword":{"type":"keyword","ignore_above":256}}},"day":{"type":"date","format":"strict_date_optional_time","ignore_malformed":true},"customer":{"type":"integer"}}}}}"""],
            log.Of(4508));
        Assert.Empty(server.Cluster.Settings);
    }

    [Fact]
    public async Task Templates_are_put_in_place_when_asked_for_in_the_servers_own_way()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, "template: apply");
        await sink.PrepareAsync([OrdersShape], Cancelled);
        server.Cluster.Info = """{"version":{"number":"7.7.1"}}""";
        await sink.PrepareAsync([OrdersShape], Cancelled);

        Assert.Equal(["/_index_template/leat-orders", "/_template/leat-orders"], server.Cluster.Settings.Keys);
        server.Script = request => request.Method == "PUT" ? new() { Instead = (400, """{"error":{"type":"illegal_argument_exception","reason":"conflict"}}""", null) } : null;
        Assert.Equal(new ErrorCode(4531), (await Assert.ThrowsAsync<PauseException>(() => sink.PrepareAsync([OrdersShape], Cancelled).AsTask())).Code);
    }

    [Theory]
    [InlineData(ColumnKind.UInt64, "8.0.0", "\"unsigned_long\"")]
    [InlineData(ColumnKind.UInt64, "7.9.0", "\"keyword\"")]
    [InlineData(ColumnKind.Int8, "8.0.0", "\"byte\"")]
    [InlineData(ColumnKind.Float64, "8.0.0", "\"double\"")]
    [InlineData(ColumnKind.Decimal, "8.0.0", "\"scaled_float\",\"scaling_factor\":100")]
    [InlineData(ColumnKind.Binary, "8.0.0", "\"binary\"")]
    [InlineData(ColumnKind.Json, "8.0.0", "\"object\",\"enabled\":false")]
    [InlineData(ColumnKind.Set, "8.0.0", "\"keyword\"")]
    [InlineData(ColumnKind.Time, "8.0.0", "\"keyword\"")]
    public async Task Each_column_has_its_type_in_the_template(ColumnKind kind, string version, string type)
    {
        await using var server = new FakeElasticsearch();
        server.Cluster.Info = $$$"""{"version":{"number":"{{{version}}}"}}""";
        await using var sink = Sink(server.Url, "template: apply");
        var schema = new TableSchema(new("s", "t"), [new() { Name = "c", Kind = kind, Precision = 10, Scale = 2 }], [0]);

        await sink.PrepareAsync([ShapeOf("t", schema)], Cancelled);

        Assert.Contains($"{{\"c\":{{\"type\":{type}}}}}", server.Cluster.Settings.Values.Single(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("index: shop", 4527, "The tables 'orders' and 'items' share the index 'shop', and their ids could be the same.")]
    [InlineData("index: { orders: \"s-{day|yyyy}\", items: s-items }", 4527, "The tables 'orders' and 'items' share the index 's-items', and their ids could be the same.")]
    [InlineData("index: shop, id: { orders: \"o{id}\", items: \"o{id}\" }", 4527, "The tables 'orders' and 'items' share the index 'shop', and their ids could be the same.")]
    [InlineData("index: { orders: \"o-{day|yyyy}\", items: i }, write: upsert", 4529, "Index or routing of table 'orders' depend on columns beside its key, but `write: upsert` cannot move a document.")]
    public async Task What_cannot_work_is_refused_before_the_server_is_asked(string settings, int code, string what)
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, settings);

        var error = await Assert.ThrowsAsync<PauseException>(() => sink.PrepareAsync([OrdersShape, ShapeOf("items", Orders)], Cancelled).AsTask());

        Assert.Equal((new ErrorCode(code), what), (error.Code, error.What));
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_check_tells_all_it_finds()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, "pipeline: clean");

        Assert.Equal(["LEAT-4533"], (await sink.CheckAsync([OrdersShape], Cancelled)).Where(finding => finding.Severity == Severity.Error).Select(finding => finding.Code.ToString()));
        server.Cluster.Settings["/_ingest/pipeline/clean"] = "{}";
        Assert.Equal(["reach", "template"], (await sink.CheckAsync([OrdersShape], Cancelled)).Select(finding => finding.Check));
        await WriteAsync(sink, Index(1, 1, "a"));
        Assert.Equal("timeout=30s&pipeline=clean", server.Requests[^1].Query);

        server.Cluster.Info = "<html>hello</html>";
        Assert.Equal(["LEAT-4512"], (await sink.CheckAsync([OrdersShape], Cancelled)).Where(finding => finding.Severity == Severity.Error).Select(finding => finding.Code.ToString()));
        server.Cluster.Info = """{"version":{"number":"6.8.1"}}""";
        Assert.Equal(["LEAT-4515"], (await sink.CheckAsync([OrdersShape], Cancelled)).Where(finding => finding.Severity == Severity.Error).Select(finding => finding.Code.ToString()));
    }

    [Fact]
    public async Task A_data_stream_is_refused_by_every_check_and_start_and_by_the_first_write()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);
        server.Script = request => request.Path == "/_resolve/index/orders"
            ? new() { AnswerWith = (200, """{"indices":[],"aliases":[],"data_streams":[{"name":"orders","backing_indices":[".ds-orders-000001"],"timestamp_field":"@timestamp"}]}""") }
            : new() { Items = (_, _) => new(400, "illegal_argument_exception", "only write ops with an op_type of create are allowed in data streams") };

        var error = await Assert.ThrowsAsync<PauseException>(() => sink.PrepareAsync([OrdersShape], Cancelled).AsTask());
        Assert.Equal(
            $"Where http://localhost:{server.Port} keeps the documents of table 'orders' is a data stream, in which no document can be changed or deleted: orders. "
            + "Write to another `index`, one that no index template with `data_stream` matches. [LEAT-4537]",
            error.Message);
        Assert.Equal(["LEAT-4537"], (await sink.CheckAsync([OrdersShape], Cancelled)).Where(finding => finding.Severity == Severity.Error).Select(finding => finding.Code.ToString()));
        Assert.Equal(new ErrorCode(4537), (await Assert.ThrowsAsync<PauseException>(() => WriteAsync(sink, Index(1, 1, "a")))).Code);
    }

    [Theory]
    [InlineData(200, "<html>")]
    [InlineData(200, """{"indices":[{"name":"orders"}],"aliases":[],"data_streams":[]}""")]
    [InlineData(403, """{"error":{"type":"security_exception","reason":"no"}}""")]
    [InlineData(404, """{"error":{"type":"index_not_found_exception","reason":"no such index [orders]"}}""")]
    public async Task What_cannot_be_looked_at_is_no_data_stream(int status, string body)
    {
        await using var server = new FakeElasticsearch { Script = request => request.Path.StartsWith("/_resolve", StringComparison.Ordinal) ? new() { Instead = (status, body, null) } : null };
        await using var sink = Sink(server.Url);

        Assert.Equal(32, (await sink.PrepareAsync([OrdersShape], Cancelled)).MaxLanes);
    }

    [Theory]
    [InlineData("soft_delete: { field: note, value: true }", 4538, "The field 'note' of `soft_delete` is also a column of table 'orders': a document cannot have it twice.")]
    [InlineData("join: { field: day, tables: { orders: order } }", 4538, "The field 'day' of `join` is also a column of table 'orders': a document cannot have it twice.")]
    public async Task A_field_of_the_sinks_own_is_no_columns(string settings, int code, string what)
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, settings);

        var error = await Assert.ThrowsAsync<PauseException>(() => sink.PrepareAsync([OrdersShape], Cancelled).AsTask());

        Assert.Equal((new ErrorCode(code), what), (error.Code, error.What));
    }

    [Fact]
    public async Task A_column_with_the_name_of_a_field_of_the_servers_is_refused()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url);
        var shape = ShapeOf("orders", new(new("s", "t"), [new() { Name = "_id", Kind = ColumnKind.Int32 }], [0]));

        var error = await Assert.ThrowsAsync<PauseException>(() => sink.PrepareAsync([shape], Cancelled).AsTask());

        Assert.Equal(
            "The column _id of table 'orders' bears the name of a field that servers keep beside each document: they would refuse all of them. "
            + "Deliver it under another name: `columns: [{ _id: another_name }]`. [LEAT-4539]",
            error.Message);
    }

    [Fact]
    public async Task A_request_that_is_refused_and_is_no_write_is_told_in_the_servers_words()
    {
        await using var server = new FakeElasticsearch { Script = _ => new() { Instead = (400, """{"error":{"type":"illegal_argument_exception","reason":"no"}}""", null) } };
        await using var sink = Sink(server.Url);

        var error = await Assert.ThrowsAsync<PauseException>(() => sink.PrepareAsync([OrdersShape], Cancelled).AsTask());

        Assert.Equal(
            $"http://localhost:{server.Port} refused a request: 400 illegal_argument_exception: no. "
            + "Look at the server's version and settings; when they are right, report the answer. [LEAT-4534]",
            error.Message);
    }

    [Fact]
    public async Task A_document_without_an_id_or_an_index_is_refused_alone()
    {
        await using var server = new FakeElasticsearch();
        var schema = new TableSchema(new("s", "t"), [new() { Name = "k", Kind = ColumnKind.String }, new() { Name = "i", Kind = ColumnKind.String }], [0]);
        var shape = ShapeOf("t", schema);
        await using var sink = Sink(server.Url, "index: \"{i}\"");

        var answers = await WriteAsync(
            sink, Make(OperationKind.Index, ChangeKind.Insert, 1, 1, Rows.Encode(schema, "", "x"), shape: shape),
            Make(OperationKind.Index, ChangeKind.Insert, 2, 2, Rows.Encode(schema, "a", "-x"), shape: shape),
            Make(OperationKind.Index, ChangeKind.Insert, 3, 3, Rows.Encode(schema, "a", "x"), shape: shape));

        Assert.Equal(
            [
                Answer.Refused("The document's id would be empty.", "action_request_validation_exception"),
                Answer.Refused("'-x' cannot be the name of an index.", "invalid_index_name_exception"), Answer.Applied,
            ],
            answers);
    }

    [Fact]
    public async Task A_request_stays_below_what_the_node_takes()
    {
        await using var server = new FakeElasticsearch();
        server.Cluster.MostBodyBytes = 100_000;
        await using var sink = Sink(server.Url);
        await sink.PrepareAsync([OrdersShape], Cancelled);

        await WriteAsync(sink, [.. Enumerable.Range(0, 10).Select(i => Index(i, i, new string('x', 40_000)))]);

        Assert.Equal(10, server.Cluster.Documents("orders").Count);
        Assert.Equal(5, server.Bulks.Count);
        Assert.All(server.Bulks, body => Assert.True(body.Length <= 90_000));
    }

    [Theory]
    [InlineData("<html>")]
    [InlineData("{}")]
    [InlineData("""{"nodes":{"a":{},"b":{"http":{"max_content_length_in_bytes":"much"}}}}""")]
    public async Task A_node_that_does_not_tell_its_limit_has_none(string body)
    {
        await using var server = new FakeElasticsearch { Script = request => request.Path == "/_nodes/http" ? new() { AnswerWith = (200, body) } : null };
        await using var sink = Sink(server.Url);

        Assert.Equal(5 * 1024 * 1024 / 4, (await sink.PrepareAsync([OrdersShape], Cancelled)).MaxBatchBytes);
    }

    [Fact]
    public async Task The_way_to_sign_in_goes_along_with_each_request()
    {
        await using var server = new FakeElasticsearch();
        await using var sink = Sink(server.Url, "api_key: \"${env:SECRET}\"");

        await sink.PrepareAsync([OrdersShape], Cancelled);
        await WriteAsync(sink, Index(1, 1, "a"));

        Assert.All(server.Requests, request => Assert.Equal("ApiKey canary-7391", request.Headers["Authorization"]));
    }
}
