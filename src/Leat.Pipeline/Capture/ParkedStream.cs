using Leat.Changes;
using Leat.Log;

namespace Leat.Pipeline.Capture;

/// <summary>The stream <c>&lt;source&gt;.parked</c>: rows of prepared transactions until they are committed or rolled back. Opened when first needed.</summary>
/// <remarks>The source's position names the transactions in it; what no position names is left over from a crash, and goes with its segment.</remarks>
internal sealed class ParkedStream(string source, LogDirectory log)
{
    // Only closed segments are deleted, and what is parked is short-lived: small ones give the space back soon.
    private static readonly StreamOptions _options = new() { SegmentBytes = 16 * 1024 * 1024, IsIntake = true };

    private StreamPartition? _stream;
    private RetentionHold? _hold;

    /// <summary>The stream's name.</summary>
    public string Name => $"{source}.parked";

    /// <summary>Opens or creates the stream.</summary>
    /// <exception cref="LeatException">It is damaged.</exception>
    /// <exception cref="LogException">The whole log failed.</exception>
    public StreamPartition Open()
    {
        if (_stream is not null)
            return _stream;
        try
        {
            var stream = log.OpenStream(Name, _options);
            _hold = stream.Hold($"source {source}", stream.StartOffset);
            stream.Alter(_options with { RetentionBytes = 0 });
            return _stream = stream;
        }
        catch (LogException cause) when (StreamTrouble.Of(log, cause) is { } failure && failure != (Exception)cause)
        {
            throw failure;
        }
    }

    /// <summary>Reads on; <see langword="null"/> at the end.</summary>
    /// <exception cref="LeatException">It is damaged.</exception>
    /// <exception cref="LogException">The whole log failed.</exception>
    public LogBlock? Read(LogReader reader)
    {
        const int Bytes = 1024 * 1024;
        try
        {
            return reader.Read(Bytes);
        }
        catch (LogException cause) when (StreamTrouble.Of(log, cause) is { } failure && failure != (Exception)cause)
        {
            throw failure;
        }
    }

    /// <summary>Lets go of what is before an offset.</summary>
    public void KeepFrom(long offset)
    {
        if (_hold is { } hold)
            hold.Offset = Math.Max(hold.Offset, offset);
    }
}
