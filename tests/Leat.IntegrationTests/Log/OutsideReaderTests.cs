using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Leat.Log;
using Leat.Log.Posix;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.Log;

/// <summary>Segments are Kafka's: kcat, that is librdkafka, reads them from a broker that hands out our files as they are.</summary>
public sealed class OutsideReaderTests : IDisposable
{
    private const string Kcat = "/usr/bin/kcat";

    private static readonly DateTimeOffset Start = new(2026, 11, 21, 12, 0, 0, TimeSpan.Zero);

    private readonly string _folder = Directory.CreateTempSubdirectory("leat-kafka-").FullName;
    private readonly List<Record> _written = [];
    private readonly HashSet<long> _aborted = [];
    private readonly Random _random = new(7);

    public static TheoryData<Compression, string> Ways
    {
        get
        {
            var ways = new TheoryData<Compression, string>();
            foreach (var compression in Enum.GetValues<Compression>())
            {
                ways.Add(compression, "read_committed");
                ways.Add(compression, "read_uncommitted");
            }

            return ways;
        }
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public async Task Kcat_reads_what_was_written(Compression compression, string isolation)
    {
        TestServers.Require(File.Exists(Kcat), "kcat");
        await WriteAsync(new() { SegmentBytes = compression == Compression.None ? 32 * 1024 : 4096, Compression = compression });

        var (log, records) = await ReadAsync(isolation);

        Assert.True(log.Segments > 5, $"{log.Segments} segments");
        Assert.Contains((int)compression, log.Codecs);
        Assert.DoesNotContain(log.Codecs, codec => codec != (int)compression && codec != 0);
        Compare(records, isolation);
    }

    [Fact]
    public async Task Kcat_reads_a_compacted_segment()
    {
        TestServers.Require(File.Exists(Kcat), "kcat");
        await WriteAsync(new() { SegmentBytes = 8 * 1024, Compact = true });
        var newest = _written.Where(record => record.Key is not null && !_aborted.Contains(record.Offset))
            .GroupBy(record => record.Key).ToDictionary(group => group.Key ?? "", group => group.Last());

        var (log, records) = await ReadAsync("read_committed");

        Assert.True(records.Count < _written.Count * 3 / 4, $"{records.Count} of {_written.Count} records are left");
        Assert.All(records, record => Assert.Equal(_written.Single(written => written.Offset == record.Offset) with { Header = "", Synced = null }, record with { Header = "", Synced = null }));
        Assert.All(newest.Values, record => Assert.Contains(records, read => read.Offset == record.Offset));
        Assert.Contains(true, log.GapsWithin);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task WriteAsync(StreamOptions options)
    {
        var scheduler = new LogScenario.OneThread();
        using var log = LogDirectory.Open(_folder, new PosixDisk(), TimeProvider.System, scheduler, NullLogger.Instance);
        var stream = log.OpenStream("shop", options);
        for (var round = 0; round < 120; round++)
        {
            switch (round % 6)
            {
                case 2:
                    Append(stream, BatchKind.Transactional, isAborted: round % 4 == 0);
                    scheduler.Run();
                    Append(stream, BatchKind.Transactional, isAborted: round % 4 == 0);
                    stream.Append(stream.NewBatch(), round % 4 == 0 ? BatchKind.AbortMarker : BatchKind.CommitMarker);
                    break;
                default:
                    Append(stream, BatchKind.Plain, isAborted: false);
                    break;
            }

            scheduler.Run(); // appends, rolls, and whatever maintenance has to do
            await stream.WaitSyncedAsync(stream.EndOffset, TestContext.Current.CancellationToken);
        }
    }

    private void Append(StreamPartition stream, BatchKind kind, bool isAborted)
    {
        var batch = stream.NewBatch();
        var records = new List<Record>();
        for (var i = _random.Next(1, 20); i > 0; i--)
        {
            var key = _random.Next(5) switch { 0 => null, 1 => "", _ => $"key-{_random.Next(1000)}" };
            var value = new string((char)_random.Next('a', 'z'), _random.Next(10) == 0 ? 3000 : _random.Next(200));
            batch.TimestampMs = (Start + TimeSpan.FromMilliseconds(_random.Next(1_000_000))).ToUnixTimeMilliseconds();
            batch.BeginRecord(Encoding.ASCII.GetBytes(key ?? ""), key is not null);
            Encoding.ASCII.GetBytes(value, batch.GetSpan(value.Length));
            batch.Advance(value.Length);
            batch.EndRecord();
            records.Add(new(0, batch.TimestampMs, key, value, "", null));
        }

        // Everything before the round is synced when its first batch is written.
        var (synced, offset) = (stream.SyncedOffset, stream.Append(batch, kind));
        for (var i = 0; i < records.Count; i++)
        {
            _written.Add(records[i] with { Offset = offset + i, Header = i == 0 ? "synced" : "", Synced = i == 0 ? synced : null });
            if (isAborted)
                _aborted.Add(offset + i);
        }
    }

    private void Compare(List<Record> read, string isolation)
    {
        Assert.NotEmpty(_aborted);
        Assert.Equal(_written.Where(record => isolation == "read_uncommitted" || !_aborted.Contains(record.Offset)), read);
    }

    private async Task<(KafkaLog Log, List<Record> Records)> ReadAsync(string isolation)
    {
        var log = new KafkaLog(Path.Combine(_folder, "shop-0"));
        await using var server = new KafkaServer(log, "shop");
        string[] arguments =
        [
            "-C", "-b", $"127.0.0.1:{server.Port}", "-t", "shop", "-p", "0", "-o", "beginning", "-e", "-q", "-J",
            "-X", "check.crcs=true", "-X", $"isolation.level={isolation}", "-X", "broker.address.family=v4",
        ];
        using var kcat = Process.Start(new ProcessStartInfo(Kcat, arguments) { RedirectStandardOutput = true, RedirectStandardError = true });
        Assert.NotNull(kcat);
        using var output = new MemoryStream();
        var copying = kcat.StandardOutput.BaseStream.CopyToAsync(output, TestContext.Current.CancellationToken);
        var error = await kcat.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await copying;
        await kcat.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(kcat.ExitCode == 0, $"kcat ended with {kcat.ExitCode}: {error}");
        return (log, Parse(output.ToArray()));
    }

    // A header's value is bytes, which kcat puts into its JSON as they are: every byte is read as one character.
    private static List<Record> Parse(byte[] output)
    {
        var records = new List<Record>();
        foreach (var line in Encoding.Latin1.GetString(output).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            using var document = JsonDocument.Parse(line);
            var json = document.RootElement;
            var headers = json.TryGetProperty("headers", out var list) ? list.EnumerateArray().Select(text => text.GetString() ?? "").ToArray() : [];
            records.Add(new(
                json.GetProperty("offset").GetInt64(), json.GetProperty("ts").GetInt64(), json.GetProperty("key").GetString(),
                json.GetProperty("payload").GetString(), headers.Length == 2 ? headers[0] : string.Join(',', headers),
                headers.Length == 2 ? BinaryPrimitives.ReadInt64BigEndian(Encoding.Latin1.GetBytes(headers[1])) : null));
        }

        return records;
    }

    private sealed record Record(long Offset, long TimestampMs, string? Key, string? Value, string Header, long? Synced);
}
