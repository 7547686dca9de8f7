using System.Globalization;
using Leat.Changes;
using Leat.Connectors.MySql.Wire;
using Microsoft.Extensions.Logging;

namespace Leat.Connectors.MySql.Apply;

/// <summary>What a lane found when it said that it writes from now on.</summary>
/// <param name="Offset">Every operation of the lane up to here is in the target; -1 when none is known to be.</param>
/// <param name="Claim">Number that stands in the lane's row until another connection takes the lane.</param>
internal readonly record struct LaneClaim(long Offset, ulong Claim);

/// <summary>The table <c>leat_positions</c>: up to which offset each lane's operations are in the target, written in the same transaction as they.</summary>
internal sealed class LanePositions(string owner, MySqlSinkOptions options, ILogger log)
{
    /// <summary>Name of the table in the target's database.</summary>
    public const string TableName = "leat_positions";

    /// <summary>The table, quoted.</summary>
    public string Table { get; } = Sql.Name(new TableName(options.Database, TableName));

    /// <summary>CREATE TABLE.</summary>
    public string Create =>
        $"CREATE TABLE IF NOT EXISTS {Table} (`pipeline` VARCHAR(190) NOT NULL, `lane` INT NOT NULL, `lanes` INT NOT NULL, " +
        "`log_id` CHAR(36) NOT NULL, `epoch` INT UNSIGNED NOT NULL, `offset` BIGINT NOT NULL, `claim` BIGINT UNSIGNED NOT NULL, PRIMARY KEY (`pipeline`, `lane`)) " +
        "ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin";

    /// <summary>The first statement of every transaction: sets the lane's offset, and fails (1048) when another connection has taken the lane.</summary>
    /// <remarks>
    /// It also locks the lane's row: whoever takes the lane waits until the transaction is over. So a request that a server works on late,
    /// after its connection was given up, is either seen or does nothing.
    /// </remarks>
    public string Set(LaneIdentity identity, ulong claim, long offset) => string.Create(
        CultureInfo.InvariantCulture,
        $"UPDATE {Table} SET `offset` = IF(`claim` = {claim}, {offset}, NULL) WHERE `pipeline` = {Sql.Text(identity.Pipeline)} AND `lane` = {identity.Lane}");

    /// <summary>What the rows of a pipeline say as a whole: of the highest epoch, one beyond the highest offset; <see langword="null"/> without rows.</summary>
    public async ValueTask<TargetMarker?> MarkerAsync(MySqlConnection connection, string pipeline, CancellationToken cancellationToken)
    {
        var rows = await ReadAsync(connection, pipeline, forUpdate: false, cancellationToken);
        if (rows.Count == 0)
            return null;
        var newest = rows.MaxBy(row => row.Epoch);
        return Guid.TryParse(newest.LogId, out var logId)
            ? new(logId, newest.Epoch, rows.Where(row => row.Epoch == newest.Epoch).Max(row => row.Offset) + 1) { Lanes = [.. rows.Select(row => row.Offset)] }
            : throw MySqlSinkErrors.PositionsUnreadable(owner, Table, pipeline, newest.LogId);
    }

    /// <summary>Takes the lane: from now on no other connection can write as it.</summary>
    /// <remarks>
    /// Rows of another log or a lower epoch are taken over: what is in them means nothing to this one, and the engine has decided before that the target may be
    /// written. Their owner, if it still runs, is fenced off by the claim.
    /// </remarks>
    /// <exception cref="PauseException">A later epoch wrote there, or the target is not the one that acknowledged.</exception>
    public async ValueTask<LaneClaim> ClaimAsync(MySqlConnection connection, LaneIdentity identity, CancellationToken cancellationToken)
    {
        await connection.ExecuteAsync("START TRANSACTION", cancellationToken);
        var rows = await ReadAsync(connection, identity.Pipeline, forUpdate: true, cancellationToken);
        Refuse(rows, identity);
        if (IsOurs(rows, identity))
            return await TakeAsync(connection, identity, rows[identity.Lane].Offset, cancellationToken);

        if (IsOfLanes(rows, identity) && rows.All(row => identity.Holds(row.Epoch)))
        {
            await connection.ExecuteAsync($"UPDATE {Table} SET `epoch` = {identity.Epoch} WHERE `pipeline` = {Sql.Text(identity.Pipeline)}", cancellationToken);
            return await TakeAsync(connection, identity, rows[identity.Lane].Offset, cancellationToken);
        }

        // New lanes, a new epoch or a first start: one offset that holds for every key, whichever lane it took before.
        var complete = rows.Count > 0 && rows.All(row => row.Lanes == rows.Count);
        var offset = complete ? rows.Min(row => row.Offset) : -1;
        if (rows.Any(row => row.Epoch != identity.Epoch))
            offset = Math.Min(offset, identity.Checkpoint - 1);
        if (rows.Any(row => !IsOfLog(row, identity)))
            offset = -1;
        await WriteAllAsync(connection, identity, offset, cancellationToken);
        var claim = await TakeAsync(connection, identity, offset, cancellationToken);
        log.PositionsSet(identity.Pipeline, options.Endpoint.Address, identity.Lanes, offset, identity.Epoch);
        return claim;
    }

    /// <summary>The highest offset that a lane of a pipeline wrote, whoever it was; -1 when there is none.</summary>
    public async ValueTask<long> HighestAsync(MySqlConnection connection, string pipeline, CancellationToken cancellationToken)
    {
        var highest = await TargetTable.ColumnAsync(
            connection, $"SELECT IFNULL(MAX(`offset`), -1) FROM {Table} WHERE `pipeline` = {Sql.Text(pipeline)}", cancellationToken);
        return long.Parse(highest[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
    }

    private async ValueTask<LaneClaim> TakeAsync(MySqlConnection connection, LaneIdentity identity, long offset, CancellationToken cancellationToken)
    {
        var lane = string.Create(CultureInfo.InvariantCulture, $"`pipeline` = {Sql.Text(identity.Pipeline)} AND `lane` = {identity.Lane}");
        await connection.ExecuteAsync($"UPDATE {Table} SET `claim` = UUID_SHORT() WHERE {lane}", cancellationToken);
        var claim = (await TargetTable.ColumnAsync(connection, $"SELECT `claim` FROM {Table} WHERE {lane}", cancellationToken))[0];
        await connection.ExecuteAsync("COMMIT", cancellationToken);
        return new(offset, ulong.Parse(claim, NumberStyles.None, CultureInfo.InvariantCulture));
    }

    private static bool IsOurs(List<Row> rows, LaneIdentity identity) => IsOfLanes(rows, identity) && rows.All(row => row.Epoch == identity.Epoch);

    private static bool IsOfLanes(List<Row> rows, LaneIdentity identity) =>
        rows.Count == identity.Lanes && rows.Select((row, i) => row.Lane == i && row.Lanes == identity.Lanes && IsOfLog(row, identity)).All(same => same);

    private static bool IsOfLog(in Row row, LaneIdentity identity) => string.Equals(row.LogId, identity.LogId.ToString(), StringComparison.OrdinalIgnoreCase);

    private void Refuse(List<Row> rows, LaneIdentity identity)
    {
        foreach (var row in rows)
        {
            if (row.Epoch >= identity.Epoch && !IsOfLog(row, identity))
                throw MySqlSinkErrors.ForeignLog(owner, Table, identity.Pipeline, row.LogId);
            if (row.Epoch > identity.Epoch)
                throw MySqlSinkErrors.NewerEpoch(owner, Table, identity.Pipeline, row.Epoch, identity.Epoch);
        }

        if (identity.LaneOffset < 0)
            return;
        if (rows.Count == 0)
            throw MySqlSinkErrors.PositionsGone(owner, Table, identity.Pipeline, identity.LaneOffset);

        // One less is in order: see MySqlLane, whose row may stay one offset behind what was acknowledged.
        if (IsOurs(rows, identity) && rows[identity.Lane].Offset + 1 < identity.LaneOffset)
            throw MySqlSinkErrors.TargetOlder(owner, Table, identity.Pipeline, identity.Lane, rows[identity.Lane].Offset, identity.LaneOffset);
    }

    private async ValueTask<List<Row>> ReadAsync(MySqlConnection connection, string pipeline, bool forUpdate, CancellationToken cancellationToken)
    {
        var found = new List<Row>();
        await using var rows = await connection.QueryAsync(
            $"SELECT `lane`, `lanes`, `log_id`, `epoch`, `offset` FROM {Table} WHERE `pipeline` = {Sql.Text(pipeline)} ORDER BY `lane`{(forUpdate ? " FOR UPDATE" : "")}",
            cancellationToken);
        while (await rows.ReadRowAsync(cancellationToken))
            found.Add(new((int)rows.Number(0), (int)rows.Number(1), rows.Text(2) ?? "", (uint)rows.Number(3), rows.Number(4)));
        return found;
    }

    private async ValueTask WriteAllAsync(MySqlConnection connection, LaneIdentity identity, long offset, CancellationToken cancellationToken)
    {
        var pipeline = Sql.Text(identity.Pipeline);
        var rows = Enumerable.Range(0, identity.Lanes).Select(lane =>
            string.Create(CultureInfo.InvariantCulture, $"({pipeline}, {lane}, {identity.Lanes}, '{identity.LogId}', {identity.Epoch}, {offset}, UUID_SHORT())"));
        await connection.ExecuteAsync($"DELETE FROM {Table} WHERE `pipeline` = {pipeline}", cancellationToken);
        await connection.ExecuteAsync(
            $"INSERT INTO {Table} (`pipeline`, `lane`, `lanes`, `log_id`, `epoch`, `offset`, `claim`) VALUES {string.Join(", ", rows)}", cancellationToken);
    }

    private readonly record struct Row(int Lane, int Lanes, string LogId, uint Epoch, long Offset);
}
