using System.CommandLine;
using System.Text.Json;
using Leat.Log.Tools;
using Leat.Output;

namespace Leat.Commands;

/// <summary><c>leat log describe STREAM</c>: segments, files and facts of one stream.</summary>
internal static class LogDescribeCommand
{
    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("describe", "Shows one stream of the log: segments, transactions, gaps, files.")
        {
            Examples = [new("leat log describe shop", "the stream of source shop"), new("leat log describe shop --json", "for scripts")],
        };
        var stream = LogPlace.StreamArgument();
        command.Arguments.Add(stream);
        var place = new LogPlace(command);
        command.SetAction(terminal, context => place.ViewAsync(context, (view, _) =>
        {
            Write(context, view.Stream(context.Parse.GetRequiredValue(stream)));
            return Task.FromResult(ExitCodes.Done);
        }));
        return command;
    }

    private static void Write(CommandContext context, StreamView stream)
    {
        var terminal = context.Terminal;
        if (context.Json)
        {
            var json = new LogDescribeJson(
                LogStreamsCommand.JsonOf(stream), stream.DurableOffset, stream.AbortedTransactions, stream.Incarnations,
                [.. stream.Segments.Select(one => new LogSegmentJson(one.BaseOffset, one.NextOffset, one.Bytes, one.LatestTime, one.IsCompacted, one.IsActive))],
                [.. stream.Files.Select(file => new LogFileJson(file.Name, file.Bytes))]);
            terminal.Out.WriteLine(JsonSerializer.Serialize(json, CliJson.Readable.LogDescribeJson));
            return;
        }

        WriteFacts(terminal.Out, stream);
        terminal.Out.WriteLine();
        var segments = new PlainTable(">FIRST", ">NEXT", ">SIZE", "NEWEST (UTC)", "NOTES");
        foreach (var one in stream.Segments)
        {
            var notes = one.IsActive ? "active" : one.IsCompacted ? "compacted" : "";
            segments.Add(Quantities.Number(one.BaseOffset), Quantities.Number(one.NextOffset), Quantities.Size(one.Bytes), Quantities.Time(one.LatestTime), notes);
        }

        segments.WriteTo(terminal.Out, terminal.UsesColor());
        terminal.Out.WriteLine();
        var files = new PlainTable("FILE", ">BYTES");
        foreach (var (name, bytes) in stream.Files)
            files.Add(name, Quantities.Number(bytes));
        files.WriteTo(terminal.Out, terminal.UsesColor());
    }

    private static void WriteFacts(TextWriter writer, StreamView stream)
    {
        var state = stream.IsClean ? "clean: nothing was appended since it was opened or closed" : "open: a Leat appends to it, or ended without closing it";
        (string Name, string Value)[] facts =
        [
            ("stream", stream.Name),
            ("state", state),
            ("epoch", Quantities.Number(stream.Epoch)),
            ("first offset", Quantities.Number(stream.StartOffset)),
            ("readable up to", Quantities.Number(stream.ReadableOffset)),
            ("next offset", Quantities.Number(stream.EndOffset)),
            ("durable at least to", Quantities.Number(stream.DurableOffset)),
            ("records from", $"{Quantities.Time(stream.OldestTime)} UTC"),
            ("records to", $"{Quantities.Time(stream.NewestTime)} UTC"),
            ("size", Quantities.Size(stream.SegmentBytes)),
            ("compression", stream.Compression.ToString().ToLowerInvariant()),
            ("open transaction", stream.OpenTransaction is { } open ? $"from offset {Quantities.Number(open)}" : "none"),
            ("aborted transactions", Quantities.Number(stream.AbortedTransactions)),
            ("incarnations from", string.Join(", ", stream.Incarnations.Select(Quantities.Number))),
            .. stream.Gaps.Select(gap => ("given up by repair", $"offsets {Quantities.Number(gap.First)} to {Quantities.Number(gap.Next - 1)}")),
        ];
        var width = facts.Max(fact => fact.Name.Length);
        foreach (var (name, value) in facts)
            writer.WriteLine($"{name.PadRight(width)}  {value}");
    }
}
