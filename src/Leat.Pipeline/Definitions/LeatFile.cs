using System.Collections.Immutable;
using Leat.Changes;
using Leat.Log;
using Leat.Transform.Plan;
using Leat.Transform.Plan.Rules;

namespace Leat.Pipeline.Definitions;

/// <summary>The connectors that this program was built with; the only way in which the engine learns of them.</summary>
public sealed record ConnectorCatalog(ImmutableArray<SourceKind> Sources, ImmutableArray<SinkKind> Sinks);

/// <summary>A configuration file, read and found right.</summary>
public sealed record LeatFile
{
    /// <summary>The file's path as given.</summary>
    public required string Path { get; init; }

    /// <summary>The sources in the file's order.</summary>
    public required ImmutableArray<SourceDefinition> Sources { get; init; }

    /// <summary>The pipelines in the file's order.</summary>
    public required ImmutableArray<PipelineDefinition> Pipelines { get; init; }

    /// <summary>Where the log lives and how it syncs.</summary>
    public required LogDefinition Log { get; init; }
}

/// <summary>One entry of <c>sources:</c>.</summary>
/// <param name="Name">Name of the source, and of its stream.</param>
/// <param name="Kind">Kind of connector, e.g. <c>mysql</c>.</param>
/// <param name="Open">Opens it.</param>
/// <param name="Location">Where the entry stands.</param>
public sealed record SourceDefinition(string Name, string Kind, Opener<ISource> Open, FileLocation Location)
{
    /// <summary>Settings of its stream.</summary>
    public StreamOptions Stream { get; init; } = new();
}

/// <summary>One entry of <c>pipelines:</c>.</summary>
public sealed record PipelineDefinition
{
    /// <summary>Name of the pipeline.</summary>
    public required string Name { get; init; }

    /// <summary>Name of its source.</summary>
    public required string From { get; init; }

    /// <summary>Its tables in the file's order; aliases are unique, and so are the source tables.</summary>
    public required ImmutableArray<TableRule> Tables { get; init; }

    /// <summary>How its tables become documents; <see langword="null"/>: each table is delivered as it is.</summary>
    public DocumentRule? Document { get; init; }

    /// <summary>What <c>leat test</c> runs, in the file's order.</summary>
    public ImmutableArray<TestRule> Tests { get; init; } = [];

    /// <summary>Kind of the sink, e.g. <c>redis</c>.</summary>
    public required string SinkKind { get; init; }

    /// <summary>Opens the sink.</summary>
    public required Opener<ISink> OpenSink { get; init; }

    /// <summary>Number of lanes, 1 to 64; <see langword="null"/>, the default, for as many as serve the target: 4 at first, up to 32.</summary>
    public int? Lanes { get; init; }

    /// <summary>So many open dead letters stop delivery until somebody acts, 1 to 100,000,000; each takes some 300 bytes of memory. Default 1,000,000.</summary>
    public int MaxDeadLetters { get; init; } = 1_000_000;

    /// <summary>Where the entry stands.</summary>
    public required FileLocation Location { get; init; }
}

/// <summary>One entry of a pipeline's <c>tables:</c>: which source table, which of its columns and rows.</summary>
public sealed record TableRule
{
    /// <summary>The key in the file: the table's name in this pipeline.</summary>
    public required string Alias { get; init; }

    /// <summary>The source table. With a <see cref="Pattern"/> none: its database is empty and its name the alias.</summary>
    public required TableName Table { get; init; }

    /// <summary>Several tables as one; <see langword="null"/> for a single one.</summary>
    public TablePattern? Pattern { get; init; }

    /// <summary>The columns to deliver, in order; empty for all. Primary-key columns are always delivered.</summary>
    public ImmutableArray<string> Columns { get; init; } = [];

    /// <summary>Names at the target of columns that have another there, by the column's name.</summary>
    public ImmutableDictionary<string, string> Rename { get; init; } = ImmutableDictionary<string, string>.Empty;

    /// <summary>Computed columns, in order.</summary>
    public ImmutableArray<SetRule> Set { get; init; } = [];

    /// <summary>An SQL condition; rows for which it is not true are not delivered, and leaving it deletes. <see langword="null"/>: every row.</summary>
    public string? Where { get; init; }

    /// <summary><see cref="Where"/> with its place; <see langword="null"/> without one, or outside a file.</summary>
    public WrittenExpression? WhereWritten { get; init; }

    /// <summary>Which operations of the source are followed. Default all.</summary>
    public FollowedOperations When { get; init; } = FollowedOperations.All;

    /// <summary>Not empty: a deleted row stays, with these columns set.</summary>
    public ImmutableArray<SetRule> SoftDelete { get; init; } = [];

    /// <summary>What happens when the table's shape changes. Default <see cref="SchemaChange.Evolve"/>.</summary>
    public SchemaChange OnSchemaChange { get; init; } = SchemaChange.Evolve;

    /// <summary>Not <see langword="null"/>: the fields that it owns in documents which several tables of the pipeline write.</summary>
    public FieldGroup? Group { get; init; }

    /// <summary>Where the entry stands.</summary>
    public required FileLocation Location { get; init; }

    /// <summary>What the plan needs to know of it.</summary>
    public TableSelection ToSelection() => new(Alias, Table, Columns, Where)
    {
        Rename = Rename, Set = Set, When = When, SoftDelete = SoftDelete, Pattern = Pattern, OnSchemaChange = OnSchemaChange, Group = Group,
        Location = Location, WhereWritten = WhereWritten,
    };
}

/// <summary>The <c>log:</c> block.</summary>
public sealed record LogDefinition
{
    /// <summary>The folder when none is given.</summary>
    public const string DefaultFolder = "leat-data";

    /// <summary>The reserve when none is given: enough for what the log itself writes while a person makes room.</summary>
    public const long DefaultReserve = 64L * 1024 * 1024;

    /// <summary>The log's folder. Default <c>leat-data</c> beside the configuration file.</summary>
    public required string Folder { get; init; }

    /// <summary>Bytes of the disk that are kept for the log's own needs when it is full; 0 for none. Default 64 MiB.</summary>
    public long ReserveBytes { get; init; } = DefaultReserve;

    /// <summary>Settings of the sources' streams, as far as a source does not change them.</summary>
    public StreamOptions Stream { get; init; } = new();
}
