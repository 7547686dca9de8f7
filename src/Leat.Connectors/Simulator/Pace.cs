namespace Leat.Connectors.Simulator;

/// <summary>Holds an average rate of rows. What was missed by being slow is made up for at most a tenth of a second.</summary>
internal sealed class Pace(int rowsPerSecond, TimeProvider time)
{
    private static readonly TimeSpan MostCatchUp = TimeSpan.FromMilliseconds(100);

    private readonly long _start = time.GetTimestamp();
    private TimeSpan _due;

    /// <summary>How long to wait after that many rows; zero or less: not at all.</summary>
    public TimeSpan After(int rows)
    {
        var elapsed = time.GetElapsedTime(_start);
        if (_due < elapsed - MostCatchUp)
            _due = elapsed - MostCatchUp;
        _due += TimeSpan.FromSeconds((double)rows / rowsPerSecond);
        return _due - elapsed;
    }
}
