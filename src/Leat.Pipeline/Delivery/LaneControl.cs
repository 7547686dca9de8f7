using Leat.Changes;

namespace Leat.Pipeline.Delivery;

/// <summary>
/// How many lanes a pipeline runs: what the file says, or as many as serve the target. More by steps while the lanes are what everything waits for and more of them
/// help; by halves fewer when the target has too much to do or takes ever longer.
/// </summary>
/// <remarks>
/// Additive increase, multiplicative decrease. A change takes a drain of all lanes, so it is decided over windows of some seconds; a target that
/// keeps an offset for each lane has to rewrite them, and is asked for that once a minute at most. Lanes and dispatcher tell what they see, from any thread.
/// </remarks>
internal sealed class LaneControl
{
    /// <summary>Lanes at a first start: enough to hide a round trip, few enough for any target.</summary>
    public const int First = 4;

    /// <summary>Most lanes that are chosen without being asked for.</summary>
    public const int Most = 32;

    private const int Step = 2;

    // Shares of a window: of the time that the dispatcher waited for room, and of the requests that met a busy target.
    private const double Saturated = 0.5;
    private const double Busy = 0.05;

    // What a larger number has to bring to stay, and how much longer than usual a request may take before the number is halved.
    private const double Gain = 1.05;
    private const double Slow = 3;
    private const int LatencySamples = 512;

    /// <summary>Time over which is decided.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(10);

    /// <summary>The same, for targets that keep an offset for each lane.</summary>
    public static readonly TimeSpan LongWindow = TimeSpan.FromMinutes(1);

    /// <summary>A target that is busy beyond doubt is spared after this time.</summary>
    public static readonly TimeSpan ShortWindow = TimeSpan.FromSeconds(2);

    /// <summary>Time without growth after a decrease or a growth that was of no use; doubles each time up to an hour.</summary>
    public static readonly TimeSpan FirstRest = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan LongestRest = TimeSpan.FromHours(1);

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly int? _fixed;
    private readonly float[] _samples = new float[LatencySamples];
    private int _most = Most;
    private bool _keepsOffsets;
    private int _lanes;
    private int _grewFrom;
    private double _rateBefore;
    private double _usual;
    private int _slowWindows;
    private TimeSpan _rest = FirstRest;
    private long _restsUntil = long.MinValue;
    private long _windowAt;
    private long _requests;
    private long _busy;
    private long _operations;
    private TimeSpan _waited;
    private int _latencies;

    /// <summary>Controls one pipeline.</summary>
    /// <param name="lanes">The number that the file says; <see langword="null"/> for automatic.</param>
    /// <param name="time">The only clock.</param>
    public LaneControl(int? lanes, TimeProvider time)
    {
        _fixed = lanes;
        _time = time;
    }

    /// <summary>The number of lanes that it wants.</summary>
    public int Lanes => Volatile.Read(ref _lanes);

    /// <summary>Why the number was changed last, for people.</summary>
    public string Reason { get; private set; } = "";

    /// <summary>Begins a session of lanes and tells how many.</summary>
    /// <param name="traits">What the sink takes.</param>
    /// <param name="before">The number under which the pipeline was checkpointed; 0 when it was not.</param>
    public int Begin(SinkTraits traits, int before)
    {
        lock (_gate)
        {
            var most = traits.WholeTransactions ? 1 : traits.MaxLanes;
            _most = Math.Min(most, Most);
            if (_lanes == 0)
                _lanes = before > 0 ? before : First;
            _lanes = Math.Clamp(_fixed ?? _lanes, 1, _fixed is null ? _most : most);
            Restart();
            return _lanes;
        }
    }

    /// <summary>Says whether the target keeps an offset for each lane.</summary>
    public void Opened(bool keepsOffsets) => _keepsOffsets = keepsOffsets;

    /// <summary>A request was answered.</summary>
    /// <param name="took">From sending to the answer.</param>
    /// <param name="operations">Operations in it.</param>
    /// <param name="isFull">Whether it was about as large as it may be: only such can be compared.</param>
    /// <param name="isBusy">Whether the target said that it has too much to do.</param>
    public void Answered(TimeSpan took, int operations, bool isFull, bool isBusy)
    {
        lock (_gate)
        {
            _requests++;
            _busy += isBusy ? 1 : 0;
            _operations += operations;
            if (isFull && !isBusy)
                _samples[_latencies++ % LatencySamples] = (float)(took.TotalMicroseconds / operations);
        }
    }

    /// <summary>A request as a whole met a target that has too much to do.</summary>
    public void MetBusy()
    {
        lock (_gate)
        {
            _requests++;
            _busy++;
        }
    }

    /// <summary>Waits until a lane has room, and takes note of how long that took.</summary>
    public async ValueTask WaitAsync(ValueTask room)
    {
        if (room.IsCompletedSuccessfully)
            return;
        var since = _time.GetTimestamp();
        await room;
        var waited = _time.GetElapsedTime(since);
        lock (_gate)
            _waited += waited;
    }

    /// <summary>Whether the session shall end, to begin again with another number of lanes.</summary>
    public bool WantsChange()
    {
        if (_fixed is not null)
            return false;
        var now = _time.GetTimestamp();
        var elapsed = _time.GetElapsedTime(_windowAt, now);
        if (elapsed < ShortWindow)
            return false;
        lock (_gate)
        {
            var clearlyBusy = _busy >= 3 && _busy * 4 >= _requests;
            if (elapsed < (_keepsOffsets ? LongWindow : clearlyBusy ? ShortWindow : Window))
                return false;
            var lanes = Decide(elapsed, now);
            Restart();
            if (lanes == _lanes)
                return false;
            _lanes = lanes;
            return true;
        }
    }

    private int Decide(TimeSpan elapsed, long now)
    {
        var rate = _operations / elapsed.TotalSeconds;
        var saturated = _waited >= elapsed * Saturated;
        if (_busy > 0 && _busy >= _requests * Busy)
            return Shrink(now, "the target has too much to do");
        if (IsSlow())
            return Shrink(now, "the target takes ever longer");

        var grewFrom = _grewFrom;
        _grewFrom = 0;
        if (grewFrom > 0 && saturated && rate < _rateBefore * Gain)
        {
            Rest(now);
            Reason = "more lanes did not help";
            return grewFrom;
        }

        if (!saturated || now < _restsUntil || _lanes >= _most)
            return _lanes;
        _grewFrom = _lanes;
        _rateBefore = rate;
        Reason = "all lanes are busy, and the target has room";
        return Math.Min(_most, _lanes + Step);
    }

    private int Shrink(long now, string reason)
    {
        _grewFrom = 0;
        _slowWindows = 0;
        Rest(now);
        Reason = reason;
        return Math.Max(1, _lanes / 2);
    }

    private void Rest(long now)
    {
        _restsUntil = now + (long)(_rest.TotalSeconds * _time.TimestampFrequency);
        _rest = _rest * 2 < LongestRest ? _rest * 2 : LongestRest;
    }

    // The 95th percentile of this window against what an operation usually takes; two windows in a row, since one slow moment says nothing.
    private bool IsSlow()
    {
        const int Telling = 20;
        var count = Math.Min(_latencies, LatencySamples);
        if (count < Telling)
            return false;
        var sorted = _samples.AsSpan(0, count);
        sorted.Sort();
        double median = sorted[count / 2];
        double high = sorted[(int)(count * 0.95)];
        var slow = _usual > 0 && high > _usual * Slow && median > _usual;
        _usual = _usual == 0 || median < _usual ? median : (_usual * 0.9) + (median * 0.1);
        _slowWindows = slow ? _slowWindows + 1 : 0;
        return _slowWindows >= 2;
    }

    private void Restart()
    {
        Volatile.Write(ref _windowAt, _time.GetTimestamp());
        _requests = 0;
        _busy = 0;
        _operations = 0;
        _latencies = 0;
        _waited = TimeSpan.Zero;
    }
}
