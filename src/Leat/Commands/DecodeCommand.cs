using System.CommandLine;
using System.Text;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Offline;
using Leat.Output;

namespace Leat.Commands;

/// <summary>How <c>leat decode</c> prints rows.</summary>
internal enum DecodeFormat
{
    /// <summary>One JSON object a change, as <c>leat capture</c>.</summary>
    Json = 0,

    /// <summary>The lines that <c>mariadb-binlog -v</c> begins with <c>###</c>.</summary>
    Verbose = 1,
}

/// <summary><c>leat decode FILE…</c>: reads binlog files without a server.</summary>
internal static class DecodeCommand
{
    private const string StandardInput = "-";

    public static Command Create(Terminal terminal)
    {
        var files = new Argument<string[]>("file")
        {
            Description = "Binlog files, in the order in which they were written; - is standard input.", HelpName = "FILE", Arity = ArgumentArity.OneOrMore,
        };
        var format = new Option<DecodeFormat>("--format")
        {
            Description = "'json': committed changes, one JSON object a line; 'verbose': every row event as mariadb-binlog -v prints it.",
            HelpName = "json|verbose",
            DefaultValueFactory = _ => DecodeFormat.Json,
        };
        var tables = new Option<string[]>("--tables")
        {
            Description = "Only this table, e.g. shop.orders or 'shop.*'; may be given several times.", HelpName = "TABLE",
        };
        var command = new LeatCommand("decode", "Decodes binlog files of MariaDB and MySQL, without a server.")
        {
            Examples =
            [
                new("leat decode bin.000001 bin.000002", "the changes in two files, as JSON lines"),
                new("leat decode bin.000001 --tables shop.orders | jq .after", "the new rows of one table"),
                new("zcat bin.000001.gz | leat decode - --format verbose", "all rows in the words of mariadb-binlog -v"),
            ],
        };
        command.Arguments.Add(files);
        command.Options.Add(format);
        command.Options.Add(tables);
        command.SetAction(terminal, context => RunAsync(
            context, context.Parse.GetRequiredValue(files), context.Parse.GetValue(format), PatternsOf(context.Parse.GetValue(tables) ?? [])));
        return command;
    }

    private static async Task<int> RunAsync(CommandContext context, string[] files, DecodeFormat format, IReadOnlyList<TablePattern> tables)
    {
        try
        {
            return await (format == DecodeFormat.Json ? DecodeAsync(context, files, tables) : PrintAsync(context, files, tables));
        }
        catch (BinlogFileException error)
        {
            throw ProgramErrors.Binlog(error);
        }
    }

    private static async Task<int> DecodeAsync(CommandContext context, string[] files, IReadOnlyList<TablePattern> tables)
    {
        using var writer = new PrintingWriter(context.Terminal.Out);
        using var decoder = new BinlogFileDecoder(tables, writer);
        try
        {
            await EachAsync(context, files, (name, input, progress) => decoder.ReadAsync(name, input, progress, context.Stopping));
        }
        finally
        {
            writer.Flush();
        }

        if (decoder.IsInTransaction)
            context.Terminal.Error.WriteLine("The last transaction is not complete; its changes were left out.");
        context.Terminal.Error.WriteLine($"{writer.Changes} changes in {writer.Transactions} transactions.");
        return ExitCodes.Done;
    }

    private static async Task<int> PrintAsync(CommandContext context, string[] files, IReadOnlyList<TablePattern> tables)
    {
        using var printer = new BinlogFilePrinter(tables, BytesOf(context.Terminal.Out));
        await EachAsync(context, files, (name, input, progress) => printer.ReadAsync(name, input, progress, context.Stopping));
        context.Terminal.Error.WriteLine($"{printer.Rows} rows.");
        return ExitCodes.Done;
    }

    private static async Task EachAsync(CommandContext context, string[] files, Func<string, Stream, IProgress<long>, ValueTask> read)
    {
        foreach (var name in files)
        {
            await using var input = Open(context, name);
            using var progress = new DecodeProgressLine(context, name, input.CanSeek ? input.Length : null);
            await read(name == StandardInput ? "standard input" : name, input, progress);
        }
    }

    private static Stream Open(CommandContext context, string name)
    {
        try
        {
            return name == StandardInput ? context.Terminal.OpenInput() : new FileStream(name, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw ProgramErrors.BinlogNotOpened(name, error.Message, error);
        }
    }

    // What stands in a file is no UTF-8 when its columns are not: into a pipe or file it goes byte by byte, only a terminal is shown what it can show.
    private static Stream BytesOf(TextWriter target)
    {
        target.Flush();
        return target is StreamWriter { Encoding: UTF8Encoding } bytes ? bytes.BaseStream : new TextStream(target);
    }

    private static List<TablePattern> PatternsOf(IReadOnlyList<string> written) =>
        [.. written.Select(text => TablePattern.TryParse(text, out var pattern) ? pattern : throw ProgramErrors.NoPattern("--tables", text))];
}
