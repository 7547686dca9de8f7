using Leat.Changes;
using Leat.Log;

namespace Leat.Pipeline.Delivery;

/// <summary>The lanes of a pipeline from one preparation of the target to the next.</summary>
internal sealed class PipelineSession(IReadOnlyList<Lane> lanes, Router router, SinkTraits traits)
{
    private readonly Lock _gate = new();
    private CancellationTokenSource? _broken;
    private CancellationTokenSource? _given;
    private LeatException? _fault;

    public IReadOnlyList<Lane> Lanes { get; } = lanes;

    public Router Router { get; } = router;

    public SinkTraits Traits { get; } = traits;

    /// <summary>Opens every lane; when one cannot be opened, none stays open.</summary>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            foreach (var lane in Lanes)
                await lane.OpenAsync(cancellationToken);
        }
        catch (Exception)
        {
            foreach (var lane in Lanes)
                await lane.CloseAsync();
            throw;
        }
    }

    /// <summary>Runs the lanes while <paramref name="dispatch"/> feeds them, and afterwards until all they were given has its outcome.</summary>
    /// <param name="dispatch">Ends when there is nothing to feed any more.</param>
    /// <param name="stopping">Asks to finish.</param>
    /// <param name="abandon">Ends requests that are under way.</param>
    /// <exception cref="LeatException">As <see cref="TryBreak"/> said.</exception>
    public async Task RunAsync(Func<CancellationToken, Task> dispatch, CancellationToken stopping, CancellationToken abandon)
    {
        using var broken = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        using var given = CancellationTokenSource.CreateLinkedTokenSource(abandon);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(stopping, given.Token);
        lock (_gate)
            (_broken, _given) = (broken, given);
        var running = Lanes.Select(lane => RunLaneAsync(lane, broken, ending.Token, given.Token)).ToList();
        try
        {
            await dispatch(broken.Token);
        }
        catch (OperationCanceledException) when (broken.IsCancellationRequested && !stopping.IsCancellationRequested)
        {
            // A lane broke off, or somebody did; the exception thrown below says why.
        }
        finally
        {
            lock (_gate)
                (_broken, _given) = (null, null);
            foreach (var lane in Lanes)
                lane.Queue.Complete();
            await Task.WhenAll(running);
        }

        if (_fault is { } fault)
            throw fault;
    }

    /// <summary>Ends a session that runs, for a reason that everybody shall see. False when it has ended or was broken before.</summary>
    /// <param name="fault">The reason.</param>
    /// <param name="abandons">Whether what the lanes have is left without an outcome, too.</param>
    public bool TryBreak(LeatException fault, bool abandons = false)
    {
        lock (_gate)
        {
            if (_broken is null || _fault is not null)
                return false;
            _fault = fault;
            _broken.Cancel();
            if (abandons)
                _given?.Cancel();
            return true;
        }
    }

    /// <summary>Completes when every operation up to and with the offset has its outcome, in all lanes.</summary>
    public async ValueTask WhenSettledAsync(long offset, CancellationToken cancellationToken)
    {
        foreach (var lane in Lanes)
            await lane.Queue.WhenSettledAsync(offset, cancellationToken);
    }

    private static async Task RunLaneAsync(Lane lane, CancellationTokenSource broken, CancellationToken stopping, CancellationToken abandon)
    {
        try
        {
            await lane.RunAsync(stopping, abandon);
        }
        catch (Exception)
        {
            broken.Cancel();
            throw;
        }
    }
}
