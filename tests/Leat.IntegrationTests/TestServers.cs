using Leat.Demo;
using Leat.IntegrationTests;
using Xunit;

[assembly: AssemblyFixture(typeof(TestRunFolder))]

namespace Leat.IntegrationTests;

/// <summary>One temporary folder for the whole run of this program, removed at its end; holds the fresh MariaDB data folder that servers copy.</summary>
public sealed class TestRunFolder : IAsyncDisposable
{
    private static readonly DirectoryInfo Root = Directory.CreateTempSubdirectory("leat-test-");
    private static readonly Lazy<Task<string>> Template = new(async () =>
    {
        var folder = Path.Combine(Root.FullName, "template");
        await PrivateMariaDb.CreateTemplateAsync(folder, CancellationToken.None);
        return folder;
    });

    /// <summary>A fresh folder with a short path.</summary>
    public static string New() => Directory.CreateDirectory(Path.Combine(Root.FullName, Path.GetRandomFileName()[..8])).FullName;

    /// <summary>A fresh MariaDB data folder to copy; made once a run.</summary>
    public static Task<string> MariaDbTemplateAsync() => Template.Value;

    public ValueTask DisposeAsync()
    {
        Root.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}

/// <summary>Private servers for tests. Where one cannot be had the test is skipped on a developer's machine and fails in CI.</summary>
public static class TestServers
{
    private static bool InCi => Environment.GetEnvironmentVariable("CI") is "true" or "1";

    /// <summary>A MariaDB of the test's own; dispose it.</summary>
    public static async Task<PrivateMariaDb> MariaDbAsync(params string[] arguments)
    {
        Require(PrivateMariaDb.IsInstalled, "MariaDB");
        return await PrivateMariaDb.StartAsync(
            new() { Folder = TestRunFolder.New(), Template = await TestRunFolder.MariaDbTemplateAsync(), Arguments = arguments, IsTemporary = true },
            TestContext.Current.CancellationToken);
    }

    /// <summary>A Redis of the test's own; dispose it.</summary>
    public static async Task<PrivateRedis> RedisAsync(params string[] arguments)
    {
        Require(PrivateRedis.IsInstalled, "Redis");
        return await PrivateRedis.StartAsync(
            new() { Folder = TestRunFolder.New(), Arguments = arguments }, TestContext.Current.CancellationToken);
    }

    /// <summary>Skips the test, or in CI fails it, unless every server can be had.</summary>
    public static void Require()
    {
        Require(PrivateMariaDb.IsInstalled, "MariaDB");
        Require(PrivateRedis.IsInstalled, "Redis");
    }

    /// <summary>Skips the test, or in CI fails it, unless something that it needs is installed.</summary>
    public static void Require(bool installed, string server)
    {
        if (InCi)
            Assert.True(installed, $"{server} is not installed");
        else
            Assert.SkipUnless(installed, $"{server} is not installed");
    }
}
