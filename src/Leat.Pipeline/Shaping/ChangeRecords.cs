using Leat.Changes;

namespace Leat.Pipeline.Shaping;

/// <summary>Makes encoded changes as a source's stream holds them, for plans that run without one.</summary>
internal static class ChangeRecords
{
    /// <summary>One change.</summary>
    /// <param name="kind">What happened.</param>
    /// <param name="schemaId">Number of the rows' shape.</param>
    /// <param name="before">The row before; empty when there is none.</param>
    /// <param name="after">The row after; empty when there is none.</param>
    /// <param name="isLast">Whether the source's transaction ends with it.</param>
    public static byte[] Make(ChangeKind kind, uint schemaId, ReadOnlySpan<byte> before, ReadOnlySpan<byte> after, bool isLast = true)
    {
        var bytes = new byte[EncodedChange.HeaderBytes + before.Length + after.Length];
        var marks = (before.IsEmpty ? ChangeMarks.None : ChangeMarks.HasBefore) | (after.IsEmpty ? ChangeMarks.None : ChangeMarks.HasAfter)
            | (isLast ? ChangeMarks.LastOfTransaction : ChangeMarks.None);
        var at = EncodedChange.WriteHeader(bytes, kind, marks, schemaId, committedAtMicros: 0, indexInTransaction: 0, before.Length, []);
        before.CopyTo(bytes.AsSpan(at));
        after.CopyTo(bytes.AsSpan(at + before.Length));
        return bytes;
    }
}
