using Leat.Changes;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Delivery;

/// <summary>What all lanes of a pipeline share.</summary>
/// <param name="Pipeline">The pipeline's name.</param>
/// <param name="Sink">Opens connections.</param>
/// <param name="DeadLetters">Where refused operations go.</param>
/// <param name="Identity">Who a lane is, with the checkpoint of this moment.</param>
/// <param name="TrustTarget">Whether the target's own offsets count: false while it may hold offsets of another distribution over lanes.</param>
/// <param name="Control">Is told how the target fares.</param>
/// <param name="Time">The only clock.</param>
/// <param name="Log">Where it logs.</param>
internal sealed record LaneContext(
    string Pipeline, ISink Sink, DeadLetters DeadLetters, Func<int, LaneIdentity> Identity, bool TrustTarget, LaneControl Control, TimeProvider Time, ILogger Log)
{
    /// <summary>Proves that the target is still the same, before a lost connection is opened again.</summary>
    public required Func<CancellationToken, ValueTask> Prove { get; init; }

    /// <summary>Has the target prepared again, and lanes opened anew.</summary>
    public required Action<LeatException> PrepareAgain { get; init; }
}
