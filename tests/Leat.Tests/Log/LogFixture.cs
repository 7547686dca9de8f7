using System.Text;
using Leat.Log;
using Leat.Log.Posix;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Log;

/// <summary>A log in a temporary folder on the real disk, and the few steps that most facts start with.</summary>
internal sealed class LogFixture : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("leat-log-").FullName;
    private readonly List<LogDirectory> _opened = [];
    private int _copies;

    public LogFixture() => Folder = Path.Combine(_root, "log");

    public string Folder { get; }

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public LogDirectory Open(string? folder = null, ILogScheduler? scheduler = null, TimeProvider? time = null)
    {
        var log = LogDirectory.Open(
            folder ?? Folder, new PosixDisk(), time ?? TimeProvider.System, scheduler ?? new ThreadScheduler(), NullLogger.Instance);
        _opened.Add(log);
        return log;
    }

    public LogDirectory Open(IDisk disk, ILogScheduler? scheduler = null, TimeProvider? time = null, LogOptions? options = null)
    {
        var log = LogDirectory.Open(
            Folder, disk, time ?? TimeProvider.System, scheduler ?? new ThreadScheduler(), NullLogger.Instance, options ?? new() { ReserveBytes = 0 });
        _opened.Add(log);
        return log;
    }

    /// <summary>What a killed process leaves: the files as they are now.</summary>
    public string CopyAsIfKilled(string? folder = null)
    {
        var copy = Path.Combine(_root, $"copy{++_copies}");
        CopyFolder(folder ?? Folder, copy);
        return copy;
    }

    public static string PathOf(string folder, string stream, long baseOffset, string suffix = ".log") =>
        Path.Combine(folder, stream + "-0", baseOffset.ToString("D20", System.Globalization.CultureInfo.InvariantCulture) + suffix);

    public static BatchBuilder Batch(StreamPartition stream, params string[] values)
    {
        var batch = stream.NewBatch();
        foreach (var value in values)
            Add(batch, "k:" + value, value);
        return batch;
    }

    public static void Add(BatchBuilder batch, string? key, string value)
    {
        batch.BeginRecord(key is null ? default : Encoding.UTF8.GetBytes(key), key is not null);
        var bytes = Encoding.UTF8.GetBytes(value);
        bytes.CopyTo(batch.GetSpan(bytes.Length));
        batch.Advance(bytes.Length);
        batch.EndRecord();
    }

    public static async Task AppendSyncedAsync(StreamPartition stream, params string[] values)
    {
        stream.Append(Batch(stream, values));
        await stream.WaitSyncedAsync(stream.EndOffset, Token);
    }

    public static async Task MarkAsync(StreamPartition stream, BatchKind kind)
    {
        stream.Append(stream.NewBatch(), kind);
        await stream.WaitSyncedAsync(stream.EndOffset, Token);
    }

    /// <summary>Everything readable from an offset on, as <c>offset=value</c>.</summary>
    public static List<string> ReadAll(StreamPartition stream, long from = 0, int maxBytes = 1024 * 1024)
    {
        using var reader = stream.NewReader(Math.Max(from, stream.StartOffset));
        var all = new List<string>();
        while (reader.Read(maxBytes) is { } block)
        {
            using (block)
                all.AddRange(Texts(block));
        }

        return all;
    }

    public static List<string> Texts(LogBlock block)
    {
        var all = new List<string>();
        var records = block.Records();
        while (records.MoveNext())
            all.Add($"{records.Offset}={Encoding.UTF8.GetString(block.Buffer, records.ValueStart, records.ValueLength)}");
        return all;
    }

    public void Dispose()
    {
        foreach (var log in _opened)
            log.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.GetFiles(from))
        {
            var name = Path.GetFileName(file);
            if (name == "lock")
                continue;
            try
            {
                File.Copy(file, Path.Combine(to, name));
            }
            catch (FileNotFoundException) when (name.EndsWith(".new", StringComparison.Ordinal))
            {
                continue; // written beside its place and renamed meanwhile: a kill a moment later leaves none either
            }
        }

        foreach (var folder in Directory.GetDirectories(from))
            CopyFolder(folder, Path.Combine(to, Path.GetFileName(folder)));
    }
}
