using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Transform.Plan.Rules;

/// <summary>How the tables of a pipeline become documents: the <c>document:</c> block.</summary>
public sealed record DocumentRule
{
    /// <summary>Alias of the table whose rows are the documents: a document lives as long as its row and as long as that meets <see cref="Where"/>.</summary>
    public required string Root { get; init; }

    /// <summary>Which documents there are; sees the root's columns, merged ones and aggregates. <see langword="null"/>: one for each row of the root.</summary>
    public WrittenExpression? Where { get; init; }

    /// <summary>Rows of other tables that become part of the document one to one, or many to one.</summary>
    public ImmutableArray<MergeRule> Merge { get; init; } = [];

    /// <summary>Rows of other tables that become collections inside the document.</summary>
    public ImmutableArray<NestRule> Nest { get; init; } = [];

    /// <summary>Computed fields, in order; each sees those before it.</summary>
    public ImmutableArray<SetRule> Set { get; init; } = [];

    /// <summary>
    /// Not <see langword="null"/>: one document for each different value of these expressions over the root's rows, made of <see cref="Set"/> with aggregates; empty: a
    /// single document over all rows, which always exists.
    /// </summary>
    public ImmutableArray<SetRule>? Group { get; init; }

    /// <summary>Most bytes of memory that the rows of its tables may take; beyond it the pipeline is Blocked. Default 1 GiB.</summary>
    public long StateBytes { get; init; } = 1L << 30;

    /// <summary>Where the block stands.</summary>
    public required FileLocation Location { get; init; }
}

/// <summary>Columns of one table that equal columns of another: <c>order_items.order_id = orders.id AND …</c>.</summary>
/// <param name="Pairs">Column of the table that is joined, and the column of the table it is joined to.</param>
/// <param name="Location">Where the condition stands.</param>
public sealed record JoinRule(ImmutableArray<(string Joined, string To)> Pairs, FileLocation Location);

/// <summary>A row of another table that becomes part of the document: the one that the join finds, or of several the one with the lowest key.</summary>
public sealed record MergeRule
{
    /// <summary>Alias of the table.</summary>
    public required string From { get; init; }

    /// <summary>Name of the object that holds the fields; <see langword="null"/>: they stand in the document itself.</summary>
    public string? As { get; init; }

    /// <summary>How its rows are found.</summary>
    public required JoinRule On { get; init; }

    /// <summary>Its columns and their names in the document, in order; empty: all of them by their own names.</summary>
    public ImmutableArray<FieldRule> Fields { get; init; } = [];

    /// <summary>Whether there is no document without such a row (<c>on_missing: wait</c>); otherwise its fields are NULL (<c>on_missing: emit</c>, the default).</summary>
    public bool IsRequired { get; init; }

    /// <summary>Where the entry stands.</summary>
    public required FileLocation Location { get; init; }
}

/// <summary>What a collection of rows becomes.</summary>
public enum NestForm
{
    /// <summary>A JSON array of objects, ordered by the nest's key or order.</summary>
    Array,

    /// <summary>A JSON object of objects by the nest's key.</summary>
    Map,

    /// <summary>The first object in the order, or NULL.</summary>
    First,

    /// <summary>The number of rows.</summary>
    Count,

    /// <summary>Nothing: the rows are there for aggregates.</summary>
    None,
}

/// <summary>Rows of another table that become a collection in a document, or in the objects of another collection.</summary>
public sealed record NestRule
{
    /// <summary>Name of the field; aggregates use it, too.</summary>
    public required string As { get; init; }

    /// <summary>Alias of the table.</summary>
    public required string From { get; init; }

    /// <summary>How its rows are found.</summary>
    public required JoinRule On { get; init; }

    /// <summary>Columns that tell its objects apart inside one document, and order them; empty: the table's key.</summary>
    public ImmutableArray<string> Key { get; init; } = [];

    /// <summary>Columns that order the collection before the key does; with whether they fall.</summary>
    public ImmutableArray<(string Column, bool Falling)> Order { get; init; } = [];

    /// <summary>Which rows take part; sees the row's columns and those merged into it. <see langword="null"/>: all.</summary>
    public WrittenExpression? Where { get; init; }

    /// <summary>Its columns and their names in the objects, in order; empty: all of them.</summary>
    public ImmutableArray<FieldRule> Fields { get; init; } = [];

    /// <summary>Most objects that an array shows, the first ones in its order, 1 or more; aggregates see all rows. <see langword="null"/>: all.</summary>
    public int? Limit { get; init; }

    /// <summary>Form of the collection.</summary>
    public NestForm Form { get; init; } = NestForm.Array;

    /// <summary>Rows of other tables that become part of its objects, as in a document.</summary>
    public ImmutableArray<MergeRule> Merge { get; init; } = [];

    /// <summary>Collections inside its objects; one level, so two in all.</summary>
    public ImmutableArray<NestRule> Nest { get; init; } = [];

    /// <summary>Computed fields of its objects.</summary>
    public ImmutableArray<SetRule> Set { get; init; } = [];

    /// <summary>Where the entry stands.</summary>
    public required FileLocation Location { get; init; }
}

/// <summary>A column and its name where it is delivered.</summary>
public readonly record struct FieldRule(string Name, string Column);
