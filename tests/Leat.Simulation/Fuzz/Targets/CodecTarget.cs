using System.Buffers;
using Leat.Log;
using Leat.Log.Codecs;

namespace Leat.Simulation.Fuzz.Targets;

/// <summary>The compressed part of a batch by itself, for one codec.</summary>
internal sealed class CodecTarget(Compression compression) : FuzzTarget
{
    // Small enough that bombs burst in it.
    private const int LimitBytes = 1024 * 1024;

    public override string Name => $"codec-{compression}".ToLowerInvariant();

    // The limit, grown to in steps.
    public override long FixedBytes => 4 * LimitBytes;

    public override long FixedSteps => 2_000_000;

    public override IEnumerable<byte[]> Seeds() =>
    [
        Compress([]), Compress(new byte[10]), Compress([.. "the quick brown fox jumps over the lazy dog, the quick brown fox"u8]), Compress(new byte[100_000]),
        Compress([.. Enumerable.Range(0, 3000).Select(number => (byte)(number * number >> 3))]),
    ];

    public override void Run(byte[] input)
    {
        // The first record only, as a start looks at it; then all of it.
        CompressedBatch.SyncedOffset(compression, input);
        if (Codec.Of(compression) is not { } codec || Codec.Decompress(codec, input, reserved: 8, LimitBytes, out var bytes) is not { } buffer)
            return;
        var plain = buffer.AsSpan(8, bytes).ToArray();
        ArrayPool<byte>.Shared.Return(buffer);
        Promise(bytes <= LimitBytes, "more came out than the limit allows");

        if (plain.Length == 0)
            return; // no batch is empty: gzip makes nothing at all of it

        var again = Codec.Decompress(codec, Compress(plain), reserved: 0, LimitBytes, out var same);
        Promise(again is not null && plain.AsSpan().SequenceEqual(again.AsSpan(0, same)), "what was compressed comes out as something else");
        ArrayPool<byte>.Shared.Return(again ?? []);
    }

    private byte[] Compress(byte[] plain)
    {
        var codec = Codec.Of(compression) ?? throw new InvalidOperationException("There is no codec for none.");
        var room = new byte[codec.RoomFor(plain.Length)];
        var bytes = codec.Compress(plain, room);
        Promise(bytes >= 0, "the codec refuses to compress");
        return room[..bytes];
    }
}
