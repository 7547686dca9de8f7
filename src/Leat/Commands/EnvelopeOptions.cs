using System.CommandLine;
using Leat.Changes.Formats.Envelopes;

namespace Leat.Commands;

/// <summary>The options that say whose documents changes are printed as.</summary>
internal sealed class EnvelopeOptions
{
    private readonly Option<EnvelopeFormat?> _format = new("--format")
    {
        Description = "Whose documents to print: Leat's own, or those of Debezium, Canal or Maxwell.", HelpName = "leat|debezium|canal|maxwell",
    };

    private readonly Option<bool> _keys = new("--keys") { Description = "Debezium and Maxwell: print each message as {\"key\":…,\"value\":…}, Debezium's tombstones among them." };

    private readonly Option<bool> _details = new("--details")
    {
        Description = "Also what the original gives only when asked: Debezium's transaction block; Maxwell's position, GTID, server and primary key.",
    };

    private readonly Option<string?> _decimals = new("--decimals") { Description = "Debezium: how decimals are written; 'precise' is base64, as its default.", HelpName = "precise|string" };

    /// <summary>Adds the options to a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="withKeys">Whether <c>--keys</c> is its own to give a meaning.</param>
    public EnvelopeOptions(Command command, bool withKeys)
    {
        _decimals.AcceptOnlyFromAmong("precise", "string");
        command.Options.Add(_format);
        if (withKeys)
            command.Options.Add(_keys);
        command.Options.Add(_details);
        command.Options.Add(_decimals);
    }

    /// <summary>The envelope that was asked for; <see langword="null"/> when none was.</summary>
    /// <param name="context">The command.</param>
    /// <param name="source">Name of the source.</param>
    /// <exception cref="Leat.Changes.LeatException">An option has no meaning with the format.</exception>
    public IChangeEnvelope? Create(CommandContext context, string source)
    {
        var parse = context.Parse;
        var format = parse.GetValue(_format);
        var keys = parse.GetResult(_keys) is not null && parse.GetValue(_keys);
        var details = parse.GetValue(_details);
        var decimals = parse.GetValue(_decimals);
        var name = $"--format {format?.ToString().ToLowerInvariant() ?? "leat"}";
        if (keys && format is not (EnvelopeFormat.Debezium or EnvelopeFormat.Maxwell))
            throw ProgramErrors.OptionsDiffer("--keys", name);
        if (details && format is not (EnvelopeFormat.Debezium or EnvelopeFormat.Maxwell))
            throw ProgramErrors.OptionsDiffer("--details", name);
        if (decimals is not null && format != EnvelopeFormat.Debezium)
            throw ProgramErrors.OptionsDiffer("--decimals", name);
        return format is not { } chosen
            ? null
            : ChangeEnvelopes.Create(chosen, new()
            {
                Source = source, Version = LeatProgram.Version, Time = context.Terminal.Time, Keys = keys, Details = details, DecimalsAsText = decimals == "string",
            });
    }
}
