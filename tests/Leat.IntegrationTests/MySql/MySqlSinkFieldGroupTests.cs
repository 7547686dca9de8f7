using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Tests.Transform;
using Xunit;
using static Leat.IntegrationTests.MySql.SinkTarget;
using static Leat.Tests.Transform.FieldGroupTables;

namespace Leat.IntegrationTests.MySql;

/// <summary>Rows that several tables write, each its own columns.</summary>
public sealed class MySqlSinkFieldGroupTests(MariaDbFixture server) : IClassFixture<MariaDbFixture>
{
    private readonly SinkTarget _target = new(server);

    [Fact]
    public async Task One_table_is_made_of_all_parts_and_takes_them_in_any_order()
    {
        var workload = new FieldGroupWorkload(1);
        await using var sink = _target.Sink();

        var traits = await sink.PrepareAsync(workload.Shapes, CancellationToken.None);

        Assert.Empty(traits.SerialAliases);
        Assert.Equal(
            ["id int(11) NO", "note longtext YES", "cents bigint(20) YES", "lines int(11) YES"],
            await _target.AskAsync($"SELECT COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{_target.Database}' AND TABLE_NAME = 'orders' ORDER BY ORDINAL_POSITION"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Rows_end_up_equal_to_their_tables_in_any_order_of_the_tables_and_after_restarts(int seed)
    {
        var workload = new FieldGroupWorkload(seed);
        await using var sink = _target.Sink();
        await sink.PrepareAsync(workload.Shapes, CancellationToken.None);
        var random = new Random(seed);
        var sent = 0;
        for (var round = 0; round < 10; round++)
        {
            workload.Play(25);
            await using var lane = await sink.OpenLaneAsync(Identity(), CancellationToken.None);
            while (sent < workload.Operations.Count)
            {
                var count = Math.Min(workload.Operations.Count - sent, 1 + random.Next(30));
                Assert.All(await WriteAsync(lane, [.. workload.Operations.Slice(sent, count)]), answer => Assert.Equal(AnswerKind.Applied, answer.Kind is AnswerKind.Coalesced ? AnswerKind.Applied : answer.Kind));
                sent += count;
            }

            // A restart delivers again what it has no outcome of.
            sent -= random.Next(3) == 0 && round < 9 ? random.Next(sent) : 0;
        }

        Assert.Equal(workload.Expected, await _target.AskAsync("SELECT id, note, IFNULL(cents, '-') FROM orders ORDER BY id"));
    }

    [Theory]
    [InlineData(
        "CREATE TABLE orders (id INT PRIMARY KEY, note TEXT, cents BIGINT, `lines` INT, kind INT NOT NULL)",
        "Sink of pipeline 'p': the column 'kind' of the target table DB.orders is NOT NULL, but its rows come in parts (`mode: field_groups`), of which one may come before or go without the others. "
        + "Allow its absence: ALTER TABLE `DB`.`orders` MODIFY COLUMN `kind` int(11) NULL; [LEAT-4122]")]
    [InlineData(
        "CREATE TABLE orders (id INT PRIMARY KEY, note TEXT, cents BIGINT NOT NULL DEFAULT 0, `lines` INT)",
        "Sink of pipeline 'p': the column 'cents' of the target table DB.orders is NOT NULL, but its rows come in parts (`mode: field_groups`), of which one may come before or go without the others. "
        + "Allow its absence: ALTER TABLE `DB`.`orders` MODIFY COLUMN `cents` bigint(20) NULL; [LEAT-4122]")]
    [InlineData(
        "CREATE TABLE orders (id INT PRIMARY KEY, note VARCHAR(50), cents BIGINT, `lines` INT, UNIQUE KEY one (note))",
        "Sink of pipeline 'p': the target table DB.orders has the unique index 'one' beside its primary key, and its rows come in parts (`mode: field_groups`): a part could meet another row by it. "
        + "ALTER TABLE `DB`.`orders` DROP INDEX `one`; or take out `mode`, for documents that are made whole. [LEAT-4123]")]
    public async Task A_table_that_cannot_take_parts_is_refused(string create, string message)
    {
        await _target.RunAsync(create);
        await using var sink = _target.Sink();
        var workload = new FieldGroupWorkload(1);

        var findings = await sink.CheckAsync(workload.Shapes, CancellationToken.None);
        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync(workload.Shapes, CancellationToken.None));

        Assert.Equal(message.Replace("DB", _target.Database, StringComparison.Ordinal), error.Message);
        Assert.Contains(findings, finding => finding.Code == error.Code && finding.Severity == Severity.Error);
    }

    [Fact]
    public async Task With_leave_to_do_so_columns_are_let_be_NULL()
    {
        await _target.RunAsync("CREATE TABLE orders (id INT PRIMARY KEY, note TEXT NOT NULL, kind INT NOT NULL)");
        await using var sink = _target.Sink(_target.Options with { Schema = SchemaMode.Evolve });

        await sink.PrepareAsync(new FieldGroupWorkload(1).Shapes, CancellationToken.None);

        Assert.Equal(
            ["cents YES", "id NO", "kind YES", "lines YES", "note YES"],
            await _target.AskAsync($"SELECT COLUMN_NAME, IS_NULLABLE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = '{_target.Database}' AND TABLE_NAME = 'orders' ORDER BY 1"));
    }
}
