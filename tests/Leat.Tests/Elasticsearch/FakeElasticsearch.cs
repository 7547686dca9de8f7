using System.IO.Compression;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Leat.Tests.Elasticsearch;

/// <summary>A request as it arrived.</summary>
internal sealed record FakeRequest(int Number, string Method, string Path, string Query, string Body, IReadOnlyDictionary<string, string> Headers, int WireBytes);

/// <summary>How the server misbehaves for one request.</summary>
internal sealed record Fault
{
    /// <summary>Answer with this instead of doing anything.</summary>
    public (int Status, string Body, string? Header)? Instead { get; init; }

    /// <summary>Do it, but answer with this.</summary>
    public (int Status, string Body)? AnswerWith { get; init; }

    /// <summary>Do it, but change the answer's body.</summary>
    public Func<string, string>? Change { get; init; }

    /// <summary>Do it, and close the connection after so many bytes of the answer.</summary>
    public int? CutAfterBytes { get; init; }

    /// <summary>Do it, and pack the answer's body; what the packed bytes become on the way is the function's.</summary>
    public Func<byte[], byte[]>? Packed { get; init; }

    /// <summary>Do it, and send the answer in two pieces, the first of so many bytes.</summary>
    public int? SplitAfterBytes { get; init; }

    /// <summary>Close the connection without doing anything.</summary>
    public bool Drop { get; init; }

    /// <summary>What items are answered instead of being done: by number and id.</summary>
    public Func<int, string, ItemFault?>? Items { get; init; }

    /// <summary>Wait for this before answering.</summary>
    public Task? Hold { get; init; }
}

/// <summary>A cluster of one node on a loopback port, over HTTP or HTTPS. It misbehaves as its script says.</summary>
internal sealed class FakeElasticsearch : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly SslServerAuthenticationOptions? _tls;
    private readonly List<FakeRequest> _requests = [];
    private readonly List<Task> _serving = [];
    private readonly Task _accepting;

    public FakeElasticsearch(X509Certificate2? certificate = null, bool asksForCertificate = false)
    {
        if (certificate is not null)
        {
            _tls = new()
            {
                ServerCertificateContext = SslStreamCertificateContext.Create(certificate, null, offline: true),
                ClientCertificateRequired = asksForCertificate,
                RemoteCertificateValidationCallback = (_, shown, _, _) => !asksForCertificate || shown is not null,
            };
        }

        _listener.Start();
        _accepting = AcceptAsync();
    }

    /// <summary>What is stored.</summary>
    public FakeCluster Cluster { get; } = new();

    /// <summary>Asked before each request; <see langword="null"/>: it is done and answered as it should.</summary>
    public Func<FakeRequest, Fault?> Script { get; set; } = _ => null;

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public Uri Url => new($"{(_tls is null ? "http" : "https")}://localhost:{Port}");

    /// <summary>Every request so far.</summary>
    public IReadOnlyList<FakeRequest> Requests
    {
        get
        {
            lock (_requests)
                return [.. _requests];
        }
    }

    /// <summary>The bodies of the bulk requests so far.</summary>
    public IReadOnlyList<string> Bulks => [.. Requests.Where(request => request.Path == "/_bulk").Select(request => request.Body)];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        await Task.WhenAll(_serving);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _serving.Add(ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token)));
        }
        catch (Exception error) when (error is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        await Task.Yield();
        using var owned = client;
        client.NoDelay = true;
        try
        {
            Stream stream = client.GetStream();
            if (_tls is not null)
            {
                var secure = new SslStream(stream);
                stream = secure;
                await secure.AuthenticateAsServerAsync(_tls, _stop.Token);
            }

            await using var closing = stream;
            while (await ReadAsync(stream) is { } request && await AnswerAsync(stream, request))
            {
                // One request after the other.
            }
        }
        catch (Exception error) when (error is OperationCanceledException or IOException or AuthenticationException or ObjectDisposedException or SocketException)
        {
            // The client went away, or the test is over.
        }
    }

    // False when the connection is to be closed.
    private async Task<bool> AnswerAsync(Stream stream, FakeRequest request)
    {
        var fault = Script(request);
        if (fault?.Hold is { } hold)
            await hold.WaitAsync(_stop.Token);
        if (fault?.Drop is true)
            return false;
        if (fault?.Instead is { } instead)
        {
            await WriteAsync(stream, instead.Status, instead.Body, instead.Header, null);
            return true;
        }

        var (status, body) = Cluster.Answer(request.Method, request.Path, request.Query, request.Body, fault?.Items);
        if (fault?.AnswerWith is { } other)
            (status, body) = other;
        if (fault?.Change is { } change)
            body = change(body);
        if (fault?.Packed is { } packed)
        {
            await stream.WriteAsync(WirePacked(status, packed(Pack(body))), _stop.Token);
            return true;
        }

        if (fault?.SplitAfterBytes is { } split)
        {
            await stream.WriteAsync(Wire(status, body, null).AsMemory(0, split), _stop.Token);
            await stream.FlushAsync(_stop.Token);
            await stream.WriteAsync(Wire(status, body, null).AsMemory(split), _stop.Token);
            return true;
        }

        await WriteAsync(stream, status, body, null, fault?.CutAfterBytes);
        return fault?.CutAfterBytes is null;
    }

    /// <summary>The bytes of an answer on the wire.</summary>
    public static byte[] Wire(int status, string body, string? header)
    {
        var type = body.StartsWith('<') ? "text/html" : "application/json";
        var bytes = Encoding.UTF8.GetBytes(body);
        return [.. Encoding.ASCII.GetBytes($"HTTP/1.1 {status} Answer\r\nContent-Type: {type}\r\n{(header is null ? "" : header + "\r\n")}Content-Length: {bytes.Length}\r\n\r\n"), .. bytes];
    }

    /// <summary>A body as gzip.</summary>
    public static byte[] Pack(string body)
    {
        var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest))
            gzip.Write(Encoding.UTF8.GetBytes(body));
        return packed.ToArray();
    }

    private static byte[] WirePacked(int status, byte[] packed) =>
        [.. Encoding.ASCII.GetBytes($"HTTP/1.1 {status} Answer\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: {packed.Length}\r\n\r\n"), .. packed];

    private async Task WriteAsync(Stream stream, int status, string body, string? header, int? cutAfter)
    {
        var wire = Wire(status, body, header);
        await stream.WriteAsync(wire.AsMemory(0, Math.Min(wire.Length, cutAfter ?? wire.Length)), _stop.Token);
        await stream.FlushAsync(_stop.Token);
    }

    private async Task<FakeRequest?> ReadAsync(Stream stream)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (!(head.Count >= 4 && head[^1] == '\n' && head[^2] == '\r' && head[^3] == '\n'))
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0)
                return null;
            head.Add(one[0]);
        }

        var lines = Encoding.ASCII.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        var body = new byte[headers.TryGetValue("Content-Length", out var length) ? int.Parse(length, System.Globalization.CultureInfo.InvariantCulture) : 0];
        await stream.ReadExactlyAsync(body, _stop.Token);
        var text = headers.GetValueOrDefault("Content-Encoding") == "gzip" ? await UnpackAsync(body) : Encoding.UTF8.GetString(body);
        var first = lines[0].Split(' ');
        var (path, query) = first[1].Split('?', 2) is [var front, var back] ? (front, back) : (first[1], "");
        lock (_requests)
        {
            var request = new FakeRequest(_requests.Count, first[0], path, query, text, headers, body.Length);
            _requests.Add(request);
            return request;
        }
    }

    private static async Task<string> UnpackAsync(byte[] body)
    {
        await using var gzip = new GZipStream(new MemoryStream(body), CompressionMode.Decompress);
        using var reader = new StreamReader(gzip);
        return await reader.ReadToEndAsync();
    }
}
