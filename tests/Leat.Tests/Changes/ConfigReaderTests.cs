using Leat.Changes;
using Leat.Changes.Configuration;
using Xunit;

namespace Leat.Tests.Changes;

public sealed class ConfigReaderTests
{
    private static readonly FileLocation Here = new("leat.yaml", 3, 5);

    [Fact]
    public void Reads_every_form_of_value()
    {
        var (reader, problems) = Reader(
            ("text", "x"), ("number", "12"), ("flag", "true"), ("choice", "b"), ("time", "200ms"), ("size", "64KiB"), ("one", "a"));

        Assert.Equal("x", reader.RequiredText("text", "y"));
        Assert.Equal(12, reader.Int("number", 1, 0, 100));
        Assert.True(reader.Bool("flag", false));
        Assert.Equal("b", reader.Choice("choice", "a", "a", "b"));
        Assert.Equal(TimeSpan.FromMilliseconds(200), reader.Duration("time", TimeSpan.Zero, TimeSpan.Zero, TimeSpan.MaxValue));
        Assert.Equal(65_536, reader.Size("size", 0, 0, 1 << 20));
        Assert.Equal(["a"], reader.Texts("one"));
        reader.Done();
        Assert.Empty(problems);
    }

    [Fact]
    public void Absent_keys_give_their_defaults()
    {
        var (reader, problems) = Reader();

        Assert.Null(reader.Text("text"));
        Assert.Equal(7, reader.Int("number", 7, 0, 100));
        Assert.False(reader.Bool("flag", false));
        Assert.Empty(reader.Texts("list"));
        Assert.Null(reader.Map("map"));
        reader.Done();
        Assert.Empty(problems);
    }

    [Fact]
    public void Notes_each_problem_in_the_words_of_the_file_and_goes_on()
    {
        var (reader, problems) = Reader(("number", "many"), ("flag", "yes"), ("choice", "c"), ("time", "5"), ("size", "5MB"), ("passwort", "x"));

        reader.RequiredText("host", "127.0.0.1");
        Assert.Equal(1, reader.Int("number", 1, 0, 100));
        reader.Bool("flag", false);
        reader.Choice("choice", "a", "a", "b");
        reader.Duration("time", TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1));
        reader.Size("size", 0, 1024, 1 << 20);
        reader.Secret("password");
        reader.Done();

        Assert.Equal(
            [
                "LEAT-1002 sink.redis has no 'host'. Add it, for example `host: 127.0.0.1`.",
                "LEAT-1003 sink.redis.number: expected a whole number from 0 to 100, got 'many'. Correct the value.",
                "LEAT-1003 sink.redis.flag: expected true or false, got 'yes'. Correct the value.",
                "LEAT-1003 sink.redis.choice: expected one of a, b, got 'c'. Correct the value.",
                "LEAT-1003 sink.redis.time: expected a time with its unit from 1s to 1m, such as 200ms or 5s, got '5'. Correct the value.",
                "LEAT-1003 sink.redis.size: expected a size with its unit from 1KiB to 1MiB, such as 64KiB or 5MiB, got '5MB'. Correct the value.",
                "LEAT-1001 'passwort' is not a setting of sink.redis. Did you mean 'password'?",
            ],
            problems.Select(problem => $"{problem.Code} {problem.Message} {problem.Remedy}"));
        Assert.All(problems, problem => Assert.Equal(Here, problem.Location));
    }

    [Fact]
    public void A_secret_in_the_file_is_a_warning_and_one_from_elsewhere_is_not_printed()
    {
        var problems = new List<Finding>();
        var map = new ConfigMap(Here, [
            new("password", Here, new ConfigScalar(Here, "geheim", false)),
            new("port", Here, new ConfigScalar(Here, "geheim", true)),
        ]);
        var reader = new ConfigReader(map, "sink.redis", problems);

        Assert.Equal("geheim", reader.Secret("password"));
        reader.Int("port", 1, 0, 10);

        Assert.Equal(
            ["sink.redis.password is written into the file in plain text.", "sink.redis.port: expected a whole number from 0 to 10, got a secret that is not that."],
            problems.Select(problem => problem.Message));
        Assert.Equal(Severity.Warning, problems[0].Severity);
    }

    [Fact]
    public void A_key_far_from_all_known_ones_gets_the_list()
    {
        var (reader, problems) = Reader(("zzzzzz", "1"));
        reader.Text("host");
        reader.Text("port");
        reader.Done();

        Assert.Equal("Known settings: host, port.", Assert.Single(problems).Remedy);
    }

    [Theory]
    [InlineData("adress", "address")]
    [InlineData("hsot", "host")]
    [InlineData("prt", "port")]
    [InlineData("q", null)]
    [InlineData("something", null)]
    public void The_nearest_name_is_what_a_person_meant(string written, string? meant) =>
        Assert.Equal(meant, Nearest.Of(written, ["address", "host", "port", "database"]));

    [Theory]
    [InlineData("200ms", 200)]
    [InlineData("5s", 5_000)]
    [InlineData("2m", 120_000)]
    [InlineData("1h", 3_600_000)]
    [InlineData("1d", 86_400_000)]
    public void Times_are_read_and_written_with_their_unit(string text, long milliseconds)
    {
        Assert.True(Units.TryDuration(text, out var value));
        Assert.Equal(milliseconds, (long)value.TotalMilliseconds);
        Assert.Equal(text, Units.Format(value));
    }

    [Theory]
    [InlineData("512B", 512)]
    [InlineData("64KiB", 65_536)]
    [InlineData("5MiB", 5_242_880)]
    [InlineData("1GiB", 1_073_741_824)]
    public void Sizes_are_read_and_written_with_their_unit(string text, long bytes)
    {
        Assert.True(Units.TrySize(text, out var value));
        Assert.Equal(bytes, value);
        Assert.Equal(text, Units.FormatSize(value));
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("s")]
    [InlineData("-5s")]
    [InlineData("5 s")]
    [InlineData("5KB")]
    [InlineData("99999999999999999999s")]
    [InlineData("9223372036854775807GiB")]
    public void What_has_no_unit_or_too_much_is_neither_time_nor_size(string text)
    {
        Assert.False(Units.TryDuration(text, out _));
        Assert.False(Units.TrySize(text, out _));
    }

    private static (ConfigReader Reader, List<Finding> Problems) Reader(params (string Key, string Value)[] entries)
    {
        var problems = new List<Finding>();
        var map = new ConfigMap(Here, [.. entries.Select(entry => new ConfigEntry(entry.Key, Here, new ConfigScalar(Here, entry.Value, false)))]);
        return (new(map, "sink.redis", problems), problems);
    }
}
