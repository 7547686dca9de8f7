using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Compare;

/// <summary>The rows that a target shall hold of one shape, by what the source holds now. Can be read several times.</summary>
internal interface IExpectedRows
{
    /// <summary>Their shape.</summary>
    Shape Shape { get; }

    /// <summary>Whether a difference of a kind counts: where the pipeline does not follow every operation of the source, a target rightly differs from it.</summary>
    bool Counts(DifferenceKind kind) => true;

    /// <summary>Each of them once; the bytes are valid until the next is asked for.</summary>
    IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken);
}

/// <summary>The rows of an entry of a pipeline's tables, each as it is delivered.</summary>
/// <param name="selection">The entry.</param>
/// <param name="plans">The plan of each source table that the entry takes; all have one shape.</param>
/// <param name="source">Where they are read.</param>
/// <param name="captured">Where capture stands.</param>
internal sealed class TableRows(TableSelection selection, IReadOnlyList<TablePlan> plans, ISource source, SourcePosition? captured) : IExpectedRows
{
    public Shape Shape => plans[0].Shape;

    // A row enters and leaves a condition by updates, too.
    public bool Counts(DifferenceKind kind) => kind switch
    {
        DifferenceKind.Different => Follows(FollowedOperations.Update),
        DifferenceKind.Missing => Follows(FollowedOperations.Insert) && MayMove,
        _ => Follows(FollowedOperations.Delete) && MayMove && selection.SoftDelete.IsEmpty,
    };

    private bool MayMove => selection.Where is null || Follows(FollowedOperations.Update);

    public async IAsyncEnumerable<ReadOnlyMemory<byte>> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var plan in plans)
        {
            await foreach (var row in source.ReadTableAsync(plan.Source, captured, cancellationToken))
            {
                if (plan.Accepts(row.Row.Span))
                    yield return plan.Map(row.Row.Span).ToArray();
            }
        }
    }

    private bool Follows(FollowedOperations operation) => selection.When.HasFlag(operation);
}
