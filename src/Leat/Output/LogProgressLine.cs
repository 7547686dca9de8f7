using Leat.Log.Tools;

namespace Leat.Output;

/// <summary>Tells how far a tool is that reads a log, and how fast: one line that renews itself on a terminal, one line every ten seconds elsewhere; nothing with <c>--json</c>.</summary>
internal sealed class LogProgressLine : IProgress<LogProgress>, IDisposable
{
    private static readonly TimeSpan LinesPeriod = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RenewalPeriod = TimeSpan.FromMilliseconds(200);

    private readonly CommandContext _context;
    private readonly bool _renews;
    private readonly long _begunAt;
    private long _toldAt;
    private bool _hasLine;

    public LogProgressLine(CommandContext context)
    {
        _context = context;
        _renews = context.Terminal.IsErrorTerminal;
        _begunAt = _toldAt = context.Terminal.Time.GetTimestamp();
    }

    public void Report(LogProgress value)
    {
        var time = _context.Terminal.Time;
        if (_context.Json || time.GetElapsedTime(_toldAt) < (_renews ? RenewalPeriod : LinesPeriod))
            return;
        _toldAt = time.GetTimestamp();
        var rate = value.DoneBytes / Math.Max(0.001, time.GetElapsedTime(_begunAt).TotalSeconds);
        var text = $"{value.Stream}: {Quantities.Size(value.DoneBytes)} of {Quantities.Size(value.TotalBytes)}, {Quantities.Size((long)rate)}/s";
        if (_renews)
            _context.Terminal.Error.Write($"\r{text}\e[K");
        else
            _context.Terminal.Error.WriteLine(text);
        _hasLine = _renews;
    }

    public void Dispose()
    {
        if (_hasLine)
            _context.Terminal.Error.Write("\r\e[K");
    }
}
