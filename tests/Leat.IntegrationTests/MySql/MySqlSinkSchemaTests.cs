using System.Collections.Immutable;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.IntegrationTests.MySql.Servers;
using Leat.Tests.Pipeline;
using Xunit;
using static Leat.IntegrationTests.MySql.SinkTarget;

namespace Leat.IntegrationTests.MySql;

/// <summary>What <c>schema</c> does about tables that do not fit.</summary>
public sealed class MySqlSinkSchemaTests(MariaDbFixture server) : IClassFixture<MariaDbFixture>
{
    private static readonly Column Id = new() { Name = "id", Kind = ColumnKind.Int32, Nullable = false };

    private readonly SinkTarget _target = new(server);

    [Fact]
    public async Task None_runs_no_ddl_and_the_first_write_tells_what_is_missing()
    {
        var shape = Of(new Column { Name = "note", Kind = ColumnKind.String, Length = 50 });
        await _target.RunAsync("SELECT 1");
        await using var sink = _target.Sink(_target.Options with { Schema = SchemaMode.None });
        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([shape], default));
        Assert.StartsWith(
            $"Sink of pipeline 'p': the table `{_target.Database}`.`leat_positions` does not exist. Set `schema: create`, or create it: CREATE TABLE IF NOT EXISTS ",
            error.Message, StringComparison.Ordinal);

        await using (var creating = _target.Sink())
            await creating.PrepareAsync([], default);
        await sink.PrepareAsync([shape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        error = await Assert.ThrowsAsync<PauseException>(() => WriteAsync(lane, Index(1, shape, 1, "a")));

        Assert.Equal(new ErrorCode(4110), error.Code);
        Assert.Contains($"Table '{_target.Database}.notes' doesn't exist (error 1146)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Validate_stops_before_the_first_value_that_does_not_fit()
    {
        var shape = Of(new Column { Name = "note", Kind = ColumnKind.String, Length = 50 });
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note VARCHAR(20) NOT NULL COLLATE utf8mb4_general_ci, must INT NOT NULL) ENGINE=InnoDB");
        var table = $"`{_target.Database}`.`notes`";

        Assert.Equal(
            $"Sink of pipeline 'p': the column 'note' of the target table {_target.Database}.notes is varchar(20) NOT NULL, which cannot hold all that is delivered: `note` VARCHAR(50) NULL. " +
            $"See that nothing is lost that is there, then: ALTER TABLE {table} MODIFY COLUMN `note` VARCHAR(50) COLLATE utf8mb4_general_ci NULL; [LEAT-4118]",
            await Refusal(SchemaMode.Validate, shape));

        await _target.RunAsync("ALTER TABLE notes MODIFY note VARCHAR(50)");
        Assert.Equal(
            $"Sink of pipeline 'p': the column 'must' of the target table {_target.Database}.notes is not delivered, is NOT NULL and has no default. " +
            $"Deliver it, or allow its absence: ALTER TABLE {table} MODIFY COLUMN `must` int(11) NULL; [LEAT-4119]",
            await Refusal(SchemaMode.Validate, shape));

        await _target.RunAsync("ALTER TABLE notes ALTER must SET DEFAULT 1");
        await using var sink = _target.Sink(_target.Options with { Schema = SchemaMode.Validate });
        await sink.PrepareAsync([shape], default);
    }

    [Theory]
    [InlineData(TestProduct.MariaDb)]
    [InlineData(TestProduct.MySql9)]
    public async Task Evolve_adds_widens_and_drops_not_null_and_shows_it_first(TestProduct product)
    {
        var target = new SinkTarget(await TestServer.SharedAsync(product));
        var options = target.Options with { Schema = SchemaMode.Evolve };
        await target.RunAsync(
            "CREATE TABLE notes (id SMALLINT PRIMARY KEY, note VARCHAR(20) NOT NULL, d DECIMAL(6,1), e ENUM('x','a'), n INT UNSIGNED, b VARBINARY(4), t DATETIME, must INT NOT NULL, f FLOAT, " +
            "wide LONGTEXT, CONSTRAINT odd CHECK (n < 100000000000)) ENGINE=InnoDB; INSERT INTO notes VALUES (1, 'kept', 99999.9, 'a', 4000000000, 'abcd', '2024-01-02 03:04:05', 5, 0.5, 'w')");
        var shape = Of(
            new() { Name = "note", Kind = ColumnKind.String, Length = 5_000 }, new() { Name = "d", Kind = ColumnKind.Decimal, Precision = 6, Scale = 3 },
            new() { Name = "e", Kind = ColumnKind.Enum, Labels = ["a", "it's"] }, new() { Name = "n", Kind = ColumnKind.Int32 }, new() { Name = "b", Kind = ColumnKind.Binary, Length = 300 },
            new() { Name = "t", Kind = ColumnKind.DateTime, Scale = 6 }, new() { Name = "f", Kind = ColumnKind.Float64 }, new() { Name = "wide", Kind = ColumnKind.String, Length = 10 },
            new() { Name = "added", Kind = ColumnKind.String, Length = 10, Nullable = false });
        await using var sink = target.Sink(options);

        var findings = await sink.CheckAsync([shape], default);
        await sink.PrepareAsync([shape], default);
        await using var lane = await sink.OpenLaneAsync(Identity(), default);
        var answers = await WriteAsync(lane, Index(1, shape, 70_000, null, "123.456", 2L, -1L, new byte[300], Temporal.DateTime(2024, 1, 2, 3, 4, 5, 6), 1e300, "w", "new"));

        Assert.Equal([Answer.Applied], answers);
        var shown = Assert.Single(findings, finding => finding.Check == "target table");
        Assert.StartsWith($"{target.Database}.notes will be changed: ALTER TABLE `{target.Database}`.`notes` MODIFY COLUMN `id` INT NOT NULL, ", shown.Message, StringComparison.Ordinal);
        Assert.Contains(", MODIFY COLUMN `d` DECIMAL(8,3) NULL, MODIFY COLUMN `e` ENUM('x','a','it''s') COLLATE ", shown.Message, StringComparison.Ordinal);
        Assert.Contains(", MODIFY COLUMN `n` BIGINT NULL, MODIFY COLUMN `b` VARBINARY(300) NULL, MODIFY COLUMN `t` DATETIME(6) NULL, MODIFY COLUMN `f` DOUBLE NULL, ", shown.Message, StringComparison.Ordinal);
        Assert.EndsWith(", ADD COLUMN `added` VARCHAR(10) NULL, MODIFY COLUMN `must` int" + (product == TestProduct.MySql9 ? "" : "(11)") + " NULL;", shown.Message, StringComparison.Ordinal);
        Assert.Equal(
            ["1 kept 99999.900 a 4000000000 5 NULL", "70000 NULL 123.456 it's -1 NULL new"], await target.AskAsync("SELECT id, note, d, e, n, must, added FROM notes ORDER BY id"));

        // A second look finds nothing to do.
        Assert.Equal($"{target.Database}.notes fits.", Assert.Single(await sink.CheckAsync([shape], default), finding => finding.Check == "target table").Message);
    }

    [Fact]
    public async Task What_was_changed_is_logged_with_the_statement_and_the_place_in_the_stream()
    {
        var shape = Of(new Column { Name = "note", Kind = ColumnKind.String, Length = 50 });
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY) ENGINE=InnoDB");
        using var log = new ListedLog();
        await using var sink = new MySqlSink(_target.Options with { Schema = SchemaMode.Evolve }, new("p", log, TimeProvider.System));

        await sink.PrepareAsync([shape], default);
        await using var first = await sink.OpenLaneAsync(Identity(0, 2, checkpoint: 77), default);
        await using var second = await sink.OpenLaneAsync(Identity(1, 2, checkpoint: 77), default);

        var address = _target.Endpoint.Address;
        Assert.Equal([$"Sink of pipeline p changed a table at {address}: ALTER TABLE `{_target.Database}`.`notes` ADD COLUMN `note` VARCHAR(50) NULL"], log.Of(4103));
        Assert.Equal([$"Sink of pipeline p changed 1 tables at {address} for what comes from offset 77 of its stream on"], log.Of(4105));
    }

    [Fact]
    public async Task Evolve_neither_narrows_nor_changes_the_family_of_a_type()
    {
        var shape = Of(new Column { Name = "note", Kind = ColumnKind.String, Length = 50 });
        await _target.RunAsync("CREATE TABLE notes (id INT PRIMARY KEY, note INT) ENGINE=InnoDB");

        Assert.Equal(
            $"Sink of pipeline 'p': the column 'note' of the target table {_target.Database}.notes is int(11), which cannot hold all that is delivered: `note` VARCHAR(50) NULL. " +
            $"See that nothing is lost that is there, then: ALTER TABLE `{_target.Database}`.`notes` MODIFY COLUMN `note` VARCHAR(50) NULL; [LEAT-4118]",
            await Refusal(SchemaMode.Evolve, shape));
        Assert.Equal(["int(11)"], await _target.AskAsync("SELECT COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'notes' AND COLUMN_NAME = 'note'"));
    }

    [Fact]
    public async Task Tables_that_create_and_evolve_make_fit_at_once()
    {
        foreach (var mode in new[] { SchemaMode.Validate, SchemaMode.Evolve })
        {
            var shape = AllTypes.Shape;
            await using (var creating = _target.Sink())
                await creating.PrepareAsync([shape], default);
            await using var sink = _target.Sink(_target.Options with { Schema = mode });

            var finding = Assert.Single(await sink.CheckAsync([shape], default), finding => finding.Check == "target table");

            Assert.Equal($"{_target.Database}.everything fits.", finding.Message);
        }
    }

    private static Shape Of(params ImmutableArray<Column> columns) => Shape("notes", Schema([Id, .. columns]));

    private async Task<string> Refusal(SchemaMode mode, Shape shape)
    {
        await using var sink = _target.Sink(_target.Options with { Schema = mode });
        return (await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync([shape], default))).Message;
    }
}
