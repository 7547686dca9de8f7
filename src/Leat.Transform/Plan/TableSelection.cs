using System.Collections.Immutable;
using Leat.Changes;
using Leat.Transform.Plan.Rules;

namespace Leat.Transform.Plan;

/// <summary>Which table a pipeline takes, under which name, and what of it.</summary>
/// <param name="Alias">Name of the table in the pipeline.</param>
/// <param name="Table">The source table; with <see cref="Pattern"/> any of those that it stands for.</param>
/// <param name="Columns">Columns to deliver, in order; empty for all. Key columns are delivered in any case.</param>
/// <param name="Where">Condition that a row has to meet; <see langword="null"/> for every row.</param>
public sealed record TableSelection(string Alias, TableName Table, ImmutableArray<string> Columns, string? Where)
{
    /// <summary>Names at the target of columns that have another there, by the column's name.</summary>
    public ImmutableDictionary<string, string> Rename { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Computed columns, in order; one with the name of a column replaces it. Each sees the table's columns and those before it.</summary>
    public ImmutableArray<SetRule> Set { get; init; } = [];

    /// <summary>Which operations of the source are followed; the others are filtered.</summary>
    public FollowedOperations When { get; init; } = FollowedOperations.All;

    /// <summary>Not empty: a deleted row stays, with these columns set; see docs.</summary>
    public ImmutableArray<SetRule> SoftDelete { get; init; } = [];

    /// <summary>Several tables as one; <see langword="null"/> for a single one.</summary>
    public TablePattern? Pattern { get; init; }

    /// <summary>What happens when the table's shape changes.</summary>
    public SchemaChange OnSchemaChange { get; init; } = SchemaChange.Evolve;

    /// <summary>Not <see langword="null"/>: its rows are parts of target rows that other tables write, too.</summary>
    public FieldGroup? Group { get; init; }

    /// <summary>Where the entry stands; <see langword="null"/> outside a file.</summary>
    public FileLocation? Location { get; init; }

    /// <summary>Where <see cref="Where"/> stands; <see langword="null"/> outside a file or without one.</summary>
    public WrittenExpression? WhereWritten { get; init; }
}

/// <summary>Tables that are one: those whose <c>database.table</c> the whole of an expression matches.</summary>
/// <param name="Expression">A regular expression, anchored at both ends; without backtracking.</param>
/// <param name="ShardColumn">Name of the column that tells the tables apart, part of the key: the groups that the expression captured, joined by <c>_</c>; the table's name without groups.
/// <see langword="null"/> when the file says that keys are unique across the tables.</param>
public sealed record TablePattern(string Expression, string? ShardColumn);

/// <summary>Operations of the source.</summary>
[Flags]
public enum FollowedOperations
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Rows inserted, or read by a snapshot.</summary>
    Insert = 1,

    /// <summary>Rows updated.</summary>
    Update = 2,

    /// <summary>Rows deleted, one by one or by a truncate.</summary>
    Delete = 4,

    /// <summary>All of them.</summary>
    All = Insert | Update | Delete,
}

/// <summary>What a pipeline does when the shape of a table changes.</summary>
public enum SchemaChange
{
    /// <summary>Takes the new columns, and has the target follow where its sink does; what cannot be followed Blocks. The default.</summary>
    Evolve,

    /// <summary>As <see cref="Evolve"/>, but what cannot be followed is told and passed over: those columns are left out.</summary>
    TryEvolve,

    /// <summary>Changes nothing at the target: new columns are left out, dropped ones are NULL, changed types are converted.</summary>
    Lenient,

    /// <summary>Keeps to the columns of the first shape; new ones are left out, and a dropped or changed one Blocks.</summary>
    Ignore,

    /// <summary>Blocks the pipeline until a person agrees.</summary>
    Exception,
}
