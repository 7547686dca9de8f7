using System.Collections.Immutable;
using System.Net;
using System.Text;
using Leat.Changes;
using Leat.Pipeline;
using Leat.Server;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Server;

/// <summary>Requests to read tables again, over HTTP.</summary>
public sealed class SnapshotEndpointTests : IAsyncLifetime
{
    private readonly HttpClient _client = new();
    private readonly Control _control = new();
    private StatusServer? _server;

    private Uri Address => new(_server?.Address ?? throw new InvalidOperationException("started before each test"), "/api/v1/sources/shop/snapshots");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await StatusServer.StartAsync(0, () => Statuses.Live, _control, NullLoggerFactory.Instance, Token);

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        if (_server is not null)
            await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_request_reaches_the_source_with_its_tables_and_condition()
    {
        var (code, body) = await PostAsync("""{"tables":["shop.orders","shop.items"],"where":"id > 5"}""", "application/json");

        Assert.Equal((HttpStatusCode.Accepted, """{"source":"shop","tables":["shop.orders","shop.items"]}"""), (code, body));
        Assert.Equal("shop: shop.orders,shop.items where id > 5", Assert.Single(_control.Heard));
    }

    [Fact]
    public async Task A_star_is_all_tables_and_the_answer_names_them()
    {
        var (code, body) = await PostAsync("""{"tables":["*"]}""", "application/json");

        Assert.Equal((HttpStatusCode.Accepted, """{"source":"shop","tables":["shop.orders","shop.items"]}"""), (code, body));
        Assert.Equal("shop:  where ", Assert.Single(_control.Heard));
    }

    [Theory]
    [InlineData("""{"tables":["*","shop.orders"]}""", "application/json")]
    [InlineData("""{"tables":["shop.orders"]}""", "text/plain")]
    [InlineData("""{"tables":[]}""", "application/json")]
    [InlineData("""{"tables":["orders"]}""", "application/json")]
    [InlineData("""{"where":"id > 5"}""", "application/json")]
    [InlineData("tables=shop.orders", "application/json")]
    public async Task What_is_not_understood_is_refused_with_an_example(string sent, string type)
    {
        var (code, body) = await PostAsync(sent, type);

        Assert.Equal(HttpStatusCode.BadRequest, code);
        Assert.Contains("The body has to be application/json such as", body, StringComparison.Ordinal);
        Assert.Empty(_control.Heard);
    }

    [Fact]
    public async Task The_reason_of_a_refusal_is_told()
    {
        _control.Refusal = new LeatException(new(4087), "No such table.", "Correct its name.");

        Assert.Equal((HttpStatusCode.Conflict, """{"error":"No such table. Correct its name. [LEAT-4087]"}"""), await PostAsync("""{"tables":["shop.orders"]}""", "application/json"));
    }

    [Fact]
    public async Task Giving_up_names_the_tables_given_up()
    {
        using var answer = await _client.DeleteAsync(new Uri(Address, "?table=shop.orders"), Token);

        Assert.Equal((HttpStatusCode.OK, """{"source":"shop","tables":["shop.orders"]}"""), (answer.StatusCode, await answer.Content.ReadAsStringAsync(Token)));
        Assert.Equal("shop: cancel shop.orders", Assert.Single(_control.Heard));
    }

    [Fact]
    public async Task Nothing_else_is_served_there()
    {
        using var answer = await _client.GetAsync(Address, Token);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
    }

    private async Task<(HttpStatusCode Code, string Body)> PostAsync(string body, string type)
    {
        using var content = new StringContent(body, Encoding.UTF8, type);
        using var answer = await _client.PostAsync(Address, content, Token);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Token));
    }

    private sealed class Control : ISnapshotControl
    {
        public List<string> Heard { get; } = [];

        public LeatException? Refusal { get; set; }

        public ValueTask<IReadOnlyList<TableName>> RequestSnapshotAsync(string source, SnapshotRequest request, CancellationToken cancellationToken)
        {
            if (Refusal is not null)
                throw Refusal;
            Heard.Add($"{source}: {string.Join(',', request.Tables)} where {request.Where}");
            return new(request.Tables.IsEmpty ? [new("shop", "orders"), new("shop", "items")] : request.Tables);
        }

        public ValueTask<IReadOnlyList<TableName>> CancelSnapshotAsync(string source, ImmutableArray<TableName> tables, CancellationToken cancellationToken)
        {
            Heard.Add($"{source}: cancel {string.Join(',', tables)}");
            return new(tables);
        }
    }
}
