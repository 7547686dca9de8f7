using System.Text;
using Leat.Connectors.Elasticsearch.Wire;
using Xunit;

namespace Leat.Tests.Elasticsearch;

public sealed class BulkAnswerTests
{
    // One row of the table a line: action, status, type, what it means.
    [Theory]
    [InlineData("Index", 200, null, "Applied")]
    [InlineData("Index", 201, null, "Applied")]
    [InlineData("Delete", 200, null, "Applied")]
    [InlineData("Update", 200, null, "Applied")]
    [InlineData("Update", 201, null, "Applied")]
    [InlineData("Index", 409, "version_conflict_engine_exception", "Stale")]
    [InlineData("Delete", 409, "version_conflict_engine_exception", "Stale")]
    [InlineData("Update", 409, "version_conflict_engine_exception", "Conflict")]
    [InlineData("PlainDelete", 409, "version_conflict_engine_exception", "Conflict")]
    [InlineData("Mark", 409, "version_conflict_engine_exception", "Conflict")]
    [InlineData("Index", 404, "index_not_found_exception", "MissingIndex")]
    [InlineData("Update", 404, "index_not_found_exception", "MissingIndex")]
    [InlineData("Delete", 404, null, "Applied")]
    [InlineData("PlainDelete", 404, null, "Applied")]
    [InlineData("Delete", 404, "index_not_found_exception", "Applied")]
    [InlineData("Update", 404, "document_missing_exception", "Refused")]
    [InlineData("Mark", 404, "document_missing_exception", "Applied")]
    [InlineData("Index", 400, "mapper_parsing_exception", "Refused")]
    [InlineData("Update", 400, "mapper_parsing_exception", "Refused")]
    [InlineData("Delete", 400, "mapper_parsing_exception", "Refused")]
    [InlineData("Index", 400, "document_parsing_exception", "Refused")]
    [InlineData("Index", 400, "strict_dynamic_mapping_exception", "Refused")]
    [InlineData("Index", 400, "illegal_argument_exception", "Refused")]
    [InlineData("Index", 400, "action_request_validation_exception", "Refused")]
    [InlineData("Index", 400, "invalid_index_name_exception", "Refused")]
    [InlineData("Index", 500, "fail_processor_exception", "Refused")]
    [InlineData("Index", 403, "cluster_block_exception", "Blocked")]
    [InlineData("Delete", 403, "cluster_block_exception", "Blocked")]
    [InlineData("Update", 429, "cluster_block_exception", "Blocked")]
    [InlineData("Index", 429, "es_rejected_execution_exception", "Busy")]
    [InlineData("Delete", 429, "es_rejected_execution_exception", "Busy")]
    [InlineData("Update", 429, "circuit_breaking_exception", "Busy")]
    [InlineData("Index", 503, "es_rejected_execution_exception", "Busy")]
    [InlineData("Index", 429, "rejected_execution_exception", "Busy")]
    [InlineData("Index", 500, "some_exception", "Retry")]
    [InlineData("Delete", 503, "unavailable_shards_exception", "Retry")]
    [InlineData("Update", 503, "process_cluster_event_timeout_exception", "Retry")]
    [InlineData("Index", 403, "security_exception", "Forbidden")]
    [InlineData("Index", 400, "routing_missing_exception", "Refused")]
    [InlineData("Delete", 400, "routing_missing_exception", "Refused")]
    [InlineData("Index", 400, "index_closed_exception", "Blocked")]
    [InlineData("Index", 503, "no_shard_available_action_exception", "Retry")]
    [InlineData("Index", 418, "teapot_exception", "Unknown")]
    [InlineData("Delete", 400, "teapot_exception", "Unknown")]
    [InlineData("Update", 404, null, "Unknown")]
    public void Each_answer_means_one_thing(string action, int status, string? type, string verdict) =>
        Assert.Equal(verdict, BulkAnswers.Classify(Enum.Parse<BulkActionKind>(action), status, type, "reason").ToString());

    [Theory]
    [InlineData("illegal_argument_exception", "Limit of total fields [1000] has been exceeded while adding new fields [1]")]
    [InlineData("mapper_parsing_exception", "failed to parse: Limit of total fields [1000] in index [orders] has been exceeded")]
    [InlineData("document_parsing_exception", "[1:347] failed to parse: Limit of total fields [250] has been exceeded while adding new fields [3]")]
    [InlineData("illegal_argument_exception", "Limit of mapping depth [20] has been exceeded due to object field [a.b]")]
    [InlineData("illegal_argument_exception", "Limit of nested fields [50] has been exceeded")]
    [InlineData("illegal_argument_exception", "id [aaa] is too long, must be no longer than 512 bytes but was: 600")]
    public void A_limit_of_the_index_is_told_apart(string type, string reason) =>
        Assert.Equal(BulkVerdict.RefusedByLimit, BulkAnswers.Classify(BulkActionKind.Index, 400, type, reason));

    [Theory]
    [InlineData("only write ops with an op_type of create are allowed in data streams")]
    [InlineData("only write ops with an op_type of create are allowed in data streams; address the backing index [.ds-o-1] for anything else")]
    public void A_data_stream_is_told_apart(string reason) =>
        Assert.Equal(BulkVerdict.DataStream, BulkAnswers.Classify(BulkActionKind.Index, 400, "illegal_argument_exception", reason));

    private const string Body =
        """{"took":3,"ingest_took":1,"errors":true,"items":[{"index":{"_index":"o","_id":"1","_shards":{"total":2},"status":201}},{"delete":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"newer","root_cause":[{"a":1}]}}},{"index":{"error":{"type":"mapper_parsing_exception","reason":"failed","caused_by":{"type":"x","reason":"middle","caused_by":{"type":"y","reason":"bad number"}}},"status":400}}],"more":{}}""";

    [Fact]
    public void Items_are_read_in_order_with_the_innermost_reason()
    {
        Assert.Equal(
            [
                new(201, null, null),
                new(409, "version_conflict_engine_exception", "newer"),
                new(400, "mapper_parsing_exception", "failed: middle: bad number"),
            ],
            ItemsOf(Body));
    }

    [Fact]
    public void An_answer_that_is_cut_anywhere_is_none()
    {
        var bytes = Encoding.UTF8.GetBytes(Body);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<BulkFormatException>(() => ItemsOf(Encoding.UTF8.GetString(bytes, 0, length)));
    }

    [Theory]
    [InlineData("<html>Welcome</html>")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"items":{}}""")]
    [InlineData("""{"items":[1]}""")]
    [InlineData("""{"items":[{"index":1}]}""")]
    [InlineData("""{"items":[{"index":{}}]}""")]
    [InlineData("""{"items":[{"index":{"status":"200"}}]}""")]
    public void Something_else_is_no_answer(string body) => Assert.Throws<BulkFormatException>(() => ItemsOf(body));

    [Theory]
    [InlineData("""{"error":{"root_cause":[{"type":"a","reason":"b"}],"type":"parse_exception","reason":"no"},"status":400}""", "parse_exception", "400 parse_exception: no")]
    [InlineData("""{"status":401,"error":"no user"}""", "", "400 no user")]
    [InlineData("<html>\n<p>Bad gateway</p>", "", "400 <html> <p>Bad gateway</p>")]
    [InlineData("""{"a":1}""", "", """400 {"a":1}""")]
    [InlineData("", "", "400")]
    public void The_words_of_a_whole_answer_are_found(string body, string type, string reason) =>
        Assert.Equal((type, reason), ErrorText.Of(400, Encoding.UTF8.GetBytes(body)));

    private static List<BulkItem> ItemsOf(string body)
    {
        var items = new List<BulkItem>();
        var reader = new BulkReader(Encoding.UTF8.GetBytes(body));
        while (reader.TryRead(out var item))
            items.Add(item);
        return items;
    }
}
