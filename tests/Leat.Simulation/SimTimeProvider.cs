namespace Leat.Simulation;

/// <summary>A clock that moves when it is told to; the wall clock may jump on its own, as people and time servers make it.</summary>
internal sealed class SimTimeProvider : TimeProvider
{
    private long _ticks;
    private long _jumped;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => _ticks;

    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddTicks(_ticks + _jumped);

    /// <summary>All time that really passed.</summary>
    public TimeSpan Elapsed => TimeSpan.FromTicks(_ticks);

    public void Advance(TimeSpan time) => _ticks += time.Ticks;

    /// <summary>Moves the wall clock alone. It never goes before 1970.</summary>
    public void Jump(TimeSpan time) => _jumped = Math.Max(_jumped + time.Ticks, -_ticks);
}
