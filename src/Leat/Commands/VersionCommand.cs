using System.CommandLine;
using System.Runtime.InteropServices;
using System.Text.Json;
using Leat.Output;

namespace Leat.Commands;

/// <summary><c>leat version</c>.</summary>
internal static class VersionCommand
{
    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("version", "Shows the version of Leat and of what it runs on.")
        {
            Examples = [new("leat version", "for people"), new("leat version --json", "for scripts and bug reports")],
        };
        command.SetAction(terminal, context =>
        {
            Write(terminal, context.Json);
            return Task.FromResult(ExitCodes.Done);
        });
        return command;
    }

    public static void Write(Terminal terminal, bool json)
    {
        var version = new VersionJson(LeatProgram.Version, RuntimeInformation.FrameworkDescription, RuntimeInformation.RuntimeIdentifier);
        terminal.Out.WriteLine(json
            ? JsonSerializer.Serialize(version, CliJson.Readable.VersionJson)
            : $"leat {version.Version} ({version.Runtime}, {version.Platform})");
    }
}
