using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Compression;

/// <summary>Inflates zstd data piece by piece, in the memory that its window takes.</summary>
internal sealed unsafe class ZstdReader : IDisposable
{
    private readonly ZstdContext _context = ZstdContext.Create();

    /// <summary>Whether all that was read so far are whole frames.</summary>
    public bool IsAtFrameEnd { get; private set; } = true;

    /// <summary>Begins anew.</summary>
    public void Reset()
    {
        ZstdNative.Reset(_context, ZstdNative.ResetSession);
        IsAtFrameEnd = true;
    }

    /// <summary>Inflates from the front of <paramref name="source"/> into <paramref name="target"/>; returns bytes written.</summary>
    /// <param name="source">What is left of the data.</param>
    /// <param name="target">Where to.</param>
    /// <param name="used">Bytes of <paramref name="source"/> that are not needed any more.</param>
    /// <exception cref="MySqlFormatException">Damaged, or its window is larger than any that the server makes.</exception>
    public int Read(ReadOnlySpan<byte> source, Span<byte> target, out int used)
    {
        fixed (byte* from = source)
        fixed (byte* to = target)
        {
            var input = new ZstdNative.Buffer { Start = from, Bytes = (nuint)source.Length };
            var output = new ZstdNative.Buffer { Start = to, Bytes = (nuint)target.Length };
            var answer = ZstdNative.Decompress(_context, ref output, ref input);
            if (ZstdNative.IsError(answer) != 0)
                throw new MySqlFormatException($"The server's compressed data is damaged: zstd cannot inflate it, {source.Length} bytes before its end.");
            IsAtFrameEnd = answer == 0;
            used = (int)input.Used;
            return (int)output.Used;
        }
    }

    /// <summary>Gives the window back.</summary>
    public void Dispose() => _context.Dispose();
}
