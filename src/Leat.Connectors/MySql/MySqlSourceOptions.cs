using System.Collections.Immutable;
using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Whether the rows that are there before capture begins are read.</summary>
public enum SnapshotMode
{
    /// <summary>Yes, once, before and beside the first changes.</summary>
    Initial = 0,

    /// <summary>No: only what changes from now on.</summary>
    Never = 1,

    /// <summary>Yes, and again when the server does not have the position in its binlog any more.</summary>
    WhenNeeded = 2,

    /// <summary>Yes, and nothing after it: the source is done then.</summary>
    Only = 3,
}

/// <summary>Settings of a source: the block under <c>sources.&lt;name&gt;.mysql</c>.</summary>
public sealed record MySqlSourceOptions
{
    /// <summary>Most rows of one snapshot chunk by default: some megabytes, a fraction of a second at the server.</summary>
    public const int DefaultChunkRows = 10_000;

    /// <summary>Bytes of one snapshot chunk by default.</summary>
    public const int DefaultChunkBytes = 8 * 1024 * 1024;

    /// <summary>The server.</summary>
    public required MySqlEndpoint Endpoint { get; init; }

    /// <summary>Which tables, e.g. <c>shop.*</c>.</summary>
    public required ImmutableArray<TablePattern> Tables { get; init; }

    /// <summary>Which of those not.</summary>
    public ImmutableArray<TablePattern> Exclude { get; init; } = [];

    /// <summary>Our number among the server's replicas, 1 to 4294967295; 0: made from source name and host name, the same at every start.</summary>
    public uint ServerId { get; init; }

    /// <summary>Whether to read what is there already. Default initial: a target that lacks the old rows is rarely wanted.</summary>
    public SnapshotMode Snapshot { get; init; }

    /// <summary>Rows of one snapshot chunk, 1 to 1 000 000. Default 10 000.</summary>
    public int SnapshotChunkRows { get; init; } = DefaultChunkRows;

    /// <summary>Bytes of encoded rows after which a chunk ends, 64 KiB to 256 MiB. Default 8 MiB; each reader holds one chunk in memory.</summary>
    public int SnapshotChunkBytes { get; init; } = DefaultChunkBytes;

    /// <summary>Connections that read chunks at the same time, 1 to 16. Default 2: they keep one server core and one of ours busy.</summary>
    public int SnapshotReaders { get; init; } = 2;

    /// <summary>Most rows read a second; 0, the default: as fast as it goes.</summary>
    public int SnapshotRate { get; init; }

    /// <summary>The table with one row for each source that is written each <see cref="Heartbeat"/>; <see langword="null"/>: none. Snapshots of MySQL need it.</summary>
    public TableName? HeartbeatTable { get; init; }

    /// <summary>How often a silent server says that it is there, 1 s to 1 h. Default 10 s; after three of them without a word the connection is given up.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>What <c>snapshot</c> can say.</summary>
    public static ImmutableSortedDictionary<string, SnapshotMode> SnapshotModes { get; } = new Dictionary<string, SnapshotMode>
    {
        ["initial"] = SnapshotMode.Initial,
        ["never"] = SnapshotMode.Never,
        ["when_needed"] = SnapshotMode.WhenNeeded,
        ["only"] = SnapshotMode.Only,
    }.ToImmutableSortedDictionary(StringComparer.Ordinal);

    /// <summary>Whether a table is captured. The heartbeat table never is: it is Leat's own.</summary>
    public bool IsCaptured(TableName table) =>
        table != HeartbeatTable && Tables.Any(pattern => pattern.Matches(table)) && !Exclude.Any(pattern => pattern.Matches(table));

    /// <summary>Reads the block, noting all problems; <see langword="null"/> only when something that nothing works without is absent.</summary>
    public static MySqlSourceOptions Read(ConfigReader config)
    {
        var host = config.RequiredText("host", "127.0.0.1");
        var options = new MySqlSourceOptions
        {
            Endpoint = ReadEndpoint(config, host),
            Tables = ReadPatterns(config, "tables"),
            Exclude = ReadPatterns(config, "exclude"),
            ServerId = ReadServerId(config),
            Snapshot = config.Choice("snapshot", "initial", [.. SnapshotModes.Keys]) is { } mode && SnapshotModes.TryGetValue(mode, out var known) ? known : SnapshotMode.Initial,
            SnapshotChunkRows = config.Int("snapshot_chunk_rows", DefaultChunkRows, 1, 1_000_000),
            SnapshotChunkBytes = (int)config.Size("snapshot_chunk_bytes", DefaultChunkBytes, 64 * 1024, 256 * 1024 * 1024),
            SnapshotReaders = config.Int("snapshot_readers", 2, 1, 16),
            SnapshotRate = config.Int("snapshot_rate", 0, 0, 100_000_000),
            HeartbeatTable = ReadHeartbeatTable(config),
            Heartbeat = config.Duration("heartbeat", TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)),
        };
        if (!config.Has("tables"))
            config.Problem(ConfigErrors.Missing(config.Location, config.Path, "tables", "[shop.*]"));
        return options;
    }

    /// <summary>A number in the upper half of the range, where hand-given ones are rare: FNV-1a of source and host name.</summary>
    public static uint DeriveServerId(string source, string hostName)
    {
        var hash = 2166136261u;
        foreach (var c in $"{source}@{hostName}")
            hash = (hash ^ c) * 16777619u;
        const uint UpperHalf = 0x8000_0000;
        return hash | UpperHalf;
    }

    internal static MySqlEndpoint ReadEndpoint(ConfigReader config, string host)
    {
        var usual = MySqlEndpoint.DefaultTls(host);
        return new()
        {
            Host = host,
            Port = config.Int("port", 3306, 1, 65_535),
            User = config.RequiredText("user", "leat"),
            Password = config.Secret("password") ?? "",
            Tls = config.Choice("tls", NameOf(usual), [.. Enum.GetValues<TlsMode>().Select(NameOf)]) switch
            {
                "disabled" => TlsMode.Disabled,
                "required" => TlsMode.Required,
                "verify-ca" => TlsMode.VerifyCa,
                _ => TlsMode.VerifyFull,
            },
            TlsCaFile = config.Text("tls_ca"),
            ConnectTimeout = config.Duration("connect_timeout", TimeSpan.FromSeconds(10), TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5)),
        };
    }

    private static string NameOf(TlsMode mode) => mode switch
    {
        TlsMode.Disabled => "disabled",
        TlsMode.Required => "required",
        TlsMode.VerifyCa => "verify-ca",
        _ => "verify-full",
    };

    private static ImmutableArray<TablePattern> ReadPatterns(ConfigReader config, string key)
    {
        var patterns = ImmutableArray.CreateBuilder<TablePattern>();
        foreach (var text in config.Texts(key))
        {
            if (TablePattern.TryParse(text, out var pattern))
                patterns.Add(pattern);
            else
                config.Invalid(key, "names such as shop.orders or shop.*");
        }

        return patterns.ToImmutable();
    }

    private static TableName? ReadHeartbeatTable(ConfigReader config)
    {
        if (config.Text("heartbeat_table") is not { } text)
            return null;
        if (TableName.TryParse(text, out var table))
            return table;
        config.Invalid("heartbeat_table", "a table's name such as leat.heartbeat");
        return null;
    }

    private static uint ReadServerId(ConfigReader config)
    {
        if (config.Text("server_id") is not { } text)
            return 0;
        if (uint.TryParse(text, out var id) && id > 0)
            return id;
        config.Invalid("server_id", "a whole number from 1 to 4294967295");
        return 0;
    }
}
