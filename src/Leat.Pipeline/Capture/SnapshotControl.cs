using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;

namespace Leat.Pipeline.Capture;

/// <summary>Hands requests to read tables again to the sources of an engine.</summary>
internal sealed class SnapshotControl(ImmutableArray<SourcePart> sources, TimeProvider time) : ISnapshotControl
{
    // A running source takes a request within a quarter of a second; one that is Blocked is woken and tries to go on. That again and again: it looks at the
    // request before it has it to take, and what it tries meanwhile is Blocked once more.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(500);

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<TableName>> RequestSnapshotAsync(string source, SnapshotRequest request, CancellationToken cancellationToken)
    {
        var part = Find(source);
        if (request.Tables.IsEmpty)
            request = request with { Tables = [.. (await part.Source.TablesAsync(cancellationToken)).Select(table => table.Table)] };
        await WaitAsync(part, part.Source.RequestSnapshotAsync(request, cancellationToken).AsTask(), cancellationToken);
        return request.Tables;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<TableName>> CancelSnapshotAsync(string source, ImmutableArray<TableName> tables, CancellationToken cancellationToken)
    {
        var part = Find(source);
        var cancelled = part.Source.CancelSnapshotAsync(tables, cancellationToken).AsTask();
        await WaitAsync(part, cancelled, cancellationToken);
        return await cancelled;
    }

    private SourcePart Find(string source)
    {
        var part = sources.FirstOrDefault(one => one.Name == source)
            ?? throw EngineErrors.NoSuchSource(source, Nearest.Of(source, sources.Select(one => one.Name)));
        return part.Source.ReadsAgain ? part : throw EngineErrors.CannotReadAgain(source);
    }

    private async ValueTask WaitAsync(SourcePart part, Task taken, CancellationToken cancellationToken)
    {
        var asked = time.GetTimestamp();
        while (true)
        {
            part.Runner?.Wake();
            try
            {
                await taken.WaitAsync(Again, time, cancellationToken);
                return;
            }
            catch (TimeoutException) when (time.GetElapsedTime(asked) < Patience)
            {
                // Woken once more.
            }
            catch (TimeoutException)
            {
                throw EngineErrors.SnapshotWaits(part.Name, (part.Failure ?? part.Runner?.Evidence.Failure)?.Message);
            }
        }
    }
}
