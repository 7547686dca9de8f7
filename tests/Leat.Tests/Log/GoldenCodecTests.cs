using Leat.Log;
using Leat.Log.Codecs;
using Xunit;

namespace Leat.Tests.Log;

/// <summary>Compressed segments as they were written once, with the libraries of that day: they must be readable for ever.</summary>
/// <remarks>LEAT_WRITE_GOLDEN=1 writes the folders anew: only together with a new format version. New libraries may compress to other bytes.</remarks>
public sealed class GoldenCodecTests : IDisposable
{
    private readonly LogFixture _fixture = new();

    [Theory]
    [MemberData(nameof(CodecTests.All), MemberType = typeof(CodecTests))]
    public async Task A_committed_folder_opens_and_every_batch_in_it_is_compressed(Compression compression)
    {
        var golden = Repository.Path($"tests/Leat.Tests/Log/Golden/codecs/{compression.ToString().ToLowerInvariant()}");
        if (Environment.GetEnvironmentVariable("LEAT_WRITE_GOLDEN") == "1")
            await WriteAsync(golden, compression);

        using var log = _fixture.Open(_fixture.CopyAsIfKilled(golden));
        Assert.Equal(Enumerable.Range(0, 6).Select(i => $"{i}={Value(i)}"), LogFixture.ReadAll(log.OpenStream("shop", new())));

        var batches = 0;
        for (var rest = File.ReadAllBytes(LogFixture.PathOf(golden, "shop", 0)).AsSpan(); !rest.IsEmpty; batches++)
        {
            Assert.Equal(compression, new BatchView(rest).Compression);
            Assert.True(new BatchView(rest).IsWhole());
            rest = rest[(int)new BatchView(rest).SizeBytes..];
        }

        Assert.Equal(3, batches);
    }

    public void Dispose() => _fixture.Dispose();

    private static string Value(int i) => string.Concat(Enumerable.Range(0, i % 2 == 0 ? 8 : 3000).Select(j => $"row {i} column {j % 13}; "));

    private async Task WriteAsync(string golden, Compression compression)
    {
        if (Directory.Exists(golden))
            Directory.Delete(golden, recursive: true);
        using (var log = _fixture.Open(golden))
        {
            var stream = log.OpenStream("shop", new() { Compression = compression });
            for (var i = 0; i < 6; i += 2)
                await LogFixture.AppendSyncedAsync(stream, Value(i), Value(i + 1));
        }

        File.Delete(Path.Combine(golden, "lock"));
    }
}
