using System.Text;
using Leat.Connectors.MySql.Binlog;
using Leat.Tests.MySql;
using Xunit;
using static Leat.Tests.MySql.EventBytes;

namespace Leat.Tests.Commands;

public sealed class DecodeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Changes_of_several_files_are_json_lines()
    {
        var run = await Cli.RunAsync("decode", Write("bin.000001", Insert(1, "a")), Write("bin.000002", Insert(2, "b")));

        Assert.Equal(new Cli(
            0,
            """
            {"op":"insert","table":"d.t","after":{"@1":1,"@2":"a"},"committed_at":"2023-11-14T22:13:20.000000Z","transaction":"0-1-1","index":0,"last":true}
            {"op":"insert","table":"d.t","after":{"@1":2,"@2":"b"},"committed_at":"2023-11-14T22:13:20.000000Z","transaction":"0-1-2","index":0,"last":true}

            """,
            "2 changes in 2 transactions.\n"), run);
    }

    [Fact]
    public async Task Rows_of_the_tables_asked_for_are_printed_verbosely()
    {
        var file = Write("bin.000001", Insert(1, "ae"));

        Assert.Equal(
            new Cli(0, "### INSERT INTO `d`.`t`\n### SET\n###   @1=1\n###   @2='ae'\n", "1 rows.\n"), await Cli.RunAsync("decode", file, "--format", "verbose", "--tables", "d.*"));
        Assert.Equal(new Cli(0, "", "0 rows.\n"), await Cli.RunAsync("decode", file, "--format", "verbose", "--tables", "e.t"));
    }

    [Fact]
    public async Task Text_of_any_character_set_goes_into_a_pipe_byte_by_byte()
    {
        using var pipe = new MemoryStream();
        await using var output = new StreamWriter(pipe, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false)) { AutoFlush = true };
        var file = File(FormatDescription(), Gtid(1), TableMap(), Rows(EventType.WriteRowsV1, [0xFC, 1, 0, 0, 0, 1, 0xE9]), Xid(900)); // é in Windows-1252

        await LeatProgram.RunAsync(
            ["decode", Write("bin.000001", file), "--format", "verbose"], Cli.Terminal(output, TextWriter.Null, isTerminal: false), TestContext.Current.CancellationToken);

        Assert.Equal([.. "###   @2='"u8, 0xE9, .. "'\n"u8], pipe.ToArray()[^13..]);
    }

    [Fact]
    public async Task Standard_input_is_a_file_too()
    {
        using var output = new StringWriter();
        var terminal = new Terminal
        {
            Out = output, Error = TextWriter.Null, IsOutTerminal = false, IsErrorTerminal = false, Variable = _ => null, OpenInput = () => new MemoryStream(Insert(1, "a")),
        };

        Assert.Equal(0, await LeatProgram.RunAsync(["decode", "-"], terminal, TestContext.Current.CancellationToken));

        Assert.StartsWith("""{"op":"insert","table":"d.t",""", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_file_is_told_with_its_offset_after_what_could_be_read()
    {
        var good = Insert(1, "a");
        var file = Write("bin.000001", [.. good, .. Gtid(2), .. new byte[19]]);

        var run = await Cli.RunAsync("decode", file);

        Assert.StartsWith("{\"op\":\"insert\"", run.Out, StringComparison.Ordinal);
        Assert.Equal(
            (1, $"error: {file} cannot be decoded at offset {good.Length + Gtid(2).Length}: an event claims to be 0 bytes long. [LEAT-5074]\n"
                + "  All before it was decoded. Compare with mariadb-binlog --verify-binlog-checksum; when that finds the file whole, report it.\n"),
            (run.ExitCode, run.Error));
    }

    [Fact]
    public async Task A_file_that_is_cut_off_is_told_with_its_offset()
    {
        var file = Write("bin.000001", Insert(1, "a")[..^1]);

        Assert.Equal(
            (1, $"error: {file} is cut off at offset {Insert(1, "a").Length - Xid(900).Length}: the file ends 30 bytes into an event, although the server had closed it. [LEAT-5073]\n"
                + "  All before it was decoded. Copy the file again, whole.\n"),
            Outcome(await Cli.RunAsync("decode", file)));
    }

    [Fact]
    public async Task Another_file_is_told_to_be_none()
    {
        var file = Write("notes.txt", "hello"u8.ToArray());

        Assert.Equal(
            (2, $"error: {file} is no binlog file: it does not begin with FE 62 69 6E, as every binlog file does. [LEAT-5071]\n"
                + "  Name files such as bin.000001, as they lie in the server's data folder. A relay log is one too.\n"),
            Outcome(await Cli.RunAsync("decode", file)));
    }

    [Fact]
    public async Task An_encrypted_file_is_told_to_be_so()
    {
        var file = Write("bin.000001", [0xFD, 0x62, 0x69, 0x6E]);

        Assert.Equal(
            (3, $"error: {file} cannot be decoded: it is encrypted (binlog_encryption), and only the server has the key. [LEAT-5072]\n"
                + "  Have the server decrypt it: mariadb-binlog (or mysqlbinlog) --read-from-remote-server --raw writes a file that can be decoded.\n"),
            Outcome(await Cli.RunAsync("decode", file)));
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_told()
    {
        var file = Path.Combine(_folder.Path, "none");

        Assert.Equal(
            (3, $"error: {file} cannot be read: Could not find file '{file}'. [LEAT-5070]\n  Name a binlog file that this account may read, or - for standard input.\n"),
            Outcome(await Cli.RunAsync("decode", file)));
    }

    [Fact]
    public async Task A_pattern_without_a_database_is_wrong_usage() => Assert.Equal(
        (2, "error: --tables: 'orders' names no table. [LEAT-5075]\n  Write database.table; a star stands for any letters: shop.orders, shop.*, *.orders_*.\n"),
        Outcome(await Cli.RunAsync("decode", "f", "--tables", "orders")));

    private static (int ExitCode, string Error) Outcome(Cli run) => (run.ExitCode, run.Error);

    private static byte[] File(params byte[][] events) => [0xFE, 0x62, 0x69, 0x6E, .. events.SelectMany(one => one)];

    private static byte[] Insert(byte id, string value) => File(FormatDescription(), Gtid(id), TableMap(), Rows(EventType.WriteRowsV1, Image(id, value)), Xid(900));

    private string Write(string name, byte[] bytes)
    {
        var path = Path.Combine(_folder.Path, name);
        System.IO.File.WriteAllBytes(path, bytes);
        return path;
    }
}
