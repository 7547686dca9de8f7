using Leat.Changes;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>The first reading of all captured tables, in chunks, without locks, each chunk at exactly its own place in the stream.</summary>
/// <remarks>
/// A chunk opens a consistent view, whose place in the binlog the server names; the stream goes on exactly up to there; the chunk's rows
/// are written, as one transaction whose position carries the cursor; the stream goes on. So no row of a chunk is older or newer than the
/// changes around it, and nothing has to be compared or dropped. A crash resumes at the cursor of the last chunk.
/// </remarks>
internal sealed class MySqlSnapshot(MySqlSourceOptions options, MySqlCatalog catalog, MySqlConnection connection, TimeProvider time)
{
    private SnapshotCursor _cursor = new([], null, [], 0);
    private string _file = "";
    private long _offset;
    private MariaDbGtids? _gtids;
    private bool _viewIsOpen;
    private long _estimatedRows;
    private int _tables;

    /// <summary>Whether all tables have been read.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Goes on at a cursor, or begins; and finds out what is to be done.</summary>
    public void Begin(SnapshotCursor? cursor)
    {
        _cursor = cursor ?? _cursor;
        _tables = catalog.Tables.Count;
        _estimatedRows = catalog.Tables.Sum(table => table.EstimatedRows);
        IsOver = NextTable() is null;
    }

    /// <summary>Opens a view of the whole database as it is now.</summary>
    public async ValueTask OpenViewAsync(CancellationToken cancellationToken)
    {
        await connection.ExecuteAsync("ROLLBACK", cancellationToken);
        await connection.ExecuteAsync("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ", cancellationToken);
        await connection.ExecuteAsync("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY", cancellationToken);
        await using var status = await connection.QueryAsync("SHOW STATUS LIKE 'binlog_snapshot_%'", cancellationToken);
        while (await status.ReadRowAsync(cancellationToken))
        {
            if (string.Equals(status.Text(0), "Binlog_snapshot_file", StringComparison.OrdinalIgnoreCase))
                _file = status.Text(1) ?? "";
            else if (string.Equals(status.Text(0), "Binlog_snapshot_position", StringComparison.OrdinalIgnoreCase))
                _offset = status.Number(1);
        }

        _gtids = null;
        _viewIsOpen = true;
    }

    /// <summary>Sets a position to the place of the open view: where a stream begins when there is nothing to resume.</summary>
    public async ValueTask StartAtViewAsync(MySqlPosition position, CancellationToken cancellationToken)
    {
        position.SetFile(_file, _offset);
        position.Gtids = (await GtidsAsync(cancellationToken)).Copy();
        position.SetSnapshot(IsOver ? null : _cursor);
    }

    /// <summary>Writes the next chunk if the stream stands at the place of its view; returns whether it did.</summary>
    public async ValueTask<bool> TryStepAsync(IChangeWriter writer, MySqlPosition position, CancellationToken cancellationToken)
    {
        if (!_viewIsOpen)
            await OpenViewAsync(cancellationToken);
        for (var order = await CompareAsync(position, cancellationToken); order != 0; order = await CompareAsync(position, cancellationToken))
        {
            if (order < 0)
                return false; // the stream has to catch up first

            // The stream has told a commit that the view does not hold yet: the server sends it on before it is visible to readers.
            await OpenViewAsync(cancellationToken);
        }

        await WriteChunkAsync(writer, position, cancellationToken);
        _viewIsOpen = false;
        return true;
    }

    // Below 0: the stream is before the view. Servers that do not tell offsets inside transactions are asked for the view's GTIDs.
    private async ValueTask<int> CompareAsync(MySqlPosition position, CancellationToken cancellationToken)
    {
        if (position.Offset > 0)
        {
            var files = MySqlPosition.CompareFiles(position.File, _file);
            return files != 0 ? files : position.Offset.CompareTo(_offset);
        }

        var view = await GtidsAsync(cancellationToken);
        return position.Gtids?.HasReached(view) != true ? -1 : view.HasReached(position.Gtids) ? 0 : 1;
    }

    private async ValueTask<MariaDbGtids> GtidsAsync(CancellationToken cancellationToken)
    {
        if (_gtids is not null)
            return _gtids;
        await using var rows = await connection.QueryAsync($"SELECT BINLOG_GTID_POS({Sql.Text(_file)}, {Sql.Number(_offset)})", cancellationToken);
        await rows.ReadRowAsync(cancellationToken);
        return MariaDbGtids.TryParse(rows.Text(0) ?? "", out var gtids) ? _gtids = gtids
            : throw MySqlFormatException.Unexpected("GTID position", "domain-server-sequence", rows.RowBytes);
    }

    private async ValueTask WriteChunkAsync(IChangeWriter writer, MySqlPosition position, CancellationToken cancellationToken)
    {
        var table = NextTable() ?? throw new InvalidOperationException("the snapshot is over");
        var name = table.Name.ToString();
        var after = _cursor.Table == name ? _cursor.After : [];
        var rows = await WriteRowsAsync(writer, table, after, cancellationToken);
        var isDone = rows.Count < options.SnapshotChunkRows;
        _cursor = isDone
            ? new([.. _cursor.Done, name], null, [], _cursor.Rows + rows.Count)
            : new(_cursor.Done, name, rows.LastKey, _cursor.Rows + rows.Count);
        IsOver = NextTable() is null;
        position.SetSnapshot(IsOver ? null : _cursor);
        if (rows.Count > 0)
            await writer.CommitAsync(position, moreInput: !IsOver, cancellationToken);
        else
            await writer.AdvanceAsync(position, moreInput: !IsOver, cancellationToken);
        var doneTables = _cursor.Done.Count;
        writer.Progress(new(IsOver ? null : NextTable()?.Name, doneTables, _tables, _cursor.Rows, Math.Max(_estimatedRows, _cursor.Rows)));
    }

    private async ValueTask<(int Count, string[] LastKey)> WriteRowsAsync(
        IChangeWriter writer, MySqlTable table, IReadOnlyList<string> after, CancellationToken cancellationToken)
    {
        var schemaId = writer.Define(table.Schema);
        var count = 0;
        var lastKey = new string[table.Schema.Key.Length];
        try
        {
            await using var rows = await connection.QueryAsync(KeysetPages.Query(table, after, options.SnapshotChunkRows), cancellationToken);
            while (await rows.ReadRowAsync(cancellationToken))
            {
                if (count++ == 0)
                    writer.Begin([], (time.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
                var bytes = TextRow.Encode(table, rows, writer.BeginRow(TextRow.MaxBytes(table, rows.RowBytes)));
                writer.EndRow(ChangeKind.Read, schemaId, beforeBytes: 0, bytes);
                if (count == options.SnapshotChunkRows)
                    KeepKey(table, rows, lastKey);
            }
        }
        catch
        {
            if (count > 0)
                writer.Rollback(); // half a chunk: read again from the last cursor
            throw;
        }

        return (count, lastKey);
    }

    private static void KeepKey(MySqlTable table, MySqlResult row, string[] key)
    {
        for (var i = 0; i < key.Length; i++)
        {
            var ordinal = table.Schema.Key[i];
            key[i] = TextRow.KeyText(table.Columns[ordinal].Schema, row.Value(ordinal));
        }
    }

    private MySqlTable? NextTable() => catalog.Tables.FirstOrDefault(table => !_cursor.Done.Contains(table.Name.ToString()));
}
