using Leat.Changes;
using Leat.Connectors.Elasticsearch;
using Leat.Tests.Definitions;
using Xunit;

namespace Leat.Tests.Elasticsearch;

public sealed class OptionsTests
{
    private const string Fingerprint = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    [Fact]
    public void The_smallest_block_has_defaults()
    {
        var options = Writing.Options("{ url: \"http://search:9200\", index: orders }");

        Assert.Equal("http://search:9200", options.Address);
        Assert.Equal((WriteMode.Index, 1000, 5 * 1024 * 1024, RequestCompression.Auto), (options.Write, options.MaxOperations, options.MaxBytes, options.Compression));
        Assert.Equal((TimeSpan.FromSeconds(10), TimeSpan.FromMinutes(1)), (options.ConnectTimeout, options.Timeout));
        Assert.Null(options.Security.Authorization);
    }

    [Fact]
    public void Every_setting_is_read()
    {
        var options = Writing.Options(
            "{ url: [\"https://a:9200/es\", \"https://b:9200\"], index: { orders: o, items: \"i-{day|yyyy}\" }, id: \"{id}\", pipeline: clean, soft_delete: { field: gone, value: yes }, decimals: number, "
            + "zero_dates: text, template: apply, flush: { operations: 50, bytes: 1MiB }, compression: gzip, short_answers: true, connect_timeout: 1s, timeout: 2s, insecure: true, "
            + "join: { field: relation, tables: { orders: order, items: { name: item, parent: \"{order_id}\" } } } }");

        Assert.Equal("https://a:9200/es and 1 more", options.Address);
        Assert.Equal(["orders", "items"], options.Index.Keys);
        Assert.Equal("{id}", options.Id[""].Text);
        Assert.Equal(("clean", new SoftDelete("gone", "\"yes\"")), (options.Pipeline, options.SoftDelete));
        Assert.True(options is { DecimalsAsNumbers: true, ZeroDatesAsText: true, ApplyTemplates: true, ShortAnswers: true, Compression: RequestCompression.Gzip, Security.Insecure: true });
        Assert.Equal((50, 1024 * 1024, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)), (options.MaxOperations, options.MaxBytes, options.ConnectTimeout, options.Timeout));
        Assert.Equal(("relation", "order", "item", "{order_id}"), (options.Join!.Field, options.Join.Tables["orders"].Name, options.Join.Tables["items"].Name, options.Join.Tables["items"].Parent!.Text));
    }

    [Theory]
    [InlineData("true", "true")]
    [InlineData("1", "1")]
    [InlineData("\"a b\"", "\"a b\"")]
    public void The_mark_of_a_deleted_row_is_json(string yaml, string json) =>
        Assert.Equal(json, Writing.Options($"{{ url: \"http://a:1\", index: i, soft_delete: {{ field: f, value: {yaml} }} }}").SoftDelete!.Json);

    [Theory]
    [InlineData("user: u, password: \"${env:SECRET}\"", "Basic dTpjYW5hcnktNzM5MQ==")]
    [InlineData("api_key: \"${env:SECRET}\"", "ApiKey canary-7391")]
    [InlineData("bearer_token: \"${env:SECRET}\"", "Bearer canary-7391")]
    public void Each_way_to_sign_in_makes_its_header(string settings, string header)
    {
        var options = Writing.Options($"{{ url: \"http://a:1\", index: i, {settings} }}");

        Assert.Equal(header, options.Security.Authorization);
        Assert.DoesNotContain(TestConnectors.Canary, options.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("dTpj", options.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void An_api_key_of_two_parts_is_encoded() =>
        Assert.Equal("ApiKey aWQ6a2V5", Writing.Read("{ url: \"http://a:1\", index: i, api_key: \"id:key\" }").Options.Security.Authorization);

    [Theory]
    [InlineData(Fingerprint)]
    [InlineData("01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF")]
    public void A_fingerprint_has_colons_or_not(string text) =>
        Assert.Equal(Fingerprint, Writing.Options($"{{ url: \"https://a:1\", index: i, tls_ca_fingerprint: \"{text}\" }}").Security.AuthorityFingerprint);

    [Theory]
    [InlineData("{ index: i }", "sink has no 'url'.")]
    [InlineData("{ url: \"ftp://a\", index: i }", "sink.url: expected one or more addresses such as https://search:9200, without a user or a query, got 'ftp://a'.")]
    [InlineData("{ url: \"http://u:p@a\", index: i }", "The address of a in `url` has a user in it.")]
    [InlineData("{ url: \"http://a:1\" }", "sink has no 'index'.")]
    [InlineData("{ url: \"http://a:1\", index: \"{a\" }", "sink.index: expected a template such as \"{id}\" or \"orders-{created|yyyy.MM}\", with a column's name between each pair of braces, got '{a'.")]
    [InlineData("{ url: \"http://a:1\", index: i, pipeline: p, write: upsert }", "sink.pipeline: expected no ingest pipeline beside `write: upsert`, because the server does not run it for partial updates, got 'p'.")]
    [InlineData("{ url: \"http://a:1\", index: i, tls_ca: ca.pem }", "sink.url: expected an https address, because settings of TLS are given, got 'http://a:1'.")]
    [InlineData("{ url: \"https://a:1\", index: i, tls_key: k.pem }", "sink.tls_cert: expected the certificate of `tls_key`, got nothing.")]
    [InlineData("{ url: \"https://a:1\", index: i, tls_ca_fingerprint: abc }", "sink.tls_ca_fingerprint: expected the SHA-256 of the authority's certificate: 64 hexadecimal digits, with or without colons, got 'abc'.")]
    [InlineData("{ url: \"https://a:1\", index: i, insecure: true, tls_ca: c }", "sink.insecure: expected false, because `tls_ca` or `tls_ca_fingerprint` says whom to trust, got 'true'.")]
    [InlineData("{ url: \"http://a:1\", index: i, user: u }", "sink.password: expected `user` and `password` together, got nothing.")]
    [InlineData("{ url: \"http://a:1\", index: i, routing: \"{a}\", join: { field: f, tables: { o: o } } }", "sink.routing: expected no routing beside `join`, which routes children to their parents, got '{a}'.")]
    [InlineData("{ url: \"http://a:1\", index: i, flush: { operations: 0 } }", "sink.flush.operations: expected a whole number from 1 to 10000, got '0'.")]
    [InlineData("{ url: \"http://a:1\", index: i, indx: i }", "indx")]
    public void Problems_are_told_in_the_words_of_the_file(string yaml, string message)
    {
        var problem = Assert.Single(Writing.Read(yaml).Problems, problem => problem.Severity == Severity.Error);
        Assert.Contains(message, problem.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"version":{"number":"7.0.0"},"tagline":"You Know, for Search"}""", "Elasticsearch 7.0.0", true, false, false)]
    [InlineData("""{"version":{"number":"7.17.5","build_flavor":"default"},"tagline":"You Know, for Search"}""", "Elasticsearch 7.17.5", true, true, true)]
    [InlineData("""{"version":{"number":"8.13.0","build_flavor":"default"}}""", "Elasticsearch 8.13.0", true, true, true)]
    [InlineData("""{"version":{"number":"9.0.0-beta1","build_flavor":"default"}}""", "Elasticsearch 9.0.0-beta1", true, true, true)]
    [InlineData("""{"version":{"number":"8.11.0","build_flavor":"serverless"}}""", "Elasticsearch 8.11.0 (serverless)", true, true, true)]
    [InlineData("""{"version":{"number":"6.8.0"}}""", "Elasticsearch 6.8.0", false, false, false)]
    [InlineData("""{"version":{"distribution":"opensearch","number":"1.3.0"}}""", "OpenSearch 1.3.0", true, true, false)]
    [InlineData("""{"version":{"distribution":"opensearch","number":"2.17.0"}}""", "OpenSearch 2.17.0", true, true, true)]
    [InlineData("""{"version":{"distribution":"opensearch","number":"3.1.0"}}""", "OpenSearch 3.1.0", true, true, true)]
    [InlineData("""{"version":{"number":"7.10.2"},"tagline":"The OpenSearch Project: https://opensearch.org/"}""", "OpenSearch (which shows itself as 7.10.2)", true, true, false)]
    public void Each_server_is_told_by_its_greeting(string body, string name, bool supported, bool composable, bool unsignedLong)
    {
        var product = ElasticsearchProduct.Read(System.Text.Encoding.UTF8.GetBytes(body))!;
        Assert.Equal((name, supported, composable, unsignedLong), (product.Name, product.IsSupported, product.HasComposableTemplates, product.HasUnsignedLong));
    }

    [Theory]
    [InlineData("<html>hello</html>")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"version":"1"}""")]
    [InlineData("""{"version":{"number":"x"}}""")]
    public void Something_else_is_no_server(string body) => Assert.Null(ElasticsearchProduct.Read(System.Text.Encoding.UTF8.GetBytes(body)));
}
