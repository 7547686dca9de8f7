using System.Collections.Immutable;
using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Shaping;

/// <summary>Reads some rows of a source and shapes them as a pipeline would. Writes nothing anywhere.</summary>
/// <param name="source">The source, not otherwise in use.</param>
/// <param name="captured">Where capture stands; for sources that recompute their tables.</param>
/// <param name="progress">Told now and then, or <see langword="null"/>.</param>
public sealed class PreviewReader(ISource source, SourcePosition? captured, IProgress<PreviewProgress>? progress)
{
    /// <summary>Most rows of a table that are looked at to find some that would be delivered.</summary>
    public const int MostRows = 10_000;

    /// <summary>Most roots whose documents are made to find some that would be delivered; each takes a query for every join.</summary>
    public const int MostRoots = 200;

    /// <summary>Rows of the root that groups are made of.</summary>
    public const int GroupedRows = 1_000;

    private const int ProgressRows = 1_000;

    /// <summary>Previews a pipeline.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="rows">How many rows or documents of each, 1 or more.</param>
    /// <param name="alias">Only this table of a pipeline without documents; <see langword="null"/>: all.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async Task<ImmutableArray<PreviewPart>> ReadAsync(PipelineDefinition pipeline, int rows, string? alias, CancellationToken cancellationToken)
    {
        var tables = SourceTables.Of(pipeline, await source.TablesAsync(cancellationToken));
        if (pipeline.Document is not null)
            return [await DocumentsAsync(pipeline, tables, rows, cancellationToken)];
        var parts = ImmutableArray.CreateBuilder<PreviewPart>();
        foreach (var entry in tables.Where(table => alias is null || table.Selection.Alias == alias).GroupBy(table => table.Selection.Alias))
            parts.Add(await TableAsync(entry.Key, [.. entry], rows, cancellationToken));
        return parts.ToImmutable();
    }

    private async Task<PreviewPart> TableAsync(string alias, IReadOnlyList<TakenTable> tables, int rows, CancellationToken cancellationToken)
    {
        var plan = new PipelinePlan([tables[0].Selection]);
        for (var at = 0; at < tables.Count; at++)
            plan.Learn((uint)at + 1, tables[at].Schema);

        var found = ImmutableArray.CreateBuilder<PreviewedRow>();
        long read = 0, passed = 0;
        for (var at = 0; at < tables.Count; at++)
        {
            var shaping = plan.Find((uint)at + 1)!; // not null: the plan is that of the table's entry
            await foreach (var row in source.ReadTableAsync(tables[at].Schema, captured, cancellationToken))
            {
                if (found.Count == rows || read == MostRows)
                    return new(alias, IsDocument: false, found.ToImmutable(), read, passed, IsAll: false);
                Tell(alias, ++read);
                if (!shaping.Accepts(row.Row.Span))
                {
                    passed++;
                    continue;
                }

                var shaped = new ShapedRow(OperationKind.Index, shaping.Shape, shaping.Map(row.Row.Span).ToArray());
                found.Add(new(shaped.Key, [new(alias, ShapedRow.JsonOf(row.Schema, row.Row.Span))], shaped.Json));
            }
        }

        return new(alias, IsDocument: false, found.ToImmutable(), read, passed, IsAll: true);
    }

    private async Task<PreviewPart> DocumentsAsync(PipelineDefinition pipeline, ImmutableArray<TakenTable> tables, int rows, CancellationToken cancellationToken)
    {
        var schemas = tables.Select(table => table.Schema).ToList();
        using var first = ShapingRun.Open(pipeline, schemas);
        var relatives = new Relatives(source, captured, tables, first.Description!); // not null: the pipeline makes documents
        var root = pipeline.Document!.Root; // as above
        if (pipeline.Document.Group is not null)
            return await GroupsAsync(first, relatives, tables, root, rows, cancellationToken);

        var found = ImmutableArray.CreateBuilder<PreviewedRow>();
        long read = 0;
        foreach (var table in tables.Where(table => table.Selection.Alias == root))
        {
            await foreach (var row in source.ReadTableAsync(table.Schema, captured, cancellationToken))
            {
                if (found.Count == rows || read == MostRoots)
                    return new(root, IsDocument: true, found.ToImmutable(), read, read - found.Count, IsAll: false);
                Tell(root, ++read);
                using var run = ShapingRun.Open(pipeline, schemas);
                var parts = await relatives.OfAsync([new(root, table.Schema, row.Row.ToArray())], cancellationToken);
                foreach (var part in parts)
                    run.Load(part.Schema.Table, part.Row);
                foreach (var document in run.Loaded())
                    found.Add(new(document.Key, [.. parts.Select(part => new SourceRowText(part.Alias, ShapedRow.JsonOf(part.Schema, part.Row)))], document.Json));
            }
        }

        return new(root, IsDocument: true, found.ToImmutable(), read, read - found.Count, IsAll: true);
    }

    // Groups over the first rows alone: enough to see their form, not their values.
    private async Task<PreviewPart> GroupsAsync(
        ShapingRun run, Relatives relatives, ImmutableArray<TakenTable> tables, string root, int rows, CancellationToken cancellationToken)
    {
        var roots = new List<RelatedRow>();
        var isAll = true;
        foreach (var table in tables.Where(table => table.Selection.Alias == root))
        {
            await foreach (var row in source.ReadTableAsync(table.Schema, captured, cancellationToken))
            {
                isAll = roots.Count < GroupedRows;
                if (!isAll)
                    break;
                roots.Add(new(root, table.Schema, row.Row.ToArray()));
                Tell(root, roots.Count);
            }
        }

        foreach (var part in await relatives.OfAsync(roots, cancellationToken))
            run.Load(part.Schema.Table, part.Row);
        var found = run.Loaded().Take(rows).Select(document => new PreviewedRow(document.Key, [], document.Json)).ToImmutableArray();
        return new(root, IsDocument: true, found, roots.Count, NotDelivered: 0, isAll);
    }

    private void Tell(string alias, long rows)
    {
        if (rows % ProgressRows == 0)
            progress?.Report(new(alias, rows));
    }
}
