using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Transform.Plan.Documents;

namespace Leat.Pipeline.Shaping;

/// <summary>A row of a source and the name of its table in the pipeline.</summary>
internal sealed record RelatedRow(string Alias, TableSchema Schema, byte[] Row);

/// <summary>Finds the rows that belong to a document's root, by asking the source for those with the joined values.</summary>
internal sealed class Relatives(ISource source, SourcePosition? captured, ImmutableArray<TakenTable> tables, PlanDescription plan)
{
    // A collection of more would not be read by a person.
    private const int MostRows = 200;

    // Of a table that is joined by a column that the source does not have.
    private const int ScannedRows = 1_000;

    /// <summary>The rows given and all that belong to them, those of the outer joins first; each once.</summary>
    public async Task<IReadOnlyList<RelatedRow>> OfAsync(IReadOnlyList<RelatedRow> roots, CancellationToken cancellationToken)
    {
        var found = roots.ToList();
        var known = roots.Select(KeyOf).ToHashSet(StringComparer.Ordinal);
        foreach (var join in plan.Joins)
        {
            var parents = found.Where(row => row.Alias == join.To).ToList();
            foreach (var table in tables.Where(table => table.Selection.Alias == join.From))
            {
                foreach (var chunk in parents.Chunk(MostRows))
                {
                    await foreach (var row in ReadAsync(join, table, chunk, cancellationToken))
                    {
                        var related = new RelatedRow(join.From, row.Schema, row.Row.ToArray());
                        if (known.Add(KeyOf(related)))
                            found.Add(related);
                    }
                }
            }
        }

        return found;
    }

    private IAsyncEnumerable<SourceRow> ReadAsync(PlanJoin join, TakenTable table, RelatedRow[] parents, CancellationToken cancellationToken)
    {
        var to = tables.First(other => other.Selection.Alias == join.To);
        var columns = join.Pairs.Select(pair => ColumnOf(table, pair.Joined)).ToImmutableArray();
        var ordinals = join.Pairs.Select(pair => parents[0].Schema.Find(ColumnOf(to, pair.To))).ToImmutableArray();
        if (columns.Any(column => table.Schema.Find(column) < 0) || ordinals.Any(ordinal => ordinal < 0))
            return source.ReadTableAsync(table.Schema, captured, cancellationToken).Take(ScannedRows);
        var rows = parents.Where(parent => HasAll(parent, ordinals)).Select(parent => (ReadOnlyMemory<byte>)parent.Row).ToList();
        return rows.Count == 0
            ? AsyncEnumerable.Empty<SourceRow>()
            : source.ReadMatchingAsync(table.Schema, new(columns, parents[0].Schema, ordinals, rows), MostRows * parents.Length, captured, cancellationToken);
    }

    private static string ColumnOf(TakenTable table, string name) => table.Selection.Rename.FirstOrDefault(renamed => renamed.Value == name).Key ?? name;

    private static bool HasAll(RelatedRow row, ImmutableArray<int> ordinals)
    {
        var reader = new RowReader(row.Schema, row.Row);
        foreach (var ordinal in ordinals)
        {
            if (!reader.Seek(ordinal))
                return false;
        }

        return true;
    }

    private static string KeyOf(RelatedRow row) => $"{row.Schema.Table}\n{RowKeyText.Of(row.Schema, row.Row)}";
}
