using System.CommandLine;
using System.CommandLine.Parsing;
using Leat.Changes;
using Leat.Changes.Configuration;

namespace Leat;

/// <summary>Says what is wrong with a command line in two lines, instead of the whole help.</summary>
internal static class UsageErrors
{
    /// <summary>The first problem, or <see langword="null"/> when the command line is right or asks for help.</summary>
    public static LeatException? Find(ParseResult parse)
    {
        if (parse.Errors.Count == 0 || parse.Action is { ClearsParseErrors: true })
            return null;

        var command = parse.CommandResult.Command;
        var path = PathOf(parse.CommandResult);
        var help = $"Run '{path} --help' for what it takes.";
        if (parse.UnmatchedTokens.Count > 0)
            return Stray(command, path, parse.UnmatchedTokens[0], help);

        var error = parse.Errors[0];
        return error.SymbolResult switch
        {
            ArgumentResult { Tokens.Count: 0 } missing => ProgramErrors.Usage($"'{path}' needs {Upper(missing.Argument.Name)}.", help),
            CommandResult when command.Subcommands.Count > 0 => ProgramErrors.Usage($"'{path}' needs a command.", help),
            CommandResult when command.Arguments.FirstOrDefault(argument => argument.Arity.MinimumNumberOfValues > 0) is { } needed =>
                ProgramErrors.Usage($"'{path}' needs {Upper(needed.Name)}.", help),
            OptionResult { Tokens.Count: 0 } option => ProgramErrors.Usage($"{option.Option.Name} needs a value.", help),
            _ => ProgramErrors.Usage(error.Message, help),
        };
    }

    private static LeatException Stray(Command command, string path, string stray, string help)
    {
        if (stray.StartsWith('-'))
        {
            var nearest = Nearest.Of(stray, RootCommandBuilder.OptionsOf(command).Select(option => option.Name));
            return ProgramErrors.Usage($"'{stray}' is not an option of '{path}'.{DidYouMean(nearest)}", help);
        }

        if (command.Subcommands.Count > 0)
        {
            var nearest = Nearest.Of(stray, command.Subcommands.Select(known => known.Name));
            return ProgramErrors.Usage($"'{stray}' is not a command of '{path}'.{DidYouMean(nearest)}", $"Run '{path} --help' for the commands.");
        }

        return ProgramErrors.Usage($"'{path}' has no place for '{stray}'.", help);
    }

    private static string DidYouMean(string? nearest) => nearest is null ? "" : $" Did you mean '{nearest}'?";

    private static string Upper(string name) => name.ToUpperInvariant();

    private static string PathOf(CommandResult result) =>
        result.Parent is CommandResult parent ? $"{PathOf(parent)} {result.Command.Name}" : "leat";
}
