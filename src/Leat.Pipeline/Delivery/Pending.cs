using System.Runtime.InteropServices;
using Leat.Changes;

namespace Leat.Pipeline.Delivery;

/// <summary>An operation on its way through a lane, and what the lane has to know of it beside.</summary>
internal struct Pending
{
    public Operation Operation;

    /// <summary>Where the original change stands; the operation's row is a part of it, or of the memory of the block's lease.</summary>
    public byte[] Buffer;

    public int RecordStart;

    public int RecordBytes;

    /// <summary>Best estimate of the commit time at the source, microseconds since 1970 UTC.</summary>
    public long CommitMicros;

    /// <summary>Operations with the same number never overtake each other: the key's hash, or the table's for serial tables.</summary>
    public ulong OrderKey;

    /// <summary>Set on the last operation of a run out of one block: released when the lane is through with it.</summary>
    public BlockLease? Release;

    /// <summary>Set when it will be sent again: then it does not count as answered.</summary>
    public bool Repeats;

    /// <summary>Set while it is sent again ahead of the operations of its key that are held.</summary>
    public bool Resent;

    /// <summary>Whether the source's transaction ends with it; set for sinks that take whole transactions.</summary>
    public bool EndsTransaction;

    /// <summary>The original change; empty for a document, which is made of many.</summary>
    public readonly ReadOnlyMemory<byte> Record => Buffer.AsMemory(RecordStart, RecordBytes);

    /// <summary>Bytes that it takes while it waits.</summary>
    public readonly int HeldBytes => RecordBytes > 0 ? RecordBytes : Operation.Row.Length + Operation.Before.Length;

    /// <summary>A copy that needs no block, for operations that wait.</summary>
    public readonly Pending Detach()
    {
        var record = Record.ToArray();
        var operation = Operation;
        var first = RecordStart;
        var buffer = Buffer;
        return this with
        {
            Buffer = record,
            RecordStart = 0,
            Release = null,
            Operation = operation with { Row = Moved(operation.Row), Before = Moved(operation.Before) },
        };

        // The same part of the copy; a row of the plan's own making gets one of its own.
        ReadOnlyMemory<byte> Moved(ReadOnlyMemory<byte> part)
        {
            if (part.IsEmpty)
                return default;
            return MemoryMarshal.TryGetArray(part, out var bytes) && ReferenceEquals(bytes.Array, buffer) ? record.AsMemory(bytes.Offset - first, part.Length) : part.ToArray();
        }
    }
}

/// <summary>Outcomes of a number of operations.</summary>
internal struct Tally
{
    public long Applied;
    public long Stale;
    public long DeadLettered;
    public long Coalesced;

    /// <summary>Counts an answer; one that asks for a repeat is no outcome.</summary>
    public void Count(AnswerKind kind)
    {
        switch (kind)
        {
            case AnswerKind.Applied:
                Applied++;
                break;
            case AnswerKind.Stale:
                Stale++;
                break;
            case AnswerKind.Coalesced:
                Coalesced++;
                break;
            case AnswerKind.Refused:
                DeadLettered++;
                break;
        }
    }

    public readonly long Total => Applied + Stale + DeadLettered + Coalesced;

    public void Add(in Tally other)
    {
        Applied += other.Applied;
        Stale += other.Stale;
        DeadLettered += other.DeadLettered;
        Coalesced += other.Coalesced;
    }
}
