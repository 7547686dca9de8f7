using Leat.Demo;
using Leat.Tests.Commands;
using Xunit;

namespace Leat.Tests.Demo;

/// <summary>What the demo says before it starts anything.</summary>
public sealed class DemoCommandTests
{
    [Theory]
    [InlineData("20")]
    [InlineData("0s")]
    [InlineData("2d")]
    [InlineData("soon")]
    public async Task A_duration_needs_a_unit_and_sense(string written)
    {
        var run = await Cli.RunAsync("demo", "--duration", written);

        Assert.Equal(
            new Cli(2, "", $"error: --duration: expected a time with its unit from 1s to 1d, such as 20s, got '{written}'.\nRun 'leat demo --help' for what it takes.\n"),
            run);
    }

    [Fact]
    public void The_commands_that_install_are_told_as_a_person_would_type_them()
    {
        var sudo = Environment.IsPrivilegedProcess ? "" : "sudo ";

        Assert.Equal(
            [$"{sudo}apt-get update", $"{sudo}apt-get install -y --no-install-recommends mariadb-server-core redis-tools"],
            DebianPackages.Commands(["mariadb-server-core", "redis-tools"]));
    }

    [Fact]
    public async Task Its_folder_is_gone_when_it_is_disposed_whatever_stands_in_it()
    {
        string path;
        await using (var folder = DemoFolder.Create())
        {
            path = folder.Path;
            Directory.CreateDirectory(Path.Combine(path, "log", "shop-0"));
            await File.WriteAllTextAsync(Path.Combine(path, "log", "shop-0", "segment"), "bytes", TestContext.Current.CancellationToken);
        }

        Assert.False(Directory.Exists(path));
    }

    [Fact]
    public void A_free_port_is_never_given_twice()
    {
        var ports = Enumerable.Range(0, 200).Select(_ => FreePorts.Next()).ToArray();

        Assert.Equal(200, ports.Distinct().Count());
        Assert.All(ports, port => Assert.InRange(port, 20_000, 31_999));
    }
}
