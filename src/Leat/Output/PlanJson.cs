namespace Leat.Output;

/// <summary>What <c>leat plan --json</c> shows, as the envelope's result.</summary>
public sealed record PlansJson(IReadOnlyList<PlanJson> Pipelines);

/// <summary>One pipeline; what was not looked at is null or empty.</summary>
/// <param name="Pipeline">Its name.</param>
/// <param name="Source">Name of its source.</param>
/// <param name="Sink">Kind of its sink.</param>
/// <param name="Lanes">Number of lanes; null when Leat chooses.</param>
/// <param name="Tables">Its tables.</param>
/// <param name="Document">Its documents; null when each table is delivered by itself.</param>
/// <param name="State">What is held for documents.</param>
/// <param name="Target">What the sink found at the target, and would change there.</param>
/// <param name="Application">What happens when the file is run.</param>
public sealed record PlanJson(
    string Pipeline, string Source, string Sink, int? Lanes, IReadOnlyList<PlanTableJson> Tables, PlanDocumentJson? Document, PlanStateJson? State,
    IReadOnlyList<FindingJson> Target, PlanApplicationJson? Application);

/// <summary>One table.</summary>
/// <param name="Table">Its name in the pipeline.</param>
/// <param name="Source">The source's table, or the pattern of several.</param>
/// <param name="Where">Its condition.</param>
/// <param name="Columns">What is delivered, under its names at the target; empty when not known.</param>
/// <param name="Key">The key's columns.</param>
public sealed record PlanTableJson(string Table, string Source, string? Where, IReadOnlyList<string> Columns, IReadOnlyList<string> Key);

/// <summary>The documents.</summary>
/// <param name="Root">The table whose rows they are.</param>
/// <param name="Where">Which of them there are.</param>
/// <param name="Group">What groups are made by; null when there is a document for each row.</param>
/// <param name="Fields">Their fields; empty when not known.</param>
/// <param name="Joins">The tables that are joined.</param>
public sealed record PlanDocumentJson(string Root, string? Where, IReadOnlyList<string>? Group, IReadOnlyList<string> Fields, IReadOnlyList<PlanJoinJson> Joins);

/// <summary>One join.</summary>
/// <param name="Name">Name of its field.</param>
/// <param name="From">The table that is joined.</param>
/// <param name="To">The table that it is joined to.</param>
/// <param name="On">The condition.</param>
/// <param name="Lookup"><c>key</c> or <c>index</c>: how its rows are found.</param>
/// <param name="Collection">Whether its rows become a collection.</param>
/// <param name="FansOut">Whether a change of one row may touch any number of documents.</param>
public sealed record PlanJoinJson(string Name, string From, string To, string On, string Lookup, bool Collection, bool FansOut);

/// <summary>What is held.</summary>
/// <param name="Bytes">About how many bytes of memory; null when not known.</param>
/// <param name="LimitBytes">The most.</param>
/// <param name="DiskBytes">Bytes on disk of what is held already; null when nothing is.</param>
/// <param name="Tables">Of each table.</param>
public sealed record PlanStateJson(long? Bytes, long LimitBytes, long? DiskBytes, IReadOnlyList<PlanHeldJson> Tables);

/// <summary>What is held of a table.</summary>
public sealed record PlanHeldJson(string Table, IReadOnlyList<string> Columns, IReadOnlyList<string> Key, IReadOnlyList<IReadOnlyList<string>> Indexes, long? Rows, long? RowBytes);

/// <summary>What happens when the file is run: <c>new</c>, <c>continues</c> or <c>rebuilt</c>.</summary>
public sealed record PlanApplicationJson(string Kind, string Text, long? RowsRead);
