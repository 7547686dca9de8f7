using System.Collections.Immutable;

namespace Leat.Server;

/// <summary>What a request to deliver everything again says.</summary>
/// <param name="Reread">Whether the source shall read the tables again although the log holds everything.</param>
public sealed record RedeliveryOrder(bool Reread);

/// <summary>What a request about dead letters says.</summary>
/// <param name="Letters">Their numbers.</param>
/// <param name="By">Who asks, for people.</param>
public sealed record LetterOrder(ImmutableArray<long> Letters, string By);

/// <summary>What was taken.</summary>
/// <param name="Pipeline">The pipeline.</param>
/// <param name="Letters">How many letters.</param>
public sealed record LetterAnswer(string Pipeline, int Letters);
