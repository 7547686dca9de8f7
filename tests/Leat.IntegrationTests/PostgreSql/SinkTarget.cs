using System.Collections.Immutable;
using System.Globalization;
using Leat.Changes;
using Leat.Connectors.PostgreSql;
using Leat.Tests.Changes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Xunit;

namespace Leat.IntegrationTests.PostgreSql;

/// <summary>A database of its own as a target, and short ways to write to it.</summary>
internal sealed class SinkTarget
{
    public static readonly Guid LogId = new("00000000-0000-0000-0000-000000000001");

    private SinkTarget(PrivatePostgreSql server, string database)
    {
        (Server, Database) = (server, database);
    }

    public PrivatePostgreSql Server { get; }

    public string Database { get; }

    public PostgreSqlSinkOptions Options => new() { Host = "127.0.0.1", Port = Server.Port, User = "leat", Database = Database };

    public static async Task<SinkTarget> NewAsync(PrivatePostgreSql server)
    {
        var target = new SinkTarget(server, server.NextDatabase());
        await server.ExecuteAsync($"CREATE DATABASE {target.Database}");
        return target;
    }

    public PostgreSqlSink Sink(PostgreSqlSinkOptions? options = null, ILoggerFactory? loggers = null) =>
        new(options ?? Options, new("p", loggers ?? NullLoggerFactory.Instance, TimeProvider.System));

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

    public async Task<Answer[]> WriteAsync(IReadOnlyList<Shape> shapes, params Operation[] batch) => await WriteWithAsync(Options, shapes, batch);

    public async Task<Answer[]> WriteWithAsync(PostgreSqlSinkOptions options, IReadOnlyList<Shape> shapes, params Operation[] batch)
    {
        await using var sink = Sink(options);
        await sink.PrepareAsync(shapes, CancellationToken.None);
        await using var lane = await sink.OpenLaneAsync(Identity(), CancellationToken.None);
        return await WriteAsync(lane, batch);
    }

    /// <summary>Writes as a lane does: a batch that is refused as a whole is halved until what is at fault stands alone.</summary>
    public static async Task<Answer[]> WriteAsync(ISinkLane lane, params Operation[] batch)
    {
        var answers = new Answer[batch.Length];
        await WritePartAsync(lane, batch, answers);
        Assert.DoesNotContain(answers, answer => answer.Kind == AnswerKind.None);
        return answers;
    }

    /// <summary>The rows of a query, values divided by spaces, NULL as the word.</summary>
    public async Task<IReadOnlyList<string>> AskAsync(string sql)
    {
        await using var connection = await Server.OpenAsync(Database);
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<string>();
        while (await reader.ReadAsync())
            rows.Add(string.Join(' ', Enumerable.Range(0, reader.FieldCount).Select(i => reader.IsDBNull(i) ? "NULL" : Convert.ToString(reader.GetValue(i), CultureInfo.InvariantCulture))));
        return rows;
    }

    public Task RunAsync(string sql) => Server.ExecuteAsync(sql, Database);

    public async Task<long> PositionAsync() => long.Parse((await AskAsync("SELECT \"offset\" FROM leat_positions WHERE lane = 0"))[0], CultureInfo.InvariantCulture);

    private static async Task WritePartAsync(ISinkLane lane, Memory<Operation> batch, Memory<Answer> answers)
    {
        try
        {
            await lane.WriteAsync(batch, answers, CancellationToken.None);
        }
        catch (BatchRefusedException refused) when (batch.Length == 1)
        {
            answers.Span[0] = Answer.Refused(refused.Message, refused.RefusedFor);
        }
        catch (BatchRefusedException)
        {
            var half = batch.Length / 2;
            await WritePartAsync(lane, batch[..half], answers[..half]);
            await WritePartAsync(lane, batch[half..], answers[half..]);
        }
    }
}
