using System.Globalization;
using System.Security.Cryptography;
using Leat.Connectors.MySql.Wire;

namespace Leat.Demo;

/// <summary>The demo's private servers: a MariaDB with the shop, a second MariaDB and a Redis as targets, and the account that Leat uses.</summary>
public sealed class DemoServers : IAsyncDisposable
{
    /// <summary>The database that is captured.</summary>
    public const string ShopDatabase = "shop";

    /// <summary>The database that it is copied to.</summary>
    public const string CopyDatabase = "shop_copy";

    private DemoServers(PrivateMariaDb source, PrivateMariaDb copy, PrivateRedis redis)
    {
        Source = source;
        Copy = copy;
        Redis = redis;
    }

    /// <summary>The captured server.</summary>
    public PrivateMariaDb Source { get; }

    /// <summary>The server of the copy.</summary>
    public PrivateMariaDb Copy { get; }

    /// <summary>The cache.</summary>
    public PrivateRedis Redis { get; }

    /// <summary>Password of the account <c>leat</c> on both MariaDB servers: new in every run, in memory only.</summary>
    public string Password { get; } = RandomNumberGenerator.GetHexString(32, lowercase: true);

    /// <summary>Starts all three beside each other and creates the databases and the account.</summary>
    /// <param name="folder">Where their data goes.</param>
    /// <param name="template">A fresh MariaDB data folder to copy; <see langword="null"/>: one is made.</param>
    /// <param name="cancellationToken">Stops the start; what runs already is stopped again.</param>
    public static async Task<DemoServers> StartAsync(string folder, string? template, CancellationToken cancellationToken)
    {
        var redis = PrivateRedis.StartAsync(new() { Folder = Path.Combine(folder, "redis") }, cancellationToken);
        Task<PrivateMariaDb>? source = null;
        Task<PrivateMariaDb>? copy = null;
        try
        {
            if (template is null)
            {
                template = Path.Combine(folder, "template");
                await PrivateMariaDb.CreateTemplateAsync(template, cancellationToken);
            }

            source = PrivateMariaDb.StartAsync(MariaDb(folder, "source", template), cancellationToken);
            copy = PrivateMariaDb.StartAsync(MariaDb(folder, "copy", template), cancellationToken);
            await Task.WhenAll(redis, source, copy);
            var servers = new DemoServers(await source, await copy, await redis);
            await servers.CreateAccountsAsync(cancellationToken);
            return servers;
        }
        catch
        {
            await StopAsync(redis);
            await StopAsync(copy);
            await StopAsync(source);
            throw;
        }
    }

    /// <summary>Where and as whom the shop's customers work: an account that may write.</summary>
    public MySqlEndpoint ShopEndpoint => new() { Host = "127.0.0.1", Port = Source.Port, User = "root" };

    /// <summary>What the sample configuration asks of its environment.</summary>
    public IReadOnlyDictionary<string, string> Variables(string folder) => new Dictionary<string, string>
    {
        ["LEAT_DEMO_MARIADB_PORT"] = Source.Port.ToString(CultureInfo.InvariantCulture),
        ["LEAT_DEMO_COPY_PORT"] = Copy.Port.ToString(CultureInfo.InvariantCulture),
        ["LEAT_DEMO_PASSWORD"] = Password,
        ["LEAT_DEMO_REDIS"] = Redis.Address,
        ["LEAT_DEMO_FOLDER"] = folder,
    };

    /// <summary>Stops the targets, then the source.</summary>
    public async ValueTask DisposeAsync()
    {
        await Redis.DisposeAsync();
        await Copy.DisposeAsync();
        await Source.DisposeAsync();
    }

    // A power cut takes the whole demo with it: its servers need not wait for the disk at each commit.
    private static PrivateMariaDbOptions MariaDb(string folder, string name, string template) => new()
    {
        Folder = Path.Combine(folder, name), Template = template, Arguments = ["--innodb-flush-log-at-trx-commit=2", "--sync-binlog=0"],
    };

    private static async Task StopAsync<T>(Task<T>? start)
        where T : IAsyncDisposable
    {
        if (start is null)
            return;
        try
        {
            await (await start).DisposeAsync();
        }
        catch (Exception)
        {
            return; // it did not start: nothing to stop, and its error, or that of another one, is already on its way to the caller
        }
    }

    private async Task CreateAccountsAsync(CancellationToken cancellationToken)
    {
        var account = $"CREATE USER 'leat'@'127.0.0.1' IDENTIFIED BY '{Password}';";
        await Source.ExecuteAsync(
            $"""
            {account}
            CREATE DATABASE {ShopDatabase};
            GRANT SELECT ON {ShopDatabase}.* TO 'leat'@'127.0.0.1';
            GRANT REPLICATION SLAVE, BINLOG MONITOR, REPLICATION MASTER ADMIN ON *.* TO 'leat'@'127.0.0.1';
            """,
            cancellationToken);
        await Copy.ExecuteAsync(
            $"""
            {account}
            CREATE DATABASE {CopyDatabase};
            GRANT ALL ON {CopyDatabase}.* TO 'leat'@'127.0.0.1';
            """,
            cancellationToken);
    }
}
