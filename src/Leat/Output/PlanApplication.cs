using Leat.Pipeline.Definitions;

namespace Leat.Output;

/// <summary>What a pipeline does when the file is run on the log folder as it is now.</summary>
/// <param name="Word"><c>new</c>, <c>continues</c>, <c>rewritten</c> or <c>rebuilt</c>: nothing was delivered yet; it goes on where it stopped; every document is written anew from the rows it holds; those are
/// gathered anew.</param>
/// <param name="Text">The same for people.</param>
/// <param name="RowsRead">About how many rows are read from the source because of it; <see langword="null"/> when the source does not say.</param>
internal sealed record PlanApplication(string Word, string Text, long? RowsRead)
{
    /// <summary>Compares the file with the log folder.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="streams">What the folder holds; <see langword="null"/> when there is none.</param>
    /// <param name="fingerprint">Of the rows that the plan holds; <see langword="null"/> when it holds none.</param>
    /// <param name="rule">By which documents are made of them; <see langword="null"/> as well.</param>
    /// <param name="rows">About how many rows its tables have.</param>
    public static PlanApplication Of(PipelineDefinition pipeline, LogStreams? streams, string? fingerprint, string? rule, long? rows)
    {
        if (streams?.Find(pipeline.From) is not { } stream)
            return new("new", $"nothing is captured yet: {Reads(rows)}{Then(fingerprint)}", rows);
        var isWhole = stream.Start == 0;
        var gathered = isWhole
            ? FormattableString.Invariant($"the stream '{pipeline.From}' is read from its start ({stream.End:N0} records); nothing is asked of the source")
            : $"the stream '{pipeline.From}' no longer begins at its start, so {Reads(rows)}";
        var read = isWhole ? 0 : rows;
        if (!streams.HasCheckpoint(pipeline.Name))
            return new("new", $"nothing was delivered yet: {gathered}{Then(fingerprint)}", read);
        var held = streams.FingerprintOf(pipeline.Name);
        if (fingerprint is null && held is not null)
            return new("rebuilt", $"made documents before, and delivers its tables as they are: {gathered}, then every row is written; the rows held are dropped, and documents that the target has stay there", read);
        if (fingerprint is null)
            return new("continues", "goes on where it stopped; rows that were delivered keep their form until they change (`leat redeliver` writes them all anew)", 0);
        if (held?.Rows == fingerprint)
        {
            return held?.Rule == rule
                ? new("continues", "the rows held fit and are kept; goes on where it stopped", 0)
                : new("rewritten", "the rows held fit and are kept; the rule is another, so every document is written anew from them", 0);
        }

        var why = held is null ? "no rows are held, and they are gathered" : "the rows held are of another plan and are gathered anew";
        return new("rebuilt", $"{why}: {gathered}, then every document is written again", read);
    }

    private static string Reads(long? rows) => rows is { } count ? FormattableString.Invariant($"the source reads its tables, about {count:N0} rows") : "the source reads its tables";

    private static string Then(string? fingerprint) => fingerprint is null ? "" : ", then each document is written once";
}
