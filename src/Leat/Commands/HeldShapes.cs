using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan;

namespace Leat.Commands;

/// <summary>The shapes that a pipeline's target was prepared for, as the log folder tells them, also while a Leat runs on it.</summary>
internal static class HeldShapes
{
    /// <summary>Those that a pipeline holds on to; empty when it follows its tables, or has no checkpoint yet.</summary>
    public static IReadOnlyList<TableSchema> Of(LeatFile file, PipelineDefinition pipeline)
    {
        if (pipeline.Tables.All(rule => rule.OnSchemaChange is SchemaChange.Evolve or SchemaChange.TryEvolve) || !Directory.Exists(file.Log.Folder))
            return [];
        using var view = LogView.Open(file.Log.Folder, new PosixDisk());
        var (checkpoints, schemas) = ($"{pipeline.Name}.checkpoints", $"{pipeline.From}.schemas");
        if (!view.Streams.Contains(checkpoints) || !view.Streams.Contains(schemas) || Newest(view.Stream(checkpoints)) is not { Count: > 0 } numbers)
            return [];
        var held = new List<TableSchema>();
        using var reader = view.Stream(schemas).NewReader(0, all: false);
        while (reader.Read() is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    var (id, _, schema) = SchemaJson.Read(block.Buffer.AsSpan(records.ValueStart, Math.Max(0, records.ValueLength)));
                    if (numbers.Contains(id))
                        held.Add(schema);
                }
            }
        }

        return held;
    }

    private static HashSet<uint> Newest(StreamView checkpoints)
    {
        using var block = checkpoints.ReadLastCommitted();
        if (block is null)
            return [];
        var newest = new HashSet<uint>();
        var records = block.Records();
        while (records.MoveNext())
        {
            var reader = new Utf8JsonReader(block.Buffer.AsSpan(records.ValueStart, Math.Max(0, records.ValueLength)));
            using var document = JsonDocument.ParseValue(ref reader);
            newest = document.RootElement.TryGetProperty("shapes", out var shapes) ? [.. shapes.EnumerateArray().Select(shape => shape.GetUInt32())] : [];
        }

        return newest;
    }
}
