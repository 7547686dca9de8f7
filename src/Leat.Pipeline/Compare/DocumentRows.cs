using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Shaping;

namespace Leat.Pipeline.Compare;

/// <summary>The documents of a pipeline: the rows of all their tables, read one table after the other and shaped by the plan that delivers them.</summary>
/// <remarks>Rows that change between two tables' turns give documents that never were; those differ at first, and are looked at again.</remarks>
/// <param name="pipeline">The pipeline.</param>
/// <param name="tables">The tables that it takes.</param>
/// <param name="source">Where they are read.</param>
/// <param name="captured">Where capture stands.</param>
/// <param name="progress">Told every few thousand rows.</param>
internal sealed class DocumentRows(
    PipelineDefinition pipeline, IReadOnlyList<TakenTable> tables, ISource source, SourcePosition? captured, Action<string, long>? progress) : IExpectedRows
{
    private const int ProgressRows = 10_000;

    private readonly IReadOnlyCollection<TableSchema> _schemas = [.. tables.Select(table => table.Schema).Distinct()];
    private Shape? _shape;

    // The documents' shape follows from the tables' alone.
    public Shape Shape => _shape ??= ShapeOf();

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var run = ShapingRun.Open(pipeline, _schemas);
        foreach (var schema in _schemas)
        {
            long rows = 0;
            await foreach (var row in source.ReadTableAsync(schema, captured, cancellationToken))
            {
                run.Load(schema.Table, row.Row.Span);
                if (++rows % ProgressRows == 0)
                    progress?.Invoke(schema.Table.Name, rows);
            }
        }

        foreach (var document in run.Loaded())
            yield return document.Row;
    }

    private Shape ShapeOf()
    {
        using var run = ShapingRun.Open(pipeline, _schemas);
        return run.Shapes[0];
    }
}
