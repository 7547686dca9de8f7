using System.CommandLine;
using Leat.Changes;
using Leat.Output;
using Leat.Pipeline.Definitions;

namespace Leat.Commands;

/// <summary><c>leat check FILE</c>: every mistake in the file at once, then a look at every server it names.</summary>
internal static class CheckCommand
{
    public static Command Create(Terminal terminal)
    {
        var file = ConfigurationFile.Argument();
        var offline = new Option<bool>("--offline") { Description = "Read the file only; connect to nothing." };
        var command = new LeatCommand("check", "Finds every mistake in a configuration file, then looks at the log's folder and the servers that it names: reach, sign-in, grants, settings, tables.")
        {
            Examples =
            [
                new("leat check leat.yaml", "the file and the servers"),
                new("leat check leat.yaml --offline", "the file only"),
                new("leat check leat.yaml --json", "for scripts"),
            ],
        };
        command.Arguments.Add(file);
        command.Options.Add(offline);
        command.SetAction(terminal, context => RunAsync(context, context.Parse.GetRequiredValue(file), context.Parse.GetValue(offline)));
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, string path, bool offline)
    {
        var (file, problems) = ConfigurationFile.Read(context, path);
        var found = problems.Select(problem => (Subject: (string?)null, Finding: problem)).ToList();
        if (!context.Json)
            FindingWriter.WriteProblems(context.Terminal.Out, problems, context.Terminal.UsesColor());

        if (file is not null && !offline)
        {
            foreach (var (subject, open) in Looks(context, file))
            {
                var findings = await open(context.Stopping);
                found.AddRange(findings.Select(finding => ((string?)subject, finding)));
                if (!context.Json)
                    FindingWriter.WriteFindings(context.Terminal.Out, subject, findings, context.Terminal.UsesColor());
            }
        }

        return Close(context, path, found);
    }

    // One look at the log's folder, each source and each target, in the file's order.
    private static IEnumerable<(string Subject, Func<CancellationToken, Task<IReadOnlyList<Finding>>> Look)> Looks(CommandContext context, LeatFile file)
    {
        var checks = new ServerChecks(context);
        yield return ("log", _ => Task.FromResult(ServerChecks.Log(file.Log)));
        foreach (var source in file.Sources)
            yield return ($"source {source.Name} ({source.Kind})", stopping => checks.SourceAsync(source, stopping));
        foreach (var pipeline in file.Pipelines)
            yield return ($"pipeline {pipeline.Name} ({pipeline.SinkKind})", stopping => checks.SinkAsync(pipeline, stopping));
    }

    private static int Close(CommandContext context, string path, List<(string? Subject, Finding Finding)> found)
    {
        var all = found.Select(item => item.Finding).ToArray();
        var ok = all.All(finding => finding.Severity != Severity.Error);
        var summary = $"{path}: {FindingWriter.Count(all)}.";
        if (context.Json)
        {
            var findings = found.Select(item => FindingJson.Of(item.Finding, item.Subject)).ToArray();
            FindingWriter.Write(context.Terminal, new(context.Command, ok, summary, Result: null, Error: null, findings));
        }
        else
        {
            context.Terminal.Error.WriteLine(summary);
        }

        return ExitCodes.Worst(all.Where(finding => finding is { Severity: Severity.Error, Code: not null }).Select(finding => ExitCodes.For(finding.Code!.Value)));
    }
}
