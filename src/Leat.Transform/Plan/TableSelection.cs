using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Plan;

/// <summary>Which table a pipeline takes, under which name, and what of it.</summary>
/// <param name="Alias">Name of the table in the pipeline.</param>
/// <param name="Table">The source table.</param>
/// <param name="Columns">Columns to deliver, in order; empty for all. Key columns are delivered in any case.</param>
/// <param name="Where">Condition that a row has to meet; <see langword="null"/> for every row.</param>
public sealed record TableSelection(string Alias, TableName Table, ImmutableArray<string> Columns, string? Where);
