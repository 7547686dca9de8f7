using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Leat.Changes;

namespace Leat.Output;

/// <summary>What a command that checks something prints with <c>--json</c>.</summary>
/// <param name="Command">The command's name.</param>
/// <param name="Ok">Whether all is well; then the exit code is 0.</param>
/// <param name="Summary">One sentence.</param>
/// <param name="Result">What the command found out, of its own shape; null when nothing.</param>
/// <param name="Error">Why it could not do its work; null when it could.</param>
/// <param name="Findings">What was looked at.</param>
public sealed record Envelope(
    string Command, bool Ok, string Summary, JsonNode? Result, ErrorJson? Error, IReadOnlyList<FindingJson> Findings);

/// <summary>An error with its code and remedy.</summary>
public sealed record ErrorJson(string Code, string Message, string Remedy)
{
    /// <summary>The JSON of an error.</summary>
    public static ErrorJson Of(LeatException error) => new(error.Code.ToString(), error.What, error.Remedy);
}

/// <summary>A <see cref="Finding"/>: where nothing is known, null stands.</summary>
/// <param name="Severity"><c>ok</c>, <c>warning</c> or <c>error</c>.</param>
/// <param name="Check">What was looked at.</param>
/// <param name="Subject">The source or pipeline that was looked at.</param>
/// <param name="Code">Number of the error, e.g. <c>LEAT-1001</c>.</param>
/// <param name="Message">What was found.</param>
/// <param name="Remedy">What to do.</param>
/// <param name="File">The configuration file.</param>
/// <param name="Line">From 1.</param>
/// <param name="Column">From 1.</param>
public sealed record FindingJson(
    string Severity, string Check, string? Subject, string? Code, string Message, string? Remedy, string? File, int? Line, int? Column)
{
    /// <summary>The JSON of a finding.</summary>
    public static FindingJson Of(Finding finding, string? subject) => new(
        finding.Severity.ToString().ToLowerInvariant(), finding.Check, subject, finding.Code?.ToString(), finding.Message, finding.Remedy,
        finding.Location?.File, finding.Location is { Line: > 0 } line ? line.Line : null, finding.Location is { Line: > 0 } column ? column.Column : null);
}

/// <summary>A page of <c>leat explain --json</c>.</summary>
public sealed record ErrorPageJson(string Code, string Title, string Text);

/// <summary>What <c>leat version --json</c> prints.</summary>
public sealed record VersionJson(string Version, string Runtime, string Platform);

/// <summary>What <c>leat compare --json</c> found, as the envelope's result.</summary>
public sealed record CompareJson(IReadOnlyList<PipelineCompareJson> Pipelines);

/// <summary>One compared pipeline.</summary>
/// <param name="Pipeline">Its name.</param>
/// <param name="Equal">Whether the target holds exactly what it shall.</param>
/// <param name="RowsCompared">Source rows that the target shall hold.</param>
/// <param name="Different">Rows of both with another value in some field.</param>
/// <param name="Missing">Rows that only the source has.</param>
/// <param name="Extra">Rows that only the target has.</param>
/// <param name="InMotion">Rows that differed at first and no more when they were looked at again.</param>
/// <param name="Examples">The first differing rows.</param>
public sealed record PipelineCompareJson(
    string Pipeline, bool Equal, long RowsCompared, long Different, long Missing, long Extra, long InMotion, IReadOnlyList<DifferenceJson> Examples);

/// <summary>One differing row.</summary>
/// <param name="Table">The table's name in the pipeline.</param>
/// <param name="Key">The target's key.</param>
/// <param name="Kind"><c>different</c>, <c>missing</c> or <c>extra</c>.</param>
/// <param name="Fields">The fields that differ, when both have the row.</param>
public sealed record DifferenceJson(string Table, string Key, string Kind, IReadOnlyList<FieldJson> Fields);

/// <summary>One differing field; null is NULL or absent.</summary>
public sealed record FieldJson(string Name, string? Source, string? Target);

/// <summary>The one line that <c>leat run --json</c> prints when it has started.</summary>
/// <param name="Version">Version of the program.</param>
/// <param name="ProcessId">Process to signal.</param>
/// <param name="Server">Address of the status API.</param>
/// <param name="LogFolder">Folder of the log.</param>
public sealed record StartedJson(string Version, int ProcessId, string Server, string LogFolder);

/// <summary>The JSON of the command line: keys in snake_case, characters as they are.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(Envelope))]
[JsonSerializable(typeof(ErrorPageJson))]
[JsonSerializable(typeof(IReadOnlyList<ErrorPageJson>))]
[JsonSerializable(typeof(VersionJson))]
[JsonSerializable(typeof(StartedJson))]
[JsonSerializable(typeof(CompareJson))]
[JsonSerializable(typeof(TestsJson))]
[JsonSerializable(typeof(PreviewJson))]
[JsonSerializable(typeof(PlansJson))]
[JsonSerializable(typeof(JsonNode))]
[JsonSerializable(typeof(LogStreamsJson))]
[JsonSerializable(typeof(LogDescribeJson))]
[JsonSerializable(typeof(LogVerifyJson))]
[JsonSerializable(typeof(LogRepairJson))]
[JsonSerializable(typeof(LogBackupJson))]
[JsonSerializable(typeof(LetterListJson))]
[JsonSerializable(typeof(LetterJson))]
[JsonSerializable(typeof(LetterActJson))]
[JsonSerializable(typeof(RedeliverJson))]
[JsonSerializable(typeof(string))]
public sealed partial class CliJson : JsonSerializerContext
{
    /// <summary>Indented, for a person or a script that reads one object.</summary>
    public static CliJson Readable { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>One line an object.</summary>
    public static CliJson Lines { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });

    /// <summary>One line an object. Nothing goes into a web page from here, so quotes may stay quotes.</summary>
    public static JsonWriterOptions LineOptions { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
