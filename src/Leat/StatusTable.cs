using System.Collections.Immutable;
using System.Globalization;
using Leat.Output;
using Leat.Pipeline.Status;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Leat;

/// <summary>Draws the state of an engine as a table: for <c>leat status</c> once, for the demo again and again.</summary>
public static class StatusTable
{
    // The order in which columns give way to a terminal that is too narrow for all of them; name, state and how far behind stay.
    private static readonly string[] Dispensable = ["LAST CHANGE", "ROWS", "LANES", "P99", "ROWS/S"];
    private static readonly string[] Heads = ["NAME", "STATE", "ROWS/S", "LAG ROWS", "LAG", "P99", "LANES", "ROWS", "LAST CHANGE"];
    private const int FirstNumber = 2;
    private const int LastNumber = 7;
    private const int Gap = 2;
    private const int MinText = 14;

    /// <summary>The table for a terminal of so many columns, with a line under it for every reason.</summary>
    public static IRenderable Render(EngineStatus status, int width)
    {
        var all = RowsOf(status);
        var (columns, rows) = Fitted(all, width);
        var table = new Table().Border(TableBorder.None).Collapse();
        foreach (var i in columns)
        {
            var column = new TableColumn(new Text(Heads[i], new Style(decoration: Decoration.Dim))).NoWrap().PadLeft(0).PadRight(i == columns[^1] ? 0 : Gap);
            table.AddColumn(IsNumber(i) ? column.RightAligned() : column);
        }

        foreach (var (cells, row) in rows.Zip(all))
            table.AddRow(cells.Select((cell, i) => new Text(cell, columns[i] == 1 ? StyleOf(row.State) : null)));

        var reasons = ReasonsOf(status).Select(reason => new Text($"{reason.Name}: {reason.Reason}", StyleOf(reason.State)));
        return new Rows([table, .. reasons]);
    }

    /// <summary>The same as plain lines, for files and pipes.</summary>
    public static IReadOnlyList<string> Lines(EngineStatus status, int width = int.MaxValue)
    {
        var (columns, cells) = Fitted(RowsOf(status), width);
        string[][] rows = [[.. columns.Select(i => Heads[i])], .. cells];
        var widths = columns.Select((_, i) => rows.Max(row => row[i].Length)).ToArray();
        return
        [
            .. rows.Select(row => string.Join("  ", row.Select((cell, i) => IsNumber(columns[i]) ? cell.PadLeft(widths[i]) : cell.PadRight(widths[i]))).TrimEnd()),
            .. ReasonsOf(status).Select(reason => $"{reason.Name}: {reason.Reason}"),
        ];
    }

    // What fits: first the last column is cut, then whole columns are left out, then names are cut.
    private static (IReadOnlyList<int> Columns, IReadOnlyList<string[]> Rows) Fitted(ImmutableArray<(RunState State, string[] Cells)> rows, int width)
    {
        var widths = Heads.Select((head, i) => rows.Select(row => row.Cells[i].Length).Append(head.Length).Max()).ToArray();
        var columns = Enumerable.Range(0, Heads.Length).ToList();
        var over = widths.Sum() + (Gap * (columns.Count - 1)) - width;
        foreach (var (i, head) in Dispensable.Select(head => (Array.IndexOf(Heads, head), head)).TakeWhile(_ => over > 0))
        {
            if (head == Dispensable[0] && widths[i] - over >= MinText)
            {
                (widths[i], over) = (widths[i] - over, 0);
                continue;
            }

            columns.Remove(i);
            over -= widths[i] + Gap;
        }

        if (over > 0)
            widths[0] = Math.Max(MinText, widths[0] - over);
        return (columns, [.. rows.Select(row => columns.Select(i => Cut(row.Cells[i], widths[i])).ToArray())]);
    }

    private static bool IsNumber(int column) => column is >= FirstNumber and <= LastNumber;

    private static string Cut(string text, int width) => text.Length <= width ? text : $"{text[..(width - 1)]}…";

    /// <summary>What the log keeps for each source, who still needs it, what is wrong with it, and which tables' shapes are not certain: a line each.</summary>
    public static IReadOnlyList<string> LogLines(EngineStatus status)
    {
        var lines = new List<string>();
        foreach (var source in status.Sources)
        {
            if (source.Stream is { } stream)
                lines.Add(LogLine(source.Name, stream));
            lines.AddRange(source.Unverified.Select(table => $"{source.Name}: the columns of {table.Table} are not certain: {table.Reason}"));
        }

        lines.AddRange(status.Pipelines.SelectMany(pipeline => pipeline.Warnings.Select(warning => $"{pipeline.Name}: {warning}")));
        foreach (var pipeline in status.Pipelines.Where(one => one.DeadLetters > 0))
            lines.Add($"{pipeline.Name}: {Quantities.Count(pipeline.DeadLetters, "dead letter", "dead letters")}; 'leat dlq list {pipeline.Name}' shows what was refused");
        lines.AddRange(status.Pipelines.Where(one => one.Documents is not null).SelectMany(DocumentLines));
        lines.AddRange(status.Log?.Findings.Select(finding => $"log: {finding.What} {finding.Remedy} [LEAT-{finding.Code}]") ?? []);
        return lines;
    }

    private static IEnumerable<string> DocumentLines(PipelineStatus pipeline)
    {
        var documents = pipeline.Documents!; // asked for by the caller
        var loading = documents.Phase == "live" ? "" : "; loading: nothing is sent before all tables are read";
        var backlog = documents.BacklogDocuments == 0 ? "" : $"; {Quantities.Count(documents.BacklogDocuments, "document waits", "documents wait")} behind direct changes";
        yield return $"{pipeline.Name}: {Quantities.Count(documents.StateRows, "row", "rows")} in {Quantities.Size(documents.StateBytes)} of {Quantities.Size(documents.StateLimitBytes)} for its documents{loading}{backlog}";
        if (documents.Suspect)
            yield return $"{pipeline.Name}: {Quantities.Count(documents.RetractionsMissedTotal, "change", "changes")} of rows that were not held, so documents may be wrong: 'leat rebuild {pipeline.Name}' makes them anew";
    }

    private static string LogLine(string source, StreamStatus stream)
    {
        var since = stream.OldestAt is null ? "" : $" since {Quantities.Time(stream.OldestAt)} UTC";
        var holds = stream.Holds.Where(hold => hold.Records > 0).Select(hold => $"; {hold.Who} still needs the last {Quantities.Count(hold.Records, "record", "records")}");
        return $"{source}: {Quantities.Size(stream.Bytes)} in the log{since}{string.Concat(holds)}";
    }

    /// <summary>A state as people read it: <c>live</c>, <c>catching up</c>.</summary>
    public static string Word(RunState state) => state == RunState.CatchingUp ? "catching up" : state.ToString().ToLowerInvariant();

    /// <summary>A time in the unit that suits it: <c>12 ms</c>, <c>3.4 s</c>, <c>2 min</c>, <c>5.1 h</c>.</summary>
    public static string Time(double milliseconds) => milliseconds switch
    {
        < 1_000 => Invariant($"{milliseconds:F0} ms"),
        < 60_000 => Invariant($"{milliseconds / 1_000:F1} s"),
        < 3_600_000 => Invariant($"{milliseconds / 60_000:F0} min"),
        _ => Invariant($"{milliseconds / 3_600_000:F1} h"),
    };

    private static ImmutableArray<(RunState State, string[] Cells)> RowsOf(EngineStatus status) =>
    [
        .. status.Sources.Select(source => (source.State, new[]
        {
            source.Name, Word(source.State), Rate(source.ChangesPerSecond), "", "", "", "", Number(source.Changes), SnapshotText(source),
        })),
        .. status.Pipelines.Select(pipeline => (pipeline.State, new[]
        {
            $"{pipeline.Name} → {pipeline.Sink}", Word(pipeline.State), Rate(pipeline.RowsPerSecond), Number(pipeline.LagRows), Time(pipeline.LagMs),
            Time(pipeline.LatencyP99Ms), Number(pipeline.Lanes.Length), Number(pipeline.Accounting.Applied), pipeline.LastChange ?? "",
        })),
    ];

    private static IEnumerable<(string Name, RunState State, string Reason)> ReasonsOf(EngineStatus status) =>
        status.Sources.Select(source => (source.Name, source.State, source.Reason))
            .Concat(status.Pipelines.Select(pipeline => (pipeline.Name, pipeline.State, pipeline.Reason)))
            .Where(item => !string.IsNullOrEmpty(item.Reason))
            .Select(item => (item.Name, item.State, item.Reason!)); // filtered on the line above

    private static string SnapshotText(SourceStatus source)
    {
        if (source.Snapshot is not { } snapshot)
            return source.LastChangeAt is { } at ? Invariant($"{at.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC") : "";
        var share = snapshot.RowsEstimated > 0 ? Invariant($" of about {Number(snapshot.RowsEstimated)}") : "";
        return Invariant($"snapshot of {snapshot.Table}, table {snapshot.TablesDone + 1} of {snapshot.Tables}, {Number(snapshot.RowsDone)}{share} rows{(snapshot.SecondsLeft is { } left ? $", about {Time(left * 1_000)} left" : "")}");
    }

    private static Style StyleOf(RunState state) => state switch
    {
        RunState.Live => new(Spectre.Console.Color.Green),
        RunState.Retrying => new(Spectre.Console.Color.Yellow),
        RunState.Blocked => new(Spectre.Console.Color.Red),
        _ => Style.Plain,
    };

    private static string Rate(double value) => value is > 0 and < 10 ? Invariant($"{value:F1}") : Invariant($"{value:N0}");

    private static string Number(long value) => Invariant($"{value:N0}");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
