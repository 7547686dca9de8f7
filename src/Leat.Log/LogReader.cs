#pragma warning disable CA1822
namespace Leat.Log;

/// <summary>Reads one stream from an offset on. Used by one thread at a time.</summary>
public sealed class LogReader : IDisposable
{
    internal LogReader(long fromOffset) => NextOffset = fromOffset;

    /// <summary>The next offset that <see cref="Read"/> returns.</summary>
    public long NextOffset { get; private set; }

    /// <summary>Whole readable batches, or null when nothing is readable now.</summary>
    public LogBlock? Read(int maxBytes) => throw new NotSupportedException();

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
