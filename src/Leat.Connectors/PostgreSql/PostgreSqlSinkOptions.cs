using System.Globalization;
using System.Text;
using Leat.Changes.Configuration;
using Npgsql;

namespace Leat.Connectors.PostgreSql;

/// <summary>What becomes of the target's tables.</summary>
public enum SchemaMode
{
    /// <summary>They are taken as they are; what does not fit shows when rows are refused.</summary>
    None = 0,

    /// <summary>They must be able to hold exactly what is delivered, or the pipeline is Blocked.</summary>
    Validate = 1,

    /// <summary>Missing ones are created; those that are there are taken as they are, if they have the columns.</summary>
    Create = 2,

    /// <summary>They are created, get columns, wider types and lose NOT NULL as the source needs it; nothing is ever dropped or narrowed.</summary>
    Evolve = 3,
}

/// <summary>Settings of a PostgreSQL sink.</summary>
public sealed record PostgreSqlSinkOptions
{
    // What Linux takes as the path of a Unix socket, in bytes.
    private const int MaxSocketPathBytes = 107;

    private static readonly string[] Schemas = ["none", "validate", "create", "evolve"]; // in the order of SchemaMode
    private static readonly string[] TlsModes = ["off", "required", "verify_ca", "verify_identity"];

    // In the same order.
    private static readonly SslMode[] SslModes = [SslMode.Disable, SslMode.Require, SslMode.VerifyCA, SslMode.VerifyFull];

    /// <summary>Name or address of the server, or the folder of its Unix socket. Required.</summary>
    public required string Host { get; init; }

    /// <summary>TCP port, or the number in the socket's name. Default 5432.</summary>
    public int Port { get; init; } = 5432;

    /// <summary>The account. Required.</summary>
    public required string User { get; init; }

    /// <summary>Its password. Default none.</summary>
    public string? Password { get; init; }

    /// <summary>The database. Required; it has to exist.</summary>
    public required string Database { get; init; }

    /// <summary>The schema of the database that the tables are in. Default <c>public</c>.</summary>
    public string Namespace { get; init; } = "public";

    /// <summary>What becomes of the tables. Default <see cref="SchemaMode.Create"/>: the first start needs no preparation, and nothing that is there is touched.</summary>
    public SchemaMode Schema { get; init; } = SchemaMode.Create;

    /// <summary>Whether transactions of the source are transactions of the target, in one lane. Default false: lanes are faster.</summary>
    public bool IsTransactional { get; init; }

    /// <summary>Whether a date that no calendar has becomes NULL; otherwise its row is refused. Default true.</summary>
    public bool ZeroDatesAreNull { get; init; } = true;

    /// <summary>Whether columns for JSON are created as <c>jsonb</c>, which can be indexed but keeps neither spaces nor the order of members. Default false: <c>json</c>.</summary>
    public bool UsesJsonb { get; init; }

    /// <summary>How the connection is protected. Default off to loopback and on a socket, else with the server's name verified.</summary>
    public SslMode Tls { get; init; } = SslMode.Disable;

    /// <summary>PEM file of the authorities to trust; <see langword="null"/>: the system's.</summary>
    public string? TlsCaFile { get; init; }

    /// <summary>PEM file of our own certificate; <see langword="null"/>: none.</summary>
    public string? TlsCertificateFile { get; init; }

    /// <summary>PEM file of its private key.</summary>
    public string? TlsKeyFile { get; init; }

    /// <summary>How long a connection may take to open. Default 10 s.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a lock held by another session is waited for. Default 50 s: longer than a sane transaction, shorter than a person's patience.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(50);

    /// <summary>Most operations of one batch, 1 to 10,000. Default 1,000: more are no faster.</summary>
    public int FlushOperations { get; init; } = 1_000;

    /// <summary>Most bytes of rows of one batch. Default 1 MiB.</summary>
    public int FlushBytes { get; init; } = 1024 * 1024;

    /// <summary>Where the server is, for people.</summary>
    public string Address => Host.StartsWith('/')
        ? string.Create(CultureInfo.InvariantCulture, $"{Host}/.s.PGSQL.{Port}")
        : string.Create(CultureInfo.InvariantCulture, $"{Host}:{Port}");

    /// <summary>Reads the block and notes its problems.</summary>
    public static PostgreSqlSinkOptions Read(ConfigReader reader)
    {
        var socket = ReadSocket(reader);
        var host = socket ?? reader.RequiredText("host", "127.0.0.1");
        var flush = reader.Map("flush");
        var options = new PostgreSqlSinkOptions
        {
            Host = host,
            Port = reader.Int("port", 5432, 1, 65_535),
            User = reader.RequiredText("user", "leat"),
            Password = reader.Secret("password"),
            Database = reader.RequiredText("database", "shop_copy"),
            Namespace = reader.Text("namespace") ?? "public",
            Schema = (SchemaMode)Array.IndexOf(Schemas, reader.Choice("schema", "create", Schemas)),
            IsTransactional = reader.Choice("apply", "lanes", "lanes", "transactional") == "transactional",
            ZeroDatesAreNull = reader.Choice("zero_dates", "null", "null", "error") == "null",
            UsesJsonb = reader.Choice("json", "json", "json", "jsonb") == "jsonb",
            Tls = ReadTls(reader, host, isSocket: socket is not null),
            TlsCaFile = reader.Text("tls_ca"),
            TlsCertificateFile = ReadOneOfTwo(reader, "tls_cert", "tls_key"),
            TlsKeyFile = ReadOneOfTwo(reader, "tls_key", "tls_cert"),
            ConnectTimeout = reader.Duration("connect_timeout", TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5)),
            LockTimeout = reader.Duration("lock_timeout", TimeSpan.FromSeconds(50), TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(100)),
            FlushOperations = flush?.Int("operations", 1_000, 1, 10_000) ?? 1_000,
            FlushBytes = (int)(flush?.Size("bytes", 1024 * 1024, 64 * 1024, 64 * 1024 * 1024) ?? 1024 * 1024),
        };
        flush?.Done();
        reader.Done();
        return options;
    }

    /// <summary>What Npgsql needs to know. Without a pool: a lane owns its connection.</summary>
    internal string ConnectionString(string? database = null) => new NpgsqlConnectionStringBuilder
    {
        Host = Host, Port = Port, Username = User, Password = Password, Database = database ?? Database,
        SslMode = Tls, RootCertificate = TlsCaFile, SslCertificate = TlsCertificateFile, SslKey = TlsKeyFile,
        GssEncryptionMode = GssEncryptionMode.Disable, Pooling = false, Enlist = false, ApplicationName = "leat", TcpKeepAlive = true,
        Timeout = (int)Math.Ceiling(ConnectTimeout.TotalSeconds), CommandTimeout = 0,
        // The statements of a shape are few and the same for ever: parsed at their first use, by the same round trip.
        MaxAutoPrepare = 200, AutoPrepareMinUsages = 1,
        IncludeFailedBatchedCommand = true, // tells a lost claim from a row's own division by zero
    }.ConnectionString;

    // The folder of the socket, as PostgreSQL's own programs name it, or the socket itself.
    private static string? ReadSocket(ConfigReader reader)
    {
        if (reader.Text("socket") is not { } path)
            return null;
        if (!path.StartsWith('/') || Encoding.UTF8.GetByteCount(path) > MaxSocketPathBytes)
            reader.Invalid("socket", $"the folder of the server's socket, an absolute path of at most {MaxSocketPathBytes} bytes");
        if (reader.Has("host"))
            reader.Invalid("host", "nothing beside 'socket'");
        return path;
    }

    private static SslMode ReadTls(ConfigReader reader, string host, bool isSocket)
    {
        var usual = isSocket || host is "localhost" or "127.0.0.1" or "::1" ? "off" : "verify_identity";
        var mode = SslModes[Array.IndexOf(TlsModes, reader.Choice("tls", usual, TlsModes))];
        if (mode == SslMode.Disable || !isSocket)
            return mode;
        reader.Invalid("tls", "off with 'socket', which nobody can listen to");
        return SslMode.Disable;
    }

    private static string? ReadOneOfTwo(ConfigReader reader, string key, string other)
    {
        var text = reader.Text(key);
        if (text is not null && !reader.Has(other))
            reader.Invalid(other, $"a PEM file, since there is '{key}'");
        return text;
    }
}
