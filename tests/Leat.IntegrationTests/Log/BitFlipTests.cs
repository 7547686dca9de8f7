using System.Globalization;
using System.Text;
using Leat.Log;
using Leat.Log.Posix;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.Log;

/// <summary>A bit that flips in any file of a log is told, or changes nothing that anybody reads.</summary>
public sealed class BitFlipTests : IDisposable
{
    // Bits of one file that are tried, when not all of them are.
    private const int SomeBits = 40;

    private const int RecordsOfBatch = 3;

    private static readonly string[] Streams = ["shop", "packed"];

    private readonly string _root = Directory.CreateTempSubdirectory("leat-flip-").FullName;
    private readonly Random _random = new(11);

    private string Folder => Path.Combine(_root, "log");

    [Fact]
    public void In_a_log_that_was_closed_it_is_told_or_without_effect()
    {
        using (var log = Fill())
            Assert.Equal([], Differences(Read(log), Read(log)));
        var truth = ReadClosed(Folder, out _);
        var kinds = new SortedDictionary<string, (int Flips, int Told)>(StringComparer.Ordinal);
        foreach (var (file, bit) in Bits(Folder, allOf: ["log-id", Path.Combine("shop-0", "manifest")]))
        {
            var copy = CopyWith(file, bit);
            var read = ReadClosed(copy, out var code);
            Count(kinds, file, isTold: code != 0);
            var differences = Differences(truth, read);
            Assert.True(code != 0 || differences.Count == 0, $"bit {bit} of {file} is served: {string.Join(", ", differences)}");
            Assert.True(read.All(line => truth.Contains(line)), $"bit {bit} of {file}: something else was read before it was told");
            Directory.Delete(copy, recursive: true);
        }

        Tell("closed", kinds);
        Assert.Equal([".index", ".keys", ".log", ".timeindex", ".txnindex", "log-id", "manifest"], kinds.Keys);
        Assert.True(kinds["manifest"].Told == kinds["manifest"].Flips, "a damaged manifest is believed");
    }

    [Fact]
    public void After_a_kill_it_is_told_or_cuts_what_nothing_later_vouches_for()
    {
        HashSet<string> truth;
        var killed = Path.Combine(_root, "killed");
        using (var log = Fill())
        {
            truth = Read(log);
            Copy(Folder, killed);
        }

        Directory.Delete(Folder, recursive: true);
        Directory.Move(killed, Folder);
        var kinds = new SortedDictionary<string, (int Flips, int Told)>(StringComparer.Ordinal);
        foreach (var (file, bit) in Bits(Folder))
        {
            var copy = CopyWith(file, bit);
            var read = ReadClosed(copy, out var code);
            var isCut = Directory.GetFiles(copy, "*.tail-*", SearchOption.AllDirectories).Length > 0;
            Count(kinds, file, isTold: code != 0 || isCut);
            Assert.True(code != 0 || isCut || Differences(truth, read).Count == 0, $"bit {bit} of {file} is served");
            Assert.True(read.All(line => truth.Contains(line)), $"bit {bit} of {file}: something else was read");
            var cut = truth.Except(read).Count(line => char.IsAsciiDigit(line[line.IndexOf(' ', StringComparison.Ordinal) + 1]));
            Assert.True(code != 0 || cut <= RecordsOfBatch, $"bit {bit} of {file}: {cut} records were cut, more than the last batch has");
            Directory.Delete(copy, recursive: true);
        }

        Tell("killed", kinds);
    }

    [Fact]
    public void While_the_log_runs_it_is_told_or_without_effect()
    {
        using var log = Fill();
        var truth = Read(log);
        var kinds = new SortedDictionary<string, (int Flips, int Told)>(StringComparer.Ordinal);
        foreach (var (file, bit) in Bits(Folder))
        {
            var path = Path.Combine(Folder, file);
            var before = File.ReadAllBytes(path);
            Flip(path, bit);
            var (read, isTold) = (new HashSet<string>(), false);
            try
            {
                read = Read(log);
            }
            catch (LogException)
            {
                isTold = true;
            }

            Count(kinds, file, isTold);
            Assert.True(isTold || Differences(truth, read).Count == 0, $"bit {bit} of {file} is served: {string.Join(", ", Differences(truth, read))}");
            File.WriteAllBytes(path, before); // a side file that was made again is the same again
        }

        Tell("running", kinds);
        Assert.Equal([], Differences(truth, Read(log)));
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    // Two streams with closed segments and their side files, transactions committed and aborted, and an active segment.
    private LogDirectory Fill()
    {
        var scheduler = new LogScenario.OneThread();
        var log = Open(Folder, scheduler);
        foreach (var name in Streams)
        {
            var stream = log.OpenStream(name, OptionsOf(name));
            for (var round = 0; round < 40; round++)
            {
                var isPlain = round % 5 != 2;
                Append(stream, round, isPlain ? BatchKind.Plain : BatchKind.Transactional);
                if (!isPlain)
                    stream.Append(stream.NewBatch(), round % 2 == 0 ? BatchKind.CommitMarker : BatchKind.AbortMarker);
                scheduler.Run();
            }
        }

        return log;
    }

    private static void Append(StreamPartition stream, int round, BatchKind kind)
    {
        var batch = stream.NewBatch();
        for (var record = 0; record < RecordsOfBatch; record++)
        {
            var value = $"{stream.Name} {round} {record} " + string.Concat(Enumerable.Range(0, 60).Select(number => (char)('a' + ((number * (round + 3)) % 26))));
            batch.TimestampMs = 1_700_000_000_000 + (round * 7919 % 1000);
            batch.BeginRecord(Encoding.ASCII.GetBytes($"key-{round % 4}"), hasKey: true);
            Encoding.ASCII.GetBytes(value, batch.GetSpan(value.Length));
            batch.Advance(value.Length);
            batch.EndRecord();
        }

        stream.Append(batch, kind);
    }

    // No tail in memory: what is asked for is read from the files.
    private static StreamOptions OptionsOf(string stream) =>
        new() { SegmentBytes = 9 * 1024, TailBytes = 0, Compression = stream == "packed" ? Compression.Zstd : Compression.None };

    private static LogDirectory Open(string folder, ILogScheduler scheduler) =>
        LogDirectory.Open(folder, new PosixDisk(), TimeProvider.System, scheduler, NullLogger.Instance);

    private static HashSet<string> ReadClosed(string folder, out int code)
    {
        var read = new HashSet<string>(StringComparer.Ordinal);
        code = 0;
        try
        {
            using var log = Open(folder, new LogScenario.OneThread());
            Read(log, read);
        }
        catch (LogException error)
        {
            code = error.Code;
        }

        return read;
    }

    private static HashSet<string> Read(LogDirectory log)
    {
        var read = new HashSet<string>(StringComparer.Ordinal);
        Read(log, read);
        return read;
    }

    // Everything, in order, by time and by key: the last two go through the side files.
    private static void Read(LogDirectory log, HashSet<string> read)
    {
        foreach (var name in Streams)
        {
            var stream = log.OpenStream(name, OptionsOf(name));
            using (var reader = stream.NewReader(stream.StartOffset))
                Add(read, name, reader.Read);
            for (var time = 0; time < 1000; time += 173)
                read.Add(string.Create(CultureInfo.InvariantCulture, $"{name} time {time}: {stream.OffsetAt(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000 + time))}"));
            foreach (var from in (long[])[7, 20, 33])
            {
                using var reader = stream.NewReader(from);
                Add(read, $"{name} from {from}", reader.Read);
            }

            using var byKey = stream.FindKey(KeyHash.Of("key-2"u8), 0, stream.EndOffset);
            Add(read, $"{name} by key", byKey.Read, only: "key-2");
        }
    }

    private static void Add(HashSet<string> read, string how, Func<int, LogBlock?> next, string? only = null)
    {
        while (next(3000) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                {
                    var key = Encoding.ASCII.GetString(block.Buffer, records.KeyStart, records.KeyLength);
                    var value = Encoding.ASCII.GetString(block.Buffer, records.ValueStart, records.ValueLength);
                    if (only is null || key == only)
                        read.Add(string.Create(CultureInfo.InvariantCulture, $"{how} {records.Offset} {records.TimestampMs} {key} {value}"));
                }
            }
        }
    }

    private static List<string> Differences(HashSet<string> truth, HashSet<string> read) =>
        [.. truth.Except(read).Select(line => $"missing {line}").Concat(read.Except(truth).Select(line => $"extra {line}")).Take(3)];

    // Every bit of some files, some of all others.
    private List<(string File, long Bit)> Bits(string folder, params string[] allOf)
    {
        var bits = new List<(string, long)>();
        foreach (var path in Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var count = new FileInfo(path).Length * 8;
            var file = Path.GetRelativePath(folder, path);
            var chosen = allOf.Contains(file) || count <= SomeBits ? Enumerable.Range(0, (int)count).Select(bit => (long)bit) : Enumerable.Range(0, SomeBits).Select(_ => _random.NextInt64(count));
            bits.AddRange(chosen.Select(bit => (file, bit)));
        }

        return bits;
    }

    private string CopyWith(string file, long bit)
    {
        var copy = Path.Combine(_root, "copy");
        Copy(Folder, copy);
        Flip(Path.Combine(copy, file), bit);
        return copy;
    }

    private static void Flip(string path, long bit)
    {
        using var file = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.Position = bit / 8;
        var value = (byte)file.ReadByte();
        file.Position = bit / 8;
        file.WriteByte((byte)(value ^ (1 << (int)(bit % 8))));
    }

    private static void Count(SortedDictionary<string, (int Flips, int Told)> kinds, string file, bool isTold)
    {
        var kind = Path.GetExtension(file) is { Length: > 0 } extension ? extension : Path.GetFileName(file);
        var (flips, told) = kinds.GetValueOrDefault(kind);
        kinds[kind] = (flips + 1, told + (isTold ? 1 : 0));
    }

    private static void Tell(string state, SortedDictionary<string, (int Flips, int Told)> kinds) =>
        Console.WriteLine($"bit flips, {state}: {string.Join(", ", kinds.Select(kind => $"{kind.Key} {kind.Value.Flips} ({kind.Value.Told} told)"))}, none served");

    private static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from).Where(file => Path.GetFileName(file) != "lock")) // held by whoever has it open
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        foreach (var folder in Directory.GetDirectories(from))
            Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
    }
}
