using System.Text.Json.Nodes;
using Leat.Pipeline.Letters;

namespace Leat.Output;

/// <summary>What <c>leat dlq list --json</c> prints.</summary>
/// <param name="Pipeline">The pipeline.</param>
/// <param name="Open">Letters that are open.</param>
/// <param name="Ended">Letters that ended, by how: <c>applied</c>, <c>superseded</c>, <c>filtered</c>, <c>discarded</c>.</param>
/// <param name="Causes">The open ones by table and cause, the most first.</param>
public sealed record LetterListJson(string Pipeline, int Open, IReadOnlyDictionary<string, int> Ended, IReadOnlyList<LetterGroupJson> Causes);

/// <summary>Open letters of one table and cause.</summary>
/// <param name="Table">The table's name in the pipeline.</param>
/// <param name="Cause">The target's name for it.</param>
/// <param name="Letters">How many.</param>
/// <param name="FirstAt">When the first was refused, UTC.</param>
/// <param name="LastAt">When the last was refused, UTC.</param>
/// <param name="Example">Number of the newest.</param>
/// <param name="Key">Key of that one.</param>
/// <param name="Reason">The target's words for that one.</param>
public sealed record LetterGroupJson(string Table, string Cause, int Letters, DateTimeOffset FirstAt, DateTimeOffset LastAt, long Example, string Key, string Reason);

/// <summary>A letter as <c>leat dlq show --json</c> prints it, one a line.</summary>
/// <param name="Id">Its number.</param>
/// <param name="State">What became of it.</param>
/// <param name="Requested">Whether a replay was asked for that has no outcome yet.</param>
/// <param name="Table">The table's name in the pipeline.</param>
/// <param name="SourceTable">The table at the source.</param>
/// <param name="Operation"><c>index</c>, <c>update</c> or <c>delete</c>.</param>
/// <param name="Key">Key columns and values.</param>
/// <param name="Cause">The target's name for reasons of this kind.</param>
/// <param name="Reason">The target's words.</param>
/// <param name="Attempts">How often it was refused.</param>
/// <param name="Epoch">Epoch of the pipeline when it was refused.</param>
/// <param name="Offset">Offset of the change in the source's stream.</param>
/// <param name="Transaction">The source's name of the transaction.</param>
/// <param name="FirstAt">When it was first refused, UTC.</param>
/// <param name="LastAt">When it was last refused, UTC.</param>
/// <param name="EndedAt">When it ended, UTC.</param>
/// <param name="EndedBy">Who gave it up.</param>
/// <param name="Change">The change as captured, as docs/formats/change-json.md describes it; null when the log does not hold its table's shape.</param>
/// <param name="Row">The row as it was sent, columns under their names at the target; null for deletes and large rows.</param>
public sealed record LetterJson(
    long Id, string State, bool Requested, string Table, string SourceTable, string Operation, string Key, string Cause, string Reason, int Attempts,
    uint Epoch, long Offset, string Transaction, DateTimeOffset FirstAt, DateTimeOffset LastAt, DateTimeOffset? EndedAt, string? EndedBy, JsonNode? Change, JsonNode? Row)
{
    /// <summary>The JSON of a letter.</summary>
    public static LetterJson Of(Letter letter, JsonNode? change, JsonNode? row) => new(
        letter.Id, letter.State.ToString().ToLowerInvariant(), letter.IsRequested, letter.Alias, letter.Table, letter.Operation, letter.Key, letter.Cause, letter.Reason,
        letter.Attempts, letter.Epoch, letter.Offset, letter.Transaction, letter.FirstAt, letter.LastAt, letter.EndedAt, letter.EndedBy, change, row);
}

/// <summary>What <c>leat dlq replay</c> and <c>leat dlq discard</c> print with <c>--json</c>.</summary>
/// <param name="Pipeline">The pipeline.</param>
/// <param name="Selected">Open letters that were meant.</param>
/// <param name="Taken">How many of those were taken; 0 without --yes.</param>
/// <param name="Running">Whether a running Leat took them; else they are in the log for the next start.</param>
/// <param name="Outcomes">What became of those that were replayed: <c>applied</c>, <c>superseded</c>, <c>filtered</c>, <c>refused</c> (again). Empty when nobody runs.</param>
public sealed record LetterActJson(string Pipeline, int Selected, int Taken, bool Running, IReadOnlyDictionary<string, int> Outcomes);

/// <summary>What <c>leat redeliver --json</c> prints.</summary>
/// <param name="Pipeline">The pipeline.</param>
/// <param name="FromOffset">Where it begins.</param>
/// <param name="Reread">Whether the source reads the tables again.</param>
/// <param name="Done">Whether it was asked for; false without --yes.</param>
/// <param name="Running">Whether a running Leat took it; else it is in the log for the next start.</param>
/// <param name="Epoch">The pipeline's epoch from then on; null without --yes.</param>
public sealed record RedeliverJson(string Pipeline, long FromOffset, bool Reread, bool Done, bool Running, uint? Epoch);
