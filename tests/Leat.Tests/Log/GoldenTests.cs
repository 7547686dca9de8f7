using System.Buffers.Binary;
using Leat.Log;
using Leat.Log.Posix;
using Leat.Tests.Changes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Log;

/// <summary>Ties docs/formats/log-segment.md to the code: the same appends give the committed bytes, and the committed folder opens.</summary>
/// <remarks>LEAT_WRITE_GOLDEN=1 writes the folder anew: only together with a new format version.</remarks>
public sealed class GoldenTests : IDisposable
{
    private static readonly StreamOptions Options = new() { SegmentBytes = 8192 };

    private readonly LogFixture _fixture = new();

    private static string Golden => Repository.Path("tests/Leat.Tests/Log/Golden/version-2");

    public static TheoryData<string> Versions =>
        [.. Directory.GetDirectories(Path.GetDirectoryName(Golden) ?? "", "version-*").Select(path => Path.GetFileName(path))];

    [Fact]
    public async Task The_same_appends_give_the_committed_bytes()
    {
        await WriteAsync(_fixture.Folder);
        if (Environment.GetEnvironmentVariable("LEAT_WRITE_GOLDEN") == "1")
            Replace(_fixture.Folder, Golden);

        Assert.Equal(Names(Golden), Names(_fixture.Folder));
        foreach (var name in Names(Golden))
        {
            Assert.Equal(
                Convert.ToHexString(File.ReadAllBytes(Path.Combine(Golden, name))),
                Convert.ToHexString(File.ReadAllBytes(Path.Combine(_fixture.Folder, name))));
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void A_folder_of_every_version_opens_and_reads_as_it_was_written(string version)
    {
        var copy = _fixture.CopyAsIfKilled(Path.Combine(Path.GetDirectoryName(Golden) ?? "", version));
        using var log = _fixture.Open(copy);
        var stream = log.OpenStream("shop", Options);

        Assert.Equal("00000000-0000-0000-0000-000000000001", log.Id.ToString());
        var all = LogFixture.ReadAll(stream);
        Assert.Equal("0=first", all[0]);
        Assert.Equal("1=second", all[1]);
        Assert.DoesNotContain("3=aborted", all);
        Assert.Contains("5=committed", all);
        Assert.Equal(36, stream.EndOffset);
        Assert.Equal(33, all.Count);
        using var last = stream.ReadLastCommittedBatch();
        Assert.NotNull(last);
        Assert.Equal(["35=last"], LogFixture.Texts(last));
    }

    [Fact]
    public void The_first_batch_has_its_fields_where_the_document_says()
    {
        var bytes = File.ReadAllBytes(LogFixture.PathOf(Golden, "shop", 0)).AsSpan();

        Assert.Equal(0, BinaryPrimitives.ReadInt64BigEndian(bytes));
        Assert.Equal(2, bytes[16]);
        Assert.Equal(0, BinaryPrimitives.ReadInt16BigEndian(bytes[21..]));
        Assert.Equal(1, BinaryPrimitives.ReadInt32BigEndian(bytes[23..]));
        Assert.Equal(1_700_000_000_000, BinaryPrimitives.ReadInt64BigEndian(bytes[27..]));
        Assert.Equal(2, BinaryPrimitives.ReadInt64BigEndian(bytes[43..]));
        Assert.Equal(0, BinaryPrimitives.ReadInt32BigEndian(bytes[53..]));
        Assert.Equal(2, BinaryPrimitives.ReadInt32BigEndian(bytes[57..]));
        Assert.Equal("44" + "00" + "00" + "00" + "0E" + "6B3A6669727374" + "0A" + "6669727374" // length, attributes, deltas, key, value
            + "02" + "0C" + "73796E636564" + "10" + "0000000000000000", Convert.ToHexString(bytes[61..96]));
    }

    public void Dispose() => _fixture.Dispose();

    private static async Task WriteAsync(string folder)
    {
        using var log = LogDirectory.Open(folder, new CountingDisk(), new FixedTime(), new HeldMaintenance(), NullLogger.Instance);
        var stream = log.OpenStream("shop", Options);
        await LogFixture.AppendSyncedAsync(stream, "first", "second");
        var late = stream.NewBatch();
        late.TimestampMs += 1500;
        LogFixture.Add(late, null, "without a key, later");
        stream.Append(late);
        await stream.WaitSyncedAsync(3, LogFixture.Token);
        await TransactionAsync(stream, "aborted", BatchKind.AbortMarker);
        await TransactionAsync(stream, "committed", BatchKind.CommitMarker);
        for (var i = 0; i < 28; i++)
            await LogFixture.AppendSyncedAsync(stream, new string((char)('A' + i), 400));
        await LogFixture.AppendSyncedAsync(stream, "last");
        SideFiles.WriteMissing(stream, int.MaxValue);
    }

    private static async Task TransactionAsync(StreamPartition stream, string value, BatchKind end)
    {
        stream.Append(LogFixture.Batch(stream, value), BatchKind.Transactional);
        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
        await LogFixture.MarkAsync(stream, end);
    }

    private static List<string> Names(string folder) =>
        [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file))
            .Where(name => name != "lock").Order(StringComparer.Ordinal)];

    private static void Replace(string from, string to)
    {
        if (Directory.Exists(to))
            Directory.Delete(to, recursive: true);
        foreach (var name in Names(from))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(to, name)) ?? to);
            File.Copy(Path.Combine(from, name), Path.Combine(to, name));
        }
    }

    private sealed class FixedTime : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000);
    }

    /// <summary>The real disk, but the n-th random number is n.</summary>
    private sealed class CountingDisk : IDisk
    {
        private readonly PosixDisk _disk = new();
        private byte _next = 1;

        public IDiskFile Open(string path, DiskOpen mode) => _disk.Open(path, mode);
        public void CreateDirectory(string path) => _disk.CreateDirectory(path);
        public IReadOnlyList<string> List(string directory) => _disk.List(directory);
        public void Rename(string from, string to) => _disk.Rename(from, to);
        public void Delete(string path) => _disk.Delete(path);
        public void DeleteDirectory(string path) => _disk.DeleteDirectory(path);
        public DiskEntry? Find(string path) => _disk.Find(path);
        public IDisposable? TryLockShared(string path) => _disk.TryLockShared(path);
        public void SyncDirectory(string path) => _disk.SyncDirectory(path);
        public long FreeBytes(string directory) => _disk.FreeBytes(directory);
        public IDisposable? TryLock(string path) => _disk.TryLock(path);
        public void ProveSyncErrorsAreReported() => _disk.ProveSyncErrorsAreReported();

        public void ReadRandom(Span<byte> bytes)
        {
            bytes.Clear();
            bytes[^1] = _next++;
        }
    }
}
