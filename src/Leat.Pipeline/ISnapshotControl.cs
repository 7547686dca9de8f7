using System.Collections.Immutable;
using Leat.Changes;

namespace Leat.Pipeline;

/// <summary>Has sources read tables again while they run.</summary>
public interface ISnapshotControl
{
    /// <summary>Hands a request to a source, and returns when it would survive a restart.</summary>
    /// <param name="source">Its name.</param>
    /// <param name="request">What to read; no table: all that are captured.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The tables that are read again.</returns>
    /// <exception cref="LeatException">There is no such source or table, the condition is not understood, or the source does not run now.</exception>
    ValueTask<IReadOnlyList<TableName>> RequestSnapshotAsync(string source, SnapshotRequest request, CancellationToken cancellationToken);

    /// <summary>Gives up what a source was asked to read again.</summary>
    /// <param name="source">Its name.</param>
    /// <param name="tables">Which tables; empty: all.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>The tables given up.</returns>
    /// <exception cref="LeatException">There is no such source, or it does not run now.</exception>
    ValueTask<IReadOnlyList<TableName>> CancelSnapshotAsync(string source, ImmutableArray<TableName> tables, CancellationToken cancellationToken);
}
