using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Delivery;

/// <summary>
/// Finds what a target has to lose by a change of a whole table: after a truncate every row; after a table was read again those
/// that the source does not have.
/// </summary>
/// <remarks>
/// It is looked for in the target itself, after everything before the change has its outcome: so a second try finds only what is left,
/// and nobody has to keep a list of all keys. A row that came to the source meanwhile exists, and one that it lost is told once more by the stream.
/// </remarks>
internal sealed class TableRemoval(ISink sink, TablePlan plan, ISource source, Func<SourcePosition?> captured)
{
    private const int RowsPerQuestion = 500;

    private readonly Shape _shape = plan.Shape;

    /// <summary>Rows of the target that no row of the source can have made: they stay.</summary>
    public long Foreign { get; private set; }

    /// <summary>The rows to delete, each as an encoded row of which only the key is there.</summary>
    /// <exception cref="LeatException">Target or source cannot be read.</exception>
    public async IAsyncEnumerable<byte[]> RowsAsync(ChangeKind cause, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var asked = new List<ReadOnlyMemory<byte>>(RowsPerQuestion);
        await foreach (var row in sink.ReadAsync(_shape, cancellationToken))
        {
            if (TargetRows.Encode(sink, _shape, row) is not { } encoded)
            {
                Foreign++;
                continue;
            }

            if (cause == ChangeKind.Truncate)
            {
                yield return encoded;
                continue;
            }

            asked.Add(encoded);
            if (asked.Count < RowsPerQuestion)
                continue;
            foreach (var gone in await GoneAsync(asked, cancellationToken))
                yield return gone;
            asked.Clear();
        }

        foreach (var gone in await GoneAsync(asked, cancellationToken))
            yield return gone;
    }

    private async ValueTask<IReadOnlyList<byte[]>> GoneAsync(List<ReadOnlyMemory<byte>> asked, CancellationToken cancellationToken)
    {
        if (asked.Count == 0)
            return [];
        var exists = await source.ExistingAsync(_shape.Schema, asked, captured(), cancellationToken);
        return [.. asked.Where((_, index) => !exists[index]).Select(row => row.ToArray())];
    }
}
