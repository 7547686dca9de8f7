using Leat.Changes;
using Leat.Tests.Transform;
using Xunit;
using static Leat.IntegrationTests.PostgreSql.SinkTarget;

namespace Leat.IntegrationTests.PostgreSql;

/// <summary>Rows that several tables write, each its own columns.</summary>
public sealed class FieldGroupTests(SharedPostgreSql shared) : IAsyncLifetime
{
    private SinkTarget _target = null!; // made before each test

    public async ValueTask InitializeAsync() => _target = await NewAsync(await shared.ServerAsync());

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
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
                Assert.DoesNotContain(await WriteAsync(lane, [.. workload.Operations.Slice(sent, count)]), answer => answer.Kind is AnswerKind.Refused or AnswerKind.Retry);
                sent += count;
            }

            // A restart delivers again what it has no outcome of.
            sent -= random.Next(3) == 0 && round < 9 ? random.Next(sent) : 0;
        }

        Assert.Equal(workload.Expected, await _target.AskAsync("SELECT id, note, coalesce(cents::text, '-') FROM orders ORDER BY id"));
    }

    [Theory]
    [InlineData(
        "kind INT NOT NULL",
        "Sink of pipeline 'p': the column \"kind\" of the target table public.orders is NOT NULL, but its rows come in parts (`mode: field_groups`), of which one may come before or go without the others. "
        + "Allow its absence: ALTER TABLE \"public\".\"orders\" ALTER COLUMN \"kind\" DROP NOT NULL; [LEAT-4625]")]
    [InlineData(
        "UNIQUE (note)",
        "Sink of pipeline 'p': the target table public.orders has the unique index \"orders_note_key\" beside its key, and its rows come in parts (`mode: field_groups`): what a value belongs to could not be told. "
        + "Drop the index or its constraint; or take out `mode`, for documents that are made whole. [LEAT-4626]")]
    public async Task A_table_that_cannot_take_parts_is_refused(string more, string message)
    {
        await _target.RunAsync($"CREATE TABLE orders (id INT PRIMARY KEY, note TEXT, cents BIGINT, lines INT, {more})");
        await using var sink = _target.Sink();
        var workload = new FieldGroupWorkload(1);

        var findings = await sink.CheckAsync(workload.Shapes, CancellationToken.None);
        var error = await Assert.ThrowsAsync<PauseException>(async () => await sink.PrepareAsync(workload.Shapes, CancellationToken.None));

        Assert.Equal(message, error.Message);
        Assert.Contains(findings, finding => finding.Code == error.Code && finding.Severity == Severity.Error);
    }
}
