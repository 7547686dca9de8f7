using System.Globalization;
using System.Text;
using System.Text.Json;
using Leat.Changes;

namespace Leat.Connectors.Elasticsearch;

/// <summary>The pipelines' markers: one document each in the index <c>leat-markers</c>. Read by id, so nothing has to be refreshed.</summary>
internal sealed class ElasticsearchMarkers(ElasticsearchClient client)
{
    private const string Index = "leat-markers";

    private readonly AnswerBuffer _answer = new();

    /// <summary>Reads a marker; <see langword="null"/> when there is none.</summary>
    public async ValueTask<TargetMarker?> ReadAsync(string pipeline, CancellationToken cancellationToken)
    {
        var head = await client.SendAsync(HttpMethod.Get, PathOf(pipeline), default, ElasticsearchClient.Json, _answer, cancellationToken);
        if (head.Status == 404 && IsOfServer())
            return null;
        if (!head.IsSuccess)
            throw Failure(head);
        try
        {
            using var answer = JsonDocument.Parse(_answer.Memory);
            var source = answer.RootElement.GetProperty("_source");
            return new(
                Guid.ParseExact(source.GetProperty("log_id").GetString() ?? "", "D"), source.GetProperty("epoch").GetUInt32(), source.GetProperty("offset").GetInt64());
        }
        catch (Exception cause) when (cause is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw ElasticsearchErrors.MarkerUnreadable(head.Node, pipeline, Wire.ErrorText.Shown(head.Status, _answer.Written));
        }
    }

    /// <summary>Writes a marker; the server's disk has it when this returns.</summary>
    public async ValueTask WriteAsync(string pipeline, TargetMarker marker, CancellationToken cancellationToken)
    {
        var body = Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $$"""{"log_id":"{{marker.LogId:D}}","epoch":{{marker.Epoch}},"offset":{{marker.Offset}}}"""));
        var head = await client.SendAsync(HttpMethod.Put, PathOf(pipeline), body, ElasticsearchClient.Json, _answer, cancellationToken);
        if (head.Status == 404 && IsOfServer())
        {
            // Indexes are not created by writing here, but we may be allowed to do it ourselves.
            await client.SendAsync(HttpMethod.Put, "/" + Index, default, ElasticsearchClient.Json, _answer, cancellationToken);
            head = await client.SendAsync(HttpMethod.Put, PathOf(pipeline), body, ElasticsearchClient.Json, _answer, cancellationToken);
            if (head.Status == 404)
                throw ElasticsearchErrors.MissingIndex(head.Node, Index);
        }

        if (!head.IsSuccess)
            throw Failure(head);
    }

    private static string PathOf(string pipeline) => $"/{Index}/_doc/{Uri.EscapeDataString(pipeline)}";

    // A proxy has pages of its own for what it does not find: they say nothing about the marker.
    private bool IsOfServer()
    {
        try
        {
            using var answer = JsonDocument.Parse(_answer.Memory);
            return answer.RootElement.ValueKind == JsonValueKind.Object && (answer.RootElement.TryGetProperty("found", out _) || answer.RootElement.TryGetProperty("error", out _));
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private LeatException Failure(in ElasticsearchAnswer head) =>
        ElasticsearchErrors.ForRequest(head, _answer.Written) ?? ElasticsearchErrors.RequestRefused(head.Node, Wire.ErrorText.Of(head.Status, _answer.Written).Reason);
}
