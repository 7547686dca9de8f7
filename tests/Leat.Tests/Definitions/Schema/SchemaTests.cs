using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Pipeline.Definitions;
using Leat.Tests.Tidy;
using Xunit;

namespace Leat.Tests.Definitions.Schema;

/// <summary>The schema that <c>leat schema</c> prints is what the readers read and what the document says.</summary>
public sealed class SchemaTests
{
    private const string SchemaFile = "docs/operating/leat.schema.json";
    private const string Everything = "tests/Leat.Tests/Definitions/Schema/everything.yaml";

    private static readonly ConfigEnvironment AnyValue = new(_ => "1", _ => "1");

    private static readonly SettingTree Tree = ReadEverything();
    private static readonly SettingDescriptions Descriptions = SettingDescriptions.Of(Source.Read("docs/operating/configuration.md"));

    public static TheoryData<string> Files => [.. Source.Files("samples", ".yaml").Append(Everything)];

    [Fact]
    public void The_file_with_everything_is_right() => Assert.Empty(
        LeatFileReader.Read(Everything, Encoding.UTF8.GetBytes(Source.Read(Everything)), ConnectorList.Catalog, AnyValue).Problems.Select(problem => $"{problem.Location} {problem.Message}"));

    [Fact]
    public void Every_setting_that_is_read_is_described() => Source.None(
        Tree.All().Where(node => node.Key != "*" && node.Reads.Count > 0 && Descriptions.Find(node.Path) is null).Select(node => node.Path));

    [Fact]
    public void Every_setting_that_is_described_is_read()
    {
        var read = Tree.All().Select(node => node.Path).ToHashSet();

        Source.None(Descriptions.Described.Where(path => !read.Contains(path)));
    }

    [Fact]
    public void Defaults_that_are_described_are_those_that_are_read() => Source.None(
        from node in Tree.All()
        let described = Descriptions.DefaultOf(node.Path)
        where described is { Length: > 0 } and not ("required" or "none" or "all") && !described.Contains('`')
        let read = node.Reads.Where(read => read.Default is not null).Select(read => read.Default).Distinct().ToArray()
        where read.Length > 0 && !read.Contains(described)
        select $"{node.Path}: {described}, {string.Join(" or ", read)}");

    [Fact]
    public void The_schema_is_made_of_both()
    {
        var schema = new SchemaWriter(Descriptions).Write(Tree);
        var file = Path.Combine(Source.Root, SchemaFile);
        if (Environment.GetEnvironmentVariable("LEAT_WRITE_SCHEMA") == "1")
            File.WriteAllText(file, schema);

        Assert.True(
            schema == Source.Read(SchemaFile),
            $"{SchemaFile} is not what the readers read and docs/operating/configuration.md says. Run this test with LEAT_WRITE_SCHEMA=1 to write it, and look at the difference.");
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Files_are_right_by_the_schema(string file) => Source.None(Judge(Source.Read(file)));

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void New_files_are_right_by_the_schema(bool isDocument) => Source.None(
        from source in ConnectorList.Catalog.Sources
        from sink in ConnectorList.Catalog.Sinks
        from problem in Judge(Skeleton.Text(source.Name, sink.Name, isDocument, "leat.yaml"))
        select $"{source.Name} {sink.Name}: {problem}");

    [Theory]
    [InlineData("colums: [id]", "/pipelines/p/tables/t/colums: unknown")]
    [InlineData("on_schema_change: follow", "/pipelines/p/tables/t/on_schema_change: not one of [\"evolve\",\"try_evolve\",\"lenient\",\"ignore\",\"exception\"]")]
    [InlineData("unique_ids: yes", "/pipelines/p/tables/t/unique_ids: not \"boolean\"")]
    [InlineData("set: [a]", "/pipelines/p/tables/t/set: not \"object\"")]
    [InlineData("columns: [[a]]", "/pipelines/p/tables/t/columns/0: none of what is possible")]
    public void The_schema_refuses_what_the_reader_refuses(string setting, string expected)
    {
        var yaml = $$"""
            sources: { s: { simulator: } }
            pipelines: { p: { from: s, tables: { t: { table: a.b, {{setting}} } }, sink: { jsonlines: { folder: out } } } }
            """;

        Assert.Null(LeatFileReader.Read("leat.yaml", Encoding.UTF8.GetBytes(yaml), ConnectorList.Catalog, AnyValue).File);
        Assert.Contains(expected, Assert.Single(Judge(yaml)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_schema_refuses_numbers_out_of_range_and_what_is_missing() => Assert.Equal(
        [
            "/pipelines/p/lanes: none of what is possible: /pipelines/p/lanes: not one of [\"auto\"]; /pipelines/p/lanes: more than 64; /pipelines/p/lanes: not \"string\"",
            "/pipelines/p/sink/jsonlines: no folder",
            "/pipelines/p: no from",
        ],
        Judge("""
            sources: { s: { simulator: } }
            pipelines: { p: { tables: { t: a.b }, lanes: 65, sink: { jsonlines: {} } } }
            """));

    private static IReadOnlyList<string> Judge(string yaml)
    {
        var schema = JsonNode.Parse(Source.Read(SchemaFile));
        var problems = new List<Finding>();
        var root = YamlLoader.Load(Encoding.UTF8.GetBytes(yaml), "leat.yaml", AnyValue, problems);
        Assert.Empty(problems);
        Assert.NotNull(schema);
        return new SchemaValidator(schema.AsObject()).Problems(Json(root));
    }

    // As an editor sees the file: references as they stand, and YAML's own types.
    private static JsonNode? Json(ConfigNode? node) => node switch
    {
        ConfigMap map => new JsonObject(map.Entries.Select(entry => KeyValuePair.Create(entry.Key, Json(entry.Value)))),
        ConfigList list => new JsonArray([.. list.Items.Select(Json)]),
        ConfigScalar { IsQuoted: true } text => text.Written,
        ConfigScalar { Text: "true" or "false" } word => word.Text == "true",
        ConfigScalar scalar when long.TryParse(scalar.Written, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
        ConfigScalar scalar => scalar.Text is null ? null : scalar.Written,
        _ => null,
    };

    private static SettingTree ReadEverything()
    {
        var recorder = new ConfigRecorder();
        LeatFileReader.Read(Everything, Encoding.UTF8.GetBytes(Source.Read(Everything)), ConnectorList.Catalog, AnyValue, recorder);
        return SettingTree.Of(recorder);
    }
}
