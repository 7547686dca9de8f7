using System.Buffers.Binary;

namespace Leat.Log.Tools;

/// <summary>Whole batches that stand one after the other.</summary>
internal readonly record struct GoodRun(long Position, long Bytes, long FirstOffset, long NextOffset, long LatestTimeMs);

/// <summary>Hears of what a survey comes by, in order.</summary>
internal interface ISurveyor
{
    /// <summary>A whole batch. <paramref name="runPosition"/> is where the run that it belongs to starts.</summary>
    void Batch(ReadOnlySpan<byte> batch, long position, long runPosition);

    /// <summary>Bytes without a batch.</summary>
    void Damage(DamagedBytes damage);
}

/// <summary>All that reading a segment from end to end tells about it.</summary>
internal sealed class SegmentSurvey
{
    private readonly List<GoodRun> _runs = [];
    private readonly List<DamagedBytes> _damage = [];

    private SegmentSurvey(long baseOffset) => (BaseOffset, NextOffset) = (baseOffset, baseOffset);

    public long BaseOffset { get; }

    /// <summary>Whole batches, in order.</summary>
    public IReadOnlyList<GoodRun> Runs => _runs;

    /// <summary>What is between and after them. The last one's next offset is -1 while nothing says what it should hold.</summary>
    public IReadOnlyList<DamagedBytes> Damage => _damage;

    public long NextOffset { get; private set; }

    public uint HighestEpoch { get; private set; }

    /// <summary>The highest synced offset that any batch carries, or -1.</summary>
    public long Watermark { get; private set; } = -1;

    /// <summary>Whether whole batches stand next to each other although offsets between them are missing.</summary>
    public bool HasJumps { get; private set; }

    /// <summary>Incarnations in order, from the offsets where they begin.</summary>
    public List<Incarnation> Incarnations { get; } = [];

    /// <summary>Reads the file.</summary>
    /// <param name="file">The segment.</param>
    /// <param name="bytes">How much of it counts.</param>
    /// <param name="baseOffset">Its first offset.</param>
    /// <param name="rules">What its batches must be.</param>
    /// <param name="surveyor">Hears of everything.</param>
    /// <param name="read">Called with the bytes of each step.</param>
    /// <param name="cancellationToken">Stops it between two batches.</param>
    public static SegmentSurvey Run(
        IDiskFile file, long bytes, long baseOffset, WalkRules rules, ISurveyor surveyor, Action<long> read, CancellationToken cancellationToken)
    {
        var survey = new SegmentSurvey(baseOffset);
        using var walk = new BatchWalk(file, bytes, rules, baseOffset);
        while (walk.MoveNext())
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (walk.IsWhole)
                survey.Take(walk, surveyor);
            else
                survey.TakeDamage(walk, surveyor);
            read(walk.Bytes);
        }

        return survey;
    }

    private void Take(BatchWalk walk, ISurveyor surveyor)
    {
        var view = new BatchView(walk.Batch);
        var follows = _runs.Count > 0 && _runs[^1].Position + _runs[^1].Bytes == walk.Position;
        HasJumps |= follows && walk.FirstOffset != NextOffset;
        if (follows)
        {
            var run = _runs[^1];
            _runs[^1] = run with
            {
                Bytes = run.Bytes + walk.Bytes, NextOffset = walk.NextOffset, LatestTimeMs = Math.Max(run.LatestTimeMs, view.LatestTime),
            };
        }
        else
        {
            _runs.Add(new(walk.Position, walk.Bytes, walk.FirstOffset, walk.NextOffset, view.LatestTime));
        }

        NextOffset = walk.NextOffset;
        HighestEpoch = Math.Max(HighestEpoch, BinaryPrimitives.ReadUInt32BigEndian(walk.Batch[BatchFormat.EpochAt..]));
        Watermark = Math.Max(Watermark, view.SyncedOffset());
        if (Incarnations.Count == 0 || Incarnations[^1].Id != view.Incarnation)
            Incarnations.Add(new(walk.FirstOffset, view.Incarnation));
        surveyor.Batch(walk.Batch, walk.Position, _runs[^1].Position);
    }

    private void TakeDamage(BatchWalk walk, ISurveyor surveyor)
    {
        var damage = new DamagedBytes(walk.Position, walk.Bytes, walk.FirstOffset, walk.NextOffset, walk.Reason);
        _damage.Add(damage);
        surveyor.Damage(damage);
    }
}
