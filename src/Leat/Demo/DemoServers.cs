using System.Globalization;
using System.Security.Cryptography;

namespace Leat.Demo;

/// <summary>The demo's private servers: a MariaDB with the shop, a second MariaDB and a Redis as targets, and the account that Leat uses.</summary>
internal sealed class DemoServers : IAsyncDisposable
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

    /// <summary>Starts all three beside each other and creates databases, the shop's tables and the account.</summary>
    /// <param name="folder">Where their data goes.</param>
    /// <param name="shopTables">The statements that create the shop's tables in the current database.</param>
    /// <param name="cancellationToken">Stops the start; what runs already is stopped again.</param>
    public static async Task<DemoServers> StartAsync(string folder, string shopTables, CancellationToken cancellationToken)
    {
        var template = Path.Combine(folder, "template");
        var redis = PrivateRedis.StartAsync(new() { Folder = Path.Combine(folder, "redis") }, cancellationToken);
        var source = StartMariaDbAsync(folder, "source", template, cancellationToken);
        try
        {
            // The copy is started from the same template, which the first of the two has made by then.
            var copy = StartAfterAsync(source, folder, "copy", template, cancellationToken);
            await Task.WhenAll(redis, source, copy);
            var servers = new DemoServers(await source, await copy, await redis);
            await servers.CreateAsync(shopTables, cancellationToken);
            return servers;
        }
        catch
        {
            await StopAsync(redis, source);
            throw;
        }
    }

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
}
