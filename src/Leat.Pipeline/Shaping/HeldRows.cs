using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan.Documents;

namespace Leat.Pipeline.Shaping;

/// <summary>How many rows of a table documents would hold, and how large each is.</summary>
/// <param name="Alias">The table's name in the pipeline.</param>
/// <param name="Rows">About how many rows the source has; <see langword="null"/> when it does not say.</param>
/// <param name="RowBytes">About how many bytes of memory each takes, by the first of them; <see langword="null"/> when there is none to look at.</param>
public sealed record HeldRows(string Alias, long? Rows, double? RowBytes)
{
    // A row's place in its table's chains and lists; a second index costs its own links.
    private const int OverheadBytes = 40;
    private const int IndexBytes = 8;
    private const int SampledRows = 500;

    /// <summary>About how many bytes of memory they take in all.</summary>
    public double? Bytes => Rows * RowBytes;

    /// <summary>Reads the first rows of each table that documents hold.</summary>
    /// <param name="source">The source, not otherwise in use.</param>
    /// <param name="captured">Where capture stands; for sources that recompute their tables.</param>
    /// <param name="tables">The tables that the pipeline takes.</param>
    /// <param name="plan">What it holds of them.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public static async Task<IReadOnlyList<HeldRows>> EstimateAsync(
        ISource source, SourcePosition? captured, IReadOnlyList<TakenTable> tables, PlanDescription plan, CancellationToken cancellationToken)
    {
        var estimates = await source.EstimateRowsAsync(cancellationToken);
        var held = new List<HeldRows>();
        foreach (var input in plan.Inputs)
        {
            var taken = tables.Where(table => table.Selection.Alias == input.Alias).ToList();
            long read = 0, bytes = 0;
            foreach (var table in taken)
            {
                await foreach (var row in source.ReadTableAsync(table.Schema, captured, cancellationToken))
                {
                    bytes += BytesOf(input, row);
                    if (++read % SampledRows == 0)
                        break;
                }
            }

            long? rows = taken.All(table => estimates.ContainsKey(table.Schema.Table)) ? taken.Sum(table => estimates[table.Schema.Table]) : null;
            held.Add(new(input.Alias, rows, read == 0 ? null : ((double)bytes / read) + OverheadBytes + (IndexBytes * Math.Max(0, input.Indexes.Length - 1))));
        }

        return held;
    }

    // The kept columns of the row; one that is computed takes about as much as a number.
    private static int BytesOf(PlanInput input, SourceRow row)
    {
        var bytes = EncodedRow.BitmapBytes(input.Columns.Length);
        var reader = new RowReader(row.Schema, row.Row.Span);
        foreach (var column in input.Columns)
        {
            var ordinal = row.Schema.Find(column.Name);
            if (ordinal < 0)
                bytes += sizeof(long);
            else if (reader.Seek(ordinal))
                bytes += reader.Bytes.Length + (EncodedRow.WidthOf(row.Schema.Columns[ordinal].Kind) < 0 ? 1 : 0);
        }

        return bytes;
    }
}
