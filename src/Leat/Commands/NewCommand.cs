using System.CommandLine;
using Leat.Changes.Configuration;

namespace Leat.Commands;

/// <summary><c>leat new [SOURCE] [SINK]</c>: a configuration to begin with.</summary>
internal static class NewCommand
{
    private const string StandardFile = "leat.yaml";

    public static Command Create(Terminal terminal)
    {
        var source = Kind("source", "Where changes come from", "mysql", [.. ConnectorList.Catalog.Sources.Select(kind => kind.Name)]);
        var sink = Kind("sink", "Where they go", "redis", [.. ConnectorList.Catalog.Sinks.Select(kind => kind.Name)]);
        var document = new Option<bool>("--document") { Description = "Join several tables into documents." };
        var output = new Option<string?>("--output") { Description = "Write a new file instead of standard output; an existing one is left alone.", HelpName = "FILE" };
        var command = new LeatCommand("new", "Prints a configuration to begin with, with comments and tests, for a source and a target.")
        {
            Examples =
            [
                new("leat new mysql redis --output leat.yaml", "tables into a cache"),
                new("leat new mysql elasticsearch --document --output leat.yaml", "documents for a search"),
                new("leat new simulator jsonlines", "without any server"),
            ],
        };
        command.Arguments.Add(source);
        command.Arguments.Add(sink);
        command.Options.Add(document);
        command.Options.Add(output);
        command.SetAction(terminal, async context =>
        {
            var file = context.Parse.GetValue(output);
            var text = Skeleton.Text(
                context.Parse.GetRequiredValue(source), context.Parse.GetRequiredValue(sink), context.Parse.GetValue(document), file is null ? StandardFile : Path.GetFileName(file));
            if (file is null)
                await context.Terminal.Out.WriteAsync(text.AsMemory(), context.Stopping);
            else
                await WriteAsync(file, text, context);
            return ExitCodes.Done;
        });
        return command;
    }

    private static async Task WriteAsync(string file, string text, CommandContext context)
    {
        try
        {
            // Never over something that is there, however it came there meanwhile.
            await using var stream = new FileStream(file, FileMode.CreateNew, FileAccess.Write);
            await using var writer = new StreamWriter(stream);
            await writer.WriteAsync(text.AsMemory(), context.Stopping);
        }
        catch (IOException) when (Path.Exists(file))
        {
            throw ProgramErrors.FileExists(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw ProgramErrors.FileNotWritten(file, error);
        }

        await context.Terminal.Error.WriteLineAsync($"{file} is written. Look at it, then run 'leat check {file}'.");
    }

    private static Argument<string> Kind(string name, string description, string usual, string[] kinds)
    {
        var argument = new Argument<string>(name)
        {
            Description = $"{description}: {string.Join(", ", kinds)}. Default: {usual}.",
            Arity = ArgumentArity.ZeroOrOne,
            DefaultValueFactory = _ => usual,
            CustomParser = result =>
            {
                var written = result.Tokens[0].Value;
                if (!kinds.Contains(written))
                    result.AddError($"'{written}' is not a {name} that Leat knows{(Nearest.Of(written, kinds) is { } nearest ? $": did you mean '{nearest}'?" : $": expected one of {string.Join(", ", kinds)}.")}");
                return written;
            },
        };
        argument.CompletionSources.Add(kinds);
        return argument;
    }
}
