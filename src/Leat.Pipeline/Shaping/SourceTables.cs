using System.Collections.Immutable;
using Leat.Changes;
using Leat.Pipeline.Definitions;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Shaping;

/// <summary>A table of a source and the entry of a pipeline that takes it.</summary>
/// <param name="Selection">The entry.</param>
/// <param name="Schema">The table's shape.</param>
public sealed record TakenTable(TableSelection Selection, TableSchema Schema);

/// <summary>Finds the tables of a source that a pipeline takes.</summary>
public static class SourceTables
{
    /// <summary>All of them, in the order of the file; several for an entry with a pattern.</summary>
    /// <exception cref="LeatException">The source has none for some entry.</exception>
    public static ImmutableArray<TakenTable> Of(PipelineDefinition pipeline, IReadOnlyList<TableSchema> schemas)
    {
        var taken = ImmutableArray.CreateBuilder<TakenTable>();
        foreach (var selection in pipeline.Tables.Select(rule => rule.ToSelection()))
        {
            var match = new TableMatch(selection);
            var before = taken.Count;
            taken.AddRange(schemas.Where(schema => match.Takes(schema.Table)).Select(schema => new TakenTable(selection, schema)));
            if (taken.Count == before)
                throw selection.Pattern is { } pattern ? ShapingErrors.NoTableLike(pipeline.Name, selection.Alias, pattern.Expression) : EngineErrors.NoSuchTable(pipeline.Name, selection.Table);
        }

        return taken.ToImmutable();
    }
}
