using Leat.Changes;

namespace Leat.Pipeline.Delivery;

// Documents come made: only their ways are chosen here.
internal sealed partial class Router
{
    private EmittedKeys? _keys;

    /// <summary>Operations that are staged and not handed to their lanes yet.</summary>
    public int Staged => _stages.Sum(stage => stage.Count);

    /// <summary>Whether transactions are handed over as a whole.</summary>
    public bool IsWhole => _whole;

    /// <summary>Keys of the documents that have no outcome yet.</summary>
    public EmittedKeys Keys => _keys ??= new(_stages.Length, lane => _lanes[lane].Queue.LowestOffset);

    /// <summary>Stages an operation of a document, whose offset is no lower than that of any before.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="commitMicros">Best estimate of the commit time at the source, microseconds since 1970 UTC.</param>
    public Routed StageDocument(in Operation operation, long commitMicros)
    {
        _ = Keys;
        _operations[0] = operation;
        (_count, _next) = (1, 0);
        (_buffer, _start, _length, _offset) = ([], 0, 0, operation.Offset);
        _counts.LastCommitMicros = commitMicros;
        return Resume();
    }
}
