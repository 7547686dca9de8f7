namespace Leat.Output;

/// <summary>Tells on a terminal how much of a file is decoded, in a line that renews itself; nothing elsewhere, nor for a file that is done at once.</summary>
internal sealed class DecodeProgressLine : IProgress<long>, IDisposable
{
    private static readonly TimeSpan RenewalPeriod = TimeSpan.FromMilliseconds(200);

    private readonly CommandContext _context;
    private readonly string _name;
    private readonly long? _totalBytes;
    private readonly long _begunAt;
    private long _toldAt;
    private bool _hasLine;

    /// <summary>A line that is not shown yet.</summary>
    /// <param name="context">Its error output is written to.</param>
    /// <param name="name">The file's name.</param>
    /// <param name="totalBytes">Its length; <see langword="null"/> for a pipe.</param>
    public DecodeProgressLine(CommandContext context, string name, long? totalBytes)
    {
        (_context, _name, _totalBytes) = (context, name, totalBytes);
        _begunAt = _toldAt = context.Terminal.Time.GetTimestamp();
    }

    /// <inheritdoc/>
    public void Report(long value)
    {
        // Lines of data and a renewed line would mix on one terminal.
        var time = _context.Terminal.Time;
        if (!_context.Terminal.IsErrorTerminal || _context.Terminal.IsOutTerminal || time.GetElapsedTime(_toldAt) < RenewalPeriod)
            return;
        _toldAt = time.GetTimestamp();
        var rate = value / Math.Max(0.001, time.GetElapsedTime(_begunAt).TotalSeconds);
        var total = _totalBytes is { } bytes ? $" of {Quantities.Size(bytes)}" : "";
        _context.Terminal.Error.Write($"\r{_name}: {Quantities.Size(value)}{total}, {Quantities.Size((long)rate)}/s\e[K");
        _hasLine = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_hasLine)
            _context.Terminal.Error.Write("\r\e[K");
    }
}
