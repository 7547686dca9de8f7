using System.Globalization;
using Leat.Changes;
using Leat.Changes.Configuration;

namespace Leat.Connectors.Redis;

/// <summary>Settings of a Redis sink.</summary>
public sealed record RedisSinkOptions
{
    /// <summary>Port when the address has none: the one registered for Redis.</summary>
    public const int DefaultPort = 6379;

    /// <summary>Host name or IP address. Required.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port. Default 6379.</summary>
    public int Port { get; init; } = DefaultPort;

    /// <summary>Key template for each table of the pipeline; the entry <c>""</c> holds for all that have none of their own. Required.</summary>
    public required IReadOnlyDictionary<string, KeyTemplate> Keys { get; init; }

    /// <summary>User to sign in as; <see langword="null"/>: the default user.</summary>
    public string? User { get; init; }

    /// <summary>Password; <see langword="null"/>: do not sign in.</summary>
    public string? Password { get; init; }

    /// <summary>Speak TLS, and check the server's certificate against the host name. Default false: Redis's own default.</summary>
    public bool Tls { get; init; }

    /// <summary>Number of the database, 0 to 65535. Default 0.</summary>
    public int Database { get; init; }

    /// <summary>Longest wait for a connection. Default 5 s: a server that needs longer counts as down.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Longest wait for the answers to one batch. Default 30 s: longer than a server pauses to fork or to run a slow script.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Where the key templates stand in the configuration file.</summary>
    public FileLocation? KeyLocation { get; init; }

    /// <summary>The address in messages.</summary>
    public string Address => string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    /// <summary>Reads the block and notes its problems.</summary>
    public static RedisSinkOptions Read(ConfigReader reader)
    {
        var (host, port) = ReadAddress(reader);
        var options = new RedisSinkOptions
        {
            Host = host,
            Port = port,
            Keys = ReadKeys(reader),
            KeyLocation = reader.LocationOf("key"),
            User = reader.Text("user"),
            Password = reader.Secret("password"),
            Tls = reader.Bool("tls", false),
            Database = reader.Int("database", 0, 0, 65_535),
        };
        if (options.User is not null && options.Password is null)
            reader.Invalid("password", "a password, because `user` is set");
        reader.Done();
        return options;
    }

    private static (string Host, int Port) ReadAddress(ConfigReader reader)
    {
        var text = reader.RequiredText("address", "\"127.0.0.1:6379\"");
        if (!reader.Has("address"))
            return ("", DefaultPort);

        // An IPv6 address stands in brackets, or alone without a port.
        var colon = text.LastIndexOf(':');
        var hasPort = colon >= 0 && (text.IndexOf(':', StringComparison.Ordinal) == colon || text[..colon].EndsWith(']'));
        var host = (hasPort ? text[..colon] : text).Trim('[', ']');
        var port = DefaultPort;
        var valid = host.Length > 0 && !text.Contains("//", StringComparison.Ordinal)
            && (!hasPort || (int.TryParse(text[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and < 65_536));
        if (!valid)
            reader.Invalid("address", "a host and port such as 127.0.0.1:6379");
        return (host, port);
    }

    private static Dictionary<string, KeyTemplate> ReadKeys(ConfigReader reader)
    {
        var keys = new Dictionary<string, KeyTemplate>();
        if (reader.Node("key") is ConfigMap)
        {
            if (reader.Map("key") is { } map)
            {
                foreach (var entry in map.Entries())
                    AddTemplate(map, entry.Key, entry.Key, keys);
            }
        }
        else
        {
            reader.RequiredText("key", "\"order:{id}\"");
            AddTemplate(reader, "key", "", keys);
        }

        return keys;
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
