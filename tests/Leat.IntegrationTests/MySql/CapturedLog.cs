using System.Text;
using Leat.Changes;
using Leat.Log;
using Leat.Log.Posix;
using Leat.Pipeline.Capture;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Leat.IntegrationTests.MySql;

/// <summary>A log folder into which a source is captured, run by run, as a restarted Leat does.</summary>
internal sealed class CapturedLog
{
    private readonly string _folder = TestRunFolder.New();

    /// <summary>Captures up to where the source stands now, in a log that is opened for it and closed afterwards.</summary>
    /// <param name="source">Stays the caller's.</param>
    /// <param name="beginning">Where the first run begins.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task RunAsync(ISource source, SourcePosition? beginning, CancellationToken cancellationToken)
    {
        var end = await source.CurrentPositionAsync(cancellationToken);
        using var log = Open();
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var failures = new FirstFailure(stopping);
        var runner = CaptureRunner.Open("shop", source, log, TimeProvider.System, failures, beginning);
        await runner.RunAsync(end, stopping.Token);
        if (failures.Cause is { } cause)
            throw new InvalidOperationException($"Capture did not come to its end: {cause.Message}", cause);
    }

    /// <summary>All committed transactions: name and changes, e.g. <c>0-1-42: Insert t (1)|Delete t (2)</c>.</summary>
    public List<string> Transactions()
    {
        using var log = Open();
        var schemas = SchemaRegistry.Open("shop", log);
        var told = new List<string>();
        var open = new List<string>();
        Each(log, "shop", change =>
        {
            if (change.Kind == ChangeKind.Position)
                return;
            open.Add(new Recorded(change.Kind, schemas.Find(change.SchemaId) ?? throw new InvalidDataException("no schema"), change.Before.ToArray(), change.After.ToArray()).ToString());
            if (!change.Marks.HasFlag(ChangeMarks.LastOfTransaction))
                return;
            told.Add($"{Encoding.ASCII.GetString(change.TransactionId)}: {string.Join('|', open)}");
            open.Clear();
        });
        return told;
    }

    /// <summary>Number of records in a stream; 0 when there is none.</summary>
    public int Records(string stream)
    {
        using var log = Open();
        var count = 0;
        if (log.Streams.Contains(stream))
            Each(log, stream, _ => count++);
        return count;
    }

    /// <summary>The position in the log's tail.</summary>
    public string Position()
    {
        using var log = Open();
        var text = "";
        Each(log, "shop", change => text = change.Kind == ChangeKind.Position ? Encoding.UTF8.GetString(change.Position) : text);
        return text;
    }

    private LogDirectory Open() => LogDirectory.Open(_folder, new PosixDisk(), TimeProvider.System, new ThreadScheduler(), NullLogger.Instance);

    private static void Each(LogDirectory log, string name, ChangeAction use)
    {
        const int ReadBytes = 1024 * 1024;
        var stream = log.OpenStream(name, new());
        using var reader = stream.NewReader(stream.StartOffset);
        while (reader.Read(ReadBytes) is { } block)
        {
            using (block)
            {
                var records = block.Records();
                while (records.MoveNext())
                    use(new EncodedChange(block.Buffer.AsSpan(records.ValueStart, records.ValueLength)));
            }
        }
    }

    private delegate void ChangeAction(EncodedChange change);

    // Capture tries again for ever; a test ends at the first failure.
    private sealed class FirstFailure(CancellationTokenSource stopping) : ILoggerFactory, ILogger
    {
        public Exception? Cause { get; private set; }

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            Cause ??= exception ?? new InvalidOperationException(formatter(state, exception));
            stopping.Cancel();
        }

        public void Dispose()
        {
        }
    }
}
