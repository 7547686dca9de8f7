using System.Collections.Immutable;
using Leat.Changes;
using Leat.Log;
using Leat.Log.Posix;
using Leat.Pipeline.Capture;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Delivery;
using Leat.Pipeline.Letters;
using Leat.Pipeline.Status;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.Tests.Pipeline;

/// <summary>A log in a temporary folder with one source and one pipeline that can be started, stopped, and killed.</summary>
internal sealed class TestEngine(int timeFactor = 100) : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("leat-test-").FullName;
    private LogDirectory? _log;
    private SourcePart? _source;
    private PipelinePart? _pipeline;
    private CancellationTokenSource _stopping = new();
    private CancellationTokenSource _killed = new();
    private Task _running = Task.CompletedTask;

    public TimeProvider Time { get; } = new FastTime(timeFactor);

    public ScriptedSource Source { get; } = new();

    public ScriptedSink Sink { get; } = new();

    /// <summary>Another sink instead, for the next start.</summary>
    public ISink? OtherSink { get; set; }

    /// <summary>The pipeline's definition, for tests that need nothing else.</summary>
    public static PipelineDefinition CopyItems { get; } = new()
    {
        Name = "copy",
        From = "shop",
        Tables = [new() { Alias = "items", Table = new("shop", "items"), Location = default }],
        SinkKind = "scripted",
        OpenSink = _ => throw new InvalidOperationException("opened by the test"),
        Location = default,
    };

    public PipelineDefinition Definition { get; set; } = CopyItems;

    /// <summary>Settings of the source's stream.</summary>
    public StreamOptions StreamOptions { get; set; } = new();

    public ILoggerFactory Loggers { get; set; } = NullLoggerFactory.Instance;

    public string Folder => _folder;

    public CaptureRunner Capture => _source!.Runner!; // opened by Open

    public PipelineRunner Pipeline => _pipeline!.Runner!; // opened by Open

    public SnapshotControl Snapshots => new([_source!], Time); // opened by Open

    public LogDirectory Log => _log!; // set by Open

    /// <summary>A definition with a row filter.</summary>
    public TestEngine Where(string condition)
    {
        Definition = CopyItemsWhere(condition);
        return this;
    }

    public static PipelineDefinition CopyItemsWhere(string condition) =>
        CopyItems with { Tables = [CopyItems.Tables[0] with { Where = condition }] };

    public TestEngine Open()
    {
        _log = LogDirectory.Open(_folder, new PosixDisk(), Time, new ThreadScheduler(), NullLogger.Instance);
        _source = new("shop", Source, [Definition.Name], _log, StreamOptions, Time, Loggers);
        _pipeline = new(Definition, _source, OtherSink ?? Sink, () => Source, _log, Time, Loggers);
        Assert.True(_source.TryOpen(), _source.Failure?.Message);
        Assert.True(_pipeline.TryOpen(), _pipeline.Failure?.Message);
        return this;
    }

    public TestEngine Start()
    {
        if (_log is null)
            Open();
        _stopping = new();
        _killed = new();
        _running = Task.WhenAll(
            Task.Run(() => Capture.RunAsync(until: null, _stopping.Token)), Task.Run(() => Pipeline.RunAsync(_stopping.Token, _killed.Token)));
        return this;
    }

    /// <summary>Stops in order and closes the log.</summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync();
        await _running;
        Close();
    }

    /// <summary>Ends without drain or checkpoint, and closes the log.</summary>
    public async Task KillAsync()
    {
        await _killed.CancelAsync();
        await _stopping.CancelAsync();
        await _running;
        Close();
    }

    /// <summary>Waits until everything that the source has is captured and has its outcome.</summary>
    public async Task SettledAsync()
    {
        var end = await Source.CurrentPositionAsync(CancellationToken.None);
        await UntilAsync(() => Capture.Evidence.DurablePosition(Capture.Stream.SyncedOffset) == end.Text && Capture.Stream.ReadableOffset == Capture.Stream.EndOffset
            && Pipeline.CurrentCheckpoint == Capture.Stream.ReadableOffset && Pipeline.Account().InFlight == 0);
    }

    /// <summary>Waits for a condition; fails after a minute, which no sound run takes.</summary>
    public async Task UntilAsync(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        while (!condition())
        {
            Assert.False(limit.IsCancellationRequested, $"Waited in vain: {Pipeline.Failure?.Message} {Pipeline.Account()} checkpoint {Pipeline.CurrentCheckpoint}, readable {Capture.Stream.ReadableOffset}, position {Capture.Position}");
            if (_running.IsFaulted)
                await _running;
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System);
        }
    }

    public EngineStatus Status() => new StatusModel([_source!], [_pipeline!], Time).Compute();

    /// <summary>Every committed record of a stream.</summary>
    public ImmutableArray<(long Offset, byte[] Value)> Records(string stream)
    {
        var partition = Log.OpenStream(stream, new());
        var all = ImmutableArray.CreateBuilder<(long, byte[])>();
        using var reader = partition.NewReader(partition.StartOffset);
        while (reader.Read(1024 * 1024) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                    all.Add((records.Offset, block.Buffer.AsSpan(records.ValueStart, records.ValueLength).ToArray()));
            }
        }

        return all.ToImmutable();
    }

    /// <summary>Every dead letter.</summary>
    public IReadOnlyCollection<Letter> Letters()
    {
        var book = new LetterBook();
        foreach (var (offset, value) in Records($"{Definition.Name}.deadletters"))
            book.Apply(offset, value);
        return book.Letters;
    }

    public async ValueTask DisposeAsync()
    {
        if (_log is not null)
            await KillAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private void Close()
    {
        _log?.Dispose();
        _log = null;
    }
}
