#pragma warning disable CA1822
using Microsoft.Extensions.Logging;

namespace Leat.Log;

/// <summary>A folder of streams, held by one process at a time.</summary>
public sealed class LogDirectory : IDisposable
{
    private LogDirectory()
    {
    }

    /// <summary>Opens the folder, creating it when absent.</summary>
    public static LogDirectory Open(string path, IDisk disk, TimeProvider time, ILogScheduler scheduler, ILogger logger) => new();

    /// <summary>Random id of this log, kept in the folder.</summary>
    public Guid Id { get; }

    /// <summary>Names of the streams in the folder.</summary>
    public IReadOnlyList<string> Streams => [];

    /// <summary>The failure that ended the log, once it happened.</summary>
    public LogException? Failure => null;

    /// <summary>Cancelled when <see cref="Failure"/> is set.</summary>
    public CancellationToken Failed => default;

    /// <summary>Creates or recovers a stream; the same instance when it is open.</summary>
    public StreamPartition OpenStream(string name, StreamOptions options) => new(name);

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
