using System.CommandLine;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Leat.Pipeline.Status;
using Leat.Server;

namespace Leat.Commands;

/// <summary><c>leat status</c>: asks a running Leat how it is.</summary>
internal static class StatusCommand
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(5);

    public static Command Create(Terminal terminal)
    {
        var name = new Argument<string?>("name") { Description = "A source or pipeline, to be shown with all there is to tell of it, its lanes too.", Arity = ArgumentArity.ZeroOrOne };
        var server = ServerOption();
        var watch = new Option<bool>("--watch", "-w") { Description = "Show it again and again, until Ctrl-C." };
        var command = new LeatCommand("status", "Shows the state of a running Leat: what each source and pipeline does, how far behind it is, and why.")
        {
            Examples =
            [
                new("leat status", "of the Leat on the usual port"),
                new("leat status orders-search", "one pipeline in detail, with its lanes"),
                new("leat status --watch", "as it changes"),
                new("leat status --server http://127.0.0.1:6000", "of another"),
                new("leat status --json", "all there is to know, as docs/operating/status-api.md describes it"),
            ],
        };
        command.Arguments.Add(name);
        command.Options.Add(server);
        command.Options.Add(watch);
        command.SetAction(terminal, async context =>
        {
            var view = new StatusView(context, context.Parse.GetValue(name), context.Parse.GetRequiredValue(server));
            await (context.Parse.GetValue(watch) ? view.WatchAsync() : view.ShowAsync());
            return ExitCodes.Done;
        });
        return command;
    }

    /// <summary>The option that names a running Leat.</summary>
    public static Option<Uri> ServerOption() => new("--server")
    {
        Description = "Address of the running Leat.",
        HelpName = "URL",
        DefaultValueFactory = _ => new($"http://127.0.0.1:{StatusServer.DefaultPort}"),
        CustomParser = result =>
        {
            var written = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (Uri.TryCreate(written, UriKind.Absolute, out var address) && address.Scheme is "http" or "https")
                return address;
            result.AddError($"--server: expected an address such as http://127.0.0.1:5328, got '{written}'.");
            return null;
        },
    };

    /// <summary>The status of the Leat at an address.</summary>
    /// <exception cref="Leat.Changes.LeatException">Nothing answers, or something else does.</exception>
    public static async Task<(string Json, EngineStatus Status)> FetchAsync(Uri server, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { Timeout = Timeout };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("leat", LeatProgram.Version));
        try
        {
            using var response = await client.GetAsync(new Uri(server, "/api/v1/status"), cancellationToken);
            var body = await response.Content.ReadAsByteArrayAsync(cancellationToken);
            if (!response.IsSuccessStatusCode)
                throw ProgramErrors.NotLeat(server, $"it answered {(int)response.StatusCode} {response.ReasonPhrase}", cause: null);
            var status = JsonSerializer.Deserialize(body, StatusJson.Api.EngineStatus)
                ?? throw ProgramErrors.NotLeat(server, "it answered nothing", cause: null);
            return (Encoding.UTF8.GetString(body), status);
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
            throw ProgramErrors.NotLeat(server, "its answer is not the status of a Leat", error);
        }
    }
}
