namespace Leat.Connectors.MySql.Binlog;

/// <summary>Where in a binlog file the stream is, with all 64 bits.</summary>
/// <remarks>
/// Event headers carry the low 32 bits of an event's end, which is not enough beyond 4 GiB, and MariaDB 11.4 and later write 0 there inside transactions.
/// So the sizes of the events are added up, and headers only set the place right where the server left something out.
/// </remarks>
internal sealed class FilePlace
{
    /// <summary>Whether <see cref="End"/> is the true place; not so until the first event that says where it stands.</summary>
    public bool IsKnown { get; private set; }

    /// <summary>End of the last event, in bytes from the front of the file.</summary>
    public long End { get; private set; }

    /// <summary>Goes on at a place of which it is known whether it is true, or only the least that it can be.</summary>
    public void Set(long offset, bool isKnown) => (End, IsKnown) = (offset, isKnown);

    /// <summary>Takes an event that stands in the file.</summary>
    public void Pass(EventHeader header)
    {
        var expected = End + header.SizeBytes;
        if (header.NextPositionBytes == 0 || (IsKnown && (uint)expected == header.NextPositionBytes))
        {
            End = expected;
            return;
        }

        // The server has left out what it need not send.
        End = Nearest(End, header.NextPositionBytes);
        IsKnown = true;
    }

    /// <summary>The first place at or behind <paramref name="least"/> that has these low 32 bits.</summary>
    public static long Nearest(long least, uint low)
    {
        var next = (least & ~0xFFFF_FFFFL) | low;
        return next < least ? next + 0x1_0000_0000L : next;
    }
}
