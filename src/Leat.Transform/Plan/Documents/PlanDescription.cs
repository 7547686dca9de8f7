using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Plan.Documents;

/// <summary>What a document plan does and keeps, for people.</summary>
/// <param name="Inputs">The tables whose rows it holds, the root first.</param>
/// <param name="Joins">How they are joined, from the root outwards.</param>
/// <param name="Group">Fields that tell documents apart when there is one for each group of rows; <see langword="null"/> when there is one for each row of the root.</param>
/// <param name="Aggregates">Aggregates that are computed, as written.</param>
public sealed record PlanDescription(
    ImmutableArray<PlanInput> Inputs, ImmutableArray<PlanJoin> Joins, ImmutableArray<string>? Group, ImmutableArray<string> Aggregates);

/// <summary>A table whose rows are held.</summary>
/// <param name="Alias">Its name in the pipeline.</param>
/// <param name="Table">The table.</param>
/// <param name="Where">Which rows are held, as written; <see langword="null"/>: all.</param>
/// <param name="Columns">What is kept of them.</param>
/// <param name="Key">Columns that tell them apart.</param>
/// <param name="Indexes">Columns that they are looked up by, beside the key.</param>
/// <param name="Rows">Rows held now.</param>
public sealed record PlanInput(
    string Alias, TableName Table, string? Where, ImmutableArray<Column> Columns, ImmutableArray<string> Key, ImmutableArray<ImmutableArray<string>> Indexes, long Rows);

/// <summary>A table that is joined to another.</summary>
/// <param name="Name">Name of the field that it becomes, or the table's alias when its fields stand in the document itself.</param>
/// <param name="From">Alias of the table that is joined.</param>
/// <param name="To">Alias of the table that it is joined to.</param>
/// <param name="Pairs">Column of the table that is joined, and the one it equals.</param>
/// <param name="IsCollection">Whether its rows become a collection.</param>
/// <param name="ByKey">Whether its rows are found by their key, not through an index.</param>
/// <param name="FansOut">Whether one of its rows may be part of any number of documents, so that a change of it is emitted in the background.</param>
public sealed record PlanJoin(string Name, string From, string To, ImmutableArray<(string Joined, string To)> Pairs, bool IsCollection, bool ByKey, bool FansOut);
