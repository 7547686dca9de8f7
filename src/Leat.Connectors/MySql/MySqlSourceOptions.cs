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

/// <summary>What becomes of the rows that targets hold of a table that is dropped, or renamed to a name that is not captured.</summary>
public enum DroppedTables
{
    /// <summary>They are removed, as after TRUNCATE: the targets hold what the source holds.</summary>
    Empty = 0,

    /// <summary>They stay.</summary>
    Keep = 1,
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

    /// <summary>Other servers of the same history, tried in this order when the one before does not answer. Accounts and TLS are those of <see cref="Endpoint"/>.</summary>
    public ImmutableArray<MySqlEndpoint> Others { get; init; } = [];

    /// <summary>All servers, in the order in which they are tried.</summary>
    public ImmutableArray<MySqlEndpoint> Addresses => [Endpoint, .. Others];

    /// <summary>Which tables, e.g. <c>shop.*</c>.</summary>
    public required ImmutableArray<TablePattern> Tables { get; init; }

    /// <summary>Which of those not.</summary>
    public ImmutableArray<TablePattern> Exclude { get; init; } = [];

    /// <summary>Our number among the server's replicas, 1 to 4294967295; 0: made from source name and host name, the same at every start.</summary>
    public uint ServerId { get; init; }

    /// <summary>Whether to read what is there already. Default initial: a target that lacks the old rows is rarely wanted.</summary>
    public SnapshotMode Snapshot { get; init; }

    /// <summary>Where a source without a snapshot begins: <c>now</c>, a time, or a GTID position. Default now.</summary>
    public string Start { get; init; } = "now";

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

    /// <summary>What becomes of the targets' rows of a dropped table. Default empty: targets hold what the source holds.</summary>
    public DroppedTables DroppedTables { get; init; }

    /// <summary>Tables whose rows foreign keys may change without the binlog telling, as their owner accepts.</summary>
    public ImmutableArray<TablePattern> AcceptCascades { get; init; } = [];

    /// <summary>Tables that are captured although they have no key: all columns together stand in for one.</summary>
    public ImmutableArray<TablePattern> Keyless { get; init; } = [];

    /// <summary>System-versioned tables whose rows of history are told, too.</summary>
    public ImmutableArray<TablePattern> History { get; init; } = [];

    /// <summary>Whether a table is captured. A star does not mean the copies that online schema changes make of captured tables.</summary>
    public bool IsCaptured(TableName table) =>
        IsWanted(table) && !(Shapes.OnlineChange.TableOf(table) is { } original && IsWanted(original) && !Tables.Any(pattern => !pattern.HasStar && pattern.Matches(table)));

    /// <summary>Whether unseen changes of a table by foreign keys are accepted.</summary>
    public bool AcceptsCascades(TableName table) => AcceptCascades.Any(pattern => pattern.Matches(table));

    /// <summary>Whether a table is captured also without a key.</summary>
    public bool IsKeyless(TableName table) => Keyless.Any(pattern => pattern.Matches(table));

    /// <summary>Whether rows of a table's history are told, too, if it keeps one.</summary>
    public bool TellsHistory(TableName table) => History.Any(pattern => pattern.Matches(table));

    // The heartbeat table is Leat's own.
    private bool IsWanted(TableName table) =>
        table != HeartbeatTable && Tables.Any(pattern => pattern.Matches(table)) && !Exclude.Any(pattern => pattern.Matches(table));

    /// <summary>Reads the block, noting all problems; <see langword="null"/> only when something that nothing works without is absent.</summary>
    public static MySqlSourceOptions Read(ConfigReader config)
    {
        var endpoint = EndpointSettings.Read(config);
        var options = new MySqlSourceOptions
        {
            Endpoint = endpoint,
            Others = ReadOthers(config, endpoint),
            Start = config.Text("start") ?? "now",
            Tables = ReadPatterns(config, "tables"),
            Exclude = ReadPatterns(config, "exclude"),
            ServerId = ReadServerId(config),
            DroppedTables = config.Choice("dropped_tables", "empty", "empty", "keep") == "keep" ? DroppedTables.Keep : DroppedTables.Empty,
            AcceptCascades = ReadPatterns(config, "accept_cascades"),
            Keyless = ReadPatterns(config, "keyless"),
            History = ReadPatterns(config, "history"),
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

    private static ImmutableArray<MySqlEndpoint> ReadOthers(ConfigReader config, MySqlEndpoint first)
    {
        var others = ImmutableArray.CreateBuilder<MySqlEndpoint>();
        foreach (var text in config.Texts("hosts"))
        {
            // IPv6 addresses have colons of their own: with a port they stand in brackets.
            var end = text.LastIndexOf(':');
            var hasPort = end > 0 && (text.IndexOf(':', StringComparison.Ordinal) == end || text[end - 1] == ']');
            var host = (hasPort ? text[..end] : text).Trim('[', ']');
            var port = (ushort)first.Port;
            if (hasPort && (!ushort.TryParse(text.AsSpan(end + 1), out port) || port == 0))
                config.Invalid("hosts", "names such as db2 or db2:3306");
            else
                others.Add(first with { Host = host, Port = port, Socket = null, Tls = config.Has("tls") ? first.Tls : MySqlEndpoint.DefaultTls(host) });
        }

        return others.ToImmutable();
    }

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
