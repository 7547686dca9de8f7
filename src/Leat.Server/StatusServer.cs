using System.Diagnostics.Metrics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Leat.Pipeline;
using Leat.Pipeline.Status;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Leat.Server;

/// <summary>Serves the state of a running engine over HTTP, to this machine only.</summary>
/// <remarks>
/// Read-only are <c>/health/live</c>, <c>/health/ready</c>, <c>/metrics</c> and <c>/api/v1/status</c>; others take requests, see
/// <see cref="SnapshotEndpoint"/> and <see cref="DeliveryEndpoint"/>. It listens on loopback and
/// answers only requests that name loopback as their host, so that a web page elsewhere cannot reach it through a name of its own.
/// </remarks>
public sealed class StatusServer : IAsyncDisposable
{
    /// <summary>The port when none is given: "LEAT" on a telephone's keys.</summary>
    public const int DefaultPort = 5328;

    private const int MaxHeaderBytes = 16 * 1024;
    private const int PortsToTry = 100;

    private readonly WebApplication _app;

    private StatusServer(WebApplication app, Uri address)
    {
        _app = app;
        Address = address;
    }

    /// <summary>Where it listens, e.g. <c>http://127.0.0.1:5328/</c>.</summary>
    public Uri Address { get; }

    /// <summary>Begins to listen.</summary>
    /// <param name="port">0 to 65535; 0 takes any that is free.</param>
    /// <param name="status">Computes the state; called for every request, from any thread.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="Leat.Changes.LeatException">The port is taken or forbidden.</exception>
    public static Task<StatusServer> StartAsync(int port, Func<EngineStatus> status, ILoggerFactory loggers, CancellationToken cancellationToken) =>
        StartAsync(port, status, snapshots: null, loggers, cancellationToken);

    /// <summary>Begins to listen, and takes requests to read tables again.</summary>
    /// <param name="port">0 to 65535; 0 takes any that is free.</param>
    /// <param name="status">Computes the state; called for every request, from any thread.</param>
    /// <param name="snapshots">Who takes the requests; <see langword="null"/>: none are served.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="Leat.Changes.LeatException">The port is taken or forbidden.</exception>
    public static Task<StatusServer> StartAsync(
        int port, Func<EngineStatus> status, ISnapshotControl? snapshots, ILoggerFactory loggers, CancellationToken cancellationToken) =>
        StartAsync(port, status, snapshots, deliveries: null, loggers, cancellationToken);

    /// <summary>Begins to listen, and takes requests to sources and pipelines.</summary>
    /// <param name="port">0 to 65535; 0 takes any that is free.</param>
    /// <param name="status">Computes the state; called for every request, from any thread.</param>
    /// <param name="snapshots">Who takes requests to read tables again; <see langword="null"/>: none are served.</param>
    /// <param name="deliveries">Who takes requests about pipelines; <see langword="null"/>: none are served.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="Leat.Changes.LeatException">The port is taken or forbidden.</exception>
    public static Task<StatusServer> StartAsync(
        int port, Func<EngineStatus> status, ISnapshotControl? snapshots, IDeliveryControl? deliveries, ILoggerFactory loggers, CancellationToken cancellationToken) =>
        StartAsync(port, status, snapshots, deliveries, meter: null, loggers, cancellationToken);

    /// <summary>Begins to listen, takes requests to sources and pipelines, and prints metrics.</summary>
    /// <param name="port">0 to 65535; 0 takes any that is free.</param>
    /// <param name="status">Computes the state; called for every request, from any thread.</param>
    /// <param name="snapshots">Who takes requests to read tables again; <see langword="null"/>: none are served.</param>
    /// <param name="deliveries">Who takes requests about pipelines; <see langword="null"/>: none are served.</param>
    /// <param name="meter">Whose instruments <c>/metrics</c> prints; <see langword="null"/>: it is not served.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <param name="cancellationToken">Ends the start.</param>
    /// <exception cref="Leat.Changes.LeatException">The port is taken or forbidden.</exception>
    public static async Task<StatusServer> StartAsync(
        int port, Func<EngineStatus> status, ISnapshotControl? snapshots, IDeliveryControl? deliveries, Meter? meter, ILoggerFactory loggers,
        CancellationToken cancellationToken)
    {
        var log = loggers.CreateLogger<StatusServer>();
        var app = Build(port, loggers);
        app.Use((context, next) => Guard(context, next, log));
        app.Run(context => snapshots is not null && SnapshotEndpoint.SourceOf(context.Request.Path) is { } source
            ? SnapshotEndpoint.AnswerAsync(context, source, snapshots)
            : deliveries is not null && DeliveryEndpoint.PlaceOf(context.Request.Path) is { } place
            ? DeliveryEndpoint.AnswerAsync(context, place, deliveries)
            : AnswerAsync(context, status, meter));
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch (IOException error) when (error.InnerException is Microsoft.AspNetCore.Connections.AddressInUseException)
        {
            await app.DisposeAsync();
            throw ServerErrors.PortInUse(port, NextFree(port), error);
        }
        catch (SocketException error)
        {
            await app.DisposeAsync();
            throw ServerErrors.CannotListen(port, error.Message, error);
        }

        var addresses = app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!; // Kestrel always tells
        var address = new Uri(addresses.Addresses.First());
        log.Listening(address);
        return new(app, address);
    }

    /// <summary>Stops listening; requests under way are finished first.</summary>
    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private static WebApplication Build(int port, ILoggerFactory loggers)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton(loggers);

        // Signals are the program's business: the host must not react to them on its own.
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxRequestBodySize = SnapshotEndpoint.MaxBodyBytes;
            options.Limits.MaxRequestHeadersTotalSize = MaxHeaderBytes;
            options.Limits.MaxConcurrentConnections = 100;
            options.Listen(IPAddress.Loopback, port, listen => listen.Protocols = HttpProtocols.Http1);
        });
        return builder.Build();
    }

    private static async Task Guard(HttpContext context, RequestDelegate next, ILogger log)
    {
        if (context.Request.Host.Host is not ("localhost" or "127.0.0.1" or "[::1]"))
        {
            log.HostRefused(context.Request.Host.Host);
            await WriteAsync(context, 403, new("Only requests to localhost, 127.0.0.1 or [::1] are served."), StatusJson.Api.RequestError);
            return;
        }

        try
        {
            await next(context);
        }
        catch (Exception error) when (!context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted)
        {
            // A fault in computing the state must not take the connection with it: the caller learns that it failed, the log why.
            log.RequestFailed(error, context.Request.Path);
            await WriteAsync(context, 500, new("The state could not be computed; the log of the process says why."), StatusJson.Api.RequestError);
        }
    }

    private static Task AnswerAsync(HttpContext context, Func<EngineStatus> status, Meter? meter)
    {
        var path = context.Request.Path.Value;
        if (path is not ("/health/live" or "/health/ready" or "/api/v1/status" or "/metrics") || (path == "/metrics" && meter is null))
        {
            return WriteAsync(
                context, 404, new("Nothing here. Served are /health/live, /health/ready, /metrics and /api/v1/status."), StatusJson.Api.RequestError);
        }

        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.Headers.Allow = "GET, HEAD";
            return WriteAsync(context, 405, new("Only GET and HEAD are served."), StatusJson.Api.RequestError);
        }

        switch (path)
        {
            case "/health/live":
                return WriteAsync(context, 200, new(Live: true), StatusJson.Api.Liveness);
            case "/health/ready":
                var readiness = ReadinessOf(status());
                return WriteAsync(context, readiness.Ready ? 200 : 503, readiness, StatusJson.Api.Readiness);
            case "/metrics":
                return WriteAsync(context, 200, PrometheusText.ContentType, Encoding.UTF8.GetBytes(PrometheusText.Of(meter!))); // not null: asked above
            default:
                return WriteAsync(context, 200, status(), StatusJson.Api.EngineStatus);
        }
    }

    /// <summary>Whether everything can do its work, and if not, why.</summary>
    public static Readiness ReadinessOf(EngineStatus status) => new(status.Ready,
    [
        .. from source in status.Sources
           where source.State is not (RunState.CatchingUp or RunState.Live)
           select Reason("Source", source.Name, source.State, source.Reason),
        .. from pipeline in status.Pipelines
           where pipeline.State is not (RunState.CatchingUp or RunState.Live)
           select Reason("Pipeline", pipeline.Name, pipeline.State, pipeline.Reason),
    ]);

    private static string Reason(string what, string name, RunState state, string? reason) =>
        $"{what} '{name}' is {state.ToString().ToLowerInvariant()}{(string.IsNullOrEmpty(reason) ? "." : $": {reason}")}";

    /// <summary>Answers with JSON.</summary>
    internal static Task WriteAsync<T>(HttpContext context, int code, T value, JsonTypeInfo<T> shape) =>
        WriteAsync(context, code, "application/json; charset=utf-8", JsonSerializer.SerializeToUtf8Bytes(value, shape));

    private static async Task WriteAsync(HttpContext context, int code, string contentType, byte[] body)
    {
        context.Response.StatusCode = code;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        if (!HttpMethods.IsHead(context.Request.Method))
            await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    private static int? NextFree(int port)
    {
        for (var candidate = port + 1; candidate <= Math.Min(port + PortsToTry, IPEndPoint.MaxPort); candidate++)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                socket.Bind(new IPEndPoint(IPAddress.Loopback, candidate));
                return candidate;
            }
            catch (SocketException)
            {
                continue; // taken or forbidden too: try the next
            }
        }

        return null;
    }

    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
