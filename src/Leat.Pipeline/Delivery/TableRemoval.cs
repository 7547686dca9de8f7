using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Pipeline.Compare;
using Leat.Transform.Plan;

namespace Leat.Pipeline.Delivery;

/// <summary>
/// Finds what a target has to lose by a change of a whole table: after a truncate every row; after a table was read again those
/// that the source does not have.
/// </summary>
/// <remarks>
/// It is looked for in the target itself, after everything before the change has its outcome: so a second try finds only what is left,
/// and nobody has to keep a list of all keys. A row that came to the source meanwhile exists, and one that it lost is told once more by the stream.
/// Of tables that are one at the target, only the rows of the one count that the change is about, where a column tells; where none does, a row is
/// gone when none of them has it.
/// </remarks>
/// <param name="sink">The target.</param>
/// <param name="plan">The table that the change is about.</param>
/// <param name="parts">All tables that are one with it, itself among them.</param>
/// <param name="source">The source.</param>
/// <param name="captured">Where capture stands.</param>
internal sealed class TableRemoval(ISink sink, TablePlan plan, IReadOnlyList<TablePlan> parts, ISource source, Func<SourcePosition?> captured)
{
    private const int RowsPerQuestion = 500;

    private readonly Shape _shape = plan.Shape;

    // Of documents that several tables write: whether the table has anything in one.
    private readonly PartFilter? _part = PartOf(plan.Shape);

    // For tables whose keys are computed: the keys of all their rows.
    private readonly Dictionary<TablePlan, HashSet<ulong>> _keys = [];

    // For targets that keep rows at places which other columns are part of: where the rows of all tables belong.
    private HashSet<ulong>? _places;

    // Of several tables one may be dropped, which has no rows any more and cannot be asked.
    private HashSet<TableName>? _there;

    /// <summary>Rows of the target that no row of the source can have made: they stay.</summary>
    public long Foreign { get; private set; }

    /// <summary>The rows to delete, each as an encoded row of which only the key is there; or, where deleted rows stay, the whole rows as they stay.</summary>
    /// <param name="cause">What happened to the table.</param>
    /// <param name="ofTarget">Whether it is about all that the target has, whichever of the tables its rows seem to be of.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="LeatException">Target or source cannot be read.</exception>
    public async IAsyncEnumerable<byte[]> RowsAsync(ChangeKind cause, bool ofTarget, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var isSure = cause == ChangeKind.Truncate && (parts.Count == 1 || plan.TellsShard);
        var asked = new List<byte[]>(RowsPerQuestion);
        await foreach (var row in sink.ReadAsync(_shape, cancellationToken))
        {
            if (HoldsNothing(row, cause))
                continue;
            var isPlaced = false;
            var encoded = plan.MarksDeleted ? TargetRows.Encode(sink, _shape, row, isWhole: true) : TargetRows.Encode(sink, _shape, row, out isPlaced);
            if (encoded is null)
            {
                Foreign++;
                continue;
            }

            if (!ofTarget && !plan.Holds(encoded))
                continue;
            if (isSure)
            {
                if (Last(encoded) is { } last)
                    yield return last;
                continue;
            }

            // The row may be there and belong elsewhere by now, which its key does not tell.
            if (isPlaced)
            {
                if (!(await PlacesAsync(cancellationToken)).Contains(KeyHash.Of(row.Key)))
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

    // A root of nothing but its key is known by that.
    private static PartFilter? PartOf(Shape shape) => shape.IsPart && shape.Columns.Length > shape.Key.Length ? new(shape, []) : null;

    // What other tables wrote before there was a row of the root has not lost one. A truncate takes it all the same, so that one that comes again does nothing else than the first time.
    private bool HoldsNothing(TargetRow row, ChangeKind cause) =>
        _part is not null && (cause == ChangeKind.Sweep || _shape.Part is { IsRoot: false }) && _part.IsEmpty(row);

    private async ValueTask<IReadOnlyList<byte[]>> GoneAsync(List<byte[]> asked, CancellationToken cancellationToken)
    {
        var exists = new bool[asked.Count];
        if (asked.Count == 0)
            return [];
        foreach (var part in await PresentAsync(cancellationToken))
        {
            var mine = Enumerable.Range(0, asked.Count).Where(index => !exists[index] && part.Holds(asked[index])).ToList();
            if (mine.Count > 0)
                await FindAsync(part, asked, mine, exists, cancellationToken);
        }

        return [.. asked.Where((_, index) => !exists[index]).Select(Last).OfType<byte[]>()];
    }

    private async ValueTask<IEnumerable<TablePlan>> PresentAsync(CancellationToken cancellationToken)
    {
        if (parts.Count > 1)
            _there ??= [.. (await source.TablesAsync(cancellationToken)).Select(table => table.Table)];
        return parts.Where(part => _there?.Contains(part.Source.Table) != false);
    }

    private async ValueTask<HashSet<ulong>> PlacesAsync(CancellationToken cancellationToken)
    {
        if (_places is not null)
            return _places;
        var places = new HashSet<ulong>();
        foreach (var part in await PresentAsync(cancellationToken))
        {
            await foreach (var row in source.ReadTableAsync(part.Source, captured(), cancellationToken))
            {
                if (part.Accepts(row.Row.Span))
                    places.Add(KeyHash.Of(sink.Expect(part.Shape, part.Map(row.Row.Span)).Key));
            }
        }

        return _places = places;
    }

    private async ValueTask FindAsync(TablePlan part, List<byte[]> asked, List<int> mine, bool[] exists, CancellationToken cancellationToken)
    {
        if (part.IsKeyComputed)
        {
            var keys = await KeysOfAsync(part, cancellationToken);
            foreach (var index in mine)
                exists[index] = keys.Contains(part.KeyHashOf(asked[index]));
            return;
        }

        var known = mine.Select(index => (Index: index, Key: part.SourceKeyOf(asked[index]))).Where(row => row.Key is not null).ToList();
        if (known.Count == 0)
            return;
        var found = await source.ExistingAsync(part.Source, [.. known.Select(row => (ReadOnlyMemory<byte>)row.Key!)], captured(), cancellationToken); // not null: filtered
        for (var i = 0; i < known.Count; i++)
            exists[known[i].Index] = found[i];
    }

    private async ValueTask<HashSet<ulong>> KeysOfAsync(TablePlan part, CancellationToken cancellationToken)
    {
        if (_keys.TryGetValue(part, out var known))
            return known;
        var keys = new HashSet<ulong>();
        await foreach (var row in source.ReadTableAsync(part.Source, captured(), cancellationToken))
            keys.Add(part.KeyHashOf(part.Map(row.Row.Span)));
        return _keys[part] = keys;
    }

    // What is sent for a row that is gone; null when it is marked already.
    private byte[]? Last(byte[] row)
    {
        if (!plan.MarksDeleted)
            return row;
        var marked = plan.MarkDeleted(row);
        return marked.SequenceEqual(row) ? null : marked.ToArray();
    }
}
