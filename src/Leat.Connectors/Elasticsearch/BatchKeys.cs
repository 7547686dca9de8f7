using Leat.Changes;

namespace Leat.Connectors.Elasticsearch;

/// <summary>Finds the operations of a batch that a later one of the same document makes needless, and answers them once that one has its answer.</summary>
internal sealed class BatchKeys
{
    private const int None = -1;

    private int[] _slots = new int[256];
    private int[] _next = new int[64];
    private int _count;
    private bool _any;

    /// <summary>Looks at a new batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="coalesce">Whether later writes replace earlier ones; false: partial updates, each of which counts.</param>
    /// <param name="request">Knows where documents live: one that moves is never passed over.</param>
    public void Look(ReadOnlySpan<Operation> batch, bool coalesce, BulkBatch request)
    {
        _count = batch.Length;
        _any = false;
        if (_next.Length < batch.Length)
            _next = new int[batch.Length * 2];
        _next.AsSpan(0, batch.Length).Fill(None);
        if (!coalesce || batch.Length < 2)
            return;

        // An open-addressing table of at least twice the size: KeyHash is evenly spread already.
        var size = _slots.Length;
        while (size < 2 * batch.Length)
            size *= 2;
        if (size > _slots.Length)
            _slots = new int[size];
        _slots.AsSpan().Fill(None);
        Shape? shape = null;
        var isFixed = false;
        for (var i = batch.Length - 1; i >= 0; i--)
        {
            ref readonly var operation = ref batch[i];
            if (!ReferenceEquals(operation.Shape, shape))
                (shape, isFixed) = (operation.Shape, request.AddressOf(operation.Shape).IsFixed);
            if (isFixed && !operation.IsReplay && !operation.Shape.IsPart)
                Chain(batch, i);
        }
    }

    /// <summary>Whether an operation waits for the answer of a later one.</summary>
    public bool IsCovered(int operation) => _next[operation] != None;

    /// <summary>Answers those that waited; where the later one was refused, the earlier one has to be written after all: then true.</summary>
    public bool Settle(Span<Answer> answers)
    {
        var uncovered = false;
        if (!_any)
            return false;
        for (var i = _count - 1; i >= 0; i--)
        {
            if (_next[i] == None || answers[i].Kind != AnswerKind.None)
                continue;
            var later = answers[_next[i]];
            switch (later.Kind)
            {
                case AnswerKind.Applied or AnswerKind.Coalesced:
                    answers[i] = Answer.Coalesced;
                    break;
                case AnswerKind.Stale or AnswerKind.Retry:
                    answers[i] = later;
                    break;
                case AnswerKind.Refused:
                    _next[i] = None;
                    uncovered = true;
                    break;
            }
        }

        return uncovered;
    }

    private void Chain(ReadOnlySpan<Operation> batch, int number)
    {
        var mask = _slots.Length - 1;
        var slot = (int)(batch[number].KeyHash & (ulong)mask);
        while (_slots[slot] != None)
        {
            var later = _slots[slot];
            if (batch[later].KeyHash == batch[number].KeyHash && IsSameKey(batch[later], batch[number]))
            {
                _next[number] = later;
                _any = true;
                break;
            }

            slot = (slot + 1) & mask;
        }

        _slots[slot] = number;
    }

    // Of two shapes of one table the key's columns may differ: then the documents count as different, which costs one write.
    private static bool IsSameKey(in Operation one, in Operation other)
    {
        if (!ReferenceEquals(one.Shape, other.Shape))
            return false;
        var first = new RowReader(one.Shape.Schema, one.Row.Span);
        var second = new RowReader(one.Shape.Schema, other.Row.Span);
        foreach (var ordinal in one.Shape.Key)
        {
            if (first.Seek(ordinal) != second.Seek(ordinal) || !first.Bytes.SequenceEqual(second.Bytes))
                return false;
        }

        return true;
    }
}
