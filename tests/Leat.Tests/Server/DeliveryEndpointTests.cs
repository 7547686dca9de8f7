using System.Net;
using System.Text;
using Leat.Changes;
using Leat.Pipeline;
using Leat.Server;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Server;

/// <summary>Requests about pipelines, over HTTP.</summary>
public sealed class DeliveryEndpointTests : IAsyncLifetime
{
    private readonly HttpClient _client = new();
    private readonly Control _control = new();
    private StatusServer? _server;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await StatusServer.StartAsync(0, () => Statuses.Live, snapshots: null, _control, NullLoggerFactory.Instance, Token);

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        if (_server is not null)
            await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("redeliver", """{"reread":true}""", """{"pipeline":"copy","from_offset":7,"reread":true,"epoch":2}""", "copy reread True")]
    [InlineData("rebuild", """{"reread":true}""", """{"pipeline":"copy, documents,","from_offset":7,"reread":true,"epoch":2}""", "copy, documents, reread True")]
    [InlineData("replay", """{"letters":[17,18],"by":"ann"}""", """{"pipeline":"copy","letters":2}""", "copy replay 17,18 by ann")]
    [InlineData("discard", """{"letters":[17],"by":"ann"}""", """{"pipeline":"copy","letters":1}""", "copy discard 17 by ann")]
    public async Task A_request_reaches_the_pipeline(string verb, string sent, string answer, string heard)
    {
        Assert.Equal((HttpStatusCode.Accepted, answer), await PostAsync(verb, sent, "application/json"));
        Assert.Equal(heard, Assert.Single(_control.Heard));
    }

    [Theory]
    [InlineData("redeliver", """{"reread":true}""", "text/plain")]
    [InlineData("redeliver", "reread", "application/json")]
    [InlineData("replay", """{"letters":[],"by":"ann"}""", "application/json")]
    [InlineData("discard", """{"letters":[1]}""", "application/json")]
    public async Task What_is_not_understood_is_refused_with_an_example(string verb, string sent, string type)
    {
        var (code, body) = await PostAsync(verb, sent, type);

        Assert.Equal(HttpStatusCode.BadRequest, code);
        Assert.Contains("The body has to be application/json such as", body, StringComparison.Ordinal);
        Assert.Empty(_control.Heard);
    }

    [Fact]
    public async Task The_reason_of_a_refusal_is_told()
    {
        _control.Refusal = new LeatException(new(3095), "There is no pipeline 'copy'.", "Name another.");

        Assert.Equal((HttpStatusCode.Conflict, """{"error":"There is no pipeline 'copy'. Name another. [LEAT-3095]"}"""), await PostAsync("redeliver", "{}", "application/json"));
    }

    [Fact]
    public async Task Nothing_is_asked_by_a_GET()
    {
        using var answer = await _client.GetAsync(Address("redeliver"), Token);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
    }

    private Uri Address(string verb) => new(_server?.Address ?? throw new InvalidOperationException("started before each test"), $"/api/v1/pipelines/copy/{verb}");

    private async Task<(HttpStatusCode Code, string Body)> PostAsync(string verb, string body, string type)
    {
        using var content = new StringContent(body, Encoding.UTF8, type);
        using var answer = await _client.PostAsync(Address(verb), content, Token);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Token));
    }

    private sealed class Control : IDeliveryControl
    {
        public List<string> Heard { get; } = [];

        public LeatException? Refusal { get; set; }

        public ValueTask<Redelivery> RedeliverAsync(string pipeline, bool reread, CancellationToken cancellationToken)
        {
            if (Refusal is not null)
                throw Refusal;
            Heard.Add($"{pipeline} reread {reread}");
            return new(new Redelivery(pipeline, 7, reread, 2));
        }

        public ValueTask<Redelivery> RebuildAsync(string pipeline, bool reread, CancellationToken cancellationToken) => RedeliverAsync($"{pipeline}, documents,", reread, cancellationToken);

        public ValueTask<int> ReplayAsync(string pipeline, IReadOnlyList<long> letters, string by, CancellationToken cancellationToken) => Note(pipeline, "replay", letters, by);

        public ValueTask<int> DiscardAsync(string pipeline, IReadOnlyList<long> letters, string by, CancellationToken cancellationToken) => Note(pipeline, "discard", letters, by);

        private ValueTask<int> Note(string pipeline, string verb, IReadOnlyList<long> letters, string by)
        {
            Heard.Add($"{pipeline} {verb} {string.Join(',', letters)} by {by}");
            return new(letters.Count);
        }
    }
}
