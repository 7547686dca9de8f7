using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Connectors.MySql.Apply;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql;

/// <summary>Keeps tables of a MySQL, MariaDB or TiDB database equal to the shapes of a pipeline; each lane's offset is in the same transactions as its rows.</summary>
public sealed partial class MySqlSink : ISink
{
    // UTC, as the changes are; zero and invalid dates as they come; nothing truncated unnoticed; 0 is a value, not "the next number".
    private const string Session =
        "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', " +
        "SESSION wait_timeout = 28800; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"; // the variable's name differs between servers

    // Most keys of one IN list when rows are looked up.
    private const int KeysOfQuery = 500;

    private readonly MySqlSinkOptions _options;
    private readonly ConnectorContext _context;
    private readonly ILogger _log;
    private readonly LanePositions _positions;
    private MySqlLaneContext? _lanes;
    private int _altered; // tables since the lanes were opened last

    /// <summary>A sink that has not connected yet.</summary>
    public MySqlSink(MySqlSinkOptions options, ConnectorContext context)
    {
        _options = options;
        _context = context;
        _log = context.Loggers.CreateLogger<MySqlSink>();
        _positions = new(Owner, options, _log);
    }

    /// <summary><c>sink: { mysql: { host: 127.0.0.1, user: leat, password: …, database: shop_copy } }</c></summary>
    public static SinkKind Kind { get; } = new("mysql", reader =>
    {
        var options = MySqlSinkOptions.Read(reader);
        return context => new MySqlSink(options, context);
    });

    private string Owner => $"Sink of pipeline '{_context.Name}'";

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<Finding>> CheckAsync(IReadOnlyList<Shape> shapes, CancellationToken cancellationToken)
    {
        var findings = new List<Finding>();
        try
        {
            await using var connection = await OpenAsync(cancellationToken);
            findings.Add(Finding.Ok("reach", $"{connection.Server.Version} answers at {_options.Endpoint.Address}."));
            findings.Add(await LookAtGrantsAsync(connection, cancellationToken));
            var server = await TargetServer.ReadAsync(connection, cancellationToken);
            foreach (var shape in DocumentPart.Combine(shapes))
                await CheckAsync(connection, server, shape, findings, cancellationToken);
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
            var server = await TargetServer.ReadAsync(connection, cancellationToken);
            await CreateDatabaseAsync(connection, cancellationToken);
            await CreatePositionsAsync(connection, cancellationToken);
            var forms = new ConcurrentDictionary<string, TargetForm>(StringComparer.Ordinal);
            foreach (var shape in DocumentPart.Combine(shapes))
                forms[shape.Alias] = await PrepareAsync(connection, server, shape, cancellationToken);
            var seen = await _positions.HighestAsync(connection, _context.Name, cancellationToken);
            _lanes = new(Owner, _options, _positions, server, forms, seen, _context.Time, _log);
            return TraitsOf(forms);
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
        MySqlConnection? connection = null;
        try
        {
            connection = await OpenAsync(cancellationToken);
            if (_altered > 0)
                _log.AlteredFor(_context.Name, _altered, _options.Endpoint.Address, identity.Checkpoint);
            _altered = 0;
            var claim = await _positions.ClaimAsync(connection, identity, cancellationToken);

            // Its limit of a packet holds for connections opened since.
            var lane = new MySqlLane(connection, identity, claim, lanes with { Server = await TargetServer.ReadAsync(connection, cancellationToken) });
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
    public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row) => TargetReader.Expect(shape, row);

    /// <inheritdoc/>
    public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var connection = await OpenKnownAsync(cancellationToken);
        await foreach (var row in KnownAsync(new TargetReader(shape, TableOf(shape)).ReadAsync(connection, cancellationToken)))
            yield return row;
    }

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<TargetRow?>> FindAsync(Shape shape, IReadOnlyList<ReadOnlyMemory<byte>> rows, CancellationToken cancellationToken)
    {
        if (rows.Count == 0)
            return [];
        var found = new Dictionary<string, TargetRow>(StringComparer.Ordinal);
        var reader = new TargetReader(shape, TableOf(shape));
        await using var connection = await OpenKnownAsync(cancellationToken);
        foreach (var part in rows.Chunk(KeysOfQuery))
        {
            await foreach (var row in KnownAsync(reader.FindAsync(connection, part, cancellationToken)))
                found[row.Key] = row;
        }

        return [.. rows.Select(row => found.GetValueOrDefault(Expect(shape, row.Span).Key))];
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private TableName TableOf(Shape shape) => new(_options.Database, shape.Alias);

    private SinkTraits TraitsOf(ConcurrentDictionary<string, TargetForm> forms)
    {
        var isWhole = _options.Apply == ApplyBy.Transactions;
        return new()
        {
            MaxLanes = isWhole ? 1 : new SinkTraits().MaxLanes,
            MaxBatchOperations = _options.FlushOperations,
            MaxBatchBytes = _options.FlushBytes,
            WholeTransactions = isWhole,
            TakesPartialRows = true,
            SerialAliases = [.. forms.Where(form => form.Value.SerialReason is not null).Select(form => form.Key)],
            UniqueKeys = forms.Where(form => form.Value is { SerialReason: null, UniqueKeys.IsEmpty: false }).ToImmutableDictionary(form => form.Key, form => form.Value.UniqueKeys),
        };
    }

    private async ValueTask CheckAsync(
        MySqlConnection connection, TargetServer server, Shape shape, List<Finding> findings, CancellationToken cancellationToken)
    {
        if (MySqlErrors.KeylessTarget(Owner, shape) is { } keyless)
        {
            findings.Add(Finding.Error("target table", keyless));
            return;
        }

        var table = TableOf(shape);
        var found = await TargetTable.ReadAsync(connection, table, cancellationToken);
        var schema = TargetSchema.Of(Owner, shape, table, found, _options.Schema, server.KeyCollation);
        findings.Add(schema switch
        {
            { Problem: { } problem } => Finding.Error("target table", problem),
            { Statements.Count: > 0 } when found is null => Finding.Ok("target table", $"{table} will be created: {schema.Statements[0]};"),
            { Statements.Count: > 0 } => Finding.Ok("target table", $"{table} will be changed: {schema.Statements[0]};"),
            _ => Finding.Ok("target table", $"{table} fits."),
        });
        if (found is null)
            return;
        if (schema is { Problem: null, Statements.Count: 0 } && PartTable.Problem(Owner, shape, table, found) is { } parts)
            findings.Add(Finding.Error("target table", parts));
        var isWhole = _options.Apply == ApplyBy.Transactions;
        if (found.ForeignKey is { } key && !isWhole)
            findings.Add(MySqlSinkErrors.HasForeignKey(table, key));
        if (!isWhole && TargetForm.Of(shape, found, isWhole).SerialReason is { } reason)
            findings.Add(MySqlSinkErrors.OneLane(table, reason));
    }

    // Makes the table fit as far as we may, and tells what it is like.
    private async ValueTask<TargetForm> PrepareAsync(MySqlConnection connection, TargetServer server, Shape shape, CancellationToken cancellationToken)
    {
        if (MySqlErrors.KeylessTarget(Owner, shape) is { } keyless)
            throw keyless;
        var table = TableOf(shape);
        var found = await TargetTable.ReadAsync(connection, table, cancellationToken);
        var schema = TargetSchema.Of(Owner, shape, table, found, _options.Schema, server.KeyCollation);
        if (schema.Problem is { } problem)
            throw problem;
        foreach (var statement in schema.Statements)
        {
            await connection.ExecuteAsync(statement, cancellationToken);
            _log.Altered(_context.Name, _options.Endpoint.Address, statement);
            _altered++;
        }

        if (schema.Statements.Count > 0)
            found = await TargetTable.ReadAsync(connection, table, cancellationToken);
        if (found is null)
            return TargetForm.Plain; // none is to be made: the first write tells
        if (PartTable.Problem(Owner, shape, table, found) is { } parts)
            throw parts;
        var form = TargetForm.Of(shape, found, _options.Apply == ApplyBy.Transactions);
        if (form.SerialReason is { } reason)
            _log.Serial(_context.Name, table, reason);
        return form;
    }

    private async ValueTask CreatePositionsAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        if (await TargetTable.ReadAsync(connection, new(_options.Database, LanePositions.TableName), cancellationToken) is not null)
            return;
        if (_options.Schema is SchemaMode.None)
            throw MySqlSinkErrors.PositionsMissing(Owner, _positions.Table, _positions.Create);
        await CreateAsync(connection, _positions.Create, $"the table {_positions.Table}", cancellationToken);
    }

    private async ValueTask CreateDatabaseAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        var found = await TargetTable.ColumnAsync(
            connection, $"SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {Sql.Text(_options.Database)}", cancellationToken);
        if (found.Count > 0)
            return;
        if (_options.Schema is SchemaMode.None or SchemaMode.Validate)
            throw MySqlSinkErrors.DatabaseMissing(Owner, _options.Database);
        await CreateAsync(
            connection, $"CREATE DATABASE IF NOT EXISTS {Sql.Name(_options.Database)} CHARACTER SET utf8mb4", $"the database {_options.Database}", cancellationToken);
    }

    private async ValueTask CreateAsync(MySqlConnection connection, string statement, string what, CancellationToken cancellationToken)
    {
        await connection.ExecuteAsync(statement, cancellationToken);
        _log.Created(_context.Name, what, _options.Endpoint.Address);
    }

    private async ValueTask<Finding> LookAtGrantsAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        var grants = await TargetTable.ColumnAsync(connection, "SHOW GRANTS", cancellationToken);
        var user = (await TargetTable.ColumnAsync(connection, "SELECT CURRENT_USER()", cancellationToken))[0].Split('@');
        var quoted = $"{Sql.Text(user[0])}@{Sql.Text(user[^1])}";
        string[] scopes =
        [
            " ON *.* ", $" ON {Sql.Name(_options.Database)}.* ", $" ON {Sql.Name(_options.Database.Replace("_", "\\_", StringComparison.Ordinal))}.* ",
        ];
        var here = grants.Where(grant => scopes.Any(scope => grant.Contains(scope, StringComparison.Ordinal))).ToList();
        var rights = _options.Schema switch
        {
            SchemaMode.None => new[] { "SELECT", "INSERT", "UPDATE", "DELETE" },
            SchemaMode.Evolve => ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE", "ALTER"],
            _ => ["SELECT", "INSERT", "UPDATE", "DELETE", "CREATE"],
        };
        var missing = here.Any(grant => grant.StartsWith("GRANT ALL PRIVILEGES ", StringComparison.Ordinal))
            ? []
            : rights.Where(right => !here.Any(grant => Gives(grant, right))).ToList();
        return missing.Count == 0
            ? Finding.Ok("grants", $"{quoted} may write in {_options.Database}.")
            : MySqlSinkErrors.GrantsMissing(quoted, _options.Database, string.Join(", ", missing));
    }

    private static bool Gives(string grant, string right) =>
        grant["GRANT ".Length..grant.IndexOf(" ON ", StringComparison.Ordinal)].Split(", ").Contains(right);

    private async ValueTask<MySqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var endpoint = _options.Endpoint with { MultiStatements = true, CountsFoundRows = true };
        var connection = await MySqlConnection.OpenAsync(endpoint, _context.Time, cancellationToken);
        try
        {
            await connection.ExecuteAsync(Session, cancellationToken);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private async ValueTask<MySqlConnection> OpenKnownAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await OpenAsync(cancellationToken);
        }
        catch (Exception problem) when (Known(problem) is { } known)
        {
            throw known;
        }
    }

    private async IAsyncEnumerable<TargetRow> KnownAsync(IAsyncEnumerable<TargetRow> rows)
    {
        await using var reading = rows.GetAsyncEnumerator(CancellationToken.None); // theirs is in the enumerable
        while (true)
        {
            try
            {
                if (!await reading.MoveNextAsync())
                    yield break;
            }
            catch (Exception problem) when (Known(problem) is { } known)
            {
                throw known;
            }

            yield return reading.Current;
        }
    }

    private LeatException? Known(Exception problem) =>
        MySqlErrors.Connection(Owner, _options.Endpoint, problem)
        ?? (problem is MySqlServerException refused ? MySqlSinkErrors.Statement(Owner, _options.Endpoint, _options.Database, refused) : null);
}
