using System.Buffers.Binary;
using System.Text;
using Leat.Log;

namespace Leat.Simulation.Fuzz.Targets;

/// <summary>An open log: what it costs to open it, whatever the file in question holds.</summary>
internal abstract class OpenedLogTarget : FuzzTarget
{
    // A fake disk, a folder, three segments in pooled buffers.
    public override long FixedBytes => 4 * 1024 * 1024;

    public override long BytesEach => 1024;

    public override long FixedSteps => 500_000;

    public override long StepsEach => 5_000;

    public override int MaxBytes => 6000;

    /// <summary>Opens the stream and reads all of it, as long as it can be: what was read and the error that ended it.</summary>
    protected static ((int Records, long Next, ulong Hash) Read, long End, int Error) OpenAndRead(FakeDisk disk)
    {
        var end = 0L;
        try
        {
            using var log = LogTemplate.Open(disk);
            var stream = log.OpenStream("s", LogTemplate.Options);
            end = stream.EndOffset;
            using var last = stream.ReadLastCommittedBatch();
            return (LogTemplate.ReadAll(stream, stream.StartOffset), end, 0);
        }
        catch (LogException error)
        {
            return (default, end, error.Code);
        }
        finally
        {
            disk.Kill();
        }
    }
}

/// <summary>The segment that is written to, as a start after a kill finds it.</summary>
internal sealed class ActiveSegmentTarget : OpenedLogTarget
{
    private const int MalformedRecord = 2017, CannotBeDecompressed = 2041;
    private static readonly LogTemplate Template = LogTemplate.Unclean;
    private static readonly long BaseOffset = long.Parse(Path.GetFileNameWithoutExtension(Template.ActiveSegment), System.Globalization.CultureInfo.InvariantCulture);

    public override string Name => "active-segment";

    public override IEnumerable<byte[]> Seeds()
    {
        yield return Template.Files[Template.ActiveSegment];
        yield return Template.WithRightBatches([.. Template.Files[Template.FirstSegment]], BaseOffset, new SimRandom(1));
        foreach (var compression in Enum.GetValues<Compression>())
        {
            var compressed = LogTemplate.Compressed(compression);
            yield return Template.WithRightBatches([.. compressed.Files[compressed.FirstSegment]], BaseOffset, new SimRandom(1));
        }

        yield return [];
    }

    public override byte[] Repair(byte[] input, SimRandom random) => Template.WithRightBatches(input, BaseOffset, random);

    public override void Run(byte[] input)
    {
        var disk = Template.Disk((Template.ActiveSegment, input));
        var first = OpenAndRead(disk);
        // What a start has checked and kept can be read; only what stands within a batch of a right checksum was not looked at.
        Promise(first.End == 0 || first.Error is 0 or MalformedRecord or CannotBeDecompressed, "what a start accepted cannot be read");
        var second = OpenAndRead(disk);
        Promise(first.Error == second.Error && first.Read == second.Read, "the second start finds something else than the first");
    }
}

/// <summary>A closed segment whose bytes went bad, or were written by somebody else.</summary>
internal sealed class ClosedSegmentTarget(bool isCompacted) : OpenedLogTarget
{
    private static readonly LogTemplate Template = LogTemplate.Clean;

    public override string Name => isCompacted ? "compacted-segment" : "closed-segment";

    public override IEnumerable<byte[]> Seeds()
    {
        yield return Template.Files[Template.FirstSegment];
        yield return Template.Files[Template.ActiveSegment];
        foreach (var compression in Enum.GetValues<Compression>())
        {
            var compressed = LogTemplate.Compressed(compression);
            yield return Template.WithRightBatches([.. compressed.Files[compressed.FirstSegment]], 0, new SimRandom(1));
        }
    }

    public override byte[] Repair(byte[] input, SimRandom random) => Template.WithRightBatches(input, 0, random);

    public override void Run(byte[] input) =>
        OpenAndRead(Template.Disk((Template.FirstSegment, input), (LogTemplate.ManifestPath, Template.ManifestWithFirstSegmentOf(input.Length, isCompacted))));
}

/// <summary>The manifest's text by itself.</summary>
internal sealed class ManifestTarget : FuzzTarget
{
    public override string Name => "manifest";

    // Text of two bytes a letter, its lines, their words.
    public override long BytesEach => 256;

    public override IReadOnlyList<byte[]> Dictionary => LogFolderTarget.Words;

    public override IEnumerable<byte[]> Seeds() => [LogTemplate.Clean.Files[LogTemplate.ManifestPath], LogTemplate.Unclean.Files[LogTemplate.ManifestPath]];

    public override byte[] Repair(byte[] input, SimRandom random) => LogTemplate.WithRightCrc(input);

    public override void Run(byte[] input)
    {
        Manifest manifest;
        try
        {
            manifest = Manifest.Read("manifest", input);
        }
        catch (LogException)
        {
            return;
        }

        var once = manifest.Write();
        Promise(Manifest.Read("manifest", once).Write().AsSpan().SequenceEqual(once), "a manifest that was read and written is read as another");
    }
}

/// <summary>A whole folder under any manifest at all.</summary>
internal sealed class LogFolderTarget : OpenedLogTarget
{
    private static readonly LogTemplate Template = LogTemplate.Clean;

    public static IReadOnlyList<byte[]> Words { get; } =
    [
        .. new[]
        {
            "\nlog ", "\nstream ", "\nepoch ", "\nstate open", "\nstate clean", "\nwatermark ", "\nactive ", "\ntransaction 1 2 3 4", "\ncommitted 1 2 3",
            "\nincarnation ", "\nsegment ", "\naborted ", "\ncrc ", "leat-manifest 1\n", "leat-manifest 2\n", "\nat ", "\ntime ", "\nswap ", "\ndrop ", "\ngap ",
            "\nsync os", " compacted", " -1", "9223372036854775807", " 0 ",
        }.Select(Encoding.ASCII.GetBytes),
    ];

    public override string Name => "log-folder";

    public override IReadOnlyList<byte[]> Dictionary => Words;

    public override IEnumerable<byte[]> Seeds() => [Template.Files[LogTemplate.ManifestPath], LogTemplate.Unclean.Files[LogTemplate.ManifestPath]];

    public override byte[] Repair(byte[] input, SimRandom random) => LogTemplate.WithRightCrc(input);

    public override void Run(byte[] input) => OpenAndRead(Template.Disk((LogTemplate.ManifestPath, input)));
}

/// <summary>The file that says which log it is.</summary>
internal sealed class LogIdentityTarget : OpenedLogTarget
{
    private static readonly LogTemplate Template = LogTemplate.Clean;

    public override string Name => "log-id";

    public override IReadOnlyList<byte[]> Dictionary { get; } = [.. new[] { "leat-log 1\n", "leat-log 2\n", "\nid ", "\ncrc " }.Select(Encoding.ASCII.GetBytes)];

    public override IEnumerable<byte[]> Seeds() => [Template.Files[LogTemplate.Folder + "/log-id"]];

    public override byte[] Repair(byte[] input, SimRandom random) => LogTemplate.WithRightCrc(input);

    public override void Run(byte[] input) => OpenAndRead(Template.Disk((LogTemplate.Folder + "/log-id", input)));
}

/// <summary>The sparse index of a closed segment. Whatever stands in it, a reader finds the right record.</summary>
internal sealed class IndexTarget : OpenedLogTarget
{
    private static readonly LogTemplate Template = LogTemplate.Clean;
    private static readonly string IndexPath = Path.ChangeExtension(Template.FirstSegment, ".index");

    public override string Name => "index";

    public override int MaxBytes => 128;

    public override IEnumerable<byte[]> Seeds() => [Template.Files[IndexPath], EveryBatch()];

    private static byte[] EveryBatch()
    {
        var entries = new List<byte>();
        var segment = Template.Files[Template.FirstSegment];
        Span<byte> entry = stackalloc byte[OffsetIndex.EntryBytes];
        for (var at = 0; at < segment.Length;)
        {
            var view = new BatchView(segment.AsSpan(at));
            BinaryPrimitives.WriteInt32BigEndian(entry, (int)view.NextOffset - 1);
            BinaryPrimitives.WriteInt32BigEndian(entry[4..], at);
            entries.AddRange(entry);
            at += (int)view.SizeBytes;
        }

        return [.. entries];
    }

    public override void Run(byte[] input)
    {
        using var log = LogTemplate.Open(Template.Disk((IndexPath, input)));
        var stream = log.OpenStream("s", LogTemplate.Options);
        var first = -1L;
        for (var from = 0L; from < 12; from++)
        {
            using var reader = stream.NewReader(from);
            first = -1;
            while (first < 0 && reader.Read(4096) is { } block)
            {
                using (block)
                {
                    var records = block.Records();
                    if (records.MoveNext())
                        first = records.Offset;
                }
            }

            Promise(first >= from && first <= from + 5, "a reader begins at another record than the one asked for");
        }
    }
}

/// <summary>The time index of a closed segment, and a search in it.</summary>
internal sealed class TimeIndexTarget : OpenedLogTarget
{
    private static readonly LogTemplate Template = LogTemplate.Clean;
    private static readonly string IndexPath = Path.ChangeExtension(Template.FirstSegment, ".timeindex");

    public override string Name => "timeindex";

    public override int MaxBytes => 128;

    // Latest times of the first segment's batches, each with the batch's last offset.
    public override IEnumerable<byte[]> Seeds()
    {
        var entries = new List<byte>();
        var segment = Template.Files[Template.FirstSegment];
        for (var at = 0; at < segment.Length; at += (int)new BatchView(segment.AsSpan(at)).SizeBytes)
        {
            var entry = new byte[12];
            BinaryPrimitives.WriteInt64BigEndian(entry, BinaryPrimitives.ReadInt64BigEndian(segment.AsSpan(at + BatchFormat.MaxTimeAt)));
            BinaryPrimitives.WriteInt32BigEndian(entry.AsSpan(8), (int)new BatchView(segment.AsSpan(at)).NextOffset - 1);
            entries.AddRange(entry);
            yield return entry;
            yield return [.. entries];
        }
    }

    public override void Run(byte[] input)
    {
        using var log = LogTemplate.Open(Template.Disk((IndexPath, input)));
        var stream = log.OpenStream("s", LogTemplate.Options);
        for (var time = 0; time < 1000; time += 97)
        {
            var found = stream.OffsetAt(DateTimeOffset.FromUnixTimeMilliseconds(time));
            Promise(found >= 0 && found <= stream.EndOffset, "an offset that the stream does not have");
        }
    }
}

/// <summary>The filter of a closed segment's keys: damaged or not, every record of a key is found.</summary>
internal sealed class KeysTarget : OpenedLogTarget
{
    private static readonly LogTemplate Template = LogTemplate.Clean;
    private static readonly string KeysPath = Path.ChangeExtension(Template.FirstSegment, ".keys");
    private static readonly Lazy<byte[]> Filter = new(MakeFilter);

    public override string Name => "keys";

    public override int MaxBytes => 256;

    public override IEnumerable<byte[]> Seeds() => [Filter.Value];

    public override void Run(byte[] input)
    {
        using var log = LogTemplate.Open(Template.Disk((KeysPath, input)));
        Promise(Find(log.OpenStream("s", LogTemplate.Options)) > 0, "no record of a key is found");
    }

    private static int Find(StreamPartition stream)
    {
        using var reader = stream.FindKey(KeyHash.Of("key-1"u8), 0, stream.EndOffset);
        var found = 0;
        while (reader.Read(64 * 1024) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                    found += records.Offset < 20 && records.KeyLength == 5 && block.Buffer[records.KeyStart + 4] == (byte)'1' ? 1 : 0;
            }
        }

        return found;
    }

    // Made by a search in a log that has none.
    private static byte[] MakeFilter()
    {
        var disk = Template.Disk();
        using var log = LogTemplate.Open(disk);
        Find(log.OpenStream("s", LogTemplate.Options));
        using var file = disk.Open(KeysPath, DiskOpen.Read);
        var bytes = new byte[file.Length];
        file.Read(0, bytes);
        return bytes;
    }
}
