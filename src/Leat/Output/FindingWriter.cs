using System.Text.Json;
using Leat.Changes;
using Microsoft.Extensions.Logging;

namespace Leat.Output;

/// <summary>Prints findings and errors for people, one line and one remedy each, and the envelope for scripts.</summary>
public static class FindingWriter
{
    /// <summary>Tells why a command could not do its work: to standard error, or as an envelope to standard output with <c>--json</c>.</summary>
    public static void Write(CommandContext context, LeatException error)
    {
        if (context.Json)
        {
            Write(context.Terminal, new(context.Command, Ok: false, error.What, Result: null, ErrorJson.Of(error), []));
            return;
        }

        WriteError(context, error);
    }

    /// <summary>Tells of something that went wrong on the way, to standard error.</summary>
    public static void WriteError(CommandContext context, LeatException error)
    {
        if (context.LogsJson)
        {
            context.Loggers.CreateLogger("Leat").Failed(error.What, error.Remedy, error.Code.ToString());
            return;
        }

        var color = context.Terminal.UsesColor(error: true);
        context.Terminal.Error.WriteLine($"{Paint.With("error", Paint.Red, color)}: {error.What} [{error.Code}]");
        context.Terminal.Error.WriteLine($"  {error.Remedy}");
    }

    /// <summary>Prints an envelope.</summary>
    public static void Write(Terminal terminal, Envelope envelope) =>
        terminal.Out.WriteLine(JsonSerializer.Serialize(envelope, CliJson.Readable.Envelope));

    /// <summary>Prints problems of the configuration, as editors and terminals understand them: <c>file:line:column: error: …</c>.</summary>
    public static void WriteProblems(TextWriter writer, IEnumerable<Finding> problems, bool color)
    {
        foreach (var problem in problems)
        {
            var place = problem.Location is { } at ? $"{at}: " : "";
            writer.WriteLine($"{place}{Word(problem.Severity, color)}: {problem.Message} [{problem.Code}]");
            if (problem.Remedy is not null)
                writer.WriteLine($"  {Indented(problem.Remedy)}");
        }
    }

    /// <summary>Prints what was found at one source or pipeline.</summary>
    public static void WriteFindings(TextWriter writer, string subject, IReadOnlyList<Finding> findings, bool color)
    {
        writer.WriteLine(Paint.With(subject, Paint.Bold, color));
        var width = findings.Count == 0 ? 0 : findings.Max(finding => finding.Check.Length);
        foreach (var finding in findings)
        {
            var code = finding.Code is null ? "" : $" [{finding.Code}]";
            var pad = new string(' ', "warning".Length - finding.Severity.ToString().Length);
            writer.WriteLine($"  {Word(finding.Severity, color)}{pad}  {finding.Check.PadRight(width)}  {Placed(finding)}{code}");
            if (finding.Remedy is not null)
                writer.WriteLine($"           {Indented(finding.Remedy).Replace("\n", "\n         ", StringComparison.Ordinal)}");
        }
    }

    /// <summary><c>2 errors, 1 warning</c>, or <c>no problems</c>.</summary>
    public static string Count(IReadOnlyCollection<Finding> findings)
    {
        var errors = findings.Count(finding => finding.Severity == Severity.Error);
        var warnings = findings.Count(finding => finding.Severity == Severity.Warning);
        string[] parts = [.. Part(errors, "error"), .. Part(warnings, "warning")];
        return parts.Length == 0 ? "no problems" : string.Join(", ", parts);
    }

    // Some say in their own words where they stand, more exactly than the entry does.
    private static string Placed(Finding finding) => finding.Location is not { } at || finding.Message.StartsWith($"{at.File}:", StringComparison.Ordinal) ? finding.Message : $"{at}: {finding.Message}";

    private static string[] Part(int count, string word) => count == 0 ? [] : [$"{count} {word}{(count == 1 ? "" : "s")}"];

    private static string Word(Severity severity, bool color) => severity switch
    {
        Severity.Ok => Paint.With("ok", Paint.Green, color),
        Severity.Warning => Paint.With("warning", Paint.Yellow, color),
        _ => Paint.With("error", Paint.Red, color),
    };

    private static string Indented(string text) => text.Replace("\n", "\n  ", StringComparison.Ordinal);
}
