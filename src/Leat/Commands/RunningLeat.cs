using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Leat.Changes;
using Leat.Pipeline;
using Leat.Server;

namespace Leat.Commands;

/// <summary>A Leat that runs on some log, asked through its API.</summary>
/// <param name="server">Its address.</param>
internal sealed class RunningLeat(Uri server)
{
    private const int NothingListens = 5020;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <summary>The Leat at an address, when one answers there and its log is the one meant; <see langword="null"/> else.</summary>
    public static async Task<RunningLeat?> FindAsync(Uri server, string folder, CancellationToken cancellationToken)
    {
        try
        {
            var (_, status) = await StatusCommand.FetchAsync(server, cancellationToken);
            return status.Log is { } log && Path.GetFullPath(log.Folder) == Path.GetFullPath(folder) ? new(server) : null;
        }
        catch (LeatException error) when (error.Code.Number == NothingListens)
        {
            return null; // it does not run: the log is written to itself, and tells when another process holds it
        }
    }

    /// <summary>Has a pipeline deliver everything again.</summary>
    /// <param name="pipeline">Its name.</param>
    /// <param name="reread">Whether the source shall read the tables again.</param>
    /// <param name="rebuild">Whether the rows that it holds for documents are given up.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public Task<Redelivery> RedeliverAsync(string pipeline, bool reread, bool rebuild, CancellationToken cancellationToken) => PostAsync(
        pipeline, rebuild ? "rebuild" : "redeliver", JsonContent.Create(new RedeliveryOrder(reread), StatusJson.Api.RedeliveryOrder), StatusJson.Api.Redelivery, cancellationToken);

    /// <summary>Asks for dead letters to be replayed, or gives them up; returns how many were taken.</summary>
    public async Task<int> RequestAsync(string pipeline, IReadOnlyList<long> letters, bool discard, string by, CancellationToken cancellationToken)
    {
        const int LettersAtOnce = 2_000; // a request's body has a limit
        var taken = 0;
        foreach (var some in letters.Chunk(LettersAtOnce))
        {
            var body = JsonContent.Create(new LetterOrder([.. some], by), StatusJson.Api.LetterOrder);
            taken += (await PostAsync(pipeline, discard ? "discard" : "replay", body, StatusJson.Api.LetterAnswer, cancellationToken)).Letters;
        }

        return taken;
    }

    private async Task<T> PostAsync<T>(string pipeline, string verb, JsonContent body, JsonTypeInfo<T> shape, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { Timeout = Timeout };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("leat", LeatProgram.Version));
        try
        {
            using var content = body;
            using var response = await client.PostAsync(new Uri(server, $"/api/v1/pipelines/{Uri.EscapeDataString(pipeline)}/{verb}"), content, cancellationToken);
            var answer = await response.Content.ReadAsStringAsync(cancellationToken);
            if (!response.IsSuccessStatusCode)
                throw ProgramErrors.PipelineRequestRefused(pipeline, JsonSerializer.Deserialize(answer, StatusJson.Api.RequestError)?.Error ?? response.ReasonPhrase ?? "");
            return JsonSerializer.Deserialize(answer, shape) ?? throw ProgramErrors.NotLeat(server, "it answered nothing", cause: null);
        }
        catch (HttpRequestException error)
        {
            throw ProgramErrors.NothingListens(server, error.InnerException?.Message ?? error.Message, error);
        }
        catch (TaskCanceledException error) when (!cancellationToken.IsCancellationRequested)
        {
            throw ProgramErrors.NothingListens(server, $"no answer within {Timeout.TotalSeconds:F0} seconds", error);
        }
        catch (JsonException error)
        {
            throw ProgramErrors.NotLeat(server, "its answer is not understood", error);
        }
    }
}
