using System.Globalization;
using Leat.Output;
using Leat.Pipeline.Status;

namespace Leat;

/// <summary>All there is to tell of one source or pipeline, for <c>leat status NAME</c>.</summary>
public static class StatusDetails
{
    private const int FactWidth = 12;

    /// <summary>A pipeline, with a line for each of its lanes.</summary>
    public static IReadOnlyList<string> Of(PipelineStatus pipeline, DateTimeOffset now)
    {
        var account = pipeline.Accounting;
        var lines = new List<string>
        {
            $"{pipeline.Name}: {StatusTable.Word(pipeline.State)}, {pipeline.Source} → {pipeline.Sink}",
        };
        if (pipeline.Reason is not null)
            lines.Add(Fact("reason", pipeline.Reason));
        lines.Add(Fact("behind", pipeline.LagRows == 0 ? "nothing" : $"{Quantities.Count(pipeline.LagRows, "row", "rows")}, the oldest for {StatusTable.Time(pipeline.LagMs)}"));
        lines.Add(Fact("checkpoint", Text($"offset {pipeline.Checkpoint}; writes in epoch {pipeline.Epoch}")));
        lines.Add(Fact("latency", $"half within {StatusTable.Time(pipeline.LatencyP50Ms)}, 99 % within {StatusTable.Time(pipeline.LatencyP99Ms)}"));
        lines.Add(Fact("last", pipeline.LastChange is null ? "nothing yet" : $"{pipeline.LastChange}, {Ago(pipeline.LastOutcomeAt, now)}"));
        lines.Add(Fact("changes", Text($"{account.Changes:N0} read: {account.Planned:N0} planned, {account.Folded:N0} folded, {account.Filtered:N0} filtered")));
        lines.Add(Fact("operations", Text(
            $"{account.Emitted:N0} sent: {account.Applied:N0} applied, {account.Stale:N0} stale, {account.Coalesced:N0} coalesced, {account.DeadLettered:N0} dead-lettered, {account.InFlight:N0} under way")));
        lines.Add(Fact("dead letters", Text($"{pipeline.DeadLetters:N0} open")));
        if (pipeline.Documents is { } documents)
        {
            lines.Add(Fact("documents", $"{documents.Phase}; {Quantities.Count(documents.StateRows, "row", "rows")} held in {Quantities.Size(documents.StateBytes)} of {Quantities.Size(documents.StateLimitBytes)}, "
                + $"{Quantities.Number(documents.BacklogDocuments)} waiting behind direct changes"));
        }

        var table = new PlainTable(">LANE", ">WAITING", ">ATTEMPTS", ">LAST OFFSET", ">MOST ROWS", ">MOST BYTES");
        foreach (var lane in pipeline.Lanes)
        {
            table.Add(
                Text($"{lane.Lane}"), Quantities.Number(lane.Waiting), Text($"{lane.Attempts}"), lane.LastOffset < 0 ? "-" : Text($"{lane.LastOffset}"),
                Quantities.Number(lane.BatchOperations), Quantities.Size(lane.BatchBytes));
        }

        using var writer = new StringWriter(CultureInfo.InvariantCulture);
        table.WriteTo(writer, color: false);
        return [.. lines, .. writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => $"  {line.TrimEnd()}")];
    }

    /// <summary>A source, with what its stream keeps and who still needs it.</summary>
    public static IReadOnlyList<string> Of(SourceStatus source, DateTimeOffset now)
    {
        var lines = new List<string> { $"{source.Name}: {StatusTable.Word(source.State)}" };
        if (source.Reason is not null)
            lines.Add(Fact("reason", source.Reason));
        lines.Add(Fact("position", source.Position ?? "none yet"));
        lines.Add(Fact("heard", Ago(source.LastHeardAt, now)));
        lines.Add(Fact("last change", Ago(source.LastChangeAt, now)));
        lines.Add(Fact("changes", Text($"{source.Changes:N0} in {source.Transactions:N0} transactions since the start")));
        lines.AddRange(source.Snapshots.Select(table => Fact(table.Reading ? "reads" : "will read", Text(
            $"{table.Table}{(table.Where is null ? "" : $" where {table.Where}")}: {table.RowsDone:N0}{(table.RowsEstimated > 0 ? Text($" of about {table.RowsEstimated:N0}") : "")} rows"))));
        lines.AddRange(source.Unverified.Select(table => Fact("not certain", $"{table.Table}: {table.Reason}")));
        if (source.Stream is { } stream)
        {
            lines.Add(Fact("log", Text($"offsets {stream.StartOffset} to {source.EndOffset}, {Quantities.Size(stream.Bytes)}, epoch {stream.Epoch}, since {Quantities.Time(stream.OldestAt)} UTC")));
            lines.AddRange(stream.Holds.Select(hold => Fact("needed by", Text($"{hold.Who} from offset {hold.Offset} on, {Quantities.Count(hold.Records, "record", "records")}"))));
        }

        return lines;
    }

    private static string Fact(string name, string text) => $"  {name.PadRight(FactWidth)}  {text}";

    private static string Ago(DateTimeOffset? at, DateTimeOffset now) =>
        at is null ? "nothing yet" : $"{Quantities.Time(at)} UTC, {StatusTable.Time(Math.Max(0, (now - at.Value).TotalMilliseconds))} ago";

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
