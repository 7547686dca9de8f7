using Leat.Changes;

namespace Leat.Connectors.JsonLines;

/// <summary>The one lane of a JSON lines sink. Its files belong to the sink and stay open with it.</summary>
internal sealed class JsonLinesLane(JsonLinesFiles files) : ISinkLane
{
    /// <inheritdoc/>
    public long? CommittedOffset => null;

    /// <inheritdoc/>
    public ValueTask WriteAsync(ReadOnlyMemory<Operation> batch, Memory<Answer> answers, CancellationToken cancellationToken)
    {
        // Local files: the calls are synchronous, and a batch that was started is finished whole.
        cancellationToken.ThrowIfCancellationRequested();
        files.Write(batch.Span);
        answers.Span[..batch.Length].Fill(Answer.Applied);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
