namespace Leat.Demo;

/// <summary>What was asked of <c>leat demo</c>.</summary>
/// <param name="Yes">Install what is missing without asking.</param>
/// <param name="Duration">How long the shop is open; <see langword="null"/>: until a signal comes.</param>
/// <param name="Port">Port of the status API; 0 takes a free one.</param>
/// <param name="Simulator">Use the simulated shop even where servers can be had.</param>
internal sealed record DemoOptions(bool Yes, TimeSpan? Duration, int Port, bool Simulator);
