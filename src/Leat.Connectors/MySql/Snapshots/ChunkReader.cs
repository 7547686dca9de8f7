using System.Collections.Immutable;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql.Snapshots;

/// <summary>Which rows to read into one chunk, and when to stop.</summary>
/// <param name="Table">The table's shape.</param>
/// <param name="Range">Which part.</param>
/// <param name="Where">A condition of a person's; <see langword="null"/>: none.</param>
/// <param name="MostRows">Most rows.</param>
/// <param name="MostBytes">Encoded bytes after which no further row is taken: one row can be larger than all of a chunk should be.</param>
internal sealed record ChunkOrder(MySqlTable Table, KeyRange Range, string? Where, int MostRows, int MostBytes);

/// <summary>One connection that reads chunks: each in a view of its own, into memory of its own, while everybody else goes on.</summary>
internal sealed class ChunkReader(Func<CancellationToken, ValueTask<MySqlConnection>> open, int usualBytes) : IAsyncDisposable
{
    private MySqlConnection? _connection;
    private MySqlResult? _rest;

    /// <summary>Whether the view holds more rows of a table without a key: <see cref="ReadAsync"/> goes on with them.</summary>
    public bool HasMore => _rest is not null;

    /// <summary>The rows of the chunk that <see cref="ReadAsync"/> read last.</summary>
    public ChunkRows Rows { get; } = new(usualBytes);

    /// <summary>Opens a view of the whole database as it is now, without a lock; on MariaDB the server tells its place in the binlog.</summary>
    /// <returns>File and offset of the view; empty on a server that does not tell.</returns>
    public async ValueTask<(string File, long Offset)> OpenViewAsync(CancellationToken cancellationToken)
    {
        _rest = null;
        if (_connection is not { IsUsable: true })
        {
            await CloseAsync();
            _connection = await open(cancellationToken);
            await _connection.ExecuteAsync("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", cancellationToken);
        }

        await _connection.ExecuteAsync("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", cancellationToken);
        if (!_connection.Server.IsMariaDb)
            return ("", 0);
        var (file, offset) = ("", 0L);
        await using var status = await _connection.QueryAsync("SHOW STATUS LIKE 'binlog_snapshot_%'", cancellationToken);
        while (await status.ReadRowAsync(cancellationToken))
        {
            if (string.Equals(status.Text(0), "Binlog_snapshot_file", StringComparison.OrdinalIgnoreCase))
                file = status.Text(1) ?? "";
            else if (string.Equals(status.Text(0), "Binlog_snapshot_position", StringComparison.OrdinalIgnoreCase))
                offset = status.Number(1);
        }

        return (file, offset);
    }

    /// <summary>The transactions up to a place of the binlog.</summary>
    public async ValueTask<MariaDbGtids> GtidsAsync((string File, long Offset) place, CancellationToken cancellationToken)
    {
        var connection = _connection ?? throw new InvalidOperationException("no view is open");
        await using var rows = await connection.QueryAsync($"SELECT BINLOG_GTID_POS({Sql.Text(place.File)}, {Sql.Number(place.Offset)})", cancellationToken);
        await rows.ReadRowAsync(cancellationToken);
        return MariaDbGtids.TryParse(rows.Text(0) ?? "", out var gtids)
            ? gtids
            : throw MySqlFormatException.Unexpected("GTID position", "domain-server-sequence", rows.RowBytes);
    }

    /// <summary>Reads a chunk in the open view, which it closes; of a table without a key a part of the view, which stays open while it <see cref="HasMore"/>.</summary>
    /// <returns>What is left of the order's range for another view; <see langword="null"/> when there is nothing.</returns>
    /// <exception cref="MySqlServerException">Among others: the table has changed since the view was opened.</exception>
    /// <exception cref="Leat.Changes.PauseException">A row is larger than Leat records.</exception>
    public async Task<KeyRange?> ReadAsync(ChunkOrder order, CancellationToken cancellationToken)
    {
        Rows.Clear();
        var connection = _connection ?? throw new InvalidOperationException("no view is open");
        await Task.Yield(); // everything below runs beside whoever asked
        if (order.Table.Schema.IsKeyless)
        {
            await ReadPartAsync(connection, order, cancellationToken);
            return null;
        }

        var rows = await connection.QueryAsync(KeysetPages.Query(order.Table, order.Range, order.Where, order.MostRows), cancellationToken);
        KeyRange? left = null;
        while (left is null && await ReadRowAsync(rows, order.Table, cancellationToken))
        {
            Rows.Add(TextRow.Encode(order.Table, rows, Rows.Reserve(TextRow.MaxBytes(order.Table, rows.RowBytes))));
            if (Rows.Count < order.MostRows && Rows.SizeBytes < order.MostBytes)
                continue;
            var last = KeyOf(order.Table, rows);
            if (last.SequenceEqual(order.Range.End))
                continue; // nothing follows
            left = order.Range with { After = last };
        }

        if (left is not null && Rows.Count < order.MostRows)
        {
            await CloseAsync(); // rows that nobody wants would still be sent
            return left;
        }

        await rows.DisposeAsync();
        await connection.ExecuteAsync("ROLLBACK", cancellationToken);
        return left;
    }

    // Nothing says where a later view would go on, so that all rows are of one: as many at a time as a chunk has.
    private async ValueTask ReadPartAsync(MySqlConnection connection, ChunkOrder order, CancellationToken cancellationToken)
    {
        const int PatienceSeconds = 86_400; // rows wait at the server while the stream comes up to the view, and while they are put into it
        if (_rest is null)
            await connection.ExecuteAsync($"SET SESSION net_write_timeout = {Sql.Number(PatienceSeconds)}", cancellationToken);
        var rows = _rest ?? await connection.QueryAsync(KeysetPages.Query(order.Table, order.Range, order.Where, order.MostRows), cancellationToken);
        _rest = rows; // abandoned by another thread it is forgotten, while this one still waits for a row of it
        while (await ReadRowAsync(rows, order.Table, cancellationToken))
        {
            Rows.Add(TextRow.Encode(order.Table, rows, Rows.Reserve(TextRow.MaxBytes(order.Table, rows.RowBytes))));
            if (Rows.Count >= order.MostRows || Rows.SizeBytes >= order.MostBytes)
                return;
        }

        _rest = null;
        await connection.ExecuteAsync("ROLLBACK", cancellationToken);
    }

    /// <summary>Closes an open view whose rows are not wanted any more.</summary>
    public ValueTask AbandonAsync() => CloseAsync();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => CloseAsync();

    private static async ValueTask<bool> ReadRowAsync(MySqlResult rows, MySqlTable table, CancellationToken cancellationToken)
    {
        try
        {
            return await rows.ReadRowAsync(cancellationToken);
        }
        catch (MySqlFormatException large) when (large.OversizedBytes > 0)
        {
            throw MySqlErrors.RowTooLargeToRead(table.Name, large.OversizedBytes);
        }
    }

    private static ImmutableArray<string> KeyOf(MySqlTable table, MySqlResult row)
    {
        var key = ImmutableArray.CreateBuilder<string>(table.Schema.Key.Length);
        foreach (var ordinal in table.Schema.Key)
            key.Add(TextRow.KeyText(table.Columns[ordinal].Schema, row.Value(ordinal)));
        return key.MoveToImmutable();
    }

    private async ValueTask CloseAsync()
    {
        var connection = _connection;
        (_connection, _rest) = (null, null);
        if (connection is not null)
            await connection.DisposeAsync();
    }
}
