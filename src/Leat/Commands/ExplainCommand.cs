using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Leat.Output;

namespace Leat.Commands;

/// <summary><c>leat explain CODE</c>: prints the page of an error; the pages of docs/errors are part of the program.</summary>
internal static class ExplainCommand
{
    private const string Prefix = "errors/";

    public static Command Create(Terminal terminal)
    {
        var code = new Argument<string?>("code") { Description = "The error's code, e.g. LEAT-1001 or 1001; without it, all are listed.", Arity = ArgumentArity.ZeroOrOne };
        code.CompletionSources.Add(_ => Codes().Select(known => new System.CommandLine.Completions.CompletionItem($"LEAT-{known}")));
        var command = new LeatCommand("explain", "Explains an error: what it means, why it happens, what to do.")
        {
            Examples = [new("leat explain LEAT-1001", "one error"), new("leat explain", "a list of all")],
        };
        command.Arguments.Add(code);
        command.SetAction(terminal, context =>
        {
            Explain(context, context.Parse.GetValue(code));
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    private static void Explain(CommandContext context, string? written)
    {
        if (written is null)
        {
            var all = Codes().Select(Page).ToArray();
            if (context.Json)
                context.Terminal.Out.WriteLine(JsonSerializer.Serialize(all, CliJson.Readable.IReadOnlyListErrorPageJson));
            else
                Array.ForEach(all, page => context.Terminal.Out.WriteLine($"{page.Code}  {page.Title}"));
            return;
        }

        var digits = written.StartsWith("LEAT-", StringComparison.OrdinalIgnoreCase) ? written["LEAT-".Length..] : written;
        var known = Codes();
        if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || !known.Contains(number))
            throw ProgramErrors.UnknownCode(written, NearestTo(digits, known) is { } near ? $"LEAT-{near}" : null);

        var found = Page(number);
        context.Terminal.Out.WriteLine(context.Json ? JsonSerializer.Serialize(found, CliJson.Readable.ErrorPageJson) : found.Text.TrimEnd());
    }

    // Codes near one another tell of the same thing, so the nearest is the nearest number.
    private static int? NearestTo(string digits, IReadOnlyList<int> known) =>
        int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && known.Count > 0
            ? known.MinBy(code => Math.Abs((long)code - number))
            : null;

    private static IReadOnlyList<int> Codes() =>
    [
        .. typeof(ExplainCommand).Assembly.GetManifestResourceNames()
            .Where(name => name.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(name => int.Parse(name[(Prefix.Length + "LEAT-".Length)..], CultureInfo.InvariantCulture))
            .Order(),
    ];

    private static ErrorPageJson Page(int number)
    {
        using var stream = typeof(ExplainCommand).Assembly.GetManifestResourceStream($"{Prefix}LEAT-{number}")!; // listed by Codes
        using var reader = new StreamReader(stream);
        var text = reader.ReadToEnd();
        var firstLine = text.AsSpan(0, Math.Max(0, text.IndexOf('\n', StringComparison.Ordinal)));
        var colon = firstLine.IndexOf(':');
        return new($"LEAT-{number}", firstLine[(colon + 1)..].Trim().ToString(), text);
    }
}
