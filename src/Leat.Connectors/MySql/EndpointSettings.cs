using System.Text;
using Leat.Changes.Configuration;
using Leat.Connectors.MySql.Wire;

namespace Leat.Connectors.MySql;

/// <summary>Reads where a server is and how to sign in: the same settings for the source and the sink.</summary>
internal static class EndpointSettings
{
    /// <summary>What Linux takes as the path of a Unix socket, in bytes.</summary>
    private const int MaxSocketPathBytes = 107;

    private static readonly string[] Modes = ["off", "required", "verify_ca", "verify_identity"]; // in the order of TlsMode

    /// <summary>Reads the settings and notes their problems.</summary>
    public static MySqlEndpoint Read(ConfigReader config)
    {
        var socket = ReadSocket(config);
        var host = socket is null ? config.RequiredText("host", "127.0.0.1") : "localhost";
        return new()
        {
            Host = host,
            Port = config.Int("port", 3306, 1, 65_535),
            Socket = socket,
            User = config.RequiredText("user", "leat"),
            Password = config.Secret("password") ?? "",
            Tls = ReadTls(config, socket is null ? MySqlEndpoint.DefaultTls(host) : TlsMode.Off, isSocket: socket is not null),
            TlsCaFile = config.Text("tls_ca"),
            TlsCertificateFile = ReadOneOfTwo(config, "tls_cert", "tls_key"),
            TlsKeyFile = ReadOneOfTwo(config, "tls_key", "tls_cert"),
            ServerPublicKeyFile = config.Text("server_public_key"),
            AllowPublicKeyRetrieval = config.Bool("allow_public_key_retrieval", false),
            ConnectTimeout = config.Duration("connect_timeout", TimeSpan.FromSeconds(10), TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5)),
        };
    }

    private static string? ReadSocket(ConfigReader config)
    {
        if (config.Text("socket") is not { } path)
            return null;
        if (!path.StartsWith('/') || Encoding.UTF8.GetByteCount(path) > MaxSocketPathBytes)
            config.Invalid("socket", $"an absolute path of at most {MaxSocketPathBytes} bytes");
        foreach (var key in new[] { "host", "port" })
        {
            if (config.Has(key))
                config.Invalid(key, "nothing beside 'socket'");
        }

        return path;
    }

    private static TlsMode ReadTls(ConfigReader config, TlsMode usual, bool isSocket)
    {
        var mode = (TlsMode)Array.IndexOf(Modes, config.Choice("tls", Modes[(int)usual], Modes));
        if (mode != TlsMode.VerifyIdentity || !isSocket)
            return mode;
        config.Invalid("tls", "off, required or verify_ca with 'socket', where the server has no name");
        return usual;
    }

    private static string? ReadOneOfTwo(ConfigReader config, string key, string other)
    {
        var text = config.Text(key);
        if (text is not null && !config.Has(other))
            config.Invalid(other, $"a PEM file, since there is '{key}'");
        return text;
    }
}
