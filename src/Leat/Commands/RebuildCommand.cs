using System.CommandLine;

namespace Leat.Commands;

/// <summary><c>leat rebuild</c>: the documents of a pipeline made anew.</summary>
internal static class RebuildCommand
{
    public static Command Create(Terminal terminal)
    {
        var command = new LeatCommand("rebuild", "Has a pipeline make its documents anew: of the log when that holds everything, else of the source's tables.")
        {
            Examples =
            [
                new("leat rebuild orders-search", "what would be done"),
                new("leat rebuild orders-search --yes", "when `leat status` says that documents may be wrong"),
                new("leat rebuild orders-search --snapshot --yes", "of the tables as they are now"),
            ],
        };
        RedeliverCommand.AddTo(command, terminal, rebuild: true);
        return command;
    }
}
