using System.Text;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Log;
using Leat.Pipeline.Definitions;
using Xunit;

namespace Leat.Tests.Definitions;

public sealed class LeatFileReaderTests
{
    private const string Whole = """
        log: { folder: data }
        sources:
          shop: { mysql: { host: "${env:USER_NAME}", port: "${env:PORT}", password: "${file:/run/password}", tables: ["shop.*"] } }
          fake:
            simulator:
        pipelines:
          cache:
            from: shop
            lanes: 8
            tables:
              orders: { table: shop.orders, columns: [id, note], where: "status <> 'x'" }
              Items-2: shop.order_items
            sink: { redis: { address: "here:1", key: "order:{id}" } }
          files:
            from: fake
            tables: { orders: shop.orders }
            sink: { jsonlines: { folder: out } }
        """;

    [Fact]
    public void Reads_sources_pipelines_and_tables_in_the_order_of_the_file()
    {
        var (file, problems) = Read(Whole);

        Assert.Empty(problems);
        Assert.NotNull(file);
        Assert.Equal("/etc/leat/data", file.Log.Folder);
        Assert.Equal([("shop", "mysql", "/etc/leat/leat.yaml:3:3"), ("fake", "simulator", "/etc/leat/leat.yaml:4:3")],
            file.Sources.Select(source => (source.Name, source.Kind, source.Location.ToString())));
        Assert.Equal([("cache", "shop", "redis", (int?)8), ("files", "fake", "jsonlines", (int?)null)],
            file.Pipelines.Select(pipeline => (pipeline.Name, pipeline.From, pipeline.SinkKind, pipeline.Lanes)));
        var orders = file.Pipelines[0].Tables[0];
        Assert.Equal(("orders", new TableName("shop", "orders"), "status <> 'x'"), (orders.Alias, orders.Table, orders.Where));
        Assert.Equal(["id", "note"], orders.Columns);
        Assert.Equal("/etc/leat/leat.yaml:11:7", orders.Location.ToString());
        Assert.Equal("/etc/leat/leat.yaml:11:66", orders.WhereWritten?.Location.ToString());
        Assert.Equal(("Items-2", new TableName("shop", "order_items"), null), Describe(file.Pipelines[0].Tables[1]));
    }

    [Fact]
    public void The_log_lies_beside_the_file_when_no_folder_is_given()
    {
        var (file, _) = Read(Whole.Replace("log: { folder: data }", "", StringComparison.Ordinal));

        Assert.Equal("/etc/leat/leat-data", file?.Log.Folder);
    }

    [Fact]
    public void Streams_are_kept_for_ever_and_synced_at_each_commit_when_nothing_is_said()
    {
        var (file, _) = Read(Whole);

        Assert.Equal(64L << 20, file?.Log.ReserveBytes);
        Assert.All(file?.Sources.Select(source => source.Stream) ?? [], stream => Assert.Equal(new(), stream));
    }

    [Fact]
    public void A_source_changes_for_its_stream_what_it_names()
    {
        var (file, problems) = Read("""
            log:
              sync: interval(200ms)
              compression: lz4
              segment: 64MiB
              reserve: 1GiB
              retention: { age: 7d, size: 50GiB, quota: 100GiB }
            sources:
              plain: { simulator: { seed: 1 } }
              other:
                simulator: { seed: 2 }
                log: { sync: os, compression: none, retention: { age: none, size: 1GiB } }
              kept:
                simulator: { seed: 3 }
                log: { sync: commit, retention: { age: none, size: none, quota: none } }
            pipelines:
              files: { from: plain, tables: { orders: shop.orders }, sink: { jsonlines: { folder: out } } }
            """);

        Assert.Empty(problems);
        Assert.NotNull(file);
        Assert.Equal(1L << 30, file.Log.ReserveBytes);
        var stream = new StreamOptions
        {
            Sync = SyncMode.Interval, SyncInterval = TimeSpan.FromMilliseconds(200), Compression = Compression.Lz4, SegmentBytes = 64L << 20,
            RetentionAge = TimeSpan.FromDays(7), RetentionBytes = 50L << 30, QuotaBytes = 100L << 30,
        };
        Assert.Equal(stream, file.Sources[0].Stream);
        Assert.Equal(stream with { Sync = SyncMode.Os, Compression = Compression.None, RetentionAge = null, RetentionBytes = 1L << 30 }, file.Sources[1].Stream);
        Assert.Equal(
            stream with { Sync = SyncMode.Commit, RetentionAge = null, RetentionBytes = null, QuotaBytes = null }, file.Sources[2].Stream);
    }

    [Fact]
    public void A_warning_leaves_the_file_usable()
    {
        var (file, problems) = Read(Whole.Replace("${file:/run/password}", "hunter2", StringComparison.Ordinal));

        Assert.NotNull(file);
        Assert.Equal(Severity.Warning, Assert.Single(problems).Severity);
    }

    [Fact]
    public void A_file_that_does_not_exist_is_one_problem()
    {
        var (file, problems) = LeatFileReader.Read("/nowhere/leat.yaml", TestConnectors.Catalog, TestConnectors.Environment);

        Assert.Null(file);
        var problem = Assert.Single(problems);
        Assert.Equal("The configuration file cannot be read: it does not exist. Check the path and the permissions of the file.", $"{problem.Message} {problem.Remedy}");
        Assert.Equal("/nowhere/leat.yaml", problem.Location.ToString());
    }

    [Fact]
    public void A_folder_is_not_a_file()
    {
        var (_, problems) = LeatFileReader.Read("/tmp", TestConnectors.Catalog, TestConnectors.Environment);

        Assert.Equal("The configuration file cannot be read: permission denied, or it is a folder.", Assert.Single(problems).Message);
    }

    [Theory]
    [InlineData("${env:USER_NAME}", "leat", true)]
    [InlineData("a ${env:USER_NAME} b ${env:PORT}", "a leat b 3307", true)]
    [InlineData("${env:NONE:-here}", "here", true)]
    [InlineData("${env:EMPTY:-here}", "here", true)]
    [InlineData("${env:EMPTY}", "", true)]
    [InlineData("${env:NONE:-}", "", true)]
    [InlineData("${file:/run/password}", "canary-7391", true)]
    [InlineData("${file:beside}", "beside", true)]
    [InlineData("$${env:USER_NAME}", "${env:USER_NAME}", false)]
    [InlineData("order:{id} $5", "order:{id} $5", false)]
    public void References_become_values_and_stay_secret(string written, string value, bool isSecret)
    {
        var scalar = Assert.IsType<ConfigScalar>(Load($"key: '{written}'").Entries[0].Value);

        Assert.Equal((value, isSecret), (scalar.Text, scalar.IsSecret));
    }

    [Fact]
    public void A_value_from_the_environment_cannot_change_the_structure()
    {
        var environment = TestConnectors.Environment with { Variable = _ => "x\nother: [1, 2]\n${env:SECRET}" };

        var map = YamlLoader.Load(Encoding.UTF8.GetBytes("key: ${env:X}"), "leat.yaml", environment, []);

        Assert.NotNull(map);
        Assert.Equal("x\nother: [1, 2]\n${env:SECRET}", ((ConfigScalar)Assert.Single(map.Entries).Value).Text);
    }

    [Theory]
    [InlineData("key:", null)]
    [InlineData("key: ~", null)]
    [InlineData("key: null", null)]
    [InlineData("key: 'null'", "null")]
    [InlineData("key: ''", "")]
    [InlineData("key: 007", "007")]
    [InlineData("key: |\n  a\n  b\n", "a\nb\n")]
    [InlineData("key: !!str 5", "5")]
    [InlineData("\uFEFFkey: bom", "bom")]
    public void Scalars_are_text_as_written(string yaml, string? text) =>
        Assert.Equal(text, Assert.IsType<ConfigScalar>(Load(yaml).Entries[0].Value).Text);

    [Fact]
    public void An_alias_stands_for_its_anchor_and_points_at_it()
    {
        var map = Load("a: &it { x: 1 }\nb: *it");

        Assert.Same(map.Entries[0].Value, map.Entries[1].Value);
        Assert.Equal(1, map.Entries[1].Value.Location.Line);
    }

    [Fact]
    public void Aliases_that_multiply_are_refused_before_they_cost_anything()
    {
        var bomb = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 20; i++)
            bomb.Append(System.Globalization.CultureInfo.InvariantCulture, $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n");

        Assert.Equal(
            "leat.yaml:6:10 The configuration holds more than 200000 values, aliases written out; the limit is 200000.", Problem(bomb.ToString()));
    }

    [Fact]
    public void Thirty_two_blocks_deep_is_the_end()
    {
        Assert.NotNull(Load($"a: {new string('[', 31)}{new string(']', 31)}"));
        Assert.Equal(
            "leat.yaml:1:36 The configuration is more than 32 blocks deep; the limit is 32.",
            Problem($"a: {new string('[', 33)}{new string(']', 33)}"));
        Assert.Equal(
            "leat.yaml:1:36 The configuration is more than 32 blocks deep; the limit is 32.", Problem($"a: {new string('[', 5_000)}"));
    }

    [Fact]
    public void A_file_over_ten_mebibytes_is_not_even_parsed() => Assert.Equal(
        "leat.yaml The configuration has 10485761 bytes; the limit is 10MiB.", Problem(new string('#', YamlLoader.MaxBytes + 1)));

    [Fact]
    public void Bytes_that_are_no_text_are_told_with_their_place()
    {
        var problems = new List<Finding>();

        Assert.Null(YamlLoader.Load((byte[])[.. "a: 1\nbö: "u8, 0xFF, (byte)'\n'], "leat.yaml", TestConnectors.Environment, problems));

        Assert.Equal("leat.yaml:2:5 The file is not UTF-8 text from here on.", Text(Assert.Single(problems)));
    }

    [Fact]
    public void A_key_that_is_missing_is_a_mistake_and_no_defect() =>
        Assert.Equal("leat.yaml:4:2 This is not valid YAML: a key or a value is missing before this.", Problem("a:\n :\n  b: 1\n c: 2\n"));

    [Fact]
    public void Broken_text_gives_findings_and_never_an_exception()
    {
        var random = new Random(7391);
        const string Alphabet = " \n\t:-[]{}&*!|>'\"%@`#,?ab$\\${env:X}<";
        for (var i = 0; i < 3_000; i++)
        {
            var cut = Whole[..random.Next(Whole.Length)];
            var noise = new string([.. Enumerable.Range(0, random.Next(8)).Select(_ => Alphabet[random.Next(Alphabet.Length)])]);
            var at = random.Next(cut.Length + 1);

            var (file, problems) = Read(cut.Insert(at, noise));

            Assert.True(file is not null || problems.Count > 0);
        }
    }

    private static (string Alias, TableName Table, string? Where) Describe(TableRule rule) => (rule.Alias, rule.Table, rule.Where);

    private static (LeatFile? File, IReadOnlyList<Finding> Problems) Read(string yaml) =>
        LeatFileReader.Read("/etc/leat/leat.yaml", Encoding.UTF8.GetBytes(yaml), TestConnectors.Catalog, TestConnectors.Environment);

    private static ConfigMap Load(string yaml)
    {
        var problems = new List<Finding>();
        var map = YamlLoader.Load(Encoding.UTF8.GetBytes(yaml), "/etc/leat/leat.yaml", TestConnectors.Environment, problems);
        Assert.Empty(problems);
        Assert.NotNull(map);
        return map;
    }

    private static string Problem(string yaml)
    {
        var problems = new List<Finding>();
        Assert.Null(YamlLoader.Load(Encoding.UTF8.GetBytes(yaml), "leat.yaml", TestConnectors.Environment, problems));
        return Text(Assert.Single(problems));
    }

    private static string Text(Finding finding) => $"{finding.Location} {finding.Message}";
}
