using System.Buffers.Binary;

namespace Leat.Log.Tools;

/// <summary>Compares a segment's index file with the batches as they come by. An index may leave batches out; it must not name others.</summary>
internal sealed class IndexCheck(long baseOffset, byte[] entries)
{
    private int _at;
    private string? _problem = entries.Length % OffsetIndex.EntryBytes == 0 ? null : "its size is no multiple of an entry's";

    /// <summary>A batch, in order.</summary>
    public void Next(long position, long lastOffset)
    {
        if (_problem is not null || _at + OffsetIndex.EntryBytes > entries.Length)
            return;
        var entryPosition = BinaryPrimitives.ReadInt32BigEndian(entries.AsSpan(_at + 4));
        if (entryPosition > position)
            return;
        var entryOffset = baseOffset + BinaryPrimitives.ReadInt32BigEndian(entries.AsSpan(_at));
        if (entryPosition < position)
            _problem = Text("points at byte", entryPosition, "where no batch starts");
        else if (entryOffset != lastOffset)
            _problem = Text("says that a batch ends with offset", entryOffset, FormattableString.Invariant($"which ends with {lastOffset}"));
        _at += OffsetIndex.EntryBytes;
    }

    /// <summary>What is wrong, after the last batch; null when all is well.</summary>
    public string? Problem()
    {
        if (_problem is null && _at < entries.Length)
            _problem = Text("points at byte", BinaryPrimitives.ReadInt32BigEndian(entries.AsSpan(_at + 4)), "behind the last batch");
        return _problem;
    }

    private string Text(string what, long number, string why) =>
        FormattableString.Invariant($"entry {_at / OffsetIndex.EntryBytes} {what} {number}, {why}");
}
