using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.PostgreSql;
using Xunit;
using static Leat.IntegrationTests.PostgreSql.SinkTarget;

namespace Leat.IntegrationTests.PostgreSql;

/// <summary>Every line of TYPES.md: the column that is created, what the server shows of each value, and what compare reads.</summary>
public sealed partial class TypesTests(SharedPostgreSql shared) : IAsyncLifetime
{
    private SinkTarget _target = null!; // made before each test

    public static TheoryData<string, string, string> Lines
    {
        get
        {
            var lines = new TheoryData<string, string, string>();
            foreach (Match line in Line().Matches(File.ReadAllText(Path.Combine(Repository.Root, "src/Leat.Connectors/PostgreSql/TYPES.md"))))
                lines.Add(line.Groups["leat"].Value, line.Groups["type"].Value, line.Groups["values"].Value);
            return lines;
        }
    }

    public async ValueTask InitializeAsync() => _target = await NewAsync(await shared.ServerAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [MemberData(nameof(Lines))]
    public async Task A_line_of_the_table_is_true(string leat, string type, string values)
    {
        var column = ColumnOf(leat);
        var shape = ShapeOf(column);
        var refused = Refused().Match(values);
        var cases = Value().Matches(values).Select(match => match.Groups["text"].Value.Split(" → ")).ToList();
        await using var sink = _target.Sink();
        await sink.PrepareAsync([shape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);

        var answers = await WriteAsync(lane, [.. cases.Select((item, i) => Row(shape, column, i, item[0]))]);

        Assert.Equal(
            [type], await _target.AskAsync("SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'values'::regclass AND attname = 'v'"));
        if (refused.Success)
        {
            Assert.All(answers, answer => Assert.Equal((AnswerKind.Refused, refused.Groups["state"].Value), (answer.Kind, answer.Cause)));
            return;
        }

        Assert.All(answers, answer => Assert.Equal(Answer.Applied, answer));
        Assert.Equal(cases.Select(item => item[^1]), await _target.AskAsync("SELECT v::text FROM \"values\" ORDER BY id"));
        var rows = new List<string>();
        await foreach (var row in sink.ReadAsync(shape, default))
            rows.Add(PostgreSqlSinkTests.Text(row));
        Assert.Equal(cases.Select((item, i) => PostgreSqlSinkTests.Text(sink.Expect(shape, Row(shape, column, i, item[0]).Row.Span))).Order(), rows.Order());
    }

    [Fact]
    public void Every_kind_has_a_line() => Assert.Empty(Enum.GetNames<ColumnKind>().Except(Lines.Select(line => line.Data.Item1.Split('(')[0])));

    [Theory]
    [InlineData("Int8", "boolean", "1", "true")]
    [InlineData("Int8", "boolean", "0", "false")]
    [InlineData("UInt16", "bigint", "65535", "65535")]
    [InlineData("Int32", "text", "-7", "-7")]
    [InlineData("String(36)", "uuid", "6f9619ff-8b86-d011-b42d-00c04fc964ff", "6f9619ff-8b86-d011-b42d-00c04fc964ff")]
    [InlineData("String(20)", "jsonb", "{\"a\":1}", "{\"a\": 1}")]
    [InlineData("String(20)", "varchar(20)", "20 characters, no mo", null)]
    [InlineData("Enum(a,b)", "mood", "b", "b")]
    [InlineData("Decimal(5,1)", "numeric", "7.0", "7.0")]
    [InlineData("Bit(9)", "varbit", "1", "000000001")]
    [InlineData("DateTime(3)", "timestamp", "2024-01-31 12:00:00.125", "2024-01-31 12:00:00.125")]
    [InlineData("Json", "jsonb", "{\"b\": [1.0, 1e2], \"a\":  null}", "{\"a\": null, \"b\": [1.0, 100]}")]
    public async Task A_column_of_another_type_takes_the_value_too(string leat, string type, string value, string? shown)
    {
        var column = ColumnOf(leat);
        var shape = ShapeOf(column);
        await _target.RunAsync($"CREATE TYPE mood AS ENUM ('a', 'b'); CREATE TABLE \"values\" (id INT PRIMARY KEY, v {type})");
        await using var sink = _target.Sink(_target.Options with { Schema = SchemaMode.Validate });
        await sink.PrepareAsync([shape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        var operation = Row(shape, column, 1, value);

        await WriteAsync(lane, operation);

        Assert.Equal([shown ?? value], await _target.AskAsync("SELECT v::text FROM \"values\""));
        if (type != "jsonb" || leat == "Json")
            Assert.Equal(PostgreSqlSinkTests.Text(sink.Expect(shape, operation.Row.Span)), PostgreSqlSinkTests.Text(Assert.Single(await sink.FindAsync(shape, [operation.Row], default))!));
    }

    [Fact]
    public async Task Columns_of_wider_types_hold_the_same_and_what_is_not_the_same_is_seen()
    {
        var shape = Shape("wide", Schema(
            new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, new() { Name = "small", Kind = ColumnKind.Int8 }, new() { Name = "large", Kind = ColumnKind.UInt64 },
            new() { Name = "price", Kind = ColumnKind.Decimal, Precision = 10, Scale = 2 }, new() { Name = "n", Kind = ColumnKind.Int16 }, new() { Name = "day", Kind = ColumnKind.Date },
            new() { Name = "at", Kind = ColumnKind.DateTime }));
        await _target.RunAsync("CREATE TABLE wide (id BIGINT PRIMARY KEY, small SMALLINT, large NUMERIC(24,2), price NUMERIC(14,4), n NUMERIC(10,2), day DATE, at TIMESTAMP)");
        var row = Index(1, shape, 1, 44, ulong.MaxValue, "1.50", 7, null, null);
        await _target.WriteAsync([shape], row);
        await using var sink = _target.Sink();

        Assert.Equal(sink.Expect(shape, row.Row.Span).Fields, Assert.Single(await sink.FindAsync(shape, [row.Row], default))!.Fields); // not null: it was written

        await _target.RunAsync("UPDATE wide SET small = 300, large = -1.5, price = 1.5001, n = 7.5, day = 'infinity', at = '20000-01-01'");
        var found = Assert.Single(await sink.FindAsync(shape, [row.Row], default))!; // not null: as above
        Assert.Equal(["1", "300", "-1.5", "1.5001", "7.5", "infinity", "568971820800000000"], found.Fields.Select(field => field.Value));
    }

    [Fact]
    public async Task A_date_of_no_calendar_is_refused_where_it_shall_be()
    {
        var column = ColumnOf("Date");
        var shape = ShapeOf(column);

        var answers = await _target.WriteWithAsync(
            _target.Options with { ZeroDatesAreNull = false }, [shape], Row(shape, column, 1, "2024-02-29"), Row(shape, column, 2, "2024-02-30"));

        Assert.Equal([Answer.Applied, Answer.Refused("Column 'v' is 2024-02-30, a date that no calendar has; with `zero_dates: null` it would become NULL.", "impossible_date")], answers);
    }

    private static Shape ShapeOf(Column column) => Shape("values", Schema(new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false }, column));

    private static Operation Row(Shape shape, Column column, int id, string text)
    {
        var row = new byte[1024];
        var writer = new RowWriter(row, 2);
        writer.WriteUInt32((uint)id);
        if (text == "NULL")
            writer.WriteNull();
        else
            Assert.True(ValueParser.TryWrite(column, text.Replace("\\0", "\0", StringComparison.Ordinal), ref writer), text);
        return Index(id + 1, shape, id, null) with { Row = row.AsMemory(0, writer.WrittenBytes) };
    }

    // E.g. Decimal(12,2), Enum(a,b).
    private static Column ColumnOf(string leat)
    {
        var open = leat.IndexOf('(', StringComparison.Ordinal);
        var kind = Enum.Parse<ColumnKind>(open < 0 ? leat : leat[..open]);
        var inside = open < 0 ? [] : leat[(open + 1)..^1].Split(',');
        var number = inside.Length > 0 && int.TryParse(inside[0], CultureInfo.InvariantCulture, out var parsed) ? parsed : 0;
        return new()
        {
            Name = "v", Kind = kind,
            Length = kind is ColumnKind.String or ColumnKind.Binary or ColumnKind.Bit ? number : 0,
            Precision = kind == ColumnKind.Decimal ? number : 0,
            Scale = kind switch
            {
                ColumnKind.Decimal => int.Parse(inside[1], CultureInfo.InvariantCulture),
                ColumnKind.Time or ColumnKind.DateTime or ColumnKind.Timestamp => number,
                _ => 0,
            },
            Labels = kind is ColumnKind.Enum or ColumnKind.Set ? [.. inside] : ImmutableArray<string>.Empty,
        };
    }

    [GeneratedRegex(@"^\| `(?<leat>[^`]+)` \| [^|]* \| `(?<type>[^`]+)` \| (?<values>.*) \|$", RegexOptions.Multiline)]
    private static partial Regex Line();

    [GeneratedRegex("`(?<text>[^`]+)`")]
    private static partial Regex Value();

    [GeneratedRegex(@"\*refused\* \((?<state>\w+)\)")]
    private static partial Regex Refused();
}
