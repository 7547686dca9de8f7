using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Leat.Output;
using Leat.Pipeline;
using Leat.Pipeline.Definitions;
using Leat.Server;
using Microsoft.Extensions.Logging;

namespace Leat.Commands;

/// <summary><c>leat run FILE</c>: captures and delivers until stopped.</summary>
internal static class RunCommand
{
    private const int MaxPort = 65535;

    public static Command Create(Terminal terminal)
    {
        var file = ConfigurationFile.Argument();
        var port = PortOption();
        var command = new LeatCommand("run", "Captures every source of a configuration file into the log and delivers every pipeline, until stopped.")
        {
            Examples =
            [
                new("leat run leat.yaml", "until Ctrl-C, which delivers what is under way and keeps the place"),
                new("leat run leat.yaml --port 0", "on any free port; the address is printed"),
                new("leat run leat.yaml --log-format json", "with a log for collectors"),
            ],
        };
        command.Arguments.Add(file);
        command.Options.Add(port);
        command.SetAction(terminal, context => RunAsync(context, context.Parse.GetRequiredValue(file), context.Parse.GetValue(port)));
        return command;
    }

    private static Option<int> PortOption() => new("--port")
    {
        Description = "Port of the status API on 127.0.0.1; 0 takes any that is free.",
        HelpName = "PORT",
        DefaultValueFactory = _ => StatusServer.DefaultPort,
        CustomParser = result =>
        {
            var written = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            if (int.TryParse(written, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= MaxPort)
                return port;
            result.AddError($"--port: expected a whole number from 0 to {MaxPort}, got '{written}'.");
            return 0;
        },
    };

    private static async Task<int> RunAsync(CommandContext context, string path, int port)
    {
        if (ConfigurationFile.ReadAndTell(context, path) is not { } file)
            return ExitCodes.Usage;

        await using var engine = Engine.Open(file, context.Loggers, context.Terminal.Time);
        await using var server = await StatusServer.StartAsync(port, engine.Status, engine.Snapshots, engine.Deliveries, engine.Meter, context.Loggers, context.Stopping);
        var log = context.Loggers.CreateLogger("Leat");
        WriteBanner(context, log, file, server.Address);
        var running = engine.RunAsync(context.Stopping);

        // Last to register is first to hear: it is told before the engine can have stopped.
        await using var told = context.Stopping.Register(() =>
        {
            ServiceManager.Tell(context.Terminal, ServiceManager.Stopping);
            if (context.LogsJson)
                log.Stopping();
            else
                context.Terminal.Error.WriteLine("Stopping: what is under way is delivered first. A second signal stops at once.");
        });
        ServiceManager.Tell(context.Terminal, ServiceManager.Ready);
        await running;
        if (context.LogsJson)
            log.Stopped();
        else
            context.Terminal.Error.WriteLine("Stopped.");
        return ExitCodes.Done;
    }

    private static void WriteBanner(CommandContext context, ILogger log, LeatFile file, Uri address)
    {
        if (context.Json)
        {
            var started = new StartedJson(LeatProgram.Version, Environment.ProcessId, address.ToString(), file.Log.Folder);
            context.Terminal.Out.WriteLine(JsonSerializer.Serialize(started, CliJson.Lines.StartedJson));
            return;
        }

        var sources = string.Join(", ", file.Sources.Select(source => $"{source.Name} ({source.Kind})"));
        var pipelines = string.Join(", ", file.Pipelines.Select(pipeline => $"{pipeline.Name} → {pipeline.SinkKind}"));
        if (context.LogsJson)
        {
            log.Started(LeatProgram.Version, sources, pipelines, file.Log.Folder, address);
            return;
        }

        var error = context.Terminal.Error;
        error.WriteLine($"Leat {LeatProgram.Version}");
        error.WriteLine($"Status:     {address}api/v1/status");
        error.WriteLine($"Log:        {file.Log.Folder}");
        error.WriteLine($"Sources:    {sources}");
        error.WriteLine($"Pipelines:  {pipelines}");
        error.WriteLine("Stop with Ctrl-C.");
    }
}
