using System.Text;
using Leat.Connectors.MySql.Binlog;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>A binlog file as the server lists it.</summary>
internal readonly record struct BinlogFile(string Name, long SizeBytes);

/// <summary>Asks a server where it stands.</summary>
internal static class ServerState
{
    /// <summary>The end of the binlog: all that is committed is at or before it.</summary>
    public static async ValueTask<MySqlPosition> CurrentAsync(MySqlConnection connection, ServerFacts facts, CancellationToken cancellationToken)
    {
        var before = await StatusAsync(connection, facts, cancellationToken);
        var position = new MySqlPosition { ServerId = facts.ServerId };
        position.SetServerUuid(facts.ServerUuid);
        if (facts.Product == Product.MySql)
        {
            // One statement tells both. Where GTIDs are off its set is empty, and names nothing.
            position.SetFile(before.File, before.Offset);
            position.Gtids = facts.HasGtid ? SetOf(before.Gtids) : null;
            return position;
        }

        position.Gtids = MariaDbGtids.TryParse(await TextAsync(connection, "SELECT @@global.gtid_binlog_pos", cancellationToken), out var gtids) ? gtids : new();

        // Only when nothing happened between do the two belong together.
        var after = await StatusAsync(connection, facts, cancellationToken);
        position.SetFile(after.File, before == after ? after.Offset : 0);
        return position;
    }

    /// <summary>The files that the server still has, oldest first.</summary>
    public static async ValueTask<IReadOnlyList<BinlogFile>> FilesAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        var files = new List<BinlogFile>();
        await using var rows = await connection.QueryAsync("SHOW BINARY LOGS", cancellationToken);
        while (await rows.ReadRowAsync(cancellationToken))
            files.Add(new(rows.Text(0) ?? "", rows.Number(1)));
        return files;
    }

    /// <summary>All transactions that a MySQL server has executed, and those of them that are in its binlog no more.</summary>
    public static async ValueTask<(MySqlGtids Executed, MySqlGtids Purged)> ExecutedAsync(MySqlConnection connection, CancellationToken cancellationToken) =>
        (SetOf(await TextAsync(connection, "SELECT @@global.gtid_executed", cancellationToken)),
            SetOf(await TextAsync(connection, "SELECT @@global.gtid_purged", cancellationToken)));

    /// <summary>The newest transaction of each domain that a MariaDB server knows: written by itself, or received as a replica.</summary>
    public static async ValueTask<MariaDbGtids> NewestAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        var newest = new MariaDbGtids();
        foreach (var setting in (string[])["gtid_binlog_state", "gtid_slave_pos"])
        {
            foreach (var part in (await TextAsync(connection, $"SELECT @@global.{setting}", cancellationToken)).Split(',', StringSplitOptions.TrimEntries))
            {
                if (Gtid.TryParse(part, out var gtid) && gtid.Sequence >= newest.SequenceOf(gtid.Domain))
                    newest.Set(gtid);
            }
        }

        return newest;
    }

    /// <summary>MariaDB's GTIDs at a place in a file; <see langword="null"/> when no transaction ends there.</summary>
    public static async ValueTask<MariaDbGtids?> GtidsAtAsync(MySqlConnection connection, string file, long offset, CancellationToken cancellationToken)
    {
        await using var rows = await connection.QueryAsync($"SELECT BINLOG_GTID_POS({Sql.Text(file)}, {Sql.Number(offset)})", cancellationToken);
        return await rows.ReadRowAsync(cancellationToken) && rows.Text(0) is { } text && MariaDbGtids.TryParse(text, out var gtids) ? gtids : null;
    }

    private static async ValueTask<(string File, long Offset, string Gtids)> StatusAsync(MySqlConnection connection, ServerFacts facts, CancellationToken cancellationToken)
    {
        await using var row = await connection.QueryAsync(facts.StatusStatement, cancellationToken);
        if (!await row.ReadRowAsync(cancellationToken))
            return ("", 0, "");
        const int GtidColumn = 4;
        return (row.Text(0) ?? "", row.Number(1), row.Columns.Count > GtidColumn ? row.Text(GtidColumn) ?? "" : "");
    }

    private static MySqlGtids SetOf(string text) =>
        MySqlGtids.TryParse(text, out var gtids) ? gtids : throw MySqlFormatException.Unexpected("length of a GTID set in a form that is not known", "0", Encoding.UTF8.GetByteCount(text));

    private static async ValueTask<string> TextAsync(MySqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var rows = await connection.QueryAsync(sql, cancellationToken);
        return await rows.ReadRowAsync(cancellationToken) ? rows.Text(0) ?? "" : "";
    }
}
