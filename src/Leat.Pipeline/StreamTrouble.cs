using Leat.Changes;
using Leat.Log;

namespace Leat.Pipeline;

/// <summary>Tells what stops one stream from what stops the whole log.</summary>
internal static class StreamTrouble
{
    private const int Closed = 2019;

    /// <summary>What blocks those who need the stream; <see langword="null"/> when the log itself has failed or is closed, or the cause is no such trouble.</summary>
    public static LeatException? Of(LogDirectory log, Exception cause) => cause switch
    {
        LogException of when log.Failure is null && of.Code != Closed => EngineErrors.OfStream(of),
        LeatException of => of,
        _ => null,
    };
}
