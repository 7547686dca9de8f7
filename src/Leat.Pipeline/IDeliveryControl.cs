using Leat.Changes;

namespace Leat.Pipeline;

/// <summary>What can be asked of running pipelines. From any thread.</summary>
public interface IDeliveryControl
{
    /// <summary>Has a pipeline deliver everything again; returns when that is decided and would survive a restart.</summary>
    /// <param name="pipeline">Its name.</param>
    /// <param name="reread">Whether the source shall read the tables again although the log holds everything.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="LeatException">There is no such pipeline, or it does not run now.</exception>
    ValueTask<Redelivery> RedeliverAsync(string pipeline, bool reread, CancellationToken cancellationToken);

    /// <summary>Has a pipeline make its documents anew, giving up the rows that it holds; returns when that is decided and would survive a restart.</summary>
    /// <param name="pipeline">Its name.</param>
    /// <param name="reread">Whether the source shall read the tables again although the log holds everything.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="LeatException">There is no such pipeline, it does not run now, or it makes no documents.</exception>
    ValueTask<Redelivery> RebuildAsync(string pipeline, bool reread, CancellationToken cancellationToken);

    /// <summary>Asks for dead letters to be replayed; returns when the request would survive a restart.</summary>
    /// <param name="pipeline">Its name.</param>
    /// <param name="letters">Numbers of the letters; those that are not open are passed over.</param>
    /// <param name="by">Who asks, for people.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>How many were taken.</returns>
    /// <exception cref="LeatException">There is no such pipeline, or it does not run now.</exception>
    ValueTask<int> ReplayAsync(string pipeline, IReadOnlyList<long> letters, string by, CancellationToken cancellationToken);

    /// <summary>Gives dead letters up, as <see cref="ReplayAsync"/>.</summary>
    ValueTask<int> DiscardAsync(string pipeline, IReadOnlyList<long> letters, string by, CancellationToken cancellationToken);
}
