using Leat.Log;
using Leat.Log.Posix;
using Leat.Log.Tools;
using Xunit;

namespace Leat.Tests.Log;

/// <summary>Logs to look at, and the few steps that most facts about tools start with.</summary>
internal static class ToolFixture
{
    public static readonly StreamOptions SmallSegments = new() { SegmentBytes = 4096 };

    public static IProgress<LogProgress> Silent { get; } = new Ignored();

    public static LogView View(string folder) => LogView.Open(folder, new PosixDisk());

    /// <summary>A closed log: stream <c>shop</c> with so many records of 400 bytes, one a batch, in segments of 4 KiB.</summary>
    public static async Task<string> ClosedAsync(LogFixture fixture, int records = 40)
    {
        using (var log = fixture.Open())
            await FillAsync(log.OpenStream("shop", SmallSegments), records);
        return fixture.CopyAsIfKilled();
    }

    /// <summary>A closed log whose stream <c>shop</c> is compacted: 20 keys, written over again and again; returns what is left.</summary>
    public static async Task<(string Folder, List<string> Left)> CompactedAsync(LogFixture fixture, Compression compression = Compression.None)
    {
        List<string> left;
        using (var log = fixture.Open(scheduler: new NoMaintenance()))
        {
            var stream = log.OpenStream("shop", new() { SegmentBytes = 4096, Compact = true, Compression = compression, TailBytes = 0 });
            for (var i = 0; i < 100; i++)
            {
                var batch = stream.NewBatch();
                LogFixture.Add(batch, $"key {i * 7 % 20}", ValueOf(i));
                stream.Append(batch);
            }

            await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
            Assert.True(stream.Compaction.Pass());
            left = LogFixture.ReadAll(stream);
        }

        return (fixture.CopyAsIfKilled(), left);
    }

    public static async Task FillAsync(StreamPartition stream, int records)
    {
        for (var i = 0; i < records; i++)
            stream.Append(LogFixture.Batch(stream, ValueOf(stream.EndOffset)));
        await stream.WaitSyncedAsync(stream.EndOffset, LogFixture.Token);
    }

    public static string ValueOf(long offset) => $"{offset:D4}{new string((char)('a' + offset % 26), 400)}";

    /// <summary>First offsets of the segments of stream <c>shop</c>, in order.</summary>
    public static long[] Segments(string folder)
    {
        using var view = View(folder);
        return [.. view.Stream("shop").Segments.Select(segment => segment.BaseOffset)];
    }

    /// <summary>Flips a bit in the middle of a file.</summary>
    public static void Damage(string file, double where = 0.5)
    {
        var bytes = File.ReadAllBytes(file);
        bytes[(int)(bytes.Length * where)] ^= 1;
        File.WriteAllBytes(file, bytes);
    }

    public static StreamReport Verify(string folder, string stream = "shop")
    {
        using var view = View(folder);
        return new LogVerifier(view, Silent).Verify(stream, LogFixture.Token);
    }

    /// <summary>Plans and applies; returns the plan.</summary>
    public static RepairPlan Repair(string folder, string stream = "shop")
    {
        using var repairer = LogRepairer.Open(folder, new PosixDisk());
        var plan = repairer.Plan(stream, Silent, LogFixture.Token);
        repairer.Apply(plan);
        return plan;
    }

    /// <summary>Every committed record that the view shows, as <c>offset=first four letters</c>.</summary>
    public static List<string> ReadAll(StreamView stream, long from = 0, bool all = false)
    {
        using var reader = stream.NewReader(from, all);
        return ReadAll(reader);
    }

    public static List<string> ReadAll(ViewReader reader)
    {
        var texts = new List<string>();
        while (reader.Read() is { } block)
        {
            using (block)
                texts.AddRange(LogFixture.Texts(block));
        }

        return texts;
    }

    public static List<string> Expected(long from, long to)
    {
        var all = new List<string>();
        for (var offset = from; offset < to; offset++)
            all.Add($"{offset}={ValueOf(offset)}");
        return all;
    }

    /// <summary>Names and content of all files, but those of locks.</summary>
    public static List<string> Snapshot(string folder) =>
        [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Where(file => Path.GetFileName(file) is not ("lock" or "readers"))
            .Select(file => $"{Path.GetRelativePath(folder, file)} {Convert.ToHexString(File.ReadAllBytes(file))}")];

    private sealed class Ignored : IProgress<LogProgress>
    {
        public void Report(LogProgress value)
        {
            // nobody looks
        }
    }
}
