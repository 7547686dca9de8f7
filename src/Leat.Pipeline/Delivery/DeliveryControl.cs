using System.Collections.Immutable;
using Leat.Changes.Configuration;

namespace Leat.Pipeline.Delivery;

/// <summary>Hands requests to the pipelines of an engine.</summary>
internal sealed class DeliveryControl(ImmutableArray<PipelinePart> pipelines) : IDeliveryControl
{
    /// <inheritdoc/>
    public async ValueTask<Redelivery> RedeliverAsync(string pipeline, bool reread, CancellationToken cancellationToken) =>
        await Find(pipeline).RedeliverAsync(reread).WaitAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<Redelivery> RebuildAsync(string pipeline, bool reread, CancellationToken cancellationToken) =>
        await Find(pipeline).RedeliverAsync(reread, rebuild: true).WaitAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask<int> ReplayAsync(string pipeline, IReadOnlyList<long> letters, string by, CancellationToken cancellationToken) =>
        Find(pipeline).RequestAsync(letters, discard: false, by, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<int> DiscardAsync(string pipeline, IReadOnlyList<long> letters, string by, CancellationToken cancellationToken) =>
        Find(pipeline).RequestAsync(letters, discard: true, by, cancellationToken);

    private PipelineRunner Find(string pipeline)
    {
        var part = pipelines.FirstOrDefault(one => one.Definition.Name == pipeline)
            ?? throw EngineErrors.NoSuchPipeline(pipeline, Nearest.Of(pipeline, pipelines.Select(one => one.Definition.Name)));
        return part.Runner ?? throw EngineErrors.PipelineStopped(pipeline);
    }
}
