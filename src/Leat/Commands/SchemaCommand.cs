using System.CommandLine;
using System.Text;

namespace Leat.Commands;

/// <summary><c>leat schema</c>: the JSON Schema of the configuration, which is part of the program.</summary>
internal static class SchemaCommand
{
    private const string Name = "leat.schema.json";

    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("schema", "Prints the JSON Schema of the configuration file, for editors: completion, descriptions, and mistakes while typing.")
        {
            Examples = [new("leat schema", "into leat.schema.json, which `# yaml-language-server: $schema=leat.schema.json` in the first line of a configuration names")],
        };
        command.SetAction(terminal, async context =>
        {
            using var stream = typeof(SchemaCommand).Assembly.GetManifestResourceStream(Name) ?? throw new InvalidOperationException($"the program has no {Name}");
            using var reader = new StreamReader(stream, Encoding.UTF8);
            await context.Terminal.Out.WriteAsync((await reader.ReadToEndAsync(context.Stopping)).AsMemory(), context.Stopping);
            return ExitCodes.Done;
        });
        return command;
    }
}
