using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Leat.Log;
using Leat.Pipeline;
using Leat.Pipeline.Status;

namespace Leat.Server;

/// <summary>What <c>/health/live</c> answers, whatever the state of sources and targets: restarting Leat does not mend those.</summary>
/// <param name="Live">Always true: a process that cannot say so does not answer.</param>
public sealed record Liveness(bool Live);

/// <summary>What <c>/health/ready</c> answers.</summary>
/// <param name="Ready">Whether everything can do its work.</param>
/// <param name="Reasons">Why not: one sentence for each source and pipeline that cannot. Empty when ready.</param>
public sealed record Readiness(bool Ready, IReadOnlyList<string> Reasons);

/// <summary>What an address that cannot be answered gets.</summary>
/// <param name="Error">What is wrong, a whole sentence.</param>
public sealed record RequestError(string Error);

/// <summary>A <see cref="RunState"/> as a word: <c>catching_up</c>, <c>live</c>.</summary>
public sealed class RunStateWords() : JsonStringEnumConverter<RunState>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

/// <summary>An <see cref="Intake"/> as a word: <c>open</c>, <c>disk_full</c>.</summary>
public sealed class IntakeWords() : JsonStringEnumConverter<Intake>(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false);

/// <summary>The JSON of the status API, both ways: keys in snake_case, states as words, times as ISO 8601 in UTC.</summary>
/// <remarks>A contract, described in docs/operating/status-api.md: keys are added, never renamed.</remarks>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, Converters = [typeof(RunStateWords), typeof(IntakeWords)])]
[JsonSerializable(typeof(EngineStatus))]
[JsonSerializable(typeof(Liveness))]
[JsonSerializable(typeof(Readiness))]
[JsonSerializable(typeof(RequestError))]
[JsonSerializable(typeof(SnapshotOrder))]
[JsonSerializable(typeof(SnapshotAnswer))]
[JsonSerializable(typeof(RedeliveryOrder))]
[JsonSerializable(typeof(Redelivery))]
[JsonSerializable(typeof(LetterOrder))]
[JsonSerializable(typeof(LetterAnswer))]
public sealed partial class StatusJson : JsonSerializerContext
{
    /// <summary>The shape as served: characters as they are, for people read it too. Nothing of it is ever put into a web page unescaped.</summary>
    public static StatusJson Api { get; } = new(new JsonSerializerOptions
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new RunStateWords(), new IntakeWords() },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    });
}
