using System.Collections.Immutable;
using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Shaping;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Compare;

/// <summary>Compares every row of a source, shaped by a pipeline, with every row of its target, also while both change.</summary>
/// <remarks>
/// The first pass keeps 16 bytes for each row: a hash of its key and one of its fields. Rows that differ are then looked at again, by key, as long
/// as some of them turn out to have been on their way: what is told differs, differed at each look.
/// </remarks>
public static class Comparer
{
    /// <summary>Most rows told in detail.</summary>
    public const int MaxExamples = 100;

    /// <summary>Most differing rows of a table that are looked at again; the others are counted as the first pass found them.</summary>
    public const int MaxLooks = 10_000;

    /// <summary>How long a row on its way is given before each further look. Many times the time that a change takes.</summary>
    public static readonly TimeSpan LookInterval = TimeSpan.FromSeconds(1);

    /// <summary>Compares all tables of a pipeline, or its documents.</summary>
    /// <param name="pipeline">Which tables, columns and rows.</param>
    /// <param name="source">The source, not otherwise in use.</param>
    /// <param name="sink">The sink, not otherwise in use.</param>
    /// <param name="captured">Where capture stands; for sources that recompute their tables.</param>
    /// <param name="time">Waits between looks.</param>
    /// <param name="progress">Told every few thousand rows, or <see langword="null"/>.</param>
    /// <param name="cancellationToken">Ends the comparison.</param>
    /// <exception cref="LeatException">Source or target cannot be read, or the source has no such table.</exception>
    public static Task<CompareResult> CompareAsync(
        PipelineDefinition pipeline, ISource source, ISink sink, SourcePosition? captured, TimeProvider time, IProgress<CompareProgress>? progress,
        CancellationToken cancellationToken) => CompareAsync(pipeline, source, sink, captured, held: [], time, progress, cancellationToken);

    /// <summary>The same for a target that was prepared for other shapes than the tables have now.</summary>
    /// <param name="pipeline">Which tables, columns and rows.</param>
    /// <param name="source">The source, not otherwise in use.</param>
    /// <param name="sink">The sink, not otherwise in use.</param>
    /// <param name="captured">Where capture stands; for sources that recompute their tables.</param>
    /// <param name="held">The shapes of tables that the target was prepared for, as far as they are known: what <c>on_schema_change</c> holds on to.</param>
    /// <param name="time">Waits between looks.</param>
    /// <param name="progress">Told every few thousand rows, or <see langword="null"/>.</param>
    /// <param name="cancellationToken">Ends the comparison.</param>
    /// <exception cref="LeatException">Source or target cannot be read, or the source has no such table.</exception>
    public static async Task<CompareResult> CompareAsync(
        PipelineDefinition pipeline, ISource source, ISink sink, SourcePosition? captured, IReadOnlyList<TableSchema> held, TimeProvider time,
        IProgress<CompareProgress>? progress, CancellationToken cancellationToken)
    {
        var tables = SourceTables.Of(pipeline, await source.TablesAsync(cancellationToken));
        var total = new CompareResult(0, 0, 0, 0, 0, []);
        var roots = new HashSet<ulong>();
        foreach (var expected in pipeline.Document is null ? Tables(tables, held, source, captured) : [Documents(pipeline, tables, source, captured, progress)])
        {
            var comparison = new Comparison(expected, sink, time, progress, expected.Shape.IsPart ? new(expected.Shape, roots) : null);
            total = total.And(await comparison.RunAsync(MaxExamples - total.Examples.Length, cancellationToken));
        }

        return total;
    }

    private static IEnumerable<IExpectedRows> Tables(ImmutableArray<TakenTable> tables, IReadOnlyList<TableSchema> held, ISource source, SourcePosition? captured)
    {
        foreach (var entry in tables.GroupBy(table => table.Selection.Alias))
        {
            // Tables that are one have one shape, which is known when all of them are.
            var taken = entry.ToList();
            var plan = new PipelinePlan([taken[0].Selection]);
            foreach (var table in taken)
            {
                if (held.FirstOrDefault(shape => shape.Table == table.Schema.Table) is { } shape)
                    plan.Hold(uint.MaxValue, WithoutDropped(shape, table.Schema)); // its number tells nothing here
            }

            for (var at = 0; at < taken.Count; at++)
                plan.Learn((uint)at + 1, taken[at].Schema);
            yield return new TableRows(taken[0].Selection, [.. taken.Select((_, at) => plan.Find((uint)at + 1)!)], source, captured); // not null: the plan takes them
        }
    }

    // Rows written before a column was dropped keep their values of it, and those written since have none: nothing to compare.
    private static TableSchema WithoutDropped(TableSchema held, TableSchema now)
    {
        ImmutableArray<Column> columns = [.. held.Columns.Where((column, ordinal) => held.Key.Contains(ordinal) || now.Find(column.Name) >= 0)];
        var names = columns.Select(column => column.Name).ToList();
        return new(held.Table, columns, [.. held.Key.Select(ordinal => names.IndexOf(held.Columns[ordinal].Name))]) { IsKeyless = held.IsKeyless };
    }

    private static DocumentRows Documents(
        PipelineDefinition pipeline, ImmutableArray<TakenTable> tables, ISource source, SourcePosition? captured, IProgress<CompareProgress>? progress) =>
        new(pipeline, tables, source, captured, progress is null ? null : (table, rows) => progress.Report(new(table, rows, 0)));
}
