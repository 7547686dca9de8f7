using System.Runtime.InteropServices;

namespace Leat.Log.Posix;

/// <summary>A file descriptor with checked calls.</summary>
internal sealed unsafe class PosixFile(int descriptor, string path) : IDiskFile
{
    // Far below Linux's limit of 1,024 parts: the handles of one call stay on the stack.
    private const int MaxParts = 64;

    private int _descriptor = descriptor;

    public long Length
    {
        get
        {
            var length = LibC.Seek(_descriptor, 0, LibC.SeekEnd);
            return length >= 0 ? length : throw LibC.Failure("lseek", path);
        }
    }

    public int Read(long position, Span<byte> buffer)
    {
        var done = 0;
        fixed (byte* start = buffer)
        {
            while (done < buffer.Length)
            {
                var got = LibC.Read(_descriptor, start + done, (nuint)(buffer.Length - done), position + done);
                if (got == 0)
                    break;
                if (got > 0)
                    done += (int)got;
                else if (Marshal.GetLastPInvokeError() != LibC.Interrupted)
                    throw LibC.Failure("pread", path);
            }
        }

        return done;
    }

    public void Write(long position, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            for (var done = 0; done < bytes.Length;)
            {
                var put = LibC.Write(_descriptor, start + done, (nuint)(bytes.Length - done), position + done);
                if (put >= 0)
                    done += (int)put;
                else if (Marshal.GetLastPInvokeError() != LibC.Interrupted)
                    throw LibC.Failure("pwrite", path);
            }
        }
    }

    public void Write(long position, ReadOnlySpan<ArraySegment<byte>> parts)
    {
        for (var first = 0; first < parts.Length; first += MaxParts)
        {
            var run = parts.Slice(first, Math.Min(MaxParts, parts.Length - first));
            position = run.Length == 1 ? WriteOne(position, run[0]) : WriteRun(position, run);
        }
    }

    public void Truncate(long length)
    {
        if (LibC.Truncate(_descriptor, length) != 0)
            throw LibC.Failure("ftruncate", path);
    }

    public void SyncData()
    {
        // Never repeated, whatever the reason: after a failure the kernel forgets which pages were not written.
        if (LibC.SyncData(_descriptor) != 0)
            throw LibC.Failure("fdatasync", path);
    }

    public void Dispose()
    {
        var descriptor = Interlocked.Exchange(ref _descriptor, -1);
        if (descriptor >= 0)
            _ = LibC.Close(descriptor); // all that matters was synced before; there is nobody to tell
    }

    private long WriteOne(long position, ArraySegment<byte> part)
    {
        Write(position, part.AsSpan());
        return position + part.Count;
    }

    private long WriteRun(long position, ReadOnlySpan<ArraySegment<byte>> run)
    {
        var parts = stackalloc LibC.Part[MaxParts];
        Span<GCHandle> pins = stackalloc GCHandle[MaxParts];
        var pinned = 0;
        try
        {
            for (; pinned < run.Length; pinned++)
            {
                pins[pinned] = GCHandle.Alloc(run[pinned].Array, GCHandleType.Pinned);
                parts[pinned].Start = (byte*)pins[pinned].AddrOfPinnedObject() + run[pinned].Offset;
                parts[pinned].Bytes = (nuint)run[pinned].Count;
            }

            var first = 0;
            while (first < run.Length)
            {
                var put = LibC.WriteParts(_descriptor, parts + first, run.Length - first, position);
                if (put < 0)
                {
                    if (Marshal.GetLastPInvokeError() != LibC.Interrupted)
                        throw LibC.Failure("pwritev", path);
                    continue;
                }

                position += put;
                first = Skip(parts, first, run.Length, (nuint)put);
            }
        }
        finally
        {
            for (var i = 0; i < pinned; i++)
                pins[i].Free();
        }

        return position;
    }

    // Moves past what a short write took.
    private static int Skip(LibC.Part* parts, int first, int count, nuint put)
    {
        while (first < count && put >= parts[first].Bytes)
            put -= parts[first++].Bytes;
        if (first < count)
        {
            parts[first].Start += put;
            parts[first].Bytes -= put;
        }

        return first;
    }
}
