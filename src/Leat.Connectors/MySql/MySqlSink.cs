using System.Collections.Immutable;
using System.Globalization;
using System.Runtime.CompilerServices;
using Leat.Changes;
using Leat.Changes.Formats;
using Leat.Connectors.MySql.Apply;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql;

/// <summary>Keeps tables of a MySQL or MariaDB database equal to the shapes of a pipeline; each lane's offset is in the same transactions as its rows.</summary>
public sealed partial class MySqlSink : ISink
{
    // UTC, as the changes are; zero and invalid dates as they come; nothing truncated unnoticed; 0 is a value, not "the next number".
    private const string Session =
        "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO', " +
        "SESSION wait_timeout = 28800; SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"; // the variable's name differs between servers

    private const string Rights = "SELECT, INSERT, UPDATE, DELETE, CREATE";

    private readonly MySqlSinkOptions _options;
    private readonly ConnectorContext _context;
    private readonly ILogger _log;
    private readonly LanePositions _positions;
    private MySqlLaneContext? _lanes;

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
            foreach (var shape in shapes)
            {
                var table = TableOf(shape);
                var found = await TargetTable.ReadAsync(connection, table, cancellationToken);
                if ((found is null ? Missing(shape, table) : found.Problem(Owner, shape, table)) is { } problem)
                    findings.Add(Finding.Error("target table", problem));
                else
                    findings.Add(Finding.Ok("target table", found is null ? $"{table} will be created." : $"{table} fits."));
                if (found?.ForeignKey is { } key)
                    findings.Add(MySqlSinkErrors.HasForeignKey(table, key));
            }
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
            await CreateDatabaseAsync(connection, cancellationToken);
            if (await TargetTable.ReadAsync(connection, new(_options.Database, LanePositions.TableName), cancellationToken) is null)
                await CreateAsync(connection, _positions.Create, $"the table {_positions.Table}", cancellationToken);
            var replaced = ImmutableHashSet.CreateBuilder<string>();
            var serial = ImmutableHashSet.CreateBuilder<string>();
            foreach (var shape in shapes)
            {
                var found = await PrepareAsync(connection, shape, cancellationToken);
                if (found?.UniqueIndex is not null)
                    replaced.Add(shape.Alias);

                // Two keys that the target takes for one may have different hashes: only one lane keeps their order.
                if (found is { UniqueIndex: not null } or { HasFoldedKey: true })
                    serial.Add(shape.Alias);
            }

            var packet = (await TargetTable.ColumnAsync(connection, "SELECT @@max_allowed_packet", cancellationToken))[0];
            _lanes = new(Owner, _options, _positions, replaced.ToImmutable(), int.Parse(packet, CultureInfo.InvariantCulture), _context.Time, _log);
            return new() { SerialAliases = serial.ToImmutable() };
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
            var claim = await _positions.ClaimAsync(connection, identity, cancellationToken);
            var lane = new MySqlLane(connection, identity, claim, lanes);
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
    public TargetRow Expect(Shape shape, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(shape.Schema, row);
        var fields = new KeyValuePair<string, string?>[shape.Columns.Length];
        for (var i = 0; i < fields.Length; i++)
        {
            reader.Seek(shape.Columns[i].Ordinal);
            fields[i] = new(shape.Columns[i].Name, ValueText.Of(ref reader));
        }

        return new(KeyOf(shape, fields), [.. fields]);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<TargetRow> ReadAsync(Shape shape, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var table = ReadingShape(shape);
        await using var connection = await OpenKnownAsync(cancellationToken);
        await using var rows = await QueryKnownAsync(
            connection, $"SELECT {TextRow.SelectList(table)} FROM {Sql.Name(TableOf(shape))}", cancellationToken);
        var encoded = new byte[1024];
        while (await rows.ReadRowAsync(cancellationToken))
        {
            var room = TextRow.MaxBytes(table, rows.RowBytes);
            if (encoded.Length < room)
                encoded = new byte[room * 2];
            yield return RowOf(shape, table, encoded.AsSpan(0, TextRow.Encode(table, rows, encoded)));
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    // Columns as they are delivered. Enums and sets are read as text: their numbers at the target may be others.
    private MySqlTable ReadingShape(Shape shape)
    {
        var columns = shape.Columns.Select(column =>
        {
            var source = shape.Schema.Columns[column.Ordinal];
            var kind = source.Kind is ColumnKind.Enum or ColumnKind.Set ? ColumnKind.String : source.Kind;
            return new MySqlColumn(source with { Name = column.Name, Kind = kind }, 0, 0, Charset: null, Unsigned: false);
        });
        return new(TableOf(shape), [.. columns], []);
    }

    private static TargetRow RowOf(Shape shape, MySqlTable table, ReadOnlySpan<byte> row)
    {
        var reader = new RowReader(table.Schema, row);
        var fields = new KeyValuePair<string, string?>[table.Columns.Length];
        for (var i = 0; reader.Read(); i++)
            fields[i] = new(reader.Column.Name, ValueText.Of(ref reader));
        return new(KeyOf(shape, fields), [.. fields]);
    }

    private static string KeyOf(Shape shape, IReadOnlyList<KeyValuePair<string, string?>> fields) => string.Join(',', shape.Key.Select(ordinal =>
    {
        var name = ShapeStatements.NameOf(shape, ordinal);
        var value = fields.First(field => field.Key == name).Value ?? "NULL";
        return shape.Key.Length == 1 ? value : value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace(",", "\\,", StringComparison.Ordinal);
    }));

    private TableName TableOf(Shape shape) => new(_options.Database, shape.Alias);

    private PauseException? Missing(Shape shape, TableName table) =>
        _options.CreateTables ? null : MySqlSinkErrors.TableMissing(Owner, table, TargetDdl.Create(shape, table));

    // Whether the table has to be written by delete and insert.
    private async ValueTask<TargetTable?> PrepareAsync(MySqlConnection connection, Shape shape, CancellationToken cancellationToken)
    {
        var table = TableOf(shape);
        var found = await TargetTable.ReadAsync(connection, table, cancellationToken);
        if (found is null)
        {
            if (Missing(shape, table) is { } missing)
                throw missing;
            await CreateAsync(connection, TargetDdl.Create(shape, table), $"the table {table}", cancellationToken);
            return null;
        }

        return found.Problem(Owner, shape, table) is { } problem ? throw problem : found;
    }

    private async ValueTask CreateDatabaseAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        var found = await TargetTable.ColumnAsync(
            connection, $"SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {Sql.Text(_options.Database)}", cancellationToken);
        if (found.Count > 0)
            return;
        if (!_options.CreateTables)
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
        var missing = here.Any(grant => grant.StartsWith("GRANT ALL PRIVILEGES ", StringComparison.Ordinal))
            ? []
            : Rights.Split(", ").Where(right => !here.Any(grant => Gives(grant, right))).ToList();
        return missing.Count == 0
            ? Finding.Ok("grants", $"{quoted} may write in {_options.Database}.")
            : MySqlSinkErrors.GrantsMissing(quoted, _options.Database, string.Join(", ", missing));
    }

    private static bool Gives(string grant, string right) =>
        grant["GRANT ".Length..grant.IndexOf(" ON ", StringComparison.Ordinal)].Split(", ").Contains(right);

    private async ValueTask<MySqlConnection> OpenAsync(CancellationToken cancellationToken)
    {
        var connection = await MySqlConnection.OpenAsync(_options.Endpoint, _context.Time, cancellationToken);
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

    private async ValueTask<MySqlResult> QueryKnownAsync(MySqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        try
        {
            return await connection.QueryAsync(sql, cancellationToken);
        }
        catch (Exception problem) when (Known(problem) is { } known)
        {
            throw known;
        }
    }

    private LeatException? Known(Exception problem) =>
        MySqlErrors.Connection(Owner, _options.Endpoint, problem)
        ?? (problem is MySqlServerException refused ? MySqlSinkErrors.Statement(Owner, _options.Endpoint, _options.Database, refused) : null);
}
