namespace Leat.Output;

/// <summary>Tells how far something is: one line that renews itself on a terminal, one line every ten seconds elsewhere; nothing with <c>--json</c>.</summary>
/// <param name="context">The command.</param>
/// <param name="text">What to say.</param>
internal sealed class ProgressLine<T>(CommandContext context, Func<T, string> text) : IProgress<T>, IDisposable
{
    private static readonly TimeSpan LinesPeriod = TimeSpan.FromSeconds(10);

    private readonly bool _renews = context.Terminal.IsErrorTerminal;
    private long _toldAt = context.Terminal.Time.GetTimestamp();
    private bool _hasLine;

    public void Report(T value)
    {
        var time = context.Terminal.Time;
        if (context.Json || (!_renews && time.GetElapsedTime(_toldAt) < LinesPeriod))
            return;
        _toldAt = time.GetTimestamp();
        if (_renews)
            context.Terminal.Error.Write($"\r{text(value)}\e[K");
        else
            context.Terminal.Error.WriteLine(text(value));
        _hasLine = _renews;
    }

    public void Dispose()
    {
        if (_hasLine)
            context.Terminal.Error.Write("\r\e[K");
    }
}
