using System.CommandLine.Parsing;
using Leat.Changes;
using Leat.Output;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Leat.Pipeline.Status;
using Leat.Server;
using Microsoft.Extensions.Logging;

namespace Leat.Demo;

/// <summary>One run of the demo: starts everything, shows it, stops everything in order, and leaves nothing behind.</summary>
internal sealed class DemoRun(DemoOptions options, CommandContext context)
{
    /// <summary>How long a stop waits for the targets to take what is on its way.</summary>
    private static readonly TimeSpan QuiesceLimit = TimeSpan.FromSeconds(5);

    /// <summary>How long the check at the end waits for the targets.</summary>
    private static readonly TimeSpan DeliveryLimit = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(50);

    private Terminal Terminal => context.Terminal;

    /// <summary>Runs until a signal comes or the duration is over.</summary>
    /// <returns>One of <see cref="ExitCodes"/>.</returns>
    public async Task<int> RunAsync()
    {
        var useServers = await DemoPreparation.UseServersAsync(options, Terminal, context.Stopping);
        await using var folder = DemoFolder.Create();
        if (useServers)
            Terminal.Error.WriteLine("Starting MariaDB and Redis…");
        await using IDemoStage stage = useServers
            ? await ServerStage.StartAsync(folder.Path, Terminal.Variable(ServerStage.ElasticsearchVariable), Terminal.Time, context.Stopping)
            : new SimulatedStage(folder.Path);

        var file = ReadSample(folder.Path, stage);
        using var loggers = CreateLoggers(folder.Path);
        await using var engine = Engine.Open(file, loggers, Terminal.Time);
        await using var server = await StatusServer.StartAsync(options.Port, engine.Status, loggers, context.Stopping);
        WriteBanner(stage, server.Address, folder.Path);

        var delivered = await PlayAsync(stage, engine);
        if (options.Duration is null || context.Stopping.IsCancellationRequested)
            return ExitCodes.Done;
        return await new DemoVerdict(file, loggers, Terminal, context.Json).TellAsync(engine.Status(), delivered, CancellationToken.None);
    }

    // Customers first, then what is on its way, then the engine; the servers and the folder go when their owners are disposed.
    private async Task<bool> PlayAsync(IDemoStage stage, Engine engine)
    {
        using var stopEngine = new CancellationTokenSource();
        using var stopView = new CancellationTokenSource();
        var running = engine.RunAsync(stopEngine.Token);
        var viewing = new DemoView(Terminal, context.Json, engine.Status).RunAsync(stopView.Token);
        try
        {
            var trading = stage.OpenAsync();
            await UntilOverAsync(running, trading);
            var isCheck = options.Duration is not null && !context.Stopping.IsCancellationRequested;
            if (!isCheck && !DemoView.IsLive(Terminal, context.Json))
                Terminal.Error.WriteLine("Stopping…");
            return await SettleAsync(stage, engine, isCheck ? DeliveryLimit : QuiesceLimit);
        }
        finally
        {
            await stopEngine.CancelAsync();
            await running;
            await stopView.CancelAsync();
            await viewing;
        }
    }

    // A failure of the engine or of the customers ends the demo at once.
    private async Task UntilOverAsync(Task running, Task trading)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.Stopping);
        var time = Task.Delay(options.Duration ?? Timeout.InfiniteTimeSpan, Terminal.Time, over.Token);
        var first = await Task.WhenAny(running, trading, time);
        await over.CancelAsync();
        if (first != time)
            await first;
    }

    private async Task<bool> SettleAsync(IDemoStage stage, Engine engine, TimeSpan limit)
    {
        using var end = new CancellationTokenSource(limit, Terminal.Time);
        try
        {
            await stage.CloseAsync(end.Token);
            while (!await IsDeliveredAsync(stage, engine.Status(), end.Token))
            {
                if (engine.Status().Pipelines.Any(pipeline => pipeline.State == RunState.Blocked))
                    return false; // it waits for a person
                await Task.Delay(LookAgain, Terminal.Time, end.Token);
            }

            return true;
        }
        catch (OperationCanceledException)
        {
            return false; // the limit is over; what is missing is told by the check, or was not to be checked
        }
    }

    private static async Task<bool> IsDeliveredAsync(IDemoStage stage, EngineStatus status, CancellationToken cancellationToken)
    {
        var source = status.Sources[0]; // the samples have one
        return await stage.IsCapturedAsync(source, cancellationToken)
            && source.ReadableOffset == source.EndOffset
            && status.Pipelines.All(pipeline => pipeline is { State: RunState.Live, LagRows: 0 });
    }

    // Several files, one Leat: their pipelines run beside each other.
    private static LeatFile ReadSample(string folder, IDemoStage stage)
    {
        var files = stage.Samples.Select(sample => ReadSample(folder, stage, sample)).ToList();
        return stage.Prepare(files[0] with { Pipelines = [.. files.SelectMany(file => file.Pipelines)] });
    }

    private static LeatFile ReadSample(string folder, IDemoStage stage, string name)
    {
        var path = Path.Combine(folder, name.Replace('/', '-'));
        using (var sample = typeof(DemoRun).Assembly.GetManifestResourceStream($"samples/{name}")!) // built into the program
        using (var copy = File.Create(path))
            sample.CopyTo(copy);

        var variables = stage.Variables;
        var (file, problems) = LeatFileReader.Read(path, ConnectorList.Catalog, new(variables.GetValueOrDefault, File.ReadAllText));
        return file ?? throw DemoErrors.SampleWrong(problems.First(problem => problem.Severity == Severity.Error));
    }

    // Nothing may write into a live table: the log goes to a file beside it.
    private ILoggerFactory CreateLoggers(string folder)
    {
        if (!DemoView.IsLive(Terminal, context.Json))
            return ErrorLog.Factory(Terminal, Level(LogLevel.Warning), LogFormat.Text);
        var writer = TextWriter.Synchronized(new StreamWriter(LogFile(folder)) { AutoFlush = true });
        var toFile = new Terminal
        {
            Out = TextWriter.Null, Error = writer, IsOutTerminal = false, IsErrorTerminal = false, Variable = Terminal.Variable, Time = Terminal.Time,
        };
        return ErrorLog.Factory(toFile, Level(LogLevel.Information), LogFormat.Text);
    }

    private LogLevel Level(LogLevel unlessGiven) =>
        context.Parse.GetResult(GlobalOptions.LogLevel) is OptionResult { Implicit: false } ? context.Parse.GetValue<LogLevel>(GlobalOptions.LogLevel) : unlessGiven;

    private static string LogFile(string folder) => Path.Combine(folder, "leat.log");

    private void WriteBanner(IDemoStage stage, Uri status, string folder)
    {
        foreach (var line in stage.Banner)
            Terminal.Error.WriteLine(line);
        Terminal.Error.WriteLine($"Status:   {new Uri(status, "api/v1/status")}");
        if (DemoView.IsLive(Terminal, context.Json))
            Terminal.Error.WriteLine($"Log:      {LogFile(folder)}");
        Terminal.Error.WriteLine(options.Duration is { } duration
            ? FormattableString.Invariant($"Stop:     by itself after {duration.TotalSeconds:F0} s, with a check of every target")
            : "Stop:     Ctrl-C; everything is removed then");
        Terminal.Error.WriteLine();
    }
}
