using Leat.Changes;
using Leat.Connectors.PostgreSql;
using Microsoft.Extensions.Logging;
using Xunit;
using static Leat.IntegrationTests.PostgreSql.SinkTarget;

namespace Leat.IntegrationTests.PostgreSql;

/// <summary>What becomes of the target's tables under each setting of <c>schema</c>, and what check says.</summary>
public sealed class SchemaTests(SharedPostgreSql shared) : IAsyncLifetime
{
    private static readonly Shape Orders = Shape("Orders", Schema(
        new() { Name = "id", Kind = ColumnKind.UInt32, Nullable = false }, new() { Name = "total", Kind = ColumnKind.Decimal, Precision = 12, Scale = 2, Nullable = false },
        new() { Name = "note", Kind = ColumnKind.String, Length = 50 }));

    private SinkTarget _target = null!; // made before each test

    public async ValueTask InitializeAsync() => _target = await NewAsync(await shared.ServerAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Evolve_creates_schema_and_tables_once_and_check_shows_the_statements_first()
    {
        var options = _target.Options with { Namespace = "Shop \"copy\"", Schema = SchemaMode.Evolve };
        var log = new Lines();

        var before = await CheckAsync(options, Orders);
        await _target.RunAsync("CREATE SCHEMA \"Shop \"\"copy\"\"\"");
        var shown = await CheckAsync(options, Orders);
        for (var start = 0; start < 2; start++)
        {
            await using var sink = _target.Sink(options, log);
            await sink.PrepareAsync([Orders], default);
        }

        Assert.Contains(before, finding => finding.Message == "Shop \"copy\" will be created: CREATE SCHEMA \"Shop \"\"copy\"\"\"");
        Assert.Contains(shown, finding => finding.Message == "Shop \"copy\".Orders will be created: CREATE TABLE IF NOT EXISTS \"Shop \"\"copy\"\"\".\"Orders\" " +
            "(\"id\" bigint NOT NULL, \"total\" numeric(12,2) NOT NULL, \"note\" text, PRIMARY KEY (\"id\"))");
        Assert.DoesNotContain(shown, finding => finding.Severity != Severity.Ok);
        Assert.Equal(2, log.Messages.Count); // leat_positions and the table
        Assert.Equal(
            $"Sink of pipeline p changed 127.0.0.1:{_target.Server.Port} at offset -1 (-1: before the first): CREATE TABLE IF NOT EXISTS \"Shop \"\"copy\"\"\".\"Orders\" " +
            "(\"id\" bigint NOT NULL, \"total\" numeric(12,2) NOT NULL, \"note\" text, PRIMARY KEY (\"id\"))",
            log.Messages[1]);
        Assert.Contains(await CheckAsync(options, Orders), finding => finding.Message == "Shop \"copy\".Orders fits.");
    }

    [Fact]
    public async Task Evolve_adds_columns_widens_types_drops_NOT_NULL_and_nothing_else()
    {
        await _target.RunAsync(
            "CREATE TABLE \"Orders\" (id integer PRIMARY KEY, note varchar(5) NOT NULL, mine integer NOT NULL, kept integer NOT NULL DEFAULT 7); INSERT INTO \"Orders\" VALUES (1, 'a', 1, 1)");

        await _target.WriteWithAsync(_target.Options with { Schema = SchemaMode.Evolve }, [Orders], Index(1, Orders, 4_000_000_000L, "0.10", null));

        Assert.Equal(
            ["id bigint true", "note text false", "mine integer false", "kept integer true", "total numeric(12,2) false"],
            await _target.AskAsync("SELECT attname, format_type(atttypid, atttypmod), lower(attnotnull::text) FROM pg_attribute WHERE attrelid = '\"Orders\"'::regclass AND attnum > 0 ORDER BY attnum"));
        Assert.Equal(["1 a 1 1 NULL", "4000000000 NULL NULL 7 0.10"], await _target.AskAsync("SELECT * FROM \"Orders\" ORDER BY id"));
    }

    [Fact]
    public async Task A_column_that_the_source_gains_while_lanes_write_is_added_at_its_first_row()
    {
        var wider = Shape("Orders", Schema([.. Orders.Schema.Columns, new Column { Name = "extra", Kind = ColumnKind.Int64 }]));
        var log = new Lines();
        await using var sink = _target.Sink(_target.Options with { Schema = SchemaMode.Evolve }, log);
        await sink.PrepareAsync([Orders], default);
        await using var one = await sink.OpenLaneAsync(Identity(0, 2), default);
        await using var two = await sink.OpenLaneAsync(Identity(1, 2), default);

        await WriteAsync(one, Index(1, Orders, 1L, "1.00", "a"), Index(5, wider, 2L, "2.00", "b", 22L));
        await WriteAsync(two, Index(4, Orders, 3L, "3.00", "c"), Index(6, wider, 4L, "4.00", "d", 44L));

        Assert.Equal(["1 NULL", "2 22", "3 NULL", "4 44"], await _target.AskAsync("SELECT id, extra FROM \"Orders\" ORDER BY id"));
        Assert.Contains($"Sink of pipeline p changed 127.0.0.1:{_target.Server.Port} at offset 5 (-1: before the first): ALTER TABLE \"public\".\"Orders\" ADD COLUMN IF NOT EXISTS \"extra\" bigint", log.Messages);
    }

    [Fact]
    public async Task Create_leaves_a_table_alone_that_is_there_and_wants_its_columns()
    {
        await _target.RunAsync("CREATE TABLE \"Orders\" (id bigint PRIMARY KEY, total numeric(12,2), note varchar(3) NOT NULL)");

        var answers = await _target.WriteAsync([Orders], Index(1, Orders, 1L, "1.00", "a"), Index(2, Orders, 2L, "1.00", "long"), Index(3, Orders, 3L, "1.00", null));
        await _target.RunAsync("ALTER TABLE \"Orders\" DROP total");
        await using var sink = _target.Sink();
        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([Orders], default));

        Assert.Equal(["", "22001", "23502"], answers.Select(answer => answer.Cause ?? ""));
        Assert.Equal(
            "Sink of pipeline 'p': the target table public.Orders has no column 'total'. " +
            "Set `schema: evolve`, or add it: ALTER TABLE \"public\".\"Orders\" ADD COLUMN IF NOT EXISTS \"total\" numeric(12,2); [LEAT-4606]",
            error.Message);
    }

    [Theory]
    [InlineData("SELECT 1", 4605, "the target table public.Orders does not exist.")]
    [InlineData("CREATE TABLE \"Orders\" (id bigint PRIMARY KEY, total numeric(12,2))", 4606, "the target table public.Orders has no column 'note'.")]
    [InlineData("CREATE TABLE \"Orders\" (id bigint, total numeric(12,2) PRIMARY KEY, note text)", 4607, "the primary key of the target table public.Orders is (\"total\"), the rows delivered are identified by (\"id\").")]
    [InlineData("CREATE TABLE \"Orders\" (id bigint PRIMARY KEY DEFERRABLE, total numeric(12,2), note text)", 4607, "the primary key of the target table public.Orders is (\"id\"), the rows delivered are identified by (\"id\").")]
    [InlineData("CREATE TABLE \"Orders\" (id bigint PRIMARY KEY, total numeric(12,1), note text)", 4608, "the column 'total' of the target table public.Orders is numeric(12,1), which cannot hold every value that arrives; numeric(12,2) can.")]
    [InlineData("CREATE TABLE \"Orders\" (id bigint PRIMARY KEY, total numeric(12,2), note varchar(49))", 4608, "the column 'note' of the target table public.Orders is character varying(49), which cannot hold every value that arrives; text can.")]
    [InlineData("CREATE TABLE \"Orders\" (id bigint PRIMARY KEY, total numeric(12,2), note integer)", 4608, "the column 'note' of the target table public.Orders is integer, which cannot hold every value that arrives; text can.")]
    [InlineData("CREATE VIEW \"Orders\" AS SELECT 1 AS id", 4609, "public.Orders is not a table of the target that rows can be written to by their key.")]
    [InlineData("CREATE TABLE \"Orders\" (id bigint PRIMARY KEY, total numeric(12,2), note text, mine int NOT NULL)", 4610, "the column 'mine' of the target table public.Orders must not be NULL, has no default, and is not delivered.")]
    [InlineData("CREATE TABLE \"Orders\" (id bigint PRIMARY KEY, total numeric(12,2), note text NOT NULL)", 4611, "the column 'note' of the target table public.Orders must not be NULL, but NULL may arrive.")]
    [InlineData("CREATE TABLE \"Orders\" (id bigint PRIMARY KEY, total numeric(12,2), note text GENERATED ALWAYS AS ('x') STORED)", 4612, "the column 'note' of the target table public.Orders is generated by the server and cannot be written.")]
    public async Task Validate_blocks_with_what_is_wrong_and_changes_nothing(string sql, int code, string what)
    {
        await _target.RunAsync(sql);
        await using var sink = _target.Sink(_target.Options with { Schema = SchemaMode.Validate });

        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([Orders], default));

        Assert.Equal((code, $"Sink of pipeline 'p': {what}"), (error.Code.Number, error.What));
        Assert.Contains(await CheckAsync(_target.Options with { Schema = SchemaMode.Validate }, Orders), finding => finding.Code == error.Code && finding.Severity == Severity.Error);
    }

    [Fact]
    public async Task The_statement_of_a_remedy_can_be_pasted()
    {
        await _target.RunAsync("CREATE TABLE \"Orders\" (id bigint PRIMARY KEY, total numeric(12,1), note integer, mine int NOT NULL); INSERT INTO \"Orders\" VALUES (1, 1, 1, 1)");
        var options = _target.Options with { Schema = SchemaMode.Validate };
        for (var problem = 0; problem < 3; problem++)
        {
            await using var sink = _target.Sink(options);
            var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([Orders], default));
            var start = error.Remedy.IndexOf("ALTER TABLE", StringComparison.Ordinal);
            await _target.RunAsync(error.Remedy[start..(error.Remedy.IndexOf(';', start) + 1)]);
        }

        await _target.WriteWithAsync(options, [Orders], Index(1, Orders, 2L, "0.12", "b"));
        Assert.Equal(["1 1.00 1 1", "2 0.12 b NULL"], await _target.AskAsync("SELECT * FROM \"Orders\" ORDER BY id"));
    }

    [Fact]
    public async Task Check_names_the_rights_that_are_missing_with_the_statement()
    {
        await _target.RunAsync("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; CREATE TABLE \"Orders\" (id bigint PRIMARY KEY, total numeric(12,2), note text); GRANT SELECT ON \"Orders\" TO reader");
        var options = _target.Options with { User = "reader" };

        var findings = await CheckAsync(options, Orders, Shape("more", Orders.Schema));
        foreach (var finding in findings.Where(finding => finding.Code?.Number == 4621).ToList())
            await _target.RunAsync(finding.Remedy!);

        Assert.Equal(
            ["\"reader\" has no right to CREATE on SCHEMA \"public\".", "\"reader\" has no right to INSERT, UPDATE, DELETE on TABLE \"public\".\"Orders\"."],
            findings.Where(finding => finding.Severity == Severity.Error).Select(finding => finding.Message).Distinct());
        Assert.All(await CheckAsync(options, Orders, Shape("more", Orders.Schema)), finding => Assert.Equal(Severity.Ok, finding.Severity));
        await using var sink = _target.Sink(options);
        await sink.PrepareAsync([Orders, Shape("more", Orders.Schema)], default);
    }

    private async Task<IReadOnlyList<Finding>> CheckAsync(PostgreSqlSinkOptions options, params Shape[] shapes)
    {
        await using var sink = _target.Sink(options);
        return await sink.CheckAsync(shapes, default);
    }

    private sealed class Lines : ILoggerFactory, ILogger
    {
        public List<string> Messages { get; } = [];

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (eventId.Id == 4600)
                Messages.Add(formatter(state, exception));
        }

        public void Dispose()
        {
        }
    }
}
