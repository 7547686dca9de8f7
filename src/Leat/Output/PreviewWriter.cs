using System.Text.Json;
using System.Text.Json.Nodes;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Shaping;

namespace Leat.Output;

/// <summary>What <c>leat preview --json</c> shows, as the envelope's result.</summary>
public sealed record PreviewJson(IReadOnlyList<PipelinePreviewJson> Pipelines);

/// <summary>One pipeline.</summary>
public sealed record PipelinePreviewJson(string Pipeline, IReadOnlyList<PreviewPartJson> Parts);

/// <summary>One table, or the documents.</summary>
/// <param name="Table">The table's name in the pipeline; of documents, their root's.</param>
/// <param name="Document">Whether rows become documents.</param>
/// <param name="RowsRead">Rows that were looked at.</param>
/// <param name="NotDelivered">Those of them that the target would not hold.</param>
/// <param name="Rows">What would be delivered.</param>
public sealed record PreviewPartJson(string Table, bool Document, long RowsRead, long NotDelivered, IReadOnlyList<PreviewRowJson> Rows);

/// <summary>One row or document.</summary>
/// <param name="Key">The key's values, joined by colons.</param>
/// <param name="Before">The rows that it is made of.</param>
/// <param name="After">What would be delivered.</param>
public sealed record PreviewRowJson(string Key, IReadOnlyList<PreviewSourceJson> Before, JsonNode? After);

/// <summary>A row as the source has it.</summary>
public sealed record PreviewSourceJson(string Table, JsonNode? Row);

/// <summary>Shows rows before and after.</summary>
internal static class PreviewWriter
{
    /// <summary>For scripts.</summary>
    public static PipelinePreviewJson Json(string pipeline, IEnumerable<PreviewPart> parts) => new(pipeline,
    [
        .. parts.Select(part => new PreviewPartJson(part.Alias, part.IsDocument, part.RowsRead, part.NotDelivered,
        [
            .. part.Rows.Select(row => new PreviewRowJson(row.Key, [.. row.Before.Select(one => new PreviewSourceJson(one.Alias, JsonNode.Parse(one.Json)))], JsonNode.Parse(row.After))),
        ])),
    ]);

    /// <summary>For people: rows to standard output, what was passed over to standard error.</summary>
    public static void Write(Terminal terminal, PipelineDefinition pipeline, IEnumerable<PreviewPart> parts)
    {
        var color = terminal.UsesColor();
        foreach (var part in parts)
        {
            var isGroup = pipeline.Document?.Group is not null;
            var what = !part.IsDocument ? $"{pipeline.Name}: {part.Alias}" : isGroup ? $"{pipeline.Name}: groups of {part.Alias}" : $"{pipeline.Name}: documents of {part.Alias}";
            terminal.Out.WriteLine(Paint.With(what, Paint.Bold, color));
            var width = part.Rows.SelectMany(row => row.Before).Select(one => one.Alias.Length).Append("after".Length).Max();
            foreach (var row in part.Rows)
                Write(terminal.Out, part, row, width, color);
            terminal.Error.WriteLine(Told(pipeline, part, isGroup));
        }
    }

    private static void Write(TextWriter writer, PreviewPart part, PreviewedRow row, int width, bool color)
    {
        foreach (var before in row.Before)
            writer.WriteLine($"  {Paint.With($"{(part.IsDocument ? before.Alias : "before").PadRight(width)}  {before.Json}", Paint.Dim, color)}");
        if (!part.IsDocument)
        {
            writer.WriteLine($"  {"after".PadRight(width)}  {row.After}");
            return;
        }

        var text = JsonSerializer.Serialize(JsonNode.Parse(row.After), CliJson.Readable.JsonNode);
        writer.WriteLine($"  {Paint.With(row.Key, Paint.Green, color)}  {text.Replace("\n", "\n  ", StringComparison.Ordinal)}");
    }

    private static string Told(PipelineDefinition pipeline, PreviewPart part, bool isGroup)
    {
        var read = FormattableString.Invariant($"{pipeline.Name}: {part.Alias}: {part.RowsRead:N0} row{(part.RowsRead == 1 ? "" : "s")} read");
        if (isGroup)
            return part.IsAll ? $"{read}, all there are." : $"{read}; the groups are those of these rows alone.";
        var passed = part.NotDelivered == 0 ? "" : FormattableString.Invariant($", {part.NotDelivered:N0} of them not delivered");
        return part.Rows.IsEmpty && part.RowsRead > 0 ? $"{read}, and none of them is delivered." : $"{read}{passed}.";
    }
}
