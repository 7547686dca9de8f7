namespace Leat.Pipeline;

/// <summary>How a pipeline delivers everything again.</summary>
/// <param name="Pipeline">Its name.</param>
/// <param name="FromOffset">The offset at which it begins.</param>
/// <param name="Reread">Whether the source reads the tables again, because the stream does not hold everything or because it was asked for.</param>
/// <param name="Epoch">The pipeline's epoch from then on.</param>
public sealed record Redelivery(string Pipeline, long FromOffset, bool Reread, uint Epoch);
