using System.Text.Json;
using Leat.Log;
using Leat.Log.Tools;
using Leat.Pipeline.Definitions;

namespace Leat.Commands;

/// <summary>Whether checkpoints stand within the streams that they are of. Read first and compared last: a running Leat moves both.</summary>
internal sealed class CheckpointCheck
{
    private readonly List<(string Checkpoints, string Stream, uint Epoch, long Offset)> _found = [];

    private CheckpointCheck()
    {
    }

    /// <summary>The newest checkpoint of each pipeline that has one.</summary>
    public static CheckpointCheck Read(LogView view, LeatFile file)
    {
        var check = new CheckpointCheck();
        var streams = view.Streams;
        foreach (var pipeline in file.Pipelines)
        {
            var name = $"{pipeline.Name}.checkpoints";
            if (streams.Contains(name) && streams.Contains(pipeline.From) && Newest(view, name) is { } newest)
                check._found.Add((name, pipeline.From, newest.Epoch, newest.Offset));
        }

        return check;
    }

    /// <summary>Those that stand beyond the end.</summary>
    public IEnumerable<LogFinding> Compare(LogView view)
    {
        foreach (var (checkpoints, name, epoch, offset) in _found)
        {
            if (Look(view, name) is { } stream && stream.Epoch == epoch && offset > stream.EndOffset)
                yield return LogVerifier.CheckpointBeyond(checkpoints, name, offset, stream.EndOffset);
        }
    }

    private static (uint Epoch, long Offset)? Newest(LogView view, string name)
    {
        if (Look(view, name)?.ReadLastCommitted() is not { } block)
            return null;
        using (block)
        {
            (uint, long)? newest = null;
            var records = block.Records();
            while (records.MoveNext())
                newest = Parse(block.Buffer.AsSpan(records.ValueStart, Math.Max(0, records.ValueLength))) ?? newest;
            return newest;
        }
    }

    // A damaged stream is told when it is verified itself.
    private static StreamView? Look(LogView view, string name)
    {
        try
        {
            return view.Stream(name);
        }
        catch (LogException)
        {
            return null;
        }
    }

    private static (uint Epoch, long Offset)? Parse(ReadOnlySpan<byte> value)
    {
        try
        {
            var reader = new Utf8JsonReader(value);
            using var document = JsonDocument.ParseValue(ref reader);
            var root = document.RootElement;
            return (root.GetProperty("epoch").GetUInt32(), root.GetProperty("offset").GetInt64());
        }
        catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null; // not a checkpoint: the pipeline says so itself when it starts
        }
    }
}
