using System.Globalization;
using Leat.Changes;
using Leat.Changes.Configuration;

namespace Leat.Connectors.Redis;

/// <summary>Where a server listens.</summary>
public readonly record struct RedisAddress(string Host, int Port)
{
    /// <summary>Reads what <see cref="ToString"/> writes; port 0 when there is none.</summary>
    public static RedisAddress Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        return colon >= 0 && int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            ? new(text[..colon], port)
            : new(text, 0);
    }

    /// <summary>Host and port as messages and settings write them.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");
}

/// <summary>Settings of a Redis sink.</summary>
public sealed record RedisSinkOptions
{
    /// <summary>Port when the address has none: the one registered for Redis.</summary>
    public const int DefaultPort = 6379;

    /// <summary>Host name or IP address. Required.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port. Default 6379.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>More addresses, asked in order when the first does not answer or is a replica: other nodes of a cluster, or servers that take over. Default none.</summary>
    public IReadOnlyList<RedisAddress> OtherAddresses { get; init; } = [];

    /// <summary>Key template for each table of the pipeline; the entry <c>""</c> holds for all that have none of their own. Required.</summary>
    public required IReadOnlyDictionary<string, KeyTemplate> Keys { get; init; }

    /// <summary>How each table's rows are kept; the entry <c>""</c> holds for all that have none of their own. Default: hashes, replaced as a whole.</summary>
    public IReadOnlyDictionary<string, RedisRule> Rules { get; init; } = new Dictionary<string, RedisRule>();

    /// <summary>User to sign in as; <see langword="null"/>: the default user.</summary>
    public string? User { get; init; }

    /// <summary>Password; <see langword="null"/>: do not sign in.</summary>
    public string? Password { get; init; }

    /// <summary>Speak TLS, and check the server's certificate against the host name. Default false: Redis's own default.</summary>
    public bool Tls { get; init; }

    /// <summary>With TLS, take any certificate. Default false.</summary>
    public bool TlsInsecure { get; init; }

    /// <summary>File with the authorities to trust, PEM; <see langword="null"/>: those of the system.</summary>
    public string? TlsCaFile { get; init; }

    /// <summary>File with the certificate to show the server, PEM; <see langword="null"/>: none.</summary>
    public string? TlsCertificateFile { get; init; }

    /// <summary>File with that certificate's key, PEM.</summary>
    public string? TlsKeyFile { get; init; }

    /// <summary>Number of the database, 0 to 65535. Default 0.</summary>
    public int Database { get; init; }

    /// <summary>Let the server compare versions, so that an old value never shows again after a restart. Default false: it costs a script call for each write.</summary>
    public bool Guard { get; init; }

    /// <summary>With <see cref="Guard"/>, how long the version of a removed row is kept. Default one day: longer than delivery is ever behind what it repeats.</summary>
    public TimeSpan GuardTtl { get; init; } = TimeSpan.FromDays(1);

    /// <summary>Keep each lane's offset in the server, in the transaction of the rows. Default false: writes are idempotent without it.</summary>
    public bool ExactlyOnce { get; init; }

    /// <summary>How many replicas have to have a batch before it counts, 0 to 16. Default 0: the primary alone.</summary>
    public int WaitReplicas { get; init; }

    /// <summary>How long the server waits for them. Default 1 s; a batch that too few have got by then is sent again.</summary>
    public TimeSpan WaitTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Most operations of one batch, 1 to 10000. Default 2000; with <see cref="ExactlyOnce"/> 500, because a transaction holds up the server's other users.</summary>
    public int MaxOperations { get; init; } = 2_000;

    /// <summary>Most bytes of rows of one batch, 64 KiB to 64 MiB. Default 1 MiB: some milliseconds of the server's time.</summary>
    public int MaxBytes { get; init; } = 1024 * 1024;

    /// <summary>Longest wait for a connection. Default 5 s: a server that needs longer counts as down.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest wait for the answers to one batch. Default 30 s: longer than a server pauses to fork or to run a slow script.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Where the key templates stand in the configuration file.</summary>
    public FileLocation? KeyLocation { get; init; }

    /// <summary>The address in messages.</summary>
    public string Address => new RedisAddress(Host, Port).ToString();

    /// <summary>All addresses, the first one first.</summary>
    public IEnumerable<RedisAddress> Addresses => [new(Host, Port), .. OtherAddresses];

    /// <summary>How a table's rows are kept.</summary>
    public RedisRule RuleOf(string alias) => Rules.TryGetValue(alias, out var rule) || Rules.TryGetValue("", out rule) ? rule : new();

    /// <summary>The same settings for another node of the cluster.</summary>
    public RedisSinkOptions At(RedisAddress address) => this with { Host = address.Host, Port = address.Port, OtherAddresses = [] };

    /// <summary>Reads the block and notes its problems.</summary>
    public static RedisSinkOptions Read(ConfigReader reader)
    {
        var addresses = ReadAddresses(reader);
        var (keys, rules) = ReadTables(reader);
        var tls = reader.Choice("tls", "false", "true", "false", "insecure");
        var wait = reader.Map("wait");
        var flush = reader.Map("flush");
        var isExactlyOnce = reader.Bool("exactly_once", false);
        var operations = isExactlyOnce ? 500 : 2_000;
        var options = new RedisSinkOptions
        {
            Host = addresses[0].Host,
            Port = addresses[0].Port,
            OtherAddresses = addresses[1..],
            Keys = keys,
            Rules = rules,
            KeyLocation = reader.LocationOf("key"),
            User = reader.Text("user"),
            Password = reader.Secret("password"),
            Tls = tls != "false",
            TlsInsecure = tls == "insecure",
            TlsCaFile = ReadTlsFile(reader, "tls_ca", tls),
            TlsCertificateFile = ReadTlsFile(reader, "tls_cert", tls),
            TlsKeyFile = ReadTlsFile(reader, "tls_key", tls),
            Database = reader.Int("database", 0, 0, 65_535),
            Guard = reader.Choice("guard", "none", "none", "version") == "version",
            GuardTtl = reader.Duration("guard_ttl", TimeSpan.FromDays(1), TimeSpan.FromSeconds(1), TimeSpan.FromDays(3_650)),
            ExactlyOnce = isExactlyOnce,
            MaxOperations = flush?.Int("operations", operations, 1, 10_000) ?? operations,
            MaxBytes = (int)(flush?.Size("bytes", 1024 * 1024, 64 * 1024, 64 * 1024 * 1024) ?? 1024 * 1024),
            WaitReplicas = wait?.Int("replicas", 1, 1, 16) ?? 0,
            WaitTimeout = wait?.Duration("timeout", TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(20)) ?? TimeSpan.FromSeconds(1),
        };
        wait?.Done();
        flush?.Done();
        if (options.User is not null && options.Password is null)
            reader.Invalid("password", "a password, because `user` is set");
        if (options.TlsCertificateFile is not null != options.TlsKeyFile is not null)
            reader.Invalid(options.TlsKeyFile is null ? "tls_key" : "tls_cert", "a file, because the other of `tls_cert` and `tls_key` is set");
        if (options is { Guard: true, ExactlyOnce: true })
            reader.Invalid("guard", "none, because with `exactly_once` no old value is ever written again");
        reader.Done();
        return options;
    }

    private static string? ReadTlsFile(ConfigReader reader, string key, string tls)
    {
        if (reader.Text(key) is not { } file)
            return null;
        if (tls == "false")
            reader.Invalid(key, "nothing, because `tls` is false");
        return file;
    }

    private static List<RedisAddress> ReadAddresses(ConfigReader reader)
    {
        if (!reader.Has("address"))
        {
            reader.RequiredText("address", "\"127.0.0.1:6379\"");
            return [new("", DefaultPort)];
        }

        var addresses = new List<RedisAddress>();
        foreach (var text in reader.Texts("address"))
        {
            if (TryParse(text, out var address))
                addresses.Add(address);
            else
                reader.Invalid("address", "a host and port such as 127.0.0.1:6379");
        }

        return addresses.Count > 0 ? addresses : [new("", DefaultPort)];
    }

    // An IPv6 address stands in brackets, or alone without a port.
    private static bool TryParse(string text, out RedisAddress address)
    {
        var colon = text.LastIndexOf(':');
        var hasPort = colon >= 0 && (text.IndexOf(':', StringComparison.Ordinal) == colon || text[..colon].EndsWith(']'));
        var host = (hasPort ? text[..colon] : text).Trim('[', ']');
        var port = DefaultPort;
        var valid = host.Length > 0 && !text.Contains("//", StringComparison.Ordinal)
            && (!hasPort || (int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and < 65_536));
        address = new(host, port);
        return valid;
    }

    private static (Dictionary<string, KeyTemplate> Keys, Dictionary<string, RedisRule> Rules) ReadTables(ConfigReader reader)
    {
        var keys = new Dictionary<string, KeyTemplate>();
        var usual = RedisRule.Read(reader, new());
        var rules = new Dictionary<string, RedisRule> { [""] = usual };
        if (reader.Map("tables") is { } tables)
        {
            foreach (var entry in tables.TableEntries())
            {
                if (tables.Map(entry.Key) is not { } table)
                    continue;
                AddTemplate(table, "key", entry.Key, keys);
                rules[entry.Key] = RedisRule.Read(table, usual);
                rules[entry.Key].Check(table);
                table.Done();
            }
        }
        else
        {
            usual.Check(reader);
        }

        if (reader.Node("key") is ConfigMap)
        {
            if (reader.Map("key") is { } map)
            {
                foreach (var entry in map.TableEntries())
                    AddTemplate(map, entry.Key, entry.Key, keys);
            }
        }
        else if (keys.Count == 0 || reader.Has("key"))
        {
            reader.RequiredText("key", "\"order:{id}\"");
            AddTemplate(reader, "key", "", keys);
        }

        return (keys, rules);
    }

    private static void AddTemplate(ConfigReader reader, string key, string alias, Dictionary<string, KeyTemplate> keys)
    {
        if (reader.Text(key) is not { } text)
            return;
        if (KeyTemplate.TryParse(text, out var template))
            keys[alias] = template;
        else
            reader.Invalid(key, "a key template such as \"order:{id}\", with a column's name between each pair of braces");
    }
}
