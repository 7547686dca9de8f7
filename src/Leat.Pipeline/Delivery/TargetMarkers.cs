using Leat.Changes;
using Microsoft.Extensions.Logging;

namespace Leat.Pipeline.Delivery;

/// <summary>What a target's marker asks of a pipeline before it writes.</summary>
/// <param name="Above">The pipeline's epoch has to rise above this one; 0: it may stay.</param>
/// <param name="Why">Why it has to, for people.</param>
/// <param name="IsForeign">Whether another log wrote to the target, so that it may hold rows that the source does not have.</param>
internal readonly record struct MarkerVerdict(uint Above, string Why, bool IsForeign);

/// <summary>Keeps a pipeline's marker in its target: who writes there, and how far at most. Described in docs/formats/target-marker.md.</summary>
/// <remarks>
/// The marker runs ahead of what is sent, so that it is written seldom. In one epoch each is higher than all before it, the one of an orderly stop, too: so an older
/// state of the target, and an older log, show by it. Before it is written it is read: a target that was emptied, replaced or put back while Leat ran shows.
/// </remarks>
internal sealed class TargetMarkers(string pipeline, ISink sink, Guid logId, TimeProvider time, ILogger log)
{
    /// <summary>How far the marker is ahead of what is sent when it is written: three seconds at the highest speed.</summary>
    public const long Lead = 1L << 20;

    /// <summary>Time between markers while something is sent: a target that is put back to a state older than this is found out by its marker.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly Turn _turn = new();
    private TargetMarker? _written;
    private TargetMarker? _writing;
    private bool _isComputed;
    private long _coveredAt;
    private long _coveredNext;
    private Task _ahead = Task.CompletedTask;

    /// <summary>Makes durable which marker is about to be written, so that the next start knows it for this log's own; told whether it is the first of a session.</summary>
    public required Func<TargetMarker, bool, CancellationToken, Task> Announce { get; init; }

    /// <summary>What a checkpoint of this moment would say of the lanes.</summary>
    public required Func<Checkpoint> Now { get; init; }

    /// <summary>Whether the target keeps markers.</summary>
    public bool IsKept => sink.KeepsMarker;

    /// <summary>What a checkpoint of this moment may say of the marker; <see langword="null"/> before it was written.</summary>
    public NotedMarker? Noted => Volatile.Read(ref _written) is not { } marker ? null : _isComputed ? new(0, -1) : new(marker.Epoch, marker.Offset);

    /// <summary>Judges what the target's marker says.</summary>
    /// <param name="found">The marker; <see langword="null"/> for none.</param>
    /// <param name="checkpoint">Where the pipeline is about to go on.</param>
    /// <param name="epoch">The pipeline's epoch.</param>
    /// <param name="end">Where its stream ended when it was opened.</param>
    /// <exception cref="PauseException">The target is not the one that acknowledged.</exception>
    public MarkerVerdict Judge(TargetMarker? found, Checkpoint checkpoint, uint epoch, long end)
    {
        if (found is null)
            return checkpoint.Marker is null ? default : throw EngineErrors.MarkerGone(pipeline);
        if (found.LogId != logId)
        {
            return checkpoint.Marker is null
                ? new(Math.Max(found.Epoch, epoch), $"log {found.LogId} wrote to the target in epoch {found.Epoch}", IsForeign: true)
                : throw EngineErrors.MarkerForeign(pipeline, found.LogId);
        }

        // Written by this process: whatever is in the stream now was never sent under another meaning.
        if (found == Volatile.Read(ref _written) || found == Volatile.Read(ref _writing))
            return default;
        if (found.Epoch > epoch)
            return new(found.Epoch, $"the target was written in epoch {found.Epoch}", IsForeign: false);
        if (checkpoint.Marker is { Offset: >= 0 } noted && (found.Epoch, found.Offset).CompareTo((noted.Epoch, noted.Offset)) < 0)
            throw EngineErrors.MarkerBehind(pipeline, found, noted);
        var isAhead = found.Epoch == epoch && found.Offset > end;
        if (IsBehind(found, checkpoint, isAhead))
            throw EngineErrors.LanesBehind(pipeline, found, checkpoint);

        // A run of this very log that was killed left it so: nothing was sent that the stream does not hold.
        if (new NotedMarker(found.Epoch, found.Offset) is var own && (own == checkpoint.Announced || own == checkpoint.Marker))
            return default;
        return isAhead
            ? new(epoch, $"the target may hold changes up to offset {found.Offset}, and the stream ended at {end}", IsForeign: false)
            : default;
    }

    // Where the target keeps the lanes' offsets: those that the checkpoint knows were there when it was written, and so many; before their number changes the checkpoint
    // forgets them, but for one that holds for all. One less is in order, see LaneIdentity.LaneOffset.
    private static bool IsBehind(TargetMarker found, Checkpoint checkpoint, bool isAhead)
    {
        var (there, known) = (found.Lanes, checkpoint.Lanes);
        if (there.IsEmpty || known.IsEmpty)
            return false;
        if (found.Epoch < (checkpoint.OffsetsFrom ?? checkpoint.PipelineEpoch))
            return true;
        if (there.Length == known.Length)
            return there.Zip(known).Any(lane => lane.First + 1 < lane.Second);
        return (checkpoint.Routing.Length > 0 && !isAhead) || there.Min() + 1 < known.Min();
    }

    /// <summary>Reads the target's marker.</summary>
    public ValueTask<TargetMarker?> ReadAsync(CancellationToken cancellationToken) => sink.ReadMarkerAsync(pipeline, cancellationToken);

    /// <summary>Writes the first marker of a session; the target was judged.</summary>
    /// <param name="epoch">The pipeline's epoch.</param>
    /// <param name="next">Where the pipeline goes on.</param>
    /// <param name="found">What the target held.</param>
    /// <param name="checkpoint">What the checkpoint knows.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task BeginAsync(uint epoch, long next, TargetMarker? found, Checkpoint checkpoint, CancellationToken cancellationToken)
    {
        var ahead = next + Lead;
        foreach (var before in (NotedMarker?[])[checkpoint.Marker, checkpoint.Announced, Noted, found is null ? null : new(found.Epoch, found.Offset)])
        {
            if (before?.Epoch == epoch)
                ahead = Math.Max(ahead, before.Offset + 1);
        }

        await _turn.WaitAsync(cancellationToken);
        try
        {
            var marker = new TargetMarker(logId, epoch, ahead);
            await Announce(marker, true, cancellationToken);
            Volatile.Write(ref _writing, marker);
            await sink.WriteMarkerAsync(pipeline, marker, cancellationToken);

            // A target that keeps each lane's place with its rows computes the marker from those, and takes none.
            _isComputed = await sink.ReadMarkerAsync(pipeline, cancellationToken) != marker;
            Volatile.Write(ref _written, marker);
        }
        finally
        {
            _turn.Release();
        }

        _ahead = Task.CompletedTask;
        _coveredAt = time.GetTimestamp();
        _coveredNext = next;
    }

    /// <summary>Completes when the marker in the target is above <paramref name="next"/>, below which all is about to be sent; nearly always at once.</summary>
    /// <exception cref="LeatException">It could not be written: nothing may be sent.</exception>
    public async ValueTask CoverAsync(long next, CancellationToken cancellationToken)
    {
        if (_isComputed || Volatile.Read(ref _written) is not { } marker)
            return;
        var left = marker.Offset - next;
        var isDue = left < Lead / 2 || (next > _coveredNext && time.GetElapsedTime(_coveredAt) > Interval);
        if (isDue && _ahead.IsCompleted)
        {
            _coveredAt = time.GetTimestamp();
            _coveredNext = next;
            var task = RewriteAsync(marker with { Offset = Math.Max(next + Lead, marker.Offset + 1) }, isAnnounced: false, cancellationToken);
            (var before, _ahead) = (_ahead, task);
            await before; // a failure is told by the next who asks
        }

        if (left < 0)
            await _ahead;
    }

    /// <summary>Proves that the target is still the one that this process writes to; before a lost connection is opened again.</summary>
    /// <exception cref="PauseException">It is another, or was put back.</exception>
    public async ValueTask ProveAsync(CancellationToken cancellationToken)
    {
        if (!IsKept)
            return;
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await LookAsync(cancellationToken);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>
    /// What the marker will be after an orderly stop: above all before, so that no state which was copied while this process ran is taken for the last one.
    /// <see langword="null"/> when none was written, or the target computes it.
    /// </summary>
    public TargetMarker? Last => _isComputed || Volatile.Read(ref _written) is not { } marker ? null : marker with { Offset = marker.Offset + 1 };

    /// <summary>Writes the marker of an orderly stop, which was announced. What fails is told and left: the next start sees this one or the one before. False then.</summary>
    public async Task<bool> EndAsync(TargetMarker last, CancellationToken cancellationToken)
    {
        try
        {
            await RewriteAsync(last, isAnnounced: true, cancellationToken);
            return true;
        }
        catch (Exception cause) when (cause is LeatException or OperationCanceledException)
        {
            log.MarkerNotLast(pipeline, cause.Message);
            return false;
        }
    }

    /// <summary>Forgets what this process wrote: the target is to be judged anew.</summary>
    public void Forget()
    {
        Volatile.Write(ref _written, null);
        Volatile.Write(ref _writing, null);
    }

    private async Task RewriteAsync(TargetMarker marker, bool isAnnounced, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await LookAsync(cancellationToken);
            if (!isAnnounced)
                await Announce(marker, false, cancellationToken);
            Volatile.Write(ref _writing, marker);
            await sink.WriteMarkerAsync(pipeline, marker, cancellationToken);
            Volatile.Write(ref _written, marker);
        }
        finally
        {
            _turn.Release();
        }
    }

    // A write whose answer was lost may have been done or not.
    private async ValueTask LookAsync(CancellationToken cancellationToken)
    {
        if (_written is not { } written)
            return;
        var known = Now(); // what is acknowledged while it is read is not in it
        var found = await ReadAsync(cancellationToken) ?? throw EngineErrors.MarkerGone(pipeline);
        if (found.LogId != logId)
            throw EngineErrors.MarkerForeign(pipeline, found.LogId);
        if (IsBehind(found, known, isAhead: false))
            throw EngineErrors.LanesBehind(pipeline, found, known);
        if (_isComputed || found == written)
            return;
        if (found == _writing)
            Volatile.Write(ref _written, found);
        else if (found.Epoch > written.Epoch)
            throw EngineErrors.MarkerNewer(pipeline, found.Epoch, written.Epoch);
        else
            throw EngineErrors.MarkerBehind(pipeline, found, new(written.Epoch, written.Offset));
    }
}
