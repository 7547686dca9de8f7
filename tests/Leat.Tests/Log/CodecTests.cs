using System.Buffers;
using System.Buffers.Binary;
using Leat.Log;
using Leat.Log.Codecs;
using Xunit;

namespace Leat.Tests.Log;

public sealed class CodecTests
{
    public static TheoryData<Compression> All => [Compression.Gzip, Compression.Snappy, Compression.Lz4, Compression.Zstd];

    [Theory]
    [MemberData(nameof(All))]
    public void What_was_compressed_comes_out_again_whatever_its_size(Compression compression)
    {
        var codec = Of(compression);
        foreach (var size in new[] { 1, 2, 17, 61, 300, 4096, 32 * 1024, 32 * 1024 + 1, 64 * 1024, 200_000, 1 << 20 })
        {
            foreach (var plain in new[] { Text(size), Noise(size), new byte[size] })
            {
                var source = Compress(codec, plain);
                Assert.Equal(plain.Length, codec.ClaimedBytes(source));

                var buffer = Codec.Decompress(codec, source, reserved: 61, limit: size, out var written);

                Assert.NotNull(buffer);
                Assert.True(plain.AsSpan().SequenceEqual(buffer.AsSpan(61, written)));
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Only_the_beginning_can_be_had(Compression compression)
    {
        var codec = Of(compression);
        var plain = Text(300_000);
        var source = Compress(codec, plain);

        foreach (var wanted in new[] { 1, 100, 1024, 64 * 1024, 65_537, plain.Length - 1 })
        {
            var target = new byte[wanted];
            Assert.Equal(DecodeEnd.TargetFull, codec.Decompress(source, target, out var written));
            Assert.Equal(wanted, written);
            Assert.True(plain.AsSpan(0, wanted).SequenceEqual(target));
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void A_bomb_is_refused_without_the_memory_it_asks_for(Compression compression)
    {
        var codec = Of(compression);
        const int limit = 1024 * 1024;
        var bomb = Compress(codec, new byte[64 * limit]);
        Assert.True(bomb.Length < 4 * limit);

        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(Codec.Decompress(codec, bomb, reserved: 0, limit, out _));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 8 * limit);
    }

    [Fact]
    public void A_claim_alone_makes_no_large_buffer()
    {
        // A frame of Zstandard: no checksum, eight bytes of content size, one segment; then the last block, raw, of one byte.
        byte[] liar = [0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0x0F, 0, 0, 0, 0, 0x09, 0, 0, (byte)'x'];
        var codec = Of(Compression.Zstd);
        Assert.Equal(0x0F000000, codec.ClaimedBytes(liar));

        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(Codec.Decompress(codec, liar, reserved: 0, BatchFormat.MaxBatchBytes, out _));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1024 * 1024);
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Damage_is_told_or_gives_bytes_within_the_limit_and_never_anything_else(Compression compression)
    {
        var codec = Of(compression);
        var random = new Random(20 + (int)compression);
        foreach (var size in new[] { 40, 1000, 70_000 })
        {
            var good = Compress(codec, Text(size));
            for (var round = 0; round < 1500; round++)
            {
                var bad = Damage(good, random);
                var buffer = Codec.Decompress(codec, bad, reserved: 0, limit: 256 * 1024, out var written);
                Assert.InRange(written, 0, 256 * 1024);
                if (buffer is not null)
                    ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        var intact = Compress(codec, Text(5000));
        Assert.NotNull(Codec.Decompress(codec, intact, 0, 5000, out _)); // no context was left broken
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Something_cut_off_or_followed_by_more_is_malformed(Compression compression)
    {
        var codec = Of(compression);
        var good = Compress(codec, Text(3000));
        var target = new byte[4000];

        Assert.Equal(DecodeEnd.Malformed, codec.Decompress(good.AsSpan(0, good.Length - 1), target, out _));
        Assert.Equal(DecodeEnd.Malformed, codec.Decompress(good.AsSpan(0, good.Length / 2), target, out _));
        Assert.Equal(DecodeEnd.Malformed, codec.Decompress([], target, out _));
        Assert.Equal(DecodeEnd.Malformed, codec.Decompress([.. good, 1, 2, 3, 4, 5, 6, 7, 8], target, out _));
        Assert.Equal(DecodeEnd.Ended, codec.Decompress(good, target, out _));
    }

    [Fact]
    public void A_snappy_block_of_the_reference_is_read()
    {
        // What Java's snappy library writes for "foobar" and a line feed.
        byte[] source = [0x82, 0x53, 0x4E, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 7, 0x18, 0x66, 0x6F, 0x6F, 0x62, 0x61, 0x72, 0x0A];
        var target = new byte[7];

        Assert.Equal(DecodeEnd.Ended, Of(Compression.Snappy).Decompress(source, target, out var written));
        Assert.Equal("foobar\n"u8, target.AsSpan(0, written));
    }

    [Fact]
    public void A_missing_library_is_told_with_what_to_install()
    {
        var error = Assert.Throws<LogException>(() => Codec.RequireLibrary(Compression.Lz4, "libnothere.so.9", "liblz4-1"));

        Assert.Equal(
            "Compression lz4 needs the library libnothere.so.9, which this system does not have. "
            + "Install it (Debian and Ubuntu: apt install liblz4-1) and start again; nothing was changed. [LEAT-2040]",
            error.Message);
    }

    internal static byte[] Damage(byte[] good, Random random)
    {
        var bad = good.ToList();
        for (var i = random.Next(1, 4); i > 0; i--)
        {
            var at = random.Next(bad.Count);
            switch (random.Next(6))
            {
                case 0: bad[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bad[at] = (byte)random.Next(256); break;
                case 2: bad.Insert(at, (byte)random.Next(256)); break;
                case 3: bad.RemoveAt(at); break;
                case 4: bad.RemoveRange(at, bad.Count - at); break;
                default:
                    var number = new byte[4];
                    BinaryPrimitives.WriteInt32BigEndian(number, random.Next(3) switch { 0 => -1, 1 => int.MaxValue, _ => random.Next() });
                    for (var j = 0; j < 4 && at + j < bad.Count; j++)
                        bad[at + j] = number[j];
                    break;
            }

            if (bad.Count == 0)
                bad.Add(0);
        }

        return [.. bad];
    }

    private static ICodec Of(Compression compression) => Codec.Of(compression) ?? throw new InvalidOperationException("no codec");

    private static byte[] Compress(ICodec codec, byte[] plain)
    {
        var target = new byte[codec.RoomFor(plain.Length)];
        var bytes = codec.Compress(plain, target);
        Assert.True(bytes > 0);
        return target[..bytes];
    }

    private static byte[] Text(int size)
    {
        var random = new Random(size);
        var bytes = new byte[size];
        for (var i = 0; i < size; i++)
            bytes[i] = (byte)("order row customer "[i % 19] + (random.Next(8) == 0 ? 1 : 0));
        return bytes;
    }

    private static byte[] Noise(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        return bytes;
    }
}
