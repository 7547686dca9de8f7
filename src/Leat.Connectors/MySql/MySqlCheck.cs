using System.Globalization;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Connectors.MySql.Shapes;
using Leat.Connectors.MySql.Snapshots;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Looks at everything that capture needs of a server, and says what to do about what is wrong.</summary>
internal sealed class MySqlCheck(string source, MySqlSourceOptions options, TimeProvider time, uint replicaId)
{
    private readonly List<Finding> _findings = [];

    private MySqlEndpoint _endpoint = options.Endpoint;

    /// <summary>All findings in the order in which a person would mend them; of every address in the file.</summary>
    public async ValueTask<IReadOnlyList<Finding>> RunAsync(CancellationToken cancellationToken)
    {
        foreach (var endpoint in options.Addresses)
        {
            _endpoint = endpoint;
            await LookAtServerAsync(cancellationToken);
        }

        return _findings;
    }

    private async ValueTask LookAtServerAsync(CancellationToken cancellationToken)
    {
        try
        {
            await using var connection = await MySqlConnection.OpenAsync(_endpoint, time, cancellationToken);
            _findings.Add(Finding.Ok("connection", $"{_endpoint.Address} answers and lets '{_endpoint.User}' in."));
            await LookAsync(connection, cancellationToken);
        }
        catch (Exception problem) when (problem is not OperationCanceledException)
        {
            var told = MySqlErrors.Connection($"Source '{source}'", _endpoint, problem)
                ?? (problem is MySqlServerException server ? MySqlErrors.Refused($"Source '{source}'", _endpoint, server) : null);
            if (told is null)
                throw;
            _findings.Add(Finding.Error("connection", told));
        }
    }

    private async ValueTask LookAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        if (MySqlErrors.VersionThatStops(source, _endpoint, connection.Server) is { } wrong)
        {
            _findings.Add(Finding.Error("version", wrong));
            return;
        }

        await connection.ExecuteAsync(ServerFacts.SessionStatement(connection.Server), cancellationToken);
        var facts = await ServerFacts.ReadAsync(connection, cancellationToken);
        _findings.Add(Finding.Ok("version", $"The server is {(facts.Product == Product.MariaDb ? "" : "MySQL ")}{connection.Server.Version}."));
        await LookAtGrantsAsync(connection, facts, cancellationToken);
        LookAtSettings(facts);
        await LookAtServerIdAsync(connection, facts, cancellationToken);
        await LookAtTablesAsync(connection, facts, cancellationToken);
        if (await HeartbeatRun.LookAsync(source, options, facts, _endpoint, connection, cancellationToken) is { } heartbeat)
            _findings.Add(heartbeat);
    }

    private async ValueTask LookAtGrantsAsync(MySqlConnection connection, ServerFacts facts, CancellationToken cancellationToken)
    {
        var account = "";
        await using (var row = await connection.QueryAsync("SELECT CURRENT_USER()", cancellationToken))
            account = await row.ReadRowAsync(cancellationToken) ? row.Text(0) ?? "" : "";
        var at = account.LastIndexOf('@');
        var quoted = at < 0 ? account : $"'{account[..at]}'@'{account[(at + 1)..]}'";
        var grants = new List<string>();
        await using (var rows = await connection.QueryAsync("SHOW GRANTS", cancellationToken))
        {
            while (await rows.ReadRowAsync(cancellationToken))
                grants.Add(rows.Text(0) ?? "");
        }

        // MySQL 8 quotes names by `, earlier versions and MariaDB by ' or not at all.
        var global = grants.Where(grant => grant.Contains(" ON *.* ", StringComparison.Ordinal)).ToList();
        bool Has(params string[] names) => global.Any(grant => names.Any(name => grant.Contains(name, StringComparison.Ordinal)));
        var missing = new List<string>();
        if (!Has("ALL PRIVILEGES", "REPLICATION SLAVE,", "REPLICATION SLAVE ON", "REPLICATION REPLICA"))
            missing.Add("REPLICATION SLAVE");
        if (!Has("ALL PRIVILEGES", "BINLOG MONITOR", "REPLICATION CLIENT"))
            missing.Add(facts.Product == Product.MariaDb ? "BINLOG MONITOR" : "REPLICATION CLIENT");
        if (missing.Count == 0)
            _findings.Add(Finding.Ok("grants", $"{quoted} may read the binlog."));
        else
            _findings.Add(Finding.Error(
                MySqlErrors.NoReplicationGrant, "grants", $"{quoted} has no {string.Join(" and no ", missing)}.", $"GRANT {string.Join(", ", missing)} ON *.* TO {quoted};"));

        // What SELECT does not reach, information_schema does not show: a pattern's database stands for its tables.
        foreach (var database in options.Tables.Select(pattern => pattern.Database).Distinct())
        {
            if (!grants.Any(grant => Reaches(grant, database)))
            {
                _findings.Add(Finding.Error(
                    MySqlErrors.NoSelectGrant, "grants", $"{quoted} may not read tables of {database}.",
                    $"GRANT SELECT ON {(database.Contains('*', StringComparison.Ordinal) ? "*" : Sql.Name(database))}.* TO {quoted};"));
            }
        }
    }

    private static bool Reaches(string grant, string database) =>
        (grant.Contains("SELECT", StringComparison.Ordinal) || grant.Contains("ALL PRIVILEGES", StringComparison.Ordinal))
        && (grant.Contains(" ON *.* ", StringComparison.Ordinal) || database.Contains('*', StringComparison.Ordinal)
            || grant.Contains($" ON {Sql.Name(database)}.", StringComparison.Ordinal)
            || grant.Contains($" ON {Sql.Name(database.Replace("_", "\\_", StringComparison.Ordinal))}.", StringComparison.Ordinal)
            || (grant.Contains('%', StringComparison.Ordinal) && !grant.Contains("*.*", StringComparison.Ordinal)));

    private void LookAtSettings(ServerFacts facts)
    {
        if (MySqlErrors.SettingThatStops(source, _endpoint, facts) is { } stops)
            _findings.Add(Finding.Error(stops.What.Split(':', 2)[1].Trim().Split(' ', 2)[0], stops));
        else
            _findings.Add(Finding.Ok("binlog_format", "The binlog is on and holds rows (ROW)."));
        if (!facts.LogsWholeRows)
            _findings.Add(Finding.Warning(
                MySqlErrors.NoWholeRows, "binlog_row_image",
                $"binlog_row_image is {facts.RowImage}: a change tells only some columns, and a pipeline that needs another one stops.",
                "SET GLOBAL binlog_row_image = FULL; and binlog_row_image = FULL in the server's configuration."));

        if (facts.RowMetadata == "FULL")
            _findings.Add(Finding.Ok("binlog_row_metadata", "The binlog tells the shapes of tables (FULL)."));
        else if (facts.RowMetadata.Length == 0)
            _findings.Add(Finding.Warning(
                MySqlErrors.NoMetadata, "binlog_row_metadata", $"{facts.ProductName} {facts.VersionText} cannot tell the shapes of tables in its binlog: they are followed statement by statement, and one that cannot be read stops its table.",
                "Upgrade to MySQL 8.0 or newer."));
        else
            _findings.Add(Finding.Warning(
                MySqlErrors.NoMetadata, "binlog_row_metadata", $"binlog_row_metadata is {facts.RowMetadata}: shapes are followed statement by statement, and one that cannot be read stops its table.",
                "SET GLOBAL binlog_row_metadata = FULL; and binlog_row_metadata = FULL in the server's configuration."));
        if (facts.Checksum != "CRC32")
            _findings.Add(Finding.Warning(
                MySqlErrors.NoChecksum, "binlog_checksum", $"binlog_checksum is {facts.Checksum}: damaged binlog events cannot be noticed.",
                "SET GLOBAL binlog_checksum = CRC32; and binlog_checksum = CRC32 in the server's configuration."));
        LookAtPositions(facts);
    }

    // What decides whether capture can go on after a pause or at another server.
    private void LookAtPositions(ServerFacts facts)
    {
        var oneDay = TimeSpan.FromDays(1);
        if (facts.Retention > TimeSpan.Zero && facts.Retention < oneDay)
            _findings.Add(Finding.Warning(
                MySqlErrors.ShortRetention, "retention", string.Create(CultureInfo.InvariantCulture, $"The server keeps its binlog for {facts.Retention.TotalHours:0.#} hours only: after a longer pause the source needs a new snapshot."),
                facts.Product == Product.MySql && facts.Version >= new Version(8, 0) ? "SET GLOBAL binlog_expire_logs_seconds = 604800;" : "SET GLOBAL expire_logs_days = 7;"));
        if (!facts.HasGtid)
            _findings.Add(Finding.Warning(
                MySqlErrors.NoGtids, "gtid_mode", $"gtid_mode is {facts.GtidMode}: capture goes by file and offset, and cannot go on at another server of the same replication.",
                "Set enforce_gtid_consistency = ON and gtid_mode = ON (from 5.7.6 on step by step while the server runs: OFF_PERMISSIVE, ON_PERMISSIVE, ON)."));
        else if (facts.Product == Product.MySql)
            _findings.Add(Finding.Ok("gtid_mode", "Every transaction has a GTID: capture can go on at any server of the same replication."));
        if (!facts.OrderCommits)
            _findings.Add(Finding.Warning(
                MySqlErrors.CommitsUnordered, "binlog_order_commits", "binlog_order_commits is OFF: readers of the server can see transactions in another order than the binlog has.",
                "SET GLOBAL binlog_order_commits = ON; and binlog_order_commits = ON in the server's configuration."));
        if (facts.RowValueOptions.Length > 0)
            _findings.Add(Finding.Ok("binlog_row_value_options", $"binlog_row_value_options is {facts.RowValueOptions}: changed parts of JSON documents are put together by Leat."));
    }

    private async ValueTask LookAtServerIdAsync(MySqlConnection connection, ServerFacts facts, CancellationToken cancellationToken)
    {
        if (replicaId == facts.ServerId)
        {
            _findings.Add(Finding.Error(
                MySqlErrors.ServerIdInUse, "server_id", $"'server_id' {replicaId} is that of the server itself.", "Choose a number that neither the server nor its replicas have."));
            return;
        }

        try
        {
            await using var rows = await connection.QueryAsync(facts.ReplicasStatement, cancellationToken);
            while (await rows.ReadRowAsync(cancellationToken))
            {
                if (rows.Number(0) == replicaId && rows.Text(1) != $"leat-{source}")
                {
                    _findings.Add(Finding.Error(
                        MySqlErrors.ServerIdInUse, "server_id", $"'server_id' {replicaId} is in use by the replica '{rows.Text(1)}'.", "Choose a number that neither the server nor its replicas have."));
                    return;
                }
            }

            _findings.Add(Finding.Ok("server_id", $"No other replica has our number {replicaId}."));
        }
        catch (MySqlServerException denied)
        {
            _findings.Add(Finding.Warning(
                MySqlErrors.ReplicasHidden, "server_id", $"The server does not list its replicas: {denied.Message}.",
                $"See yourself that no other replica has the number {replicaId}, or grant {(facts.Product == Product.MariaDb ? "REPLICATION MASTER ADMIN" : "REPLICATION SLAVE")}."));
        }
    }

    private async ValueTask LookAtTablesAsync(MySqlConnection connection, ServerFacts facts, CancellationToken cancellationToken)
    {
        var catalog = new MySqlCatalog(options);
        await catalog.LoadAllAsync(connection, cancellationToken);
        IReadOnlyList<TableName>? names = null;
        foreach (var pattern in options.Tables.Where(pattern => !catalog.Tables.Any(table => pattern.Matches(table.Name))))
        {
            names ??= await MySqlCatalog.NamesAsync(connection, cancellationToken);
            var nearest = pattern.HasStar ? null : Nearest.Of(pattern.ToString(), names.Select(name => name.ToString()));
            _findings.Add(Finding.Error(
                MySqlErrors.NothingFits, "tables", $"No table fits '{pattern}'.",
                nearest is null ? "Correct 'tables', create it, or grant SELECT on it." : $"Did you mean '{nearest}'?"));
        }

        var wrong = 0;
        foreach (var cascade in await ShapeServer.UnseenAsync(connection, await ShapeServer.DialectAsync(connection, cancellationToken), options, cancellationToken))
        {
            _findings.Add(Finding.Error("foreign keys", MySqlErrors.CascadesUnseen(source, [cascade])));
            wrong++;
        }

        foreach (var table in catalog.Tables)
        {
            foreach (var problem in ProblemsOf(table, facts))
            {
                _findings.Add(problem);
                wrong++;
            }
        }

        if (wrong == 0 && catalog.Tables.Count > 0)
            _findings.Add(Finding.Ok("tables", $"{catalog.Tables.Count} tables can be captured."));
    }

    private IEnumerable<Finding> ProblemsOf(MySqlTable table, ServerFacts facts)
    {
        if (table.Refusal is { } whole)
        {
            yield return Finding.Error("tables", MySqlErrors.Unsupported(source, table.Name, null, whole));
            yield break;
        }

        foreach (var column in table.Columns)
        {
            if (column.Refusal is { } reason)
                yield return Finding.Error("types", MySqlErrors.Unsupported(source, table.Name, column.Schema.Name, reason));
        }

        if (table.Schema.Key.IsEmpty)
            yield return Finding.Error("primary key", MySqlErrors.NoPrimaryKey(source, table));
        if (table.Schema.IsKeyless && !facts.LogsWholeRows)
            yield return Finding.Error("primary key", MySqlErrors.KeylessImage(source, _endpoint, table.Name, facts.RowImage));
        if (table.Engine != "InnoDB")
            yield return Finding.Error("engine", MySqlErrors.Engine(source, table));
    }
}
