using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Leat.Log;
using Leat.Log.Posix;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.Bench;

/// <summary>How fast keyed state is written, compacted and loaded.</summary>
internal static class StateBench
{
    private const long TotalBytes = 1L << 30;
    private const int Runs = 5;

    /// <summary>Runs all cases in a folder (default: a temporary one), or those with values of so many bytes alone, and prints the medians.</summary>
    public static async Task Run(string[] args)
    {
        var root = args.Length > 0 ? args[0] : Path.Combine(Path.GetTempPath(), $"leat-statebench-{Environment.ProcessId}");
        int[] sizes = args.Length > 1 ? [int.Parse(args[1], CultureInfo.InvariantCulture)] : [1024, 200];
        foreach (var valueBytes in sizes)
        {
            foreach (var compression in new[] { Compression.None, Compression.Lz4 })
                await CaseAsync(root, valueBytes, compression);
        }
    }

    private static async Task CaseAsync(string root, int valueBytes, Compression compression)
    {
        Directory.CreateDirectory(root);
        try
        {
            var keys = (int)(TotalBytes / (valueBytes + 16));
            var clock = Stopwatch.StartNew();
            await WriteAsync(root, keys, valueBytes, compression);
            Print("written in sets of 10,000", valueBytes, compression, clock.Elapsed);

            var (raw, kept) = (new List<double>(), new List<double>());
            for (var i = 0; i < Runs; i++)
            {
                raw.Add(Load(root, compression, keys, new Counter()).TotalSeconds);
                kept.Add(Load(root, compression, keys, new Table(keys, valueBytes)).TotalSeconds);
            }

            Print("loaded, handler that adds up", valueBytes, compression, TimeSpan.FromSeconds(raw.Order().ElementAt(Runs / 2)));
            Print("loaded into a table of rows", valueBytes, compression, TimeSpan.FromSeconds(kept.Order().ElementAt(Runs / 2)));
        }
        finally
        {
            Directory.Delete(root, recursive: true);
        }
    }

    private static async Task WriteAsync(string root, int keys, int valueBytes, Compression compression)
    {
        using var log = Open(root);
        var stream = log.OpenStream("state", Options(compression));
        using var writer = new StateWriter(stream);
        var (key, value) = (new byte[8], new byte[valueBytes]);
        for (var i = 0; i < keys; i++)
        {
            BinaryPrimitives.WriteInt64BigEndian(key, i);
            for (var at = 0; at + 8 <= valueBytes; at += 32)
                BinaryPrimitives.WriteInt64LittleEndian(value.AsSpan(at), (i + 1L) * (at + 2_654_435_761));
            writer.Put(key, value);
            if (i % 10_000 != 0)
                continue;
            writer.Close(i, default);
            await writer.WhenRoomAsync(CancellationToken.None);
        }

        await stream.WaitSyncedAsync(writer.Close(keys, default).NextOffset, CancellationToken.None);
    }

    private static TimeSpan Load(string root, Compression compression, int keys, ICountingHandler handler)
    {
        using var log = Open(root);
        var stream = log.OpenStream("state", Options(compression));
        var clock = Stopwatch.StartNew();
        var marker = StateReader.Load(stream, handler, CancellationToken.None);
        var taken = clock.Elapsed;
        return marker?.SourceOffset == keys && handler.Records == keys
            ? taken
            : throw new InvalidOperationException($"loaded {handler.Records} of {keys} keys");
    }

    private static void Print(string name, int valueBytes, Compression compression, TimeSpan taken) => Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"state, values of {valueBytes,4} B, {compression,-4}: {name,-30} {TotalBytes / taken.TotalSeconds / 1e6,6:F0} MB/s"));

    private static StreamOptions Options(Compression compression) => new() { Compact = true, Sync = SyncMode.Interval, Compression = compression };

    private static LogDirectory Open(string root) =>
        LogDirectory.Open(Path.Combine(root, "log"), new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance);

    private interface ICountingHandler : IStateHandler
    {
        int Records { get; }
    }

    private sealed class Counter : ICountingHandler
    {
        private long _bytes;

        public int Records { get; private set; }

        public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            Records++;
            _bytes += key.Length + value.Length;
        }

        public void Delete(ReadOnlySpan<byte> key) => Records--;
    }

    // What a join does at the least: find the key, copy the row.
    private sealed class Table(int keys, int valueBytes) : ICountingHandler
    {
        private readonly Dictionary<long, int> _rows = new(keys);
        private readonly byte[] _values = GC.AllocateUninitializedArray<byte>(checked(keys * valueBytes));

        public int Records => _rows.Count;

        public void Put(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
        {
            var at = _rows.Count * valueBytes;
            var number = BinaryPrimitives.ReadInt64BigEndian(key);
            if (!_rows.TryAdd(number, at))
                at = _rows[number];
            value.CopyTo(_values.AsSpan(at));
        }

        public void Delete(ReadOnlySpan<byte> key) => _rows.Remove(BinaryPrimitives.ReadInt64BigEndian(key));
    }
}
