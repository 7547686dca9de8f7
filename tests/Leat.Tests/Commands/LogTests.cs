using System.Text.Json;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Log;
using Leat.Tests.Log;
using Xunit;

namespace Leat.Tests.Commands;

/// <summary>The commands of <c>leat log</c>, on small logs.</summary>
public sealed class LogTests : IDisposable
{
    private readonly LogFixture _fixture = new();

    private string Folder => _fixture.Folder;

    [Fact]
    public async Task Streams_are_listed_in_a_table()
    {
        await WriteShopAsync();

        var run = await Cli.RunAsync("log", "streams", "--log", Folder);

        Assert.Equal(
            new Cli(
                0,
                """
                STREAM        STATE  FIRST  NEXT  SEGMENTS  SIZE  OLDEST (UTC)         NEWEST (UTC)         EPOCH  NOTES
                shop          clean      0     4         1  313B  2026-01-05 08:00:00  2026-01-05 08:00:00      1
                shop.schemas  clean      0     1         1  306B  2026-01-05 08:00:00  2026-01-05 08:00:00      1

                """,
                $"2 streams, 619B, in {Folder}\n"),
            run);
    }

    [Fact]
    public async Task Streams_are_listed_as_json()
    {
        await WriteShopAsync();
        var run = await Cli.RunAsync("log", "streams", "--log", Folder, "--json");

        using var document = JsonDocument.Parse(run.Out);
        var shop = document.RootElement.GetProperty("streams")[0];
        Assert.Equal(["folder", "log_id", "streams"], document.RootElement.EnumerateObject().Select(property => property.Name));
        Assert.Equal(
            ["stream", "state", "epoch", "start_offset", "readable_offset", "end_offset", "segments", "bytes", "oldest_time", "newest_time", "compression",
                "compacted", "open_transaction", "gaps", "error"],
            shop.EnumerateObject().Select(property => property.Name));
        Assert.Equal(("shop", 4), (shop.GetProperty("stream").GetString(), shop.GetProperty("end_offset").GetInt64()));
    }

    [Fact]
    public async Task A_damaged_stream_does_not_hide_the_others()
    {
        await WriteShopAsync();
        var manifest = Path.Combine(Folder, "shop-0", "manifest");
        ToolFixture.Damage(manifest);

        var run = await Cli.RunAsync("log", "streams", "--log", Folder);

        Assert.Equal(0, run.ExitCode);
        Assert.Contains("\nshop          damaged", run.Out, StringComparison.Ordinal);
        Assert.Contains("\nshop.schemas  clean", run.Out, StringComparison.Ordinal);
        Assert.Contains($"\nshop: {manifest} is damaged: its checksum does not agree with its lines.", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_is_described_with_its_segments_and_files()
    {
        await WriteShopAsync();

        var run = await Cli.RunAsync("log", "describe", "shop", "--log", Folder);

        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("next offset           4\n", run.Out, StringComparison.Ordinal);
        Assert.Contains("    0     4  313B  2026-01-05 08:00:00  active\n", run.Out, StringComparison.Ordinal);
        Assert.Contains("\n00000000000000000000.log ", run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Changes_are_dumped_as_lines()
    {
        await WriteShopAsync();

        var run = await Cli.RunAsync("log", "dump", "shop", "--log", Folder);

        Assert.Equal(
            new Cli(
                0,
                """
                0  2026-01-05T08:00:00.000Z  insert  shop.orders  {"id":1,"note":"first"}
                1  2026-01-05T08:00:00.000Z  update  shop.orders  {"id":1,"note":null}
                2  2026-01-05T08:00:00.000Z  delete  shop.orders  {"id":1,"note":null}

                """,
                ""),
            run);
    }

    [Theory]
    [InlineData("--all --from 3", "3  2026-01-05T08:00:00.000Z  position 0-1-42\n")]
    [InlineData("--keys --from 1 --to 2", "1  2026-01-05T08:00:00.000Z  update  shop.orders  {\"id\":1}\n")]
    [InlineData("--keys --json --limit 1", "{\"offset\":0,\"table\":\"shop.orders\",\"key\":{\"id\":1}}\n")]
    [InlineData(
        "--json --from 2",
        "{\"offset\":2,\"op\":\"delete\",\"table\":\"shop.orders\",\"key\":{\"id\":1},\"before\":{\"id\":1,\"note\":null},\"committed_at\":\"2026-01-05T08:00:00.000000Z\",\"transaction\":\"0-1-42\",\"index\":2,\"last\":false}\n")]
    [InlineData("--raw --from 3", "3  2026-01-05T08:00:00.000Z  -  0x0110302d312d3432\n")]
    [InlineData("--from 2026-01-05T08:00:00.001Z", "")]
    [InlineData("--to 2026-01-05T08:00:00Z", "")]
    [InlineData("--from 2026-01-05T08:00:00 --to 2026-01-06 --limit 1", "0  2026-01-05T08:00:00.000Z  insert  shop.orders  {\"id\":1,\"note\":\"first\"}\n")]
    public async Task A_dump_shows_what_it_is_asked_for(string options, string expected)
    {
        await WriteShopAsync();

        Assert.Equal(new Cli(0, expected, ""), await Cli.RunAsync(["log", "dump", "shop", "--log", Folder, .. options.Split(' ')]));
    }

    [Theory]
    [InlineData("dump")]
    [InlineData("tail")]
    public async Task Changes_are_shown_as_documents_of_another_program(string command)
    {
        await WriteShopAsync();

        var run = await Cli.RunAsync("log", command, "shop", "--log", Folder, "--format", "maxwell");

        Assert.Equal(0, run.ExitCode);
        var lines = run.Out.TrimEnd().Split('\n');
        Assert.True(lines.Length > 1);
        Assert.All(lines, line => Assert.StartsWith("{\"database\":\"shop\",\"table\":\"orders\",\"type\":\"", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Another_programs_documents_are_shown_whole_and_of_changes_alone()
    {
        await WriteShopAsync();

        Assert.Equal(
            new Cli(2, "", "error: --keys has no meaning with --format. [LEAT-5076]\n  Leave one of them out.\n"),
            await Cli.RunAsync("log", "dump", "shop", "--log", Folder, "--format", "canal", "--keys"));
        Assert.Equal(
            new Cli(
                2, "",
                "error: Stream shop.schemas holds no changes, so there is nothing to print in another program's form. [LEAT-5077]\n"
                + "  Name a source's stream ('leat log streams' lists them), or leave --format out.\n"),
            await Cli.RunAsync("log", "dump", "shop.schemas", "--log", Folder, "--format", "canal"));
    }

    [Fact]
    public async Task Other_streams_are_dumped_as_text_or_digits()
    {
        using (var log = _fixture.Open(time: new At8()))
        {
            var stream = log.OpenStream("notes", new());
            await LogFixture.AppendSyncedAsync(stream, "plain", "with\u001b[31m colour");
            stream.Append(LogFixture.Batch(stream, "dropped"), BatchKind.Transactional);
            await LogFixture.MarkAsync(stream, BatchKind.AbortMarker);
        }

        Assert.Equal(
            """
            0  2026-01-05T08:00:00.000Z  k:plain  plain
            1  2026-01-05T08:00:00.000Z  0x6b3a776974681b5b33316d20636f6c6f7572  0x776974681b5b33316d20636f6c6f7572
            2  2026-01-05T08:00:00.000Z  k:dropped  dropped  (aborted)
            3  marker: abort

            """, (await Cli.RunAsync("log", "dump", "notes", "--all", "--log", Folder)).Out);
        Assert.Equal(
            """
            {"offset":0,"time":"2026-01-05T08:00:00.000Z","key":"k:plain","value":"plain"}
            {"offset":1,"time":"2026-01-05T08:00:00.000Z","key_base64":"azp3aXRoG1szMW0gY29sb3Vy","value_base64":"d2l0aBtbMzFtIGNvbG91cg=="}

            """, (await Cli.RunAsync("log", "dump", "notes", "--json", "--log", Folder)).Out);
    }

    [Theory]
    [InlineData("2", "1 2")]
    [InlineData("0", "")]
    [InlineData("10", "0 1 2")]
    public async Task Tail_shows_the_newest_records(string count, string offsets)
    {
        await WriteShopAsync();

        var run = await Cli.RunAsync("log", "tail", "shop", "-n", count, "--log", Folder);

        Assert.Equal(offsets, string.Join(' ', run.Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[0])));
    }

    [Fact]
    public async Task Tail_follows_a_log_in_use_until_it_is_stopped()
    {
        using var log = _fixture.Open();
        var stream = log.OpenStream("notes", new());
        await LogFixture.AppendSyncedAsync(stream, "before");
        using var stop = new CancellationTokenSource();
        using var output = new SignalWriter();
        var terminal = Cli.Terminal(output, TextWriter.Null, isTerminal: false);
        var following = LeatProgram.RunAsync(["log", "tail", "notes", "-f", "--log", Folder], terminal, stop.Token);
        await output.WaitForAsync("  before\n");

        await LogFixture.AppendSyncedAsync(stream, "after");
        await output.WaitForAsync("  after\n");
        await stop.CancelAsync();

        Assert.Equal(0, await following);
    }

    [Fact]
    public async Task Verify_says_that_all_is_well()
    {
        await WriteShopAsync();

        Assert.Equal(
            new Cli(
                0,
                """
                shop: ok, 2 batches, 4 records, 313B
                shop.schemas: ok, 1 batch, 1 record, 306B

                """,
                $"{Folder}: nothing found in 2 streams, 619B.\n"),
            await Cli.RunAsync("log", "verify", "--log", Folder));
    }

    [Fact]
    public async Task Verify_tells_findings_and_exits_with_4()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        var index = LogFixture.PathOf(folder, "shop", 0);
        ToolFixture.Damage(index, where: 0.01);

        var run = await Cli.RunAsync("log", "verify", "shop", "--log", folder);
        var json = await Cli.RunAsync("log", "verify", "--json", "--log", folder);

        Assert.Equal(4, run.ExitCode);
        Assert.StartsWith("shop: damaged, 39 batches, 39 records, ", run.Out, StringComparison.Ordinal);
        Assert.Contains($"\nerror: {index} is damaged: bytes 0 to ", run.Out, StringComparison.Ordinal);
        Assert.Contains(" [LEAT-2070]\n  Run 'leat log verify shop' to see all of it;", run.Out, StringComparison.Ordinal);
        Assert.StartsWith($"{folder}: 1 finding in 1 stream, ", run.Error, StringComparison.Ordinal);
        using var document = JsonDocument.Parse(json.Out);
        Assert.Equal(4, json.ExitCode);
        Assert.False(document.RootElement.GetProperty("ok").GetBoolean());
        Assert.Equal("LEAT-2070", document.RootElement.GetProperty("findings")[0].GetProperty("code").GetString());
        Assert.Equal(1, document.RootElement.GetProperty("result").GetProperty("streams")[0].GetProperty("findings").GetInt32());
    }

    [Fact]
    public async Task With_a_configuration_verify_compares_checkpoints_with_streams()
    {
        await WriteShopAsync();
        using (var log = _fixture.Open())
        {
            var stream = log.OpenStream("copy.checkpoints", new());
            await LogFixture.AppendSyncedAsync(stream, """{"log_id":"00000000-0000-0000-0000-000000000001","epoch":1,"offset":99,"routing":"","lanes":[]}""");
        }

        using var folder = new TemporaryFolder();
        var file = folder.Write("leat.yaml", $$"""
            log: { folder: "{{Folder}}" }
            sources: { shop: { simulator: { seed: 1 } } }
            pipelines: { copy: { from: shop, tables: { orders: shop.orders }, sink: { jsonlines: { folder: out } } } }
            """);

        var run = await Cli.RunAsync("log", "verify", "--file", file);

        Assert.Equal(4, run.ExitCode);
        Assert.Contains(
            "error: The checkpoint in stream copy.checkpoints stands at offset 99, but stream shop ends at 4: records that were delivered are gone from the log. [LEAT-2076]\n",
            run.Out, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Repair_says_what_it_would_do_and_does_it_when_told()
    {
        var folder = await ToolFixture.ClosedAsync(_fixture);
        ToolFixture.Damage(LogFixture.PathOf(folder, "shop", 0), where: 0.01);

        var dry = await Cli.RunAsync("log", "repair", "shop", "--log", folder);
        var applied = await Cli.RunAsync("log", "repair", "shop", "--apply", "--log", folder);
        var again = await Cli.RunAsync("log", "repair", "shop", "--log", folder);

        Assert.Equal((4, "Nothing was changed. Do it with: leat log repair shop --apply\n"), (dry.ExitCode, dry.Error));
        Assert.Contains("\nTo be done:\n  1. Keep bytes 0 to ", dry.Out, StringComparison.Ordinal);
        Assert.Contains("\nLost for good, unless a backup has them:\n  offset 0\n", dry.Out, StringComparison.Ordinal);
        Assert.Equal((0, "Stream shop is repaired; its epoch is 2.\n"), (applied.ExitCode, applied.Error));
        Assert.Equal(new Cli(0, "", "Stream shop is well: there is nothing to repair.\n"), again);
        Assert.Equal(0, (await Cli.RunAsync("log", "verify", "--log", folder)).ExitCode);
    }

    [Fact]
    public async Task A_log_in_use_is_not_repaired()
    {
        using var log = _fixture.Open();
        await LogFixture.AppendSyncedAsync(log.OpenStream("shop", new()), "a");

        Assert.Equal(
            new Cli(
                3, "",
                $"error: The log folder {Folder} is in use by another process. [LEAT-2001]\n  Stop that process, or give this one a log folder of its own.\n"),
            await Cli.RunAsync("log", "repair", "shop", "--log", Folder));
    }

    [Fact]
    public async Task Backup_and_restore_tell_what_they_copied()
    {
        await WriteShopAsync();
        var (backup, restored) = (Folder + "-backup", Folder + "-restored");

        var made = await Cli.RunAsync("log", "backup", backup, "--log", Folder);
        var back = await Cli.RunAsync("log", "restore", backup, restored, "--json");

        Assert.Equal(0, made.ExitCode);
        Assert.Equal(
            """
            STREAM        FIRST  NEXT  EPOCH
            shop              0     4      1
            shop.schemas      0     1      1

            """, made.Out);
        Assert.Matches($"^Backup of log [0-9a-f-]{{36}} in {backup}: 2 streams, 619B.\n$", made.Error);
        using var document = JsonDocument.Parse(back.Out);
        Assert.Equal(restored, document.RootElement.GetProperty("folder").GetString());
        Assert.Equal([2, 2], document.RootElement.GetProperty("streams").EnumerateArray().Select(stream => stream.GetProperty("epoch").GetInt32()));
        Assert.Equal(3, (await Cli.RunAsync("log", "dump", "shop", "--log", restored)).Out.Count(letter => letter == '\n'));
    }

    [Fact]
    public void What_points_into_a_stream_is_copied_before_it_and_what_it_needs_after_it() => Assert.Equal(
        ["cache.checkpoints", "totals.state", "shop", "shop2", "shop.schemas", "cache.deadletters", "shop.parked"],
        Leat.Commands.LogBackupCommand.InOrder(["shop.parked", "shop2", "cache.deadletters", "shop.schemas", "totals.state", "shop", "cache.checkpoints"]));

    [Theory]
    [InlineData("log streams", "No log is named, and there is no leat.yaml here that names one.", 5060)]
    [InlineData("log streams --log a --file b", "--log and --file both name a log.", 5061)]
    [InlineData("log dump shop --from noon --log .", "--from: 'noon' is neither an offset nor a time.", 5062)]
    [InlineData("log", "'leat log' needs a command.", 0)]
    [InlineData("log dump", "'leat log dump' needs STREAM.", 0)]
    [InlineData("log strems", "'strems' is not a command of 'leat log'. Did you mean 'streams'?", 0)]
    [InlineData("log dump shop --limit 0", "--limit: expected 1 or more.", 0)]
    public async Task A_wrong_command_line_is_told(string line, string what, int code)
    {
        var run = await Cli.RunAsync(line.Split(' '));

        Assert.Equal((2, ""), (run.ExitCode, run.Out));
        Assert.StartsWith($"error: {what}{(code == 0 ? "" : $" [LEAT-{code}]")}\n", run.Error, StringComparison.Ordinal);
    }

    public void Dispose() => _fixture.Dispose();

    // A table's schema, an insert, an update, a delete and the source's position, as capture writes them.
    private async Task WriteShopAsync()
    {
        using var log = _fixture.Open(time: new At8());
        var schema = new TableSchema(
            new("shop", "orders"),
            [new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false, SourceType = "int(11)" }, new() { Name = "note", Kind = ColumnKind.String, Nullable = true, SourceType = "text" }], [0]);
        var schemas = log.OpenStream("shop.schemas", new());
        schemas.Append(Batch(schemas, "shop.orders:1"u8.ToArray(), SchemaJson.Write(7, 1, schema)));
        byte[] first = [0, 1, 0, 0, 0, 5, (byte)'f', (byte)'i', (byte)'r', (byte)'s', (byte)'t'];
        byte[] second = [2, 1, 0, 0, 0];
        var shop = log.OpenStream("shop", new());
        shop.Append(Batch(shop, null, Change(ChangeKind.Insert, 0, [], first)));
        shop.Append(Batch(
            shop, null, Change(ChangeKind.Update, 1, first, second), Change(ChangeKind.Delete, 2, second, []), [1, 16, .. "0-1-42"u8]));
        await schemas.WaitSyncedAsync(1, LogFixture.Token);
        await shop.WaitSyncedAsync(4, LogFixture.Token);
    }

    private static BatchBuilder Batch(StreamPartition stream, byte[]? key, params byte[][] values)
    {
        var batch = stream.NewBatch();
        foreach (var value in values)
        {
            batch.BeginRecord(key, key is not null);
            value.CopyTo(batch.GetSpan(value.Length));
            batch.Advance(value.Length);
            batch.EndRecord();
        }

        return batch;
    }

    private static byte[] Change(ChangeKind kind, uint index, byte[] before, byte[] after)
    {
        var marks = (before.Length > 0 ? ChangeMarks.HasBefore : 0) | (after.Length > 0 ? ChangeMarks.HasAfter : 0);
        var header = new byte[EncodedChange.HeaderBytes + 6];
        EncodedChange.WriteHeader(header, kind, marks, 7, 1_767_600_000_000_000, index, before.Length, "0-1-42"u8);
        return [.. header, .. before, .. after];
    }

    private sealed class At8 : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => new(2026, 1, 5, 8, 0, 0, TimeSpan.Zero);
    }

    /// <summary>Keeps what is written, and tells when a text has been.</summary>
    private sealed class SignalWriter : StringWriter
    {
        private readonly Lock _gate = new();
        private (string Text, TaskCompletionSource Seen)? _wanted;

        public override void WriteLine(string? value)
        {
            lock (_gate)
            {
                base.Write(value + "\n");
                if (_wanted is { } wanted && ToString().Contains(wanted.Text, StringComparison.Ordinal))
                    wanted.Seen.TrySetResult();
            }
        }

        public Task WaitForAsync(string text)
        {
            lock (_gate)
            {
                var seen = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                _wanted = (text, seen);
                if (ToString().Contains(text, StringComparison.Ordinal))
                    seen.TrySetResult();
                return seen.Task.WaitAsync(LogFixture.Token);
            }
        }
    }
}
