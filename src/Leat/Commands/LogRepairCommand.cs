using System.CommandLine;
using System.Text.Json;
using Leat.Changes;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Leat.Output;

namespace Leat.Commands;

/// <summary><c>leat log repair STREAM</c>: says what a repair would do and lose, and does it with <c>--apply</c>.</summary>
internal static class LogRepairCommand
{
    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("repair", "Mends a damaged stream of a log that no Leat has open. Says what it would do and what is lost; does it with --apply.")
        {
            Examples = [new("leat log repair shop", "what would be done; nothing is changed"), new("leat log repair shop --apply", "do it")],
        };
        var stream = LogPlace.StreamArgument();
        var apply = new Option<bool>("--apply") { Description = "Do it. Damaged bytes are kept beside the segments." };
        command.Arguments.Add(stream);
        command.Options.Add(apply);
        var place = new LogPlace(command);
        command.SetAction(terminal, context => Task.FromResult(
            place.Find(context) is { } log ? Repair(context, log.Folder, context.Parse.GetRequiredValue(stream), context.Parse.GetValue(apply)) : ExitCodes.Usage));
        return command;
    }

    private static int Repair(CommandContext context, string folder, string stream, bool applies)
    {
        using var repairer = LogRepairer.Open(folder, new PosixDisk());
        RepairPlan plan;
        using (var progress = new LogProgressLine(context))
            plan = repairer.Plan(stream, progress, context.Stopping);
        applies &= plan.Actions.Count > 0;
        if (!context.Json)
            TellPlan(context, plan, applies);
        if (applies)
            repairer.Apply(plan);

        var ok = plan.Findings.Count == 0 || applies;
        var summary = SummaryOf(plan, applies);
        if (context.Json)
        {
            var result = new LogRepairJson(plan.Stream, applies, plan.Epoch, plan.Actions, [.. plan.Lost.Select(Json)], [.. plan.Dropped.Select(Json)]);
            FindingJson[] findings = [.. plan.Findings.Select(finding => FindingJson.Of(FindingOf(finding), finding.Stream))];
            FindingWriter.Write(context.Terminal, new(
                context.Command, ok, summary, JsonSerializer.SerializeToNode(result, CliJson.Readable.LogRepairJson), Error: null, findings));
        }
        else
        {
            context.Terminal.Error.WriteLine(summary);
        }

        return ok ? ExitCodes.Done : ExitCodes.Differences;
    }

    private static void TellPlan(CommandContext context, RepairPlan plan, bool applies)
    {
        var (writer, color) = (context.Terminal.Out, context.Terminal.UsesColor());
        FindingWriter.WriteProblems(writer, plan.Findings.Select(finding => FindingOf(finding) with { Remedy = null }), color);
        if (plan.Actions.Count == 0)
            return;
        writer.WriteLine(applies ? "Done now:" : "To be done:");
        for (var i = 0; i < plan.Actions.Count; i++)
            writer.WriteLine($"  {Quantities.Number(i + 1)}. {plan.Actions[i]}");
        writer.WriteLine(plan.Lost.Count == 0 ? "No record is lost." : "Lost for good, unless a backup has them:");
        foreach (var lost in plan.Lost)
            writer.WriteLine($"  {Offsets(lost)}");
        if (plan.Dropped.Count > 0)
            writer.WriteLine("Dropped as well, because a part of their transaction is lost:");
        foreach (var dropped in plan.Dropped)
            writer.WriteLine($"  {Offsets(dropped)}");
    }

    private static string SummaryOf(RepairPlan plan, bool applied) => (plan.Findings.Count, plan.Actions.Count) switch
    {
        (0, 0) => $"Stream {plan.Stream} is well: there is nothing to repair.",
        (_, 0) => $"Stream {plan.Stream} has {Quantities.Count(plan.Findings.Count, "finding", "findings")} that a repair cannot mend.",
        _ when !applied => $"Nothing was changed. Do it with: leat log repair {plan.Stream} --apply",
        _ => $"Stream {plan.Stream} is repaired; its epoch is {plan.Epoch}.",
    };

    private static string Offsets(OffsetRange range) => range.Next - range.First == 1
        ? $"offset {Quantities.Number(range.First)}"
        : $"offsets {Quantities.Number(range.First)} to {Quantities.Number(range.Next - 1)}, at most {Quantities.Count(range.Next - range.First, "record", "records")}";

    private static OffsetRangeJson Json(OffsetRange range) => new(range.First, range.Next);

    private static Finding FindingOf(LogFinding finding) => Finding.Error(new(finding.Code), finding.Stream ?? "log", finding.What, finding.Remedy);
}
