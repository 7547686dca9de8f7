using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Connectors.PostgreSql.Apply;
using Leat.Connectors.PostgreSql.Reading;
using Leat.Connectors.PostgreSql.Tables;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Leat.Connectors.PostgreSql;

/// <summary>Keeps tables of a PostgreSQL database equal to the shapes of a pipeline; each lane's offset is in the same transactions as its rows.</summary>
public sealed class PostgreSqlSink : ISink
{
    private static readonly Version Oldest = new(13, 0);

    private readonly PostgreSqlSinkOptions _options;
    private readonly ConnectorContext _context;
    private readonly ILogger _log;
    private readonly PostgreSqlServer _server;
    private readonly LanePositions _positions;
    private readonly TargetTables _tables;
    private readonly TargetRows _rows;
    private PostgreSqlLaneContext? _lanes;

    /// <summary>A sink that has not connected yet.</summary>
    public PostgreSqlSink(PostgreSqlSinkOptions options, ConnectorContext context)
    {
        _options = options;
        _context = context;
        _log = context.Loggers.CreateLogger<PostgreSqlSink>();
        _server = new(options);
        _positions = new(Owner, options, _log);
        _tables = new(Owner, context.Name, options, _server, _log);
        _rows = new(options.ZeroDatesAreNull);
    }

    /// <summary><c>sink: { postgresql: { host: 127.0.0.1, user: leat, password: …, database: shop_copy } }</c></summary>
    public static SinkKind Kind { get; } = new("postgresql", reader =>
    {
        var options = PostgreSqlSinkOptions.Read(reader);
        return context => new PostgreSqlSink(options, context);
    });

    /// <inheritdoc/>
    public bool KeepsMarker => true;

    private string Owner => $"Sink of pipeline '{_context.Name}'";

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        var findings = new List<Finding>();
        try
        {
            await using var connection = await OpenAsync(cancellationToken);
            findings.Add(Finding.Ok("reach", $"PostgreSQL {connection.PostgreSqlVersion} answers at {_options.Address}."));
            await new PostgreSqlCheck(Owner, _options, _tables, connection, findings).RunAsync(shapes, cancellationToken);
        }
        catch (Exception problem) when (Known(problem) is { } known)
        {
            findings.Add(Finding.Error("reach", known));
        }

        return findings;
    }

    /// <inheritdoc/>
    public async ValueTask<SinkTraits> PrepareAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await OpenAsync(cancellationToken);
            await CreateNamespaceAsync(connection, cancellationToken);
            if (await TargetTable.ReadAsync(connection, _positions.Place, cancellationToken) is null)
                await ChangeAsync(connection, _positions.Create, cancellationToken);
            var targets = await _tables.PrepareAsync(connection, shapes, cancellationToken);
            _lanes = new(Owner, _options, _positions, _tables, await DefersAsync(connection, targets, cancellationToken), _context.Time, _log);
            return Traits(targets);
        }
        catch (Exception problem) when (Known(problem) is { } known)
        {
            throw known;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ISinkLane> OpenLaneAsync(LaneIdentity identity, CancellationToken cancellationToken)
    {
        var lanes = _lanes ?? throw new InvalidOperationException("A lane is opened before the target was prepared.");
        NpgsqlConnection? connection = null;
        try
        {
            connection = await _server.OpenByKeyAsync(cancellationToken);
            var claim = await _positions.ClaimAsync(connection, identity, cancellationToken);
            var lane = new PostgreSqlLane(connection, identity, claim, lanes);
            connection = null;
            return lane;
        }
        catch (Exception problem) when (Known(problem) is { } known)
        {
            throw known;
        }
        finally
        {
            if (connection is not null)
                await connection.DisposeAsync();
        }
    }

    /// <inheritdoc/>
    public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row) => _rows.Expect(shape, row);

    /// <inheritdoc/>
    public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reading = TargetRows.ReadingSchema(shape);
        await using var connection = await KnownAsync(_server.OpenAsync(cancellationToken));
        var table = await TableAsync(connection, shape, cancellationToken);
        await using var command = new NpgsqlCommand($"SELECT {TargetRows.Columns(shape, table)} FROM {Sql.Name(_tables.TableOf(shape))} AS t", connection);
        await using var rows = await KnownAsync(command.ExecuteReaderAsync(cancellationToken));
        while (await KnownAsync(rows.ReadAsync(cancellationToken)))
            yield return TargetRows.Read(shape, reading, rows, 0);
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<TargetRow?>> FindAsync(Shape shape, IReadOnlyList<ReadOnlyMemory<byte>> rows, CancellationToken cancellationToken)
    {
        var found = new TargetRow?[rows.Count];
        var reading = TargetRows.ReadingSchema(shape);
        await using var connection = await KnownAsync(_server.OpenByKeyAsync(cancellationToken));
        var table = await TableAsync(connection, shape, cancellationToken);
        var target = new ShapeTarget(shape, _tables.TableOf(shape), table);
        await using var request = new NpgsqlBatch(connection);
        request.BatchCommands.Add(new ApplyWriter(zeroDatesAreNull: true).WriteKeys(target.Find(TargetRows.Columns(shape, table)), target, rows));
        await using var result = await KnownAsync(request.ExecuteReaderAsync(cancellationToken));
        while (await KnownAsync(result.ReadAsync(cancellationToken)))
            found[result.GetInt64(0) - 1] = TargetRows.Read(shape, reading, result, 1);
        return found;
    }

    /// <inheritdoc/>
    public async ValueTask<TargetMarker?> ReadMarkerAsync(string pipeline, CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await OpenAsync(cancellationToken);
            return await _positions.MarkerAsync(connection, pipeline, cancellationToken);
        }
        catch (Exception problem) when (Known(problem) is { } known)
        {
            throw known;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _tables.Dispose();
        await _server.DisposeAsync();
    }

    private SinkTraits Traits(ImmutableArray<ShapeTarget> targets)
    {
        var unique = targets.DistinctBy(target => target.Shape.Alias).Select(target => (target.Shape.Alias, Keys: UniqueKeys.Of(target.Shape, target.Found))).ToList();
        return new()
        {
            MaxLanes = _options.IsTransactional ? 1 : new SinkTraits().MaxLanes,
            MaxBatchOperations = _options.FlushOperations,
            MaxBatchBytes = _options.FlushBytes,
            WholeTransactions = _options.IsTransactional,
            TakesPartialRows = true,
            SerialAliases = [.. unique.Where(item => item.Keys.IsSerial).Select(item => item.Alias)],
            UniqueKeys = unique.Where(item => !item.Keys.Keys.IsDefaultOrEmpty).ToImmutableDictionary(item => item.Alias, item => item.Keys.Keys),
        };
    }

    private async ValueTask CreateNamespaceAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        if (await PostgreSqlCheck.HasNamespaceAsync(connection, _options.Namespace, cancellationToken))
            return;
        if (_options.Schema is SchemaMode.None or SchemaMode.Validate)
            throw PostgreSqlErrors.NamespaceMissing(Owner, _options.Namespace);
        await ChangeAsync(connection, $"CREATE SCHEMA IF NOT EXISTS {Sql.Name(_options.Namespace)}", cancellationToken);
    }

    private async ValueTask ChangeAsync(NpgsqlConnection connection, string statement, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(statement, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
        _log.Changed(_context.Name, _options.Address, -1, statement);
    }

    // Whether a table has constraints that can wait for the end of the transaction: then they do.
    private static async ValueTask<bool> DefersAsync(NpgsqlConnection connection, ImmutableArray<ShapeTarget> targets, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand("SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE condeferrable AND (conrelid = ANY ($1) OR confrelid = ANY ($1)))", connection);
        command.Parameters.Add(new() { Value = targets.Select(target => target.Found.Oid).ToArray(), NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Array | NpgsqlTypes.NpgsqlDbType.Oid });
        return await command.ExecuteScalarAsync(cancellationToken) is true;
    }

    private async ValueTask<TargetTable> TableAsync(NpgsqlConnection connection, Shape shape, CancellationToken cancellationToken)
    {
        var table = _tables.TableOf(shape);
        return await KnownAsync(TargetTable.ReadAsync(connection, table, cancellationToken)) ?? throw PostgreSqlErrors.TableMissing(Owner, table, _tables.Ddl.Create(shape, table));
    }

    private async ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = await _server.OpenAsync(cancellationToken);
        if (connection.PostgreSqlVersion >= Oldest)
            return connection;
        var found = connection.PostgreSqlVersion;
        await connection.DisposeAsync();
        throw PostgreSqlErrors.TooOld(Owner, _options, found);
    }

    private async ValueTask<T> KnownAsync<T>(ValueTask<T> asked)
    {
        try
        {
            return await asked;
        }
        catch (Exception problem) when (Known(problem) is { } known)
        {
            throw known;
        }
    }

    private ValueTask<T> KnownAsync<T>(Task<T> asked) => KnownAsync(new ValueTask<T>(asked));

    private LeatException? Known(Exception problem) => PostgreSqlErrors.Known(Owner, _options, problem);
}
