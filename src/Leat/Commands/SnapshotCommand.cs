using System.CommandLine;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Output;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Status;
using Leat.Server;

namespace Leat.Commands;

/// <summary><c>leat snapshot start|status|cancel FILE SOURCE</c>: has a running Leat read tables again.</summary>
internal static class SnapshotCommand
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("snapshot", "Has a running Leat read tables again beside the stream, and remove from the targets what the source does not have.")
        {
            Examples =
            [
                new("leat snapshot start leat.yaml shop --tables shop.orders", "read a table again"),
                new("leat snapshot status leat.yaml shop", "how far it is"),
            ],
        };
        command.Subcommands.Add(Start(terminal));
        command.Subcommands.Add(Status(terminal));
        command.Subcommands.Add(Cancel(terminal));
        return command;
    }

    private static LeatCommand Start(Terminal terminal)
    {
        var (file, source, server) = (ConfigurationFile.Argument(), SourceArgument(), StatusCommand.ServerOption());
        var tables = new Option<string?>("--tables") { Description = "The tables, with commas between.", HelpName = "TABLES" };
        var all = new Option<bool>("--all") { Description = "All tables that the source captures, instead of --tables." };
        var where = new Option<string?>("--where") { Description = "Only rows for which this condition is true, in the source's own SQL.", HelpName = "CONDITION" };
        var command = new LeatCommand("start", "Has tables read again. Survives a restart of the running Leat.")
        {
            Examples =
            [
                new("leat snapshot start leat.yaml shop --tables shop.orders", "one table"),
                new("leat snapshot start leat.yaml shop --tables shop.orders,shop.items", "two"),
                new("leat snapshot start leat.yaml shop --tables shop.orders --where \"id > 100\"", "some rows of it"),
                new("leat snapshot start leat.yaml shop --all", "all that is captured"),
            ],
        };
        Add(command, file, source, [tables, all, where, server]);
        command.SetAction(terminal, async context =>
        {
            var named = TablesOf(context.Parse.GetValue(tables) ?? "").ToList();
            if (context.Parse.GetValue(all) == named.Count > 0)
                throw ProgramErrors.Usage("Either --tables or --all says what to read.", "Write for example --tables shop.orders.");
            if (ConfigurationFile.ReadAndTell(context, context.Parse.GetRequiredValue(file)) is not { } read)
                return ExitCodes.Usage;
            var name = NameOf(read, context.Parse.GetRequiredValue(source));
            var order = new SnapshotOrder(named.Count > 0 ? [.. named] : [SnapshotOrder.All], context.Parse.GetValue(where));
            using var body = JsonContent.Create(order, StatusJson.Api.SnapshotOrder);
            using var request = new HttpRequestMessage(HttpMethod.Post, Address(context.Parse.GetRequiredValue(server), name)) { Content = body };
            var (json, answer) = await SendAsync(request, name, context.Stopping);
            context.Terminal.Out.WriteLine(context.Json ? json : $"Source '{name}' reads {string.Join(", ", answer.Tables)} again. See how far it is with 'leat snapshot status'.");
            return ExitCodes.Done;
        });
        return command;
    }

    private static LeatCommand Status(Terminal terminal)
    {
        var (file, source, server) = (ConfigurationFile.Argument(), SourceArgument(), StatusCommand.ServerOption());
        var command = new LeatCommand("status", "Shows the tables that are read, or wait to be.")
        {
            Examples = [new("leat snapshot status leat.yaml shop", "of one source of the Leat on the usual port")],
        };
        Add(command, file, source, [server]);
        command.SetAction(terminal, async context =>
        {
            if (ConfigurationFile.ReadAndTell(context, context.Parse.GetRequiredValue(file)) is not { } read)
                return ExitCodes.Usage;
            var name = NameOf(read, context.Parse.GetRequiredValue(source));
            var (_, status) = await StatusCommand.FetchAsync(context.Parse.GetRequiredValue(server), context.Stopping);
            Print(context, status.Sources.FirstOrDefault(one => one.Name == name) ?? throw ProgramErrors.SnapshotRefused(name, "the running Leat has no such source"));
            return ExitCodes.Done;
        });
        return command;
    }

    private static LeatCommand Cancel(Terminal terminal)
    {
        var (file, source, server) = (ConfigurationFile.Argument(), SourceArgument(), StatusCommand.ServerOption());
        var tables = new Option<string?>("--tables") { Description = "The tables, with commas between; all that are read again when left out.", HelpName = "TABLES" };
        var command = new LeatCommand("cancel", "Gives up reading tables again. Rows that were read stay; nothing is removed from the targets.")
        {
            Examples = [new("leat snapshot cancel leat.yaml shop", "everything that was asked for"), new("leat snapshot cancel leat.yaml shop --tables shop.orders", "one table")],
        };
        Add(command, file, source, [tables, server]);
        command.SetAction(terminal, async context =>
        {
            if (ConfigurationFile.ReadAndTell(context, context.Parse.GetRequiredValue(file)) is not { } read)
                return ExitCodes.Usage;
            var name = NameOf(read, context.Parse.GetRequiredValue(source));
            var query = string.Join('&', TablesOf(context.Parse.GetValue(tables) ?? "").Select(table => $"table={Uri.EscapeDataString(table)}"));
            using var request = new HttpRequestMessage(HttpMethod.Delete, new Uri($"{Address(context.Parse.GetRequiredValue(server), name)}?{query}"));
            var (json, answer) = await SendAsync(request, name, context.Stopping);
            context.Terminal.Out.WriteLine(context.Json ? json : answer.Tables.IsEmpty ? "Nothing was being read again." : $"Given up: {string.Join(", ", answer.Tables)}.");
            return ExitCodes.Done;
        });
        return command;
    }

    private static Argument<string> SourceArgument() => new("source") { Description = "Name of the source in the file." };

    private static void Add(LeatCommand command, Argument<string> file, Argument<string> source, Option[] options)
    {
        command.Arguments.Add(file);
        command.Arguments.Add(source);
        foreach (var option in options)
            command.Options.Add(option);
    }

    private static string NameOf(LeatFile file, string written)
    {
        var names = file.Sources.Select(source => source.Name).ToArray();
        return names.Contains(written) ? written : throw ProgramErrors.UnknownName(file.Path, "source", written, Nearest.Of(written, names), names);
    }

    private static IEnumerable<string> TablesOf(string written)
    {
        foreach (var name in written.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            yield return TableName.TryParse(name, out _) ? name : throw ProgramErrors.Usage($"'{name}' is not a table.", "Write database and table, such as shop.orders.");
    }

    private static Uri Address(Uri server, string source) => new(server, $"/api/v1/sources/{Uri.EscapeDataString(source)}/snapshots");

    private static async Task<(string Json, SnapshotAnswer Answer)> SendAsync(HttpRequestMessage request, string source, CancellationToken cancellationToken)
    {
        var server = new Uri(request.RequestUri?.GetLeftPart(UriPartial.Authority) ?? "");
        using var client = new HttpClient { Timeout = Timeout };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("leat", LeatProgram.Version));
        try
        {
            using var response = await client.SendAsync(request, cancellationToken);
            var body = await response.Content.ReadAsStringAsync(cancellationToken);
            if (!response.IsSuccessStatusCode)
                throw ProgramErrors.SnapshotRefused(source, JsonSerializer.Deserialize(body, StatusJson.Api.RequestError)?.Error ?? response.ReasonPhrase ?? "");
            return (body, JsonSerializer.Deserialize(body, StatusJson.Api.SnapshotAnswer) ?? throw ProgramErrors.NotLeat(server, "it answered nothing", cause: null));
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

    private static void Print(CommandContext context, SourceStatus source)
    {
        var writer = context.Terminal.Out;
        if (context.Json)
        {
            writer.WriteLine(JsonSerializer.Serialize(source, StatusJson.Api.SourceStatus));
            return;
        }

        if (source.Snapshots.IsEmpty)
        {
            writer.WriteLine($"Source '{source.Name}' reads no tables; it is {StatusTable.Word(source.State)}.");
            return;
        }

        var table = new PlainTable("TABLE", "STATE", ">ROWS", ">OF ABOUT", "WHERE");
        foreach (var one in source.Snapshots)
        {
            table.Add(
                one.Table, (one.Reading ? "reading" : "waiting") + (one.Again ? " again" : ""), Quantities.Number(one.RowsDone),
                one.RowsEstimated == 0 ? "" : Quantities.Number(one.RowsEstimated), one.Where ?? "");
        }

        table.WriteTo(writer, context.Terminal.UsesColor(error: false));
        if (source.Snapshot?.SecondsLeft is { } left)
            writer.WriteLine($"About {StatusTable.Time(left * 1_000)} left.");
    }
}
