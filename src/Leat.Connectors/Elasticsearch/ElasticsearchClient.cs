using System.IO.Compression;
using System.Net.Http.Headers;
using System.Security.Authentication;
using Leat.Changes;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.Elasticsearch;

/// <summary>The head of an answer; its body is in the buffer that was given along.</summary>
/// <param name="Status">HTTP status.</param>
/// <param name="RetryAfter">How long the server asks to wait; <see langword="null"/> when it does not say.</param>
/// <param name="Node">Address of the node that answered.</param>
internal readonly record struct ElasticsearchAnswer(int Status, TimeSpan? RetryAfter, string Node)
{
    /// <summary>Whether the server did what it was asked.</summary>
    public bool IsSuccess => Status is >= 200 and < 300;
}

/// <summary>Sends requests to the nodes: to the next one when one does not answer. Used by all lanes at once.</summary>
internal sealed class ElasticsearchClient : IDisposable
{
    /// <summary>Media type of a <c>_bulk</c> body. Vendor types (compatible-with) are refused by OpenSearch; every server takes this one.</summary>
    public const string NdJson = "application/x-ndjson";

    /// <summary>Media type of every other body.</summary>
    public const string Json = "application/json";

    private const int CompressAboveBytes = 4 * 1024;
    private const int AskAboveBytes = 256 * 1024; // more than a connection takes without the other side reading it

    private readonly HttpMessageInvoker _http;
    private readonly ElasticsearchNodes _nodes;
    private readonly ElasticsearchSinkOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly bool _compress;
    private volatile bool _asksFirst;

    /// <summary>A client that has not connected yet.</summary>
    /// <exception cref="PauseException">A file of the TLS settings cannot be read.</exception>
    public ElasticsearchClient(ElasticsearchSinkOptions options, TimeProvider time, ILogger log)
    {
        _options = options;
        _time = time;
        _log = log;
        _nodes = new(options.Urls, time);
        _compress = options.Compression == RequestCompression.Gzip
            || (options.Compression == RequestCompression.Auto && !options.Urls.All(url => url.IsLoopback));
        _http = new(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
            AutomaticDecompression = _compress ? System.Net.DecompressionMethods.GZip : System.Net.DecompressionMethods.None,
            ConnectTimeout = options.ConnectTimeout,
            PooledConnectionLifetime = TimeSpan.FromMinutes(10), // so that a name that moved is looked up again
            SslOptions = ElasticsearchTrust.Options(options.Security),
        });
    }

    /// <summary>Where the nodes are, in messages.</summary>
    public string Address => _options.Address;

    /// <summary>Sends a request until a node answers it, each node once.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">Path and query, beginning with <c>/</c>.</param>
    /// <param name="body">The body; empty: none.</param>
    /// <param name="mediaType">Its type.</param>
    /// <param name="answer">Where the answer's body goes.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    /// <exception cref="RetriableException">No node answered. What was sent may have been done.</exception>
    /// <exception cref="PauseException">No secure connection.</exception>
    public async ValueTask<ElasticsearchAnswer> SendAsync(
        HttpMethod method, string path, ReadOnlyMemory<byte> body, string mediaType, AnswerBuffer answer, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var node = _nodes.Take();
            var url = ElasticsearchSinkOptions.Show(_nodes[node]);
            LeatException failure;
            try
            {
                var head = await SendToAsync(url, method, path, body, mediaType, answer, cancellationToken);

                // What a balancer says for nodes that are away: another one may be there.
                if (head.Status is not (408 or 502 or 503 or 504))
                {
                    if (_nodes.Works(node))
                        _log.NodeAnswers(url);
                    return head;
                }

                failure = ElasticsearchErrors.Unavailable(url, Wire.ErrorText.Of(head.Status, answer.Written).Reason) is var unavailable && head.RetryAfter is { } after
                    ? new RetriableException(unavailable.Code, unavailable.What, unavailable.Remedy) { After = after }
                    : unavailable;
            }
            catch (HttpRequestException cause) when (cause.InnerException is AuthenticationException refused)
            {
                failure = ElasticsearchErrors.TlsRefused(url, refused.InnerException?.Message ?? refused.Message, cause); // another node may be whom it says it is
            }
            catch (HttpRequestException cause)
            {
                var sent = cause.HttpRequestError is not (HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError);
                var reason = cause.InnerException?.Message ?? cause.Message;
                _asksFirst |= sent;
                failure = sent ? ElasticsearchErrors.Lost(url, reason, cause) : ElasticsearchErrors.Unreachable(url, reason, cause);
            }
            catch (Exception cause) when (cause is IOException or InvalidDataException)
            {
                failure = ElasticsearchErrors.Lost(url, cause.Message, cause); // broken off, or packed in a way that cannot be unpacked
            }
            catch (OperationCanceledException cause) when (!cancellationToken.IsCancellationRequested)
            {
                failure = ElasticsearchErrors.Lost(url, $"no answer within {_options.Timeout.TotalSeconds} s, or no connection within {_options.ConnectTimeout.TotalSeconds} s", cause);
            }

            if (_nodes.Failed(node) && _nodes.Count > 1)
                _log.NodeFailed(url, failure.What);
            if (attempt >= _nodes.Count)
                throw failure;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();

    private async Task<ElasticsearchAnswer> SendToAsync(
        string url, HttpMethod method, string path, ReadOnlyMemory<byte> body, string mediaType, AnswerBuffer answer, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, url + path);
        if (!body.IsEmpty)
            request.Content = ContentOf(body, mediaType);
        if (_options.Security.Authorization is { } authorization)
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        using var limit = new CancellationTokenSource(_options.Timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);

        // Who refuses a body for its size may close the connection without reading it, and what was answered is lost with it. So after a loss it is asked for first.
        if (_asksFirst && body.Length > AskAboveBytes)
            request.Headers.ExpectContinue = true;
        using var response = await _http.SendAsync(request, either.Token);
        await using var stream = await response.Content.ReadAsStreamAsync(either.Token);
        await answer.FillAsync(stream, either.Token);
        if (response.IsSuccessStatusCode)
            _asksFirst = false;
        return new((int)response.StatusCode, After(response.Headers.RetryAfter), url);
    }

    private HttpContent ContentOf(ReadOnlyMemory<byte> body, string mediaType)
    {
        HttpContent content;
        if (_compress && body.Length > CompressAboveBytes)
        {
            var packed = new MemoryStream(body.Length / 4);
            using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
                gzip.Write(body.Span);
            content = new ReadOnlyMemoryContent(packed.GetBuffer().AsMemory(0, (int)packed.Length));
            content.Headers.ContentEncoding.Add("gzip");
        }
        else
        {
            content = new ReadOnlyMemoryContent(body);
        }

        content.Headers.ContentType = new(mediaType);
        return content;
    }

    private TimeSpan? After(RetryConditionHeaderValue? header)
    {
        var after = header?.Delta ?? (header?.Date is { } date ? date - _time.GetUtcNow() : null);
        return after is { } wait && wait > TimeSpan.Zero ? wait : null;
    }
}
