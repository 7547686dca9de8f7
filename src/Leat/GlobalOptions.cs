using System.CommandLine;
using Leat.Output;
using Microsoft.Extensions.Logging;

namespace Leat;

/// <summary>The options of every command, by name.</summary>
internal static class GlobalOptions
{
    public const string Json = "--json";
    public const string Color = "--color";
    public const string LogLevel = "--log-level";
    public const string LogFormat = "--log-format";

    /// <summary>New options for a new command tree.</summary>
    public static IEnumerable<Option> Create() =>
    [
        new Option<bool>(Json) { Description = "Print JSON instead of text.", Recursive = true },
        Word(Color, "auto|always|never", "When to write colours. NO_COLOR and TERM=dumb are honoured.", ColorMode.Auto),
        Words(
            LogLevel, "LEVEL", "Least important messages to log: trace, debug, information, warning, error.", Microsoft.Extensions.Logging.LogLevel.Information,
            [Microsoft.Extensions.Logging.LogLevel.None, Microsoft.Extensions.Logging.LogLevel.Critical]),
        Word(LogFormat, "text|json", "Form of the log on standard error.", Output.LogFormat.Text),
    ];

    private static Option<T> Word<T>(string name, string help, string description, T defaultValue)
        where T : struct, Enum => Words(name, help, description, defaultValue, []);

    private static Option<T> Words<T>(string name, string help, string description, T defaultValue, T[] hidden)
        where T : struct, Enum
    {
        var words = Enum.GetValues<T>().Except(hidden).ToDictionary(value => value.ToString().ToLowerInvariant());
        var option = new Option<T>(name)
        {
            Description = description,
            HelpName = help,
            Recursive = true,
            DefaultValueFactory = _ => defaultValue,
            CustomParser = result =>
            {
                var written = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
                if (words.TryGetValue(written, out var value))
                    return value;
                result.AddError($"{name}: expected one of {string.Join(", ", words.Keys)}, got '{written}'.");
                return defaultValue;
            },
        };
        option.CompletionSources.Clear(); // the enum's own names
        option.CompletionSources.Add([.. words.Keys]);
        return option;
    }
}
