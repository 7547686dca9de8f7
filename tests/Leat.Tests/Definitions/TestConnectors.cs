using Leat.Changes;
using Leat.Changes.Configuration;
using Leat.Pipeline.Definitions;

namespace Leat.Tests.Definitions;

/// <summary>Kinds with a setting of every type, which open nothing.</summary>
internal static class TestConnectors
{
    public static ConnectorCatalog Catalog { get; } = new([new("mysql", Database), new("simulator", Simulator)], [new("redis", Redis), new("jsonlines", Files)]);

    public static ConfigEnvironment Environment { get; } = new(
        name => name switch { "USER_NAME" => "leat", "EMPTY" => "", "SECRET" => Canary, "PORT" => "3307", _ => null },
        path => path switch
        {
            "/run/password" => Canary + "\n",
            "/etc/leat/beside" => "beside",
            "/etc/closed" => throw new UnauthorizedAccessException(),
            _ => throw new FileNotFoundException(),
        });

    /// <summary>A value that must never be seen in any output.</summary>
    public const string Canary = "canary-7391";

    private static Opener<ISource> Database(ConfigReader reader)
    {
        reader.RequiredText("host", "127.0.0.1");
        reader.Int("port", 3306, 1, 65535);
        reader.Text("user");
        reader.Secret("password");
        reader.Texts("tables");
        reader.Choice("tls", "disabled", "disabled", "required", "verify-full");
        reader.Duration("timeout", TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(5));
        reader.Size("buffer", 1 << 20, 1 << 16, 1 << 30);
        reader.Bool("snapshot", defaultValue: true);
        reader.Done();
        return _ => throw new InvalidOperationException("never opened here");
    }

    private static Opener<ISource> Simulator(ConfigReader reader)
    {
        reader.Int("seed", 1, 0, int.MaxValue);
        reader.Done();
        return _ => throw new InvalidOperationException("never opened here");
    }

    private static Opener<ISink> Redis(ConfigReader reader)
    {
        reader.RequiredText("address", "127.0.0.1:6379");
        reader.Text("key");
        reader.Secret("password");
        reader.Done();
        return _ => throw new InvalidOperationException("never opened here");
    }

    private static Opener<ISink> Files(ConfigReader reader)
    {
        reader.RequiredText("folder", "out");
        reader.Done();
        return _ => throw new InvalidOperationException("never opened here");
    }
}
