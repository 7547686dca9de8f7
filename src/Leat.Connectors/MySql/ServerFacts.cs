using System.Globalization;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>The settings of a MariaDB server that capture depends on.</summary>
internal sealed record ServerFacts
{
    /// <summary>The oldest version that the tests would accept: 10.5 has the grants that the check names.</summary>
    public const string OldestVersion = "10.5";

    public required string Version { get; init; }
    public required uint ServerId { get; init; }
    public required bool LogBin { get; init; }
    public required string BinlogFormat { get; init; }
    public required string RowImage { get; init; }
    public required string RowMetadata { get; init; }
    public required string Checksum { get; init; }
    public required bool LogBinCompress { get; init; }

    /// <summary>How long binlog files are kept; zero: for ever.</summary>
    public required TimeSpan Retention { get; init; }

    /// <summary>Whether the version is one that Leat knows.</summary>
    public static bool IsSupported(ServerHandshake server)
    {
        if (!server.IsMariaDb)
            return false;
        var parts = server.Version.Split('.', '-');
        return parts.Length >= 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var minor)
            && (major > 10 || (major == 10 && minor >= 5));
    }

    /// <summary>Asks the server.</summary>
    public static async ValueTask<ServerFacts> ReadAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        await using var row = await connection.QueryAsync(
            "SELECT @@version, @@server_id, @@log_bin, @@global.binlog_format, @@global.binlog_row_image, @@global.binlog_row_metadata, "
            + "@@global.binlog_checksum, @@global.log_bin_compress, CAST(@@global.expire_logs_days * 86400 AS UNSIGNED)", cancellationToken);
        await row.ReadRowAsync(cancellationToken);
        return new()
        {
            Version = row.Text(0) ?? "",
            ServerId = (uint)row.Number(1),
            LogBin = row.Number(2) != 0,
            BinlogFormat = row.Text(3) ?? "",
            RowImage = row.Text(4) ?? "",
            RowMetadata = row.Text(5) ?? "",
            Checksum = row.Text(6) ?? "",
            LogBinCompress = row.Number(7) != 0,
            Retention = TimeSpan.FromSeconds(row.Number(8)),
        };
    }
}
