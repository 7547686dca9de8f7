using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Plan.Rules;

/// <summary>The fields that one table owns in documents which several tables write: <c>document: { mode: field_groups }</c>.</summary>
public sealed record FieldGroup
{
    /// <summary>Alias of the root: the documents' own.</summary>
    public required string Document { get; init; }

    /// <summary>Names of the key's columns in the document, in the key's order; empty for a root that nothing is merged into: its key as it is.</summary>
    public ImmutableArray<string> Key { get; init; } = [];

    /// <summary>Columns of the table that hold those values, in the same order; empty for the root, whose key it is.</summary>
    public ImmutableArray<string> Joined { get; init; } = [];

    /// <summary>Whether the documents live as long as the table's rows.</summary>
    public bool IsRoot => Joined.IsEmpty;

    /// <summary>The table's fields and their names in the document, in order; empty: all by their own names.</summary>
    public ImmutableArray<FieldRule> Fields { get; init; } = [];

    /// <summary>Name of the object that holds the fields; <see langword="null"/>: they stand in the document itself.</summary>
    public string? As { get; init; }

    /// <summary>Of the root: by which of its columns each other table is joined.</summary>
    public ImmutableArray<FieldGroupJoin> Joins { get; init; } = [];

    /// <summary>Where the table becomes a part of the document.</summary>
    public required FileLocation Location { get; init; }
}

/// <summary>A table that is joined to the root of documents.</summary>
/// <param name="From">Its alias.</param>
/// <param name="To">Names in the document of the root's columns that the join compares.</param>
/// <param name="Location">Where the join stands.</param>
public sealed record FieldGroupJoin(string From, ImmutableArray<string> To, FileLocation Location);
