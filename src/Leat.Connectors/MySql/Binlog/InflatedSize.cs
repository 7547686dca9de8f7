using System.Buffers.Binary;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Binlog;

/// <summary>How much room rows with COMPRESSED columns take: looks through their images without decoding them.</summary>
internal static class InflatedSize
{
    /// <summary>Most bytes of that many rows at the front of <paramref name="rest"/>.</summary>
    /// <exception cref="MySqlFormatException">An image ends early, or claims more than it can.</exception>
    public static int Of(RowProgram program, int images, ReadOnlySpan<byte> rest)
    {
        long inflated = 0;
        var at = 0;
        for (var image = 0; image < images; image++)
            inflated += Add(program, rest, ref at);
        var all = images * (long)program.FixedMaxBytes + (at + inflated) * program.Expansion;
        return all <= Array.MaxLength ? (int)all : throw MySqlFormatException.Unexpected("size of a row once inflated", $"at most {Array.MaxLength} bytes", all);
    }

    private static long Add(RowProgram program, ReadOnlySpan<byte> rest, ref int at)
    {
        Require(rest, at, program.BitmapBytes);
        var nulls = rest.Slice(at, program.BitmapBytes);
        at += program.BitmapBytes;
        long inflated = 0;
        for (var i = 0; i < program.Steps.Length; i++)
        {
            if ((nulls[i >> 3] >> (i & 7) & 1) != 0)
                continue;
            var step = program.Steps[i];
            Require(rest, at, step.Bytes);
            var length = step.HasLength ? Length(rest.Slice(at, step.Bytes)) : 0;
            at += step.Bytes;
            Require(rest, at, length);
            if (step.Step == Step.Inflate)
                inflated += CompressedColumn.InflatedBytes(rest.Slice(at, (int)length));
            at += (int)length;
        }

        return inflated;
    }

    private static uint Length(ReadOnlySpan<byte> bytes)
    {
        Span<byte> wide = stackalloc byte[sizeof(uint)];
        wide.Clear();
        bytes.CopyTo(wide);
        return BinaryPrimitives.ReadUInt32LittleEndian(wide);
    }

    private static void Require(ReadOnlySpan<byte> rest, int at, uint bytes)
    {
        if (bytes > (uint)(rest.Length - at))
            throw MySqlFormatException.Short((int)Math.Min(bytes, int.MaxValue), rest.Length - at);
    }

    private static void Require(ReadOnlySpan<byte> rest, int at, int bytes) => Require(rest, at, (uint)bytes);
}
