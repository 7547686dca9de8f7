using System.CommandLine;
using System.Text.Json;
using Leat.Log;
using Leat.Log.Tools;
using Leat.Output;

namespace Leat.Commands;

/// <summary><c>leat log streams</c>: what is in the log.</summary>
internal static class LogStreamsCommand
{
    private const int DamagedManifest = 2007;
    private const string Damaged = "damaged";

    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("streams", "Lists the streams of the log: offsets, sizes, times, state.")
        {
            Examples = [new("leat log streams", "of the log that leat.yaml names"), new("leat log streams --log leat-data --json", "for scripts")],
        };
        var place = new LogPlace(command);
        command.SetAction(terminal, context => place.ViewAsync(context, (view, _) =>
        {
            Write(context, view);
            return Task.FromResult(ExitCodes.Done);
        }));
        return command;
    }

    /// <summary>A stream as JSON.</summary>
    public static LogStreamJson JsonOf(StreamView stream) => new(
        stream.Name, StateOf(stream), stream.Epoch, stream.StartOffset, stream.ReadableOffset, stream.EndOffset, stream.Segments.Count,
        stream.SegmentBytes, stream.OldestTime, stream.NewestTime, stream.Compression.ToString().ToLowerInvariant(),
        stream.Segments.Any(segment => segment.IsCompacted), stream.OpenTransaction,
        [.. stream.Gaps.Select(gap => new OffsetRangeJson(gap.First, gap.Next))], Error: null);

    /// <summary><c>clean</c> or <c>open</c>.</summary>
    public static string StateOf(StreamView stream) => stream.IsClean ? "clean" : "open";

    /// <summary>What is special about a stream, in a few words.</summary>
    public static string NotesOf(LogStreamJson stream)
    {
        string[] notes =
        [
            .. stream.Compression is null or "none" ? (string[])[] : [stream.Compression],
            .. stream.Compacted ? (string[])["compacted"] : [],
            .. stream.OpenTransaction is { } open ? (string[])[$"open transaction from {Quantities.Number(open)}"] : [],
            .. stream.Gaps.Select(gap => $"gap {Quantities.Number(gap.First)} to {Quantities.Number(gap.Next - 1)}"),
        ];
        return string.Join(", ", notes);
    }

    private static void Write(CommandContext context, LogView view)
    {
        var streams = view.Streams.Select(name => Look(view, name)).ToArray();
        var terminal = context.Terminal;
        if (context.Json)
        {
            terminal.Out.WriteLine(JsonSerializer.Serialize(new(view.Path, view.Id, streams), CliJson.Readable.LogStreamsJson));
            return;
        }

        var table = new PlainTable("STREAM", "STATE", ">FIRST", ">NEXT", ">SEGMENTS", ">SIZE", "OLDEST (UTC)", "NEWEST (UTC)", ">EPOCH", "NOTES");
        foreach (var stream in streams)
        {
            if (stream.Error is not null)
                table.Add(stream.Stream, stream.State, "", "", "", "", "", "", "", "");
            else
                table.Add(
                    stream.Stream, stream.State, Quantities.Number(stream.StartOffset), Quantities.Number(stream.ReadableOffset), Quantities.Number(stream.Segments),
                    Quantities.Size(stream.Bytes), Quantities.Time(stream.OldestTime), Quantities.Time(stream.NewestTime), Quantities.Number(stream.Epoch), NotesOf(stream));
        }

        table.WriteTo(terminal.Out, terminal.UsesColor());
        foreach (var stream in streams)
        {
            if (stream.Error is { } error)
                terminal.Out.WriteLine($"{stream.Stream}: {error.Message} {error.Remedy} [{error.Code}]");
        }

        terminal.Error.WriteLine($"{Quantities.Count(streams.Length, "stream", "streams")}, {Quantities.Size(streams.Sum(stream => stream.Bytes))}, in {view.Path}");
    }

    // One damaged stream must not hide the others.
    private static LogStreamJson Look(LogView view, string name)
    {
        try
        {
            return JsonOf(view.Stream(name));
        }
        catch (LogException error) when (error.Code == DamagedManifest)
        {
            return new(
                name, Damaged, 0, 0, 0, 0, 0, 0, OldestTime: null, NewestTime: null, Compression: null, Compacted: false, OpenTransaction: null, [],
                ErrorJson.Of(ProgramErrors.OfLog(error)));
        }
    }
}
