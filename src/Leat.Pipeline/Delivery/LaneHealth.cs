using Leat.Changes;

namespace Leat.Pipeline.Delivery;

/// <summary>What a lane shows of itself to the status: failure, last change, latencies. Written by the lane alone, read by anyone.</summary>
internal sealed class LaneHealth(TimeProvider time)
{
    private const int Samples = 1024;

    // Often enough for a person who watches, too seldom to cost anything.
    private static readonly TimeSpan TextInterval = TimeSpan.FromMilliseconds(200);

    private readonly float[] _latencies = new float[Samples];
    private long _samples;
    private long _lastOutcomeMicros;
    private long _textAt;
    private string? _lastChange;
    private LeatException? _failure;
    private int _attempts;

    /// <summary>What keeps the lane from writing now.</summary>
    public LeatException? Failure => Volatile.Read(ref _failure);

    public int Attempts => Volatile.Read(ref _attempts);

    public string? LastChange => Volatile.Read(ref _lastChange);

    /// <summary>Time of the last outcome, microseconds since 1970 UTC; 0 before the first.</summary>
    public long LastOutcomeMicros => Volatile.Read(ref _lastOutcomeMicros);

    public void Failed(LeatException failure, int attempts)
    {
        Volatile.Write(ref _attempts, attempts);
        Volatile.Write(ref _failure, failure);
    }

    public void Works()
    {
        Volatile.Write(ref _attempts, 0);
        Volatile.Write(ref _failure, null);
    }

    /// <summary>Notes that an operation was acknowledged.</summary>
    public void Acknowledged(in Pending item, long nowMicros)
    {
        _latencies[_samples % Samples] = Math.Max(0, nowMicros - item.CommitMicros) / 1000f;
        Volatile.Write(ref _samples, _samples + 1);
    }

    /// <summary>Notes the last operation of a request.</summary>
    public void Settled(in Operation last, long nowMicros)
    {
        Volatile.Write(ref _lastOutcomeMicros, nowMicros);
        var now = time.GetTimestamp();
        if (_lastChange is not null && time.GetElapsedTime(_textAt, now) < TextInterval)
            return;
        _textAt = now;
        Volatile.Write(ref _lastChange, OperationText.Of(last));
    }

    /// <summary>Adds the last latencies, in milliseconds.</summary>
    public void CopyLatencies(List<float> target)
    {
        var count = (int)Math.Min(Volatile.Read(ref _samples), Samples);
        for (var i = 0; i < count; i++)
            target.Add(_latencies[i]);
    }
}
