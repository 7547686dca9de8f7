using System.CommandLine;
using Leat.Changes;
using Leat.Output;
using Leat.Pipeline.Definitions;
using Microsoft.Extensions.Logging;

namespace Leat.Commands;

/// <summary>The FILE argument that several commands share, and how it is read.</summary>
internal static class ConfigurationFile
{
    /// <summary>The argument.</summary>
    public static Argument<string> Argument() => new("file") { Description = "The configuration file, e.g. leat.yaml." };

    /// <summary>Reads the file; the definitions are <see langword="null"/> when it has errors.</summary>
    public static (LeatFile? File, IReadOnlyList<Finding> Problems) Read(CommandContext context, string path) =>
        LeatFileReader.Read(path, ConnectorList.Catalog, new(context.Terminal.Variable, File.ReadAllText));

    /// <summary>Reads the file and tells its problems; <see langword="null"/> when it has errors, and the command is to end with <see cref="ExitCodes.Usage"/>.</summary>
    public static LeatFile? ReadAndTell(CommandContext context, string path)
    {
        var (file, problems) = Read(context, path);
        if (context.Json && file is null)
        {
            var findings = problems.Select(problem => FindingJson.Of(problem, subject: null)).ToArray();
            FindingWriter.Write(context.Terminal, new(context.Command, Ok: false, $"{path}: {FindingWriter.Count(problems)}.", Result: null, Error: null, findings));
        }
        else if (context.LogsJson)
        {
            var log = context.Loggers.CreateLogger("Leat");
            foreach (var problem in problems)
            {
                var level = problem.Severity == Severity.Error ? LogLevel.Error : LogLevel.Warning;
                if (log.IsEnabled(level))
                    log.Problem(level, problem.Location?.ToString() ?? path, problem.Message, problem.Remedy, problem.Code?.ToString() ?? "");
            }
        }
        else
        {
            FindingWriter.WriteProblems(context.Terminal.Error, problems, context.Terminal.UsesColor(error: true));
        }

        return file;
    }
}
