using Leat.Changes;
using Leat.Connectors.PostgreSql.Tables;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Leat.Connectors.PostgreSql.Apply;

/// <summary>What a lane found when it said that it writes from now on.</summary>
/// <param name="Offset">Every operation of the lane up to here is in the target; -1 when none is known to be.</param>
/// <param name="Until">Up to here the target may hold rows that are newer than what is delivered again; -1 when nothing is.</param>
/// <param name="Claim">Stands in the lane's row until another connection takes the lane.</param>
internal readonly record struct LaneClaim(long Offset, long Until, Guid Claim);

/// <summary>The table <c>leat_positions</c>: up to which offset each lane's operations are in the target, written in the same transaction as they.</summary>
internal sealed class LanePositions
{
    /// <summary>Name of the table.</summary>
    public const string TableName = "leat_positions";

    private readonly string _owner;
    private readonly PostgreSqlSinkOptions _options;
    private readonly ILogger _log;
    private readonly string _set;

    public LanePositions(string owner, PostgreSqlSinkOptions options, ILogger log)
    {
        (_owner, _options, _log) = (owner, options, log);
        Place = new(options.Namespace, TableName);
        Table = Sql.Name(Place);
        _set = $"WITH held AS (UPDATE {Table} SET \"offset\" = $1 WHERE pipeline = $2 AND lane = $3 AND claim = $4 RETURNING 1) SELECT 1 / count(*) FROM held";
    }

    /// <summary>The table.</summary>
    public TableName Place { get; }

    /// <summary>The same, quoted.</summary>
    public string Table { get; }

    /// <summary>CREATE TABLE. Rows change with every batch: room in the page keeps that cheap.</summary>
    public string Create =>
        $"CREATE TABLE IF NOT EXISTS {Table} (pipeline text NOT NULL, log_id uuid NOT NULL, epoch bigint NOT NULL, lane integer NOT NULL, lanes integer NOT NULL, " +
        "\"offset\" bigint NOT NULL, until bigint NOT NULL, claim uuid NOT NULL, PRIMARY KEY (pipeline, lane)) WITH (fillfactor = 25)";

    /// <summary>The first statement of every transaction: sets the lane's offset, and fails (22012) when another connection has taken the lane.</summary>
    /// <remarks>
    /// It also locks the lane's row: whoever takes the lane waits until the transaction is over. So a request that a server works on late,
    /// after its connection was given up, is either seen or does nothing.
    /// </remarks>
    public NpgsqlBatchCommand Set(LaneIdentity identity, Guid claim, long offset) => new(_set)
    {
        Parameters =
        {
            new NpgsqlParameter<long> { TypedValue = offset }, new NpgsqlParameter<string> { TypedValue = identity.Pipeline },
            new NpgsqlParameter<int> { TypedValue = identity.Lane }, new NpgsqlParameter<Guid> { TypedValue = claim },
        },
    };

    /// <summary>Who wrote last, by the rows of all lanes; <see langword="null"/> when there are none.</summary>
    public async ValueTask<TargetMarker?> MarkerAsync(NpgsqlConnection connection, string pipeline, CancellationToken cancellationToken)
    {
        if (await TargetTable.ReadAsync(connection, Place, cancellationToken) is null)
            return null;
        var rows = await ReadAsync(connection, pipeline, "", cancellationToken);
        if (rows.Count == 0)
            return null;
        var newest = rows.MaxBy(row => row.Epoch);
        return new(newest.LogId, newest.Epoch, rows.Where(row => row.LogId == newest.LogId && row.Epoch == newest.Epoch).Max(row => row.Offset) + 1)
        {
            Lanes = [.. rows.Select(row => row.Offset)],
        };
    }

    /// <summary>Takes the lane: from now on no other connection can write as it.</summary>
    /// <exception cref="PauseException">The target is not the one that acknowledged.</exception>
    public async ValueTask<LaneClaim> ClaimAsync(NpgsqlConnection connection, LaneIdentity identity, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // Where there is no row yet there is nothing to lock: two lanes that open at once would both write all rows.
        await ExecuteAsync(connection, "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended($1, 0))", cancellationToken, $"leat:{Table}:{identity.Pipeline}");
        var rows = await ReadAsync(connection, identity.Pipeline, "FOR UPDATE", cancellationToken);
        Refuse(rows, identity);
        var isOurs = IsOurs(rows, identity);
        if (!isOurs && IsOfLanes(rows, identity) && rows.All(row => identity.Holds(row.Epoch)))
        {
            await ExecuteAsync(connection, $"UPDATE {Table} SET epoch = $2 WHERE pipeline = $1", cancellationToken, identity.Pipeline, (long)identity.Epoch);
            isOurs = true;
        }

        var offset = isOurs ? rows[identity.Lane].Offset : OffsetForAll(rows, identity);
        var until = rows.Where(row => row.LogId == identity.LogId).Select(row => isOurs ? row.Until : Math.Max(row.Until, row.Offset)).DefaultIfEmpty(-1).Max();
        if (!isOurs)
            await WriteAllAsync(connection, identity, offset, until, cancellationToken);
        var claim = await TargetTable.RowsAsync(
            connection, $"UPDATE {Table} SET claim = pg_catalog.gen_random_uuid() WHERE pipeline = $1 AND lane = $2 RETURNING claim", row => row.GetGuid(0), cancellationToken,
            identity.Pipeline, identity.Lane);
        await transaction.CommitAsync(cancellationToken);
        if (!isOurs)
            _log.PositionsSet(identity.Pipeline, _options.Address, identity.Lanes, offset, identity.Epoch);
        return new(offset, until, claim[0]);
    }

    // New lanes, a new epoch, another log or a first start: one offset that holds for every key, whichever lane it took before.
    private static long OffsetForAll(List<Row> rows, LaneIdentity identity)
    {
        if (rows.Count == 0 || rows.Any(row => row.LogId != identity.LogId || row.Lanes != rows.Count))
            return -1;
        var offset = rows.Min(row => row.Offset);
        return rows.Any(row => row.Epoch != identity.Epoch) ? Math.Min(offset, identity.Checkpoint - 1) : offset;
    }

    private static bool IsOurs(List<Row> rows, LaneIdentity identity) => IsOfLanes(rows, identity) && rows.All(row => row.Epoch == identity.Epoch);

    private static bool IsOfLanes(List<Row> rows, LaneIdentity identity) =>
        rows.Count == identity.Lanes && rows.Select((row, i) => row.Lane == i && row.Lanes == identity.Lanes && row.LogId == identity.LogId).All(same => same);

    private void Refuse(List<Row> rows, LaneIdentity identity)
    {
        foreach (var row in rows.Where(row => row.Epoch >= identity.Epoch))
        {
            if (row.LogId != identity.LogId)
                throw PostgreSqlErrors.ForeignLog(_owner, Table, identity.Pipeline, row.LogId);
            if (row.Epoch > identity.Epoch)
                throw PostgreSqlErrors.NewerEpoch(_owner, Table, identity.Pipeline, row.Epoch, identity.Epoch);
        }

        if (identity.LaneOffset < 0)
            return;
        if (rows.Count == 0)
            throw PostgreSqlErrors.PositionsGone(_owner, Table, identity.Pipeline, identity.LaneOffset);

        // One less is in order: see PostgreSqlLane, whose row may stay one offset behind what was acknowledged.
        if (IsOurs(rows, identity) && rows[identity.Lane].Offset + 1 < identity.LaneOffset)
            throw PostgreSqlErrors.TargetOlder(_owner, Table, identity.Pipeline, identity.Lane, rows[identity.Lane].Offset, identity.LaneOffset);
    }

    private async ValueTask<List<Row>> ReadAsync(NpgsqlConnection connection, string pipeline, string locking, CancellationToken cancellationToken) =>
    [
        .. await TargetTable.RowsAsync(
            connection, $"SELECT lane, lanes, log_id, epoch, \"offset\", until FROM {Table} WHERE pipeline = $1 ORDER BY lane {locking}",
            row => new Row(row.GetInt32(0), row.GetInt32(1), row.GetGuid(2), (uint)row.GetInt64(3), row.GetInt64(4), row.GetInt64(5)), cancellationToken, pipeline),
    ];

    private async ValueTask WriteAllAsync(NpgsqlConnection connection, LaneIdentity identity, long offset, long until, CancellationToken cancellationToken)
    {
        await ExecuteAsync(connection, $"DELETE FROM {Table} WHERE pipeline = $1", cancellationToken, identity.Pipeline);
        await ExecuteAsync(
            connection,
            $"INSERT INTO {Table} (pipeline, log_id, epoch, lane, lanes, \"offset\", until, claim) SELECT $1, $2, $3, lane, $4, $5, $6, pg_catalog.gen_random_uuid() FROM generate_series(0, $4 - 1) AS lane",
            cancellationToken, identity.Pipeline, identity.LogId, (long)identity.Epoch, identity.Lanes, offset, until);
    }

    private static async ValueTask ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken, params object[] parameters)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        foreach (var parameter in parameters)
            command.Parameters.Add(new() { Value = parameter });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private readonly record struct Row(int Lane, int Lanes, Guid LogId, uint Epoch, long Offset, long Until);
}
