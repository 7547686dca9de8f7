using System.Collections.Immutable;
using Leat.Changes;
using Leat.Connectors.MySql;
using Leat.Connectors.MySql.Wire;
using Leat.IntegrationTests.MySql.Servers;
using Leat.Tests.Changes;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Leat.IntegrationTests.MySql;

/// <summary>A database of its own as a target, and short ways to write to it.</summary>
internal sealed class SinkTarget
{
    private readonly Func<string, Task<IReadOnlyList<string[]>>> _ask;
    private readonly Func<string, Task> _run;

    public SinkTarget(MariaDbFixture server)
    {
        (Endpoint, Database) = (server.Endpoint, server.NextDatabase());
        _ask = sql => server.Server.QueryAsync(sql, CancellationToken.None);
        _run = sql => server.Server.ExecuteAsync(sql, CancellationToken.None);
    }

    public SinkTarget(TestServer server)
    {
        (Endpoint, Database) = (server.Endpoint, server.NextDatabase());
        _ask = async sql =>
        {
            await using var connection = await server.OpenAsync();
            var use = sql.IndexOf(';', StringComparison.Ordinal);
            await connection.ExecuteAsync(sql[..use], TestContext.Current.CancellationToken);
            return await TestServer.QueryAsync(connection, sql[(use + 1)..]);
        };
        _run = server.ExecuteAsync;
    }

    public MySqlEndpoint Endpoint { get; }

    public static readonly Guid LogId = new("00000000-0000-0000-0000-000000000001");

    public string Database { get; }

    public MySqlSinkOptions Options => new() { Endpoint = Endpoint, Database = Database };

    public MySqlSink Sink(MySqlSinkOptions? options = null) => new(options ?? Options, new("p", NullLoggerFactory.Instance, TimeProvider.System));

    public static LaneIdentity Identity(int lane = 0, int lanes = 1, uint epoch = 1, long checkpoint = 0, long laneOffset = -1) =>
        new("p", LogId, epoch, lane, lanes, checkpoint) { LaneOffset = laneOffset };

    public static TableSchema Schema(params ImmutableArray<Column> columns) => new(new("shop", "source"), columns, [0]);

    public static Shape Shape(string alias, TableSchema schema) => new()
    {
        Alias = alias, Schema = schema, Columns = [.. schema.Columns.Select((column, i) => new ShapeColumn(column.Name, i))], Key = schema.Key,
    };

    public static Operation Index(long offset, Shape shape, params object?[] values) => Make(OperationKind.Index, ChangeKind.Insert, offset, shape, values);

    public static Operation Delete(long offset, Shape shape, params object?[] values) => Make(OperationKind.Delete, ChangeKind.Delete, offset, shape, values);

    public static Operation Make(OperationKind kind, ChangeKind cause, long offset, Shape shape, params object?[] values) => new()
    {
        Kind = kind, Cause = cause, Offset = offset, CommittedAtMicros = 0, Shape = shape, Row = Rows.Encode(shape.Schema, values),
        KeyHash = (ulong)HashCode.Combine(shape.Alias, values[0]),
    };

    /// <summary>A row that is changed, whose row before is told.</summary>
    public static Operation Change(long offset, Shape shape, object?[] before, params object?[] values) =>
        Make(OperationKind.Index, ChangeKind.Update, offset, shape, values) with { Before = Rows.Encode(shape.Schema, before) };

    /// <summary>A row under a partial shape, of which only the columns are told that are not <see cref="Rows.Absent"/>.</summary>
    public static Operation Update(long offset, Shape shape, params object?[] values) => Make(OperationKind.Update, ChangeKind.Update, offset, shape, values);

    public async Task<Answer[]> WriteAsync(IReadOnlyList<Shape> shapes, params Operation[] batch)
    {
        await using var sink = Sink();
        await sink.PrepareAsync(shapes, CancellationToken.None);
        await using var lane = await sink.OpenLaneAsync(Identity(), CancellationToken.None);
        return await WriteAsync(lane, batch);
    }

    public static async Task<Answer[]> WriteAsync(ISinkLane lane, params Operation[] batch)
    {
        var answers = new Answer[batch.Length];
        await lane.WriteAsync(batch, answers, CancellationToken.None);
        Assert.DoesNotContain(answers, answer => answer.Kind == AnswerKind.None);
        return answers;
    }

    /// <summary>The rows of a query as the client prints them, values divided by spaces.</summary>
    public async Task<IReadOnlyList<string>> AskAsync(string sql) =>
        [.. (await _ask($"USE `{Database}`; {sql}")).Select(row => string.Join(' ', row))];

    public Task RunAsync(string sql) =>
        _run($"CREATE DATABASE IF NOT EXISTS `{Database}`; USE `{Database}`; {sql}");

    public async Task<long> PositionAsync() => long.Parse((await AskAsync("SELECT `offset` FROM leat_positions WHERE lane = 0"))[0], System.Globalization.CultureInfo.InvariantCulture);
}
