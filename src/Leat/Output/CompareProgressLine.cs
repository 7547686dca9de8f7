using Leat.Pipeline.Compare;

namespace Leat.Output;

/// <summary>Tells how far a comparison is: one line that renews itself on a terminal, one line every ten seconds elsewhere; nothing with <c>--json</c>.</summary>
internal sealed class CompareProgressLine(CommandContext context, string pipeline) : IProgress<CompareProgress>, IDisposable
{
    private static readonly TimeSpan LinesPeriod = TimeSpan.FromSeconds(10);

    private readonly bool _renews = context.Terminal.IsErrorTerminal;
    private long _toldAt = context.Terminal.Time.GetTimestamp();
    private bool _hasLine;

    public void Report(CompareProgress value)
    {
        var time = context.Terminal.Time;
        if (context.Json || (!_renews && time.GetElapsedTime(_toldAt) < LinesPeriod))
            return;
        _toldAt = time.GetTimestamp();
        var text = FormattableString.Invariant(
            $"{pipeline}: {value.Alias}, {value.SourceRows:N0} source rows, {value.TargetRows:N0} target rows");
        if (_renews)
            context.Terminal.Error.Write($"\r{text}\e[K");
        else
            context.Terminal.Error.WriteLine(text);
        _hasLine = _renews;
    }

    public void Dispose()
    {
        if (_hasLine)
            context.Terminal.Error.Write("\r\e[K");
    }
}
