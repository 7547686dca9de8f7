using Leat.Changes;

namespace Leat.Connectors.MySql;

// The marker is what the lanes' own rows say: they are written with the data, so nothing has to be written for it.
public sealed partial class MySqlSink
{
    /// <inheritdoc/>
    public bool KeepsMarker => true;

    /// <inheritdoc/>
    public async ValueTask<TargetMarker?> ReadMarkerAsync(string pipeline, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await OpenAsync(cancellationToken);
            return await _positions.MarkerAsync(connection, pipeline, cancellationToken);
        }
        catch (Exception problem) when (Known(problem) is { } known)
        {
            throw known;
        }
    }
}
