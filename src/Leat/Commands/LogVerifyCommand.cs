using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Leat.Changes;
using Leat.Log;
using Leat.Log.Tools;
using Leat.Output;
using Leat.Pipeline.Definitions;

namespace Leat.Commands;

/// <summary><c>leat log verify [STREAM…]</c>: reads everything and tells what is not as it must be.</summary>
internal static class LogVerifyCommand
{
    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("verify", "Reads every byte of the log and tells what is damaged or contradicts itself. Changes nothing; Leat may run meanwhile.")
        {
            Examples =
            [
                new("leat log verify", "all streams; exit code 4 when something is found"),
                new("leat log verify shop shop.schemas", "two of them"),
                new("leat log verify --log leat-data --json", "for scripts"),
            ],
        };
        var streams = new Argument<string[]>("stream") { Description = "The streams to verify; all when left out.", Arity = ArgumentArity.ZeroOrMore };
        command.Arguments.Add(streams);
        var place = new LogPlace(command);
        command.SetAction(terminal, context => place.ViewAsync(context, (view, file) => Task.FromResult(
            Verify(context, view, file, context.Parse.GetValue(streams) ?? []))));
        return command;
    }

    private static int Verify(CommandContext context, LogView view, LeatFile? file, string[] named)
    {
        var known = view.Streams;
        if (named.FirstOrDefault(name => !known.Contains(name)) is { } unknown)
            _ = view.Stream(unknown); // throws, and says which there are
        string[] streams = named.Length > 0 ? named : [.. known];
        var checkpoints = file is null ? null : CheckpointCheck.Read(view, file);

        var reports = new List<StreamReport>();
        IReadOnlyList<LogFinding> folder;
        using (var progress = new LogProgressLine(context))
        {
            var verifier = new LogVerifier(view, progress);
            folder = verifier.VerifyFolder();
            verifier.Plan(streams);
            reports.AddRange(streams.Select(stream => verifier.Verify(stream, context.Stopping)));
        }

        LogFinding[] findings = [.. folder, .. reports.SelectMany(report => report.Findings), .. checkpoints?.Compare(view) ?? []];
        Tell(context, view, reports, findings);
        return findings.Length == 0 ? ExitCodes.Done : ExitCodes.Differences;
    }

    private static void Tell(CommandContext context, LogView view, List<StreamReport> reports, LogFinding[] findings)
    {
        var terminal = context.Terminal;
        var summary = $"{view.Path}: {(findings.Length == 0 ? "nothing found" : Quantities.Count(findings.Length, "finding", "findings"))} in "
            + $"{Quantities.Count(reports.Count, "stream", "streams")}, {Quantities.Size(reports.Sum(report => report.Bytes))}.";
        if (context.Json)
        {
            var result = new LogVerifyJson(view.Path, [.. reports.Select(report => new LogVerifiedJson(
                report.Stream, report.Batches, report.Records, report.Bytes, report.Findings.Count, report.Notes))]);
            var json = findings.Select(finding => FindingJson.Of(FindingOf(finding), finding.Stream)).ToArray();
            FindingWriter.Write(terminal, new(
                context.Command, findings.Length == 0, summary, JsonSerializer.SerializeToNode(result, CliJson.Readable.LogVerifyJson), Error: null, json));
            return;
        }

        var color = terminal.UsesColor();
        foreach (var report in reports)
        {
            var word = report.Findings.Count == 0 ? Paint.With("ok", Paint.Green, color) : Paint.With("damaged", Paint.Red, color);
            terminal.Out.WriteLine(
                $"{report.Stream}: {word}, {Quantities.Count(report.Batches, "batch", "batches")}, {Quantities.Count(report.Records, "record", "records")}, {Quantities.Size(report.Bytes)}");
            foreach (var note in report.Notes)
                terminal.Out.WriteLine($"  note: {note}");
        }

        FindingWriter.WriteProblems(terminal.Out, findings.Select(FindingOf), color);
        terminal.Error.WriteLine(summary);
    }

    private static Finding FindingOf(LogFinding finding) =>
        Finding.Error(new(finding.Code), finding.Stream ?? "log", finding.What, finding.Remedy);
}
