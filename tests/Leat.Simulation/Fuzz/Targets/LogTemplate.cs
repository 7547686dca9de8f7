using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Leat.Log;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Simulation.Fuzz.Targets;

/// <summary>A small good log: closed segments, a committed and an aborted transaction, an active segment. Targets put damaged files in its place.</summary>
internal sealed partial class LogTemplate
{
    /// <summary>The log's folder on the fake disk.</summary>
    public const string Folder = "/log";

    /// <summary>The only stream's folder.</summary>
    public const string Stream = "/log/s-0";

    /// <summary>Where the manifest of the stream stands.</summary>
    public const string ManifestPath = Stream + "/manifest";

    private static readonly Lazy<LogTemplate> Closed = new(() => new(close: true, Compression.None));
    private static readonly Lazy<LogTemplate> Killed = new(() => new(close: false, Compression.None));

    private LogTemplate(bool close, Compression compression)
    {
        var disk = new FakeDisk(new SimRandom(1));
        var log = Open(disk);
        Write(log.OpenStream("s", Options with { Compression = compression }));
        if (close)
            log.Dispose();
        Files = ((string[])[Folder, Stream]).SelectMany(folder => disk.List(folder).Select(name => Path.Combine(folder, name)))
            .Where(path => path != Stream && Path.GetFileName(path) is not ("lock" or "readers")).ToDictionary(path => path, path => ReadAll(disk, path), StringComparer.Ordinal);
        var segments = Files.Keys.Where(path => path.EndsWith(".log", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();
        (FirstSegment, ActiveSegment) = (segments[0], segments[^1]);
    }

    /// <summary>As an orderly close leaves it.</summary>
    public static LogTemplate Clean => Closed.Value;

    /// <summary>As the end of the process leaves it.</summary>
    public static LogTemplate Unclean => Killed.Value;

    /// <summary>As an orderly close leaves it, compressed.</summary>
    public static LogTemplate Compressed(Compression compression) => new(close: true, compression);

    /// <summary>Small segments, so that there are several.</summary>
    public static StreamOptions Options { get; } = new() { SegmentBytes = 4096 };

    public IReadOnlyDictionary<string, byte[]> Files { get; }

    public string FirstSegment { get; }

    public string ActiveSegment { get; }

    /// <summary>A disk with the template's files, some replaced.</summary>
    public FakeDisk Disk(params (string Path, byte[] Content)[] replaced)
    {
        var disk = new FakeDisk(new SimRandom(1));
        disk.CreateDirectory(Stream);
        foreach (var (path, content) in Files)
            Put(disk, path, Array.Find(replaced, file => file.Path == path).Content ?? content);
        return disk;
    }

    /// <summary>Opens the folder; steps of workers run within the call that wakes them.</summary>
    public static LogDirectory Open(FakeDisk disk) =>
        LogDirectory.Open(Folder, disk, new SimTimeProvider(), new WithinTheCall(), NullLogger.Instance);

    /// <summary>Reads everything from an offset on: how many records, the next offset, and a hash over all of them.</summary>
    public static (int Records, long Next, ulong Hash) ReadAll(StreamPartition stream, long from)
    {
        using var reader = stream.NewReader(from);
        var (count, hash) = (0, 14695981039346656037ul);
        while (reader.Read(64 * 1024) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    count++;
                    hash = (hash ^ (ulong)records.Offset) * 1099511628211;
                    hash = (hash ^ (ulong)records.TimestampMs) * 1099511628211;
                    hash = Add(hash, block.Buffer, records.KeyStart, records.KeyLength);
                    hash = Add(hash, block.Buffer, records.ValueStart, records.ValueLength);
                }
            }
        }

        return (count, reader.NextOffset, hash);
    }

    /// <summary>The manifest with another size of the first closed segment, and perhaps with the word that it was compacted.</summary>
    public byte[] ManifestWithFirstSegmentOf(int bytes, bool isCompacted) => WithRightCrc(Encoding.ASCII.GetBytes(
        FirstSegmentSize().Replace(Encoding.ASCII.GetString(Files[ManifestPath]), $"${{1}}{bytes} -{(isCompacted ? " compacted" : "")}", 1)));

    /// <summary>The text file with the checksum that its lines have.</summary>
    public static byte[] WithRightCrc(byte[] text)
    {
        var last = text.AsSpan().LastIndexOf("\ncrc "u8);
        var lines = last < 0 ? text : text[..(last + 1)];
        return [.. lines, .. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"crc {BatchFormat.Crc(lines):x8}\n"))];
    }

    /// <summary>Makes batch after batch one that the log would look into: mostly right lengths, offsets and checksums.</summary>
    public byte[] WithRightBatches(byte[] segment, long baseOffset, SimRandom random)
    {
        var incarnation = new BatchView(Files[FirstSegment]).Incarnation;
        var next = baseOffset;
        for (var at = 0; segment.Length - at > BatchFormat.HeaderBytes;)
        {
            var batch = segment.AsSpan(at);
            var size = new BatchView(batch).SizeBytes;
            if (size <= BatchFormat.HeaderBytes || size > batch.Length)
                BinaryPrimitives.WriteInt32BigEndian(batch[BatchFormat.LengthAt..], (int)(size = batch.Length) - BatchFormat.LengthStart);
            batch = batch[..(int)size];
            var count = new BatchView(batch).RecordCount;
            if (count < 1 || (count > 100 && random.Chance(90)))
                BinaryPrimitives.WriteInt32BigEndian(batch[BatchFormat.RecordCountAt..], count = 1);
            if (random.Chance(95))
                BinaryPrimitives.WriteInt64BigEndian(batch, next);
            if (random.Chance(98))
                batch[BatchFormat.MagicAt] = BatchFormat.Magic;
            if (random.Chance(98))
                BinaryPrimitives.WriteInt32BigEndian(batch[BatchFormat.LastOffsetDeltaAt..], count - 1);
            if (random.Chance(98))
                BinaryPrimitives.WriteInt64BigEndian(batch[BatchFormat.ProducerIdAt..], incarnation);
            if (random.Chance(98))
                BinaryPrimitives.WriteInt32BigEndian(batch[BatchFormat.BaseSequenceAt..], BatchFormat.SequenceOf(next));
            if (random.Chance(98))
                BinaryPrimitives.WriteUInt32BigEndian(batch[BatchFormat.CrcAt..], BatchFormat.Crc(batch[BatchFormat.AttributesAt..]));
            next += count;
            at += (int)size;
        }

        return segment;
    }

    private static void Write(StreamPartition stream)
    {
        for (var round = 0; round < 14; round++)
        {
            var isPlain = round % 3 != 1;
            stream.Append(Batch(stream, round, 1 + round % 3), isPlain ? BatchKind.Plain : BatchKind.Transactional);
            if (isPlain)
                continue;
            stream.Append(Batch(stream, round, 2), BatchKind.Transactional);
            stream.Append(stream.NewBatch(), round % 2 == 0 ? BatchKind.CommitMarker : BatchKind.AbortMarker);
        }
    }

    private static BatchBuilder Batch(StreamPartition stream, int round, int records)
    {
        var batch = stream.NewBatch();
        batch.TimestampMs = round * 7919 % 1000; // times go up and down
        for (var i = 0; i < records; i++)
        {
            batch.BeginRecord(Encoding.ASCII.GetBytes($"key-{i}"), hasKey: i % 3 != 2);
            var value = Encoding.ASCII.GetBytes(new string((char)('a' + round), 40 + (i * 150)));
            value.CopyTo(batch.GetSpan(value.Length));
            batch.Advance(value.Length);
            batch.EndRecord();
        }

        return batch;
    }

    private static void Put(FakeDisk disk, string path, byte[] content)
    {
        using var file = disk.Open(path, DiskOpen.Replace);
        file.Write(0, content);
    }

    private static byte[] ReadAll(FakeDisk disk, string path)
    {
        using var file = disk.Open(path, DiskOpen.Read);
        var bytes = new byte[file.Length];
        file.Read(0, bytes);
        return bytes;
    }

    private static ulong Add(ulong hash, byte[] buffer, int start, int length)
    {
        hash = (hash ^ (ulong)length) * 1099511628211;
        foreach (var value in buffer.AsSpan(start, Math.Max(0, length)))
            hash = (hash ^ value) * 1099511628211;
        return hash;
    }

    [GeneratedRegex(@"(\nsegment 0 )\d+ \S+")]
    private static partial Regex FirstSegmentSize();

    private sealed class WithinTheCall : ILogScheduler
    {
        public ILogWorker Start(string name, Func<TimeSpan?> step) => new Worker(step);

        private sealed class Worker(Func<TimeSpan?> step) : ILogWorker
        {
            public void Wake()
            {
                for (var steps = 0; steps < 16 && step() == TimeSpan.Zero; steps++)
                {
                }
            }

            public void Dispose()
            {
            }
        }
    }
}
