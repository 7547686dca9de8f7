using System.Globalization;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Whose server it is. All that differs between the two branches on this, or on a fact of <see cref="ServerFacts"/>.</summary>
internal enum Product
{
    /// <summary>MariaDB.</summary>
    MariaDb = 0,

    /// <summary>MySQL, and what is built from it (Percona Server).</summary>
    MySql = 1,
}

/// <summary>What a server is, and the settings that capture depends on. Each is asked only where that product and version has it.</summary>
internal sealed record ServerFacts
{
    /// <summary>The oldest MariaDB: 10.5 has the grants that the check names.</summary>
    public static readonly Version OldestMariaDb = new(10, 5);

    /// <summary>The oldest MySQL: 5.6 has row images, checksums and fractional seconds as they still are.</summary>
    public static readonly Version OldestMySql = new(5, 6);

    public required Product Product { get; init; }

    /// <summary>The version as the server writes it.</summary>
    public required string VersionText { get; init; }

    /// <summary>Its numbers.</summary>
    public required Version Version { get; init; }

    public required uint ServerId { get; init; }

    /// <summary>@@server_uuid; empty for MariaDB, which has none.</summary>
    public string ServerUuid { get; init; } = "";

    public bool LogBin { get; init; }
    public string BinlogFormat { get; init; } = "";
    public string RowImage { get; init; } = "";

    /// <summary>Whether every change tells all columns: MariaDB's FULL_NODUP leaves only those out after a change that have the value of before.</summary>
    public bool LogsWholeRows => RowImage is "" or "FULL" or "FULL_NODUP";

    /// <summary>FULL, MINIMAL or NO_LOG; empty where the binlog cannot tell the shapes of tables (MySQL before 8.0).</summary>
    public string RowMetadata { get; init; } = "";

    public string Checksum { get; init; } = "";

    /// <summary>@@gtid_mode of MySQL; ON for MariaDB, which always has GTIDs.</summary>
    public string GtidMode { get; init; } = "ON";

    /// <summary>Whether every transaction has a GTID, so that capture goes by them.</summary>
    public bool HasGtid => GtidMode == "ON";

    /// <summary>How long binlog files are kept; zero: for ever.</summary>
    public TimeSpan Retention { get; init; }

    /// <summary>Whether MySQL writes transactions in the order in which they commit. Default and always at MariaDB: yes.</summary>
    public bool OrderCommits { get; init; } = true;

    /// <summary>@@binlog_row_value_options of MySQL, e.g. <c>PARTIAL_JSON</c>; else empty.</summary>
    public string RowValueOptions { get; init; } = "";

    /// <summary>The product in words: <c>MariaDB</c> or <c>MySQL</c>.</summary>
    public string ProductName => Product == Product.MariaDb ? "MariaDB" : "MySQL";

    /// <summary>The statement that tells file and offset of the binlog's end: MySQL has renamed it in 8.2.</summary>
    public string StatusStatement => Product == Product.MySql && Version >= new Version(8, 2) ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS";

    /// <summary>The statement that lists the replicas: MySQL has renamed it in 8.0.22.</summary>
    public string ReplicasStatement => Product == Product.MySql && Version >= new Version(8, 0, 22) ? "SHOW REPLICAS" : "SHOW SLAVE HOSTS";

    /// <summary>Whether the version is one that Leat knows.</summary>
    public static bool IsSupported(ServerHandshake server) =>
        !IsTiDb(server) && TryReadVersion(server.Version, out var version) && version >= (server.IsMariaDb ? OldestMariaDb : OldestMySql);

    /// <summary>Whether it is TiDB, which speaks the protocol but keeps no binlog that a replica could ask for.</summary>
    public static bool IsTiDb(ServerHandshake server) => server.Version.Contains("TiDB", StringComparison.OrdinalIgnoreCase);

    /// <summary>The statement that makes a fresh connection ours: UTC, no modes, no time limit, patience with a slow reader.</summary>
    public static string SessionStatement(ServerHandshake server)
    {
        const string Common = "SET SESSION sql_mode = '', time_zone = '+00:00', wait_timeout = 28800, net_write_timeout = 600";
        if (server.IsMariaDb)
            return Common + ", max_statement_time = 0";
        return TryReadVersion(server.Version, out var version) && version >= new Version(5, 7, 8) ? Common + ", max_execution_time = 0" : Common;
    }

    /// <summary>Asks the server. Only for one that <see cref="IsSupported"/>.</summary>
    public static async ValueTask<ServerFacts> ReadAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        var settings = await SettingsAsync(connection, cancellationToken);
        string Setting(string name, string absent = "") => settings.GetValueOrDefault(name, absent);
        long Number(string name) => long.TryParse(Setting(name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : 0;
        var version = Setting("version", connection.Server.Version);
        TryReadVersion(connection.Server.Version, out var numbers);
        var seconds = Number("binlog_expire_logs_seconds");
        return new()
        {
            Product = connection.Server.IsMariaDb ? Product.MariaDb : Product.MySql,
            VersionText = version,
            Version = numbers,
            ServerId = (uint)Number("server_id"),
            ServerUuid = connection.Server.IsMariaDb ? "" : Setting("server_uuid"),
            LogBin = Setting("log_bin") is "ON" or "1",
            BinlogFormat = Setting("binlog_format", "ROW"), // gone where nothing else is left
            RowImage = Setting("binlog_row_image"),
            RowMetadata = Setting("binlog_row_metadata"),
            Checksum = Setting("binlog_checksum"),
            GtidMode = connection.Server.IsMariaDb ? "ON" : Setting("gtid_mode", "OFF"),
            Retention = seconds > 0 ? TimeSpan.FromSeconds(seconds) : TimeSpan.FromDays(DaysOf(Setting("expire_logs_days"))),
            OrderCommits = Setting("binlog_order_commits", "ON") is "ON" or "1",
            RowValueOptions = Setting("binlog_row_value_options"),
        };
    }

    /// <summary>Reads <c>10.11.6-MariaDB</c>, <c>8.4.0</c>, <c>5.6.24-log</c>.</summary>
    public static bool TryReadVersion(string text, out Version version)
    {
        var end = 0;
        while (end < text.Length && (char.IsAsciiDigit(text[end]) || text[end] == '.'))
            end++;
        var isVersion = Version.TryParse(text.AsSpan(0, end).TrimEnd('.'), out var read);
        version = read ?? new(0, 0);
        return isVersion;
    }

    // What a server does not have it does not list: no statement has to know which version brought which setting.
    private static async ValueTask<Dictionary<string, string>> SettingsAsync(MySqlConnection connection, CancellationToken cancellationToken)
    {
        var settings = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        await using var rows = await connection.QueryAsync(
            "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'server_id', 'server_uuid', 'log_bin', 'binlog_format', 'binlog_row_image', 'binlog_row_metadata', "
            + "'binlog_checksum', 'gtid_mode', 'expire_logs_days', 'binlog_expire_logs_seconds', 'binlog_order_commits', 'binlog_row_value_options')", cancellationToken);
        while (await rows.ReadRowAsync(cancellationToken))
            settings[rows.Text(0) ?? ""] = rows.Text(1) ?? "";
        return settings;
    }

    // MariaDB writes days with a fraction: 0.500000.
    private static double DaysOf(string text) => double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var days) ? days : 0;
}
